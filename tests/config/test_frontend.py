"""The front end's packages and the promises that our own templates keep."""

import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from config import frontend

ROOT = frontend.ROOT
TEMPLATES = sorted(path for path in (ROOT / "templates").rglob("*.html") if "report" not in path.parts)
VENDOR = ROOT / "static/vendor"


def test_the_lock_file_names_no_registry_and_pins_by_hash() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert all("resolved" not in entry for entry in packages.values())
    assert all(entry["integrity"].startswith("sha512-") for entry in packages.values())
    wanted = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))["dependencies"]
    assert all(packages[f"node_modules/{name}"]["version"] == version for name, version in wanted.items())


@pytest.mark.skipif(not VENDOR.exists(), reason="static/vendor has not been built")
def test_the_manifest_holds_every_file_by_its_hash() -> None:
    lines = (VENDOR / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    sums = dict(reversed(line.split("  ", 1)) for line in lines)
    files = {path.relative_to(VENDOR).as_posix() for path in VENDOR.rglob("*") if path.is_file()}
    assert set(sums) == files - {"SHA256SUMS", ".recipe"}
    assert all(hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == value for name, value in sums.items())


def test_built_files_that_are_current_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copyfile(ROOT / "package-lock.json", tmp_path / "package-lock.json")
    (tmp_path / "static/vendor").mkdir(parents=True)
    (tmp_path / "static/vendor/.recipe").write_text(frontend.recipe(tmp_path), encoding="utf-8")
    monkeypatch.setattr(frontend, "install", lambda _: pytest.fail("nothing had to be installed"))
    frontend.build(tmp_path)


def test_npm_that_fails_is_told_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        assert "--ignore-scripts" in command
        return subprocess.CompletedProcess(command, 1, "", "EINTEGRITY")

    monkeypatch.setattr(frontend, "find_npm", lambda: ["/usr/bin/npm"])
    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(frontend.FrontendError, match="EINTEGRITY"):
        frontend.install(tmp_path)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_templates_hold_nothing_that_the_security_policy_forbids(path: Path) -> None:
    text = re.sub(r"{%\s*comment.*?endcomment\s*%}|{#.*?#}", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert not re.search(r"\sstyle\s*=", text), "an inline style"
    assert not re.search(r"<style\b", text), "a style element"
    assert not re.search(r"<script\b(?![^>]*\ssrc=)", text), "an inline script"
    assert not re.search(r"\son[a-z]+\s*=\s*[\"']", text), "an inline handler"
    assert not re.search(r"\shx-(on|vars)\b|js:", text), "htmx that evaluates code"
    assert "https://" not in re.sub(r'placeholder="[^"]*"', "", text), "something from elsewhere"


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_icons_used_are_in_the_sprite(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    used = set(re.findall(r"{% icon [\"']([\w-]+)[\"']", text)) | set(
        re.findall(r"icon_name=[\"']([\w-]+)[\"']", text)
    )
    assert used <= set(frontend.ICONS)
