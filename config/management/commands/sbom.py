"""Writes the inventory of all parts from elsewhere, in CycloneDX 1.6, from the lock files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.core.management.base import BaseCommand

PINNED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)(?P<rest>(?:.*\\\n)*.*)$", re.M)
SHA256 = re.compile(r"--hash=sha256:([0-9a-f]{64})")


class Command(BaseCommand):
    help = "Print a software bill of materials (CycloneDX 1.6, JSON) of what is locked."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(json.dumps(inventory(Path(settings.BASE_DIR)), indent=2, ensure_ascii=False))


def inventory(root: Path) -> dict[str, Any]:
    components = [*_python(root / "requirements.lock"), *_node(root / "package-lock.json")]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "attestry", "bom-ref": "attestry"}},
        "components": sorted(components, key=lambda one: one["purl"]),
    }


def _python(lock: Path) -> Iterator[dict[str, Any]]:
    for found in PINNED.finditer(lock.read_text(encoding="utf-8")):
        name, version = found["name"], found["version"]
        # A library has a hash for each of its files: together they say which bytes may be installed.
        hashes = [{"alg": "SHA-256", "content": one} for one in SHA256.findall(found["rest"])]
        yield {**_component(f"pkg:pypi/{name.lower()}@{version}", name, version), "hashes": hashes}


def _node(lock: Path) -> Iterator[dict[str, Any]]:
    for path, one in json.loads(lock.read_text(encoding="utf-8"))["packages"].items():
        if not path:
            continue
        name = path.rpartition("node_modules/")[2]
        yield _component(f"pkg:npm/{quote(name, safe='/')}@{one['version']}", name, one["version"])


def _component(purl: str, name: str, version: str) -> dict[str, Any]:
    return {"type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl}
