"""docker-compose.yml and Dockerfile, as far as they can be checked without running containers."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands, load_command_class

from config.management.commands import web, worker

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = "".join((ROOT / "config" / name).read_text() for name in ("settings.py", "embedded/paths.py"))
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = sorted(name for name, service in SERVICES.items() if service["image"] == "attestry")
# The keys of the Compose specification that we use; a misspelt key is one that is not here.
SERVICE_KEYS = {
    *("build", "cap_drop", "command", "configs", "depends_on", "environment", "healthcheck", "image", "init"),
    *("networks", "ports", "read_only", "restart", "security_opt", "shm_size", "stop_grace_period", "tmpfs"),
    "volumes",
}
HEALTH_KEYS = {"test", "interval", "timeout", "start_period", "retries"}
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}


def test_the_parts_of_the_house_are_there() -> None:
    assert set(COMPOSE) - {"x-attestry"} == {"services", "configs", "volumes", "networks"}
    assert OURS == ["beat", "prepare", "web", "worker"]
    assert set(SERVICES) - set(OURS) == {"postgres", "valkey", "objects", "clamav"}


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_is_well_formed_and_names_only_what_exists(name: str) -> None:
    service = SERVICES[name]
    assert set(service) <= SERVICE_KEYS
    assert set(service.get("healthcheck", {})) <= HEALTH_KEYS
    assert isinstance(service.get("command", []), list)
    assert all(isinstance(part, str) for part in service.get("command", []))
    assert all(isinstance(value, str) for value in service.get("environment", {}).values())
    assert set(service["networks"]) <= set(COMPOSE["networks"])
    assert {volume.split(":")[0] for volume in service.get("volumes", [])} <= set(COMPOSE["volumes"])
    assert {config["source"] for config in service.get("configs", [])} <= set(COMPOSE["configs"])
    for other, wanted in service.get("depends_on", {}).items():
        assert wanted["condition"] in CONDITIONS
        if wanted["condition"] == "service_healthy":
            assert "healthcheck" in SERVICES[other]


@pytest.mark.parametrize("name", OURS)
def test_our_commands_exist_and_take_their_options(name: str) -> None:
    command = SERVICES[name]["command"]
    lines = command[2].split("&&") if command[0] == "sh" else [shlex.join(command)]
    for line in lines:
        python, manage, subcommand, *options = shlex.split(line)
        assert (python, manage) == ("python", "manage.py")
        loaded = load_command_class(get_commands()[subcommand], subcommand)
        loaded.create_parser("manage.py", subcommand).parse_args(options)


@pytest.mark.parametrize("name", OURS)
def test_our_settings_read_every_variable_we_set(name: str) -> None:
    for variable in SERVICES[name]["environment"]:
        assert f'"{variable}"' in SETTINGS, f"{variable} is set for {name}, and nothing reads it"


def test_production_gets_everything_it_requires() -> None:
    given = SERVICES["web"]["environment"]
    required = re.search(r"environment\.required\(\s*\[(.*?)\]", SETTINGS, re.DOTALL)
    assert required
    assert set(re.findall(r'"(\w+)"', required[1])) <= set(given)
    assert given["ATTESTRY_ENV"] == "production"


def test_no_secret_has_a_default() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    for name, default in re.findall(r"\$\{(\w*(?:PASSWORD|SECRET|KEY)\w*)(:?[-?])", text):
        assert default == ":?", f"{name} must be given"


def test_only_the_web_application_is_reached_from_the_machine_and_only_from_it() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"web": ["127.0.0.1:8000:8000"]}
    for name in ("postgres", "valkey", "objects"):
        assert SERVICES[name]["networks"] == ["inside"]
    assert COMPOSE["networks"]["inside"] == {"internal": True}


def test_the_web_application_may_finish_its_requests() -> None:
    assert int(SERVICES["web"]["stop_grace_period"].rstrip("s")) > 30
    assert web.Command().create_parser("manage.py", "web").get_default("workers") == 1
    assert worker.Command().create_parser("manage.py", "worker").get_default("concurrency") == 2


def test_the_image_is_built_from_files_that_exist() -> None:
    text = (ROOT / "Dockerfile").read_text()
    for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
    variables = set(re.findall(r"\b([A-Z][A-Z_]+)=", text)) - {
        "PATH",
        "PYTHONUNBUFFERED",
        "PYTHONDONTWRITEBYTECODE",
        "TMPDIR",
    }
    assert all(f'"{variable}"' in SETTINGS for variable in variables)
    assert "USER attestry" in text
    assert "--require-hashes" in text
    assert "ATTESTRY_HOME=/var/lib/attestry" in text
