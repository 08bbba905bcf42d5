"""What the product needs from the machine and pip cannot bring: Pango, and Chromium for the tests.

Only the standard library: `bin/setup` runs this file before anything is installed.
"""

import ctypes
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Need:
    """Something of the operating system: what it is for, and its packages by package manager."""

    name: str
    purpose: str
    packages: dict[str, str]


PANGO = Need(
    "Pango",
    "to render reports",
    {
        "apt-get": "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0",
        "dnf": "pango",
        "zypper": "libpango-1_0-0",
        "apk": "pango",
        "pacman": "pango",
        "brew": "pango",
    },
)
CHROMIUM = Need(
    "Chromium",
    "for the browser tests",
    {
        "apt-get": "chromium",
        "dnf": "chromium",
        "zypper": "chromium",
        "apk": "chromium",
        "pacman": "chromium",
        "brew": "--cask chromium",
    },
)
INSTALL = {"apt-get": "apt-get install -y", "apk": "apk add", "pacman": "pacman -S", "brew": "brew install"}
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC_BROWSERS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
# As WeasyPrint names them, on Linux and on macOS.
PANGO_LIBRARIES = (
    ("libpango-1.0.so.0", "libpango-1.0.dylib"),
    ("libpangoft2-1.0.so.0", "libpangoft2-1.0.dylib"),
    ("libharfbuzz-subset.so.0", "libharfbuzz-subset.0.dylib"),
)


def has_pango() -> bool:
    return all(any(_loads(name) for name in names) for names in PANGO_LIBRARIES)


def chromium() -> str | None:
    """Path of a Chromium or Chrome; the variable CHROMIUM overrides the search."""
    given = os.environ.get("CHROMIUM", "").strip()
    if given:
        return given if Path(given).exists() else None
    found = (shutil.which(name) for name in BROWSERS)
    return next((path for path in (*found, *MAC_BROWSERS) if path and Path(path).exists()), None)


def how_to_install(need: Need) -> str:
    """The exact line for this machine's package manager, or what to look for."""
    manager = next((name for name in need.packages if shutil.which(name)), None)
    if manager is None:
        return f"install {need.name} with your system's package manager"
    line = f"{INSTALL.get(manager, manager + ' install')} {need.packages[manager]}"
    return line if manager == "brew" or os.geteuid() == 0 else f"sudo {line}"


def install(need: Need) -> bool:
    """Installs where that is possible without asking anybody: as root, with apt."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    packages = need.packages["apt-get"].split()
    for command in (
        ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages],
        ["apt-get", "update", "-q"],
        ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages],
    ):
        done = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False)
        if done.returncode == 0 and "install" in command:
            return True
    return False


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def main(wanted: list[str]) -> int:
    needs = {"pango": (PANGO, has_pango), "chromium": (CHROMIUM, lambda: chromium() is not None)}
    for name in wanted:
        need, present = needs[name]
        if present():
            continue
        sys.stderr.write(f"{need.name} is missing, which this needs {need.purpose}; installing it.\n")
        if not (install(need) and present()):
            sys.stderr.write(f"{need.name} could not be installed. Please run:\n\n    {how_to_install(need)}\n\n")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
