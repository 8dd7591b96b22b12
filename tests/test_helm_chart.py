"""The Helm chart, rendered by Helm itself: Kubernetes knows every field, and Darkroom every setting."""

import re
import secrets
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from models.setting_scopes import COMMANDS
from models.settings import FROM_FILES, Settings, load_settings
from tests.support.documented import keda_example
from tests.support.helm import Rendered, lint, render
from tests.support.kubernetes import check_fields

ROOT = Path(__file__).parent.parent
CHART = ROOT / "deploy" / "helm" / "darkroom"
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
PUBLIC = "https://pictures.example.org"
LEAST: dict[str, Any] = {
    "image": {"repository": "registry.example.org/darkroom"},
    "secret": {"name": "darkroom"},
    "settings": {"public_url": PUBLIC, "storage_url": "s3://pictures/darkroom"},
}
ALL: dict[str, Any] = {
    "image": {"repository": "registry.example.org/darkroom", "tag": "1.2.3", "pullSecrets": ["registry"]},
    "settings": {
        "public_url": PUBLIC,
        "download_limit": 67_108_864,
        "worker_grace": 90.5,
        "celery_events": True,
        "allowed_hosts": ["pictures.example.org", "10.0.0.5"],
    },
    "secret": {"name": "ours", "keys": ["database_url", "broker_url", "channels", "metrics_key"]},
    "config": "log_level = 'warning'\n",
    "persistence": {"enabled": True, "storageClass": "nfs"},
    "serviceAccount": {"name": "pictures"},
    "worker": {"nodeSelector": {"kubernetes.io/arch": "amd64"}, "annotations": {"team": "pictures"}},
    "migration": {"secretName": "owner"},
    "service": {"annotations": {"team": "pictures"}},
    "ingress": {"enabled": True, "className": "nginx", "tlsSecretName": "pictures-tls"},
    "monitoring": {"enabled": True, "labels": {"release": "prometheus"}},
    "autoscaling": {"enabled": True, "prometheusUrl": "http://prometheus:9090", "selector": 'namespace="x"'},
}
KEDA = {
    **LEAST,
    "autoscaling": {"enabled": True, "prometheusUrl": "http://prometheus-operated.monitoring:9090"},
}
REFUSED: dict[str, dict[str, Any]] = {
    "/image/repository": {},
    "/secret/name": {**LEAST, "secret": {}},
    "missing property 'public_url'": {**LEAST, "settings": {"storage_url": "s3://pictures"}},
    "invalid propertyName 'upstream_api_key'": {
        **LEAST,
        "settings": {"public_url": PUBLIC, "upstream_api_key": "x"},
    },
    "/secret/keys/0": {**LEAST, "secret": {"name": "ours", "keys": ["DATABASE_URL"]}},
    "'workers' not allowed": {**LEAST, "workers": {"replicas": 3}},
    "settings.storage_url: set it to a bucket": {**LEAST, "settings": {"public_url": PUBLIC}},
    "monitoring.enabled: /metrics needs a key": {**LEAST, "monitoring": {"enabled": True}},
    "autoscaling.prometheusUrl: set it": {**LEAST, "autoscaling": {"enabled": True}},
}
SECRET = secrets.token_hex(32)
PODS = [("Deployment", "darkroom-api"), ("Deployment", "darkroom-worker"), ("Job", "darkroom-migration")]


@pytest.fixture(scope="module")
def rendered() -> Mapping[str, Rendered]:
    """The chart with the least and with all values, and with those that are refused."""
    releases = {"least": LEAST, "all": ALL, "keda": KEDA, **REFUSED}
    return dict(zip(releases, render(CHART, list(releases.values())), strict=True))


def pod_of(rendered: Rendered, key: tuple[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = rendered.objects[key]["spec"]["template"]["spec"]
    return found


def variables_of(pod: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in pod["containers"][0]["env"]}


def test_helm_finds_nothing_wrong() -> None:
    assert lint(CHART, LEAST) == []


@pytest.mark.parametrize(("values", "kinds"), [("least", 6), ("all", 12)])
def test_kubernetes_knows_every_field(rendered: Mapping[str, Rendered], values: str, kinds: int) -> None:
    found = rendered[values]
    assert found.error == ""
    assert len(found.objects) == kinds
    for document in found.objects.values():
        check_fields(document)


def test_a_field_that_kubernetes_does_not_have_is_found(rendered: Mapping[str, Rendered]) -> None:
    service = rendered["least"].objects["Service", "darkroom-api"]
    port = service["spec"]["ports"][0]
    with pytest.raises(AssertionError, match=r"no such field: \.spec\.ports\.0\.containerPort"):
        check_fields({**service, "spec": {"ports": [{**port, "containerPort": 80}]}})
    with pytest.raises(AssertionError, match="Expected `int"):
        check_fields({**service, "spec": {"ports": [{**port, "port": "http"}]}})


@pytest.mark.parametrize("message", REFUSED)
def test_values_that_can_not_work_are_refused_with_their_name(
    rendered: Mapping[str, Rendered], message: str
) -> None:
    assert message in rendered[message].error


@pytest.mark.parametrize("values", ["least", "all"])
@pytest.mark.parametrize("key", PODS, ids=lambda key: key[1])
def test_no_container_has_rights_of_root_or_writes_outside_its_volumes(
    rendered: Mapping[str, Rendered], values: str, key: tuple[str, str]
) -> None:
    pod = pod_of(rendered[values], key)
    (container,) = pod["containers"]
    (user,) = re.findall(r"useradd --system --uid (\d+)", DOCKERFILE)
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == int(user)
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["automountServiceAccountToken"] is False
    assert {"memory"} <= container["resources"]["limits"].keys() <= container["resources"]["requests"].keys()
    writable = {each["mountPath"] for each in container["volumeMounts"] if not each.get("readOnly")}
    assert writable <= {"/tmp", "/var/lib/darkroom/pictures"}
    assert {each["name"] for each in container["volumeMounts"]} == {each["name"] for each in pod["volumes"]}


@pytest.mark.parametrize("key", PODS, ids=lambda key: key[1])
def test_a_service_named_darkroom_changes_no_setting(
    rendered: Mapping[str, Rendered], key: tuple[str, str]
) -> None:
    assert pod_of(rendered["least"], key)["enableServiceLinks"] is False  # else DARKROOM_PORT=tcp://…


@pytest.mark.parametrize("values", ["least", "all"])
@pytest.mark.parametrize("key", PODS, ids=lambda key: key[1])
def test_darkroom_reads_the_settings_of_each_pod(
    rendered: Mapping[str, Rendered],
    values: str,
    key: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    contents = {
        "database_url": "postgresql://darkroom:secret@postgres/darkroom",
        "broker_url": "redis://:secret@redis:6379/0",
        "channels": '[{"name": "one", "base_url": "https://one.example", "api_key": "k", "models": ["*"]}]',
    }
    pod = pod_of(rendered[values], key)
    for variable, value in variables_of(pod).items():
        if variable.endswith("_FILE"):
            name = value.removeprefix("/run/secrets/darkroom/")
            (tmp_path / name).write_text(contents.get(name, SECRET))
            monkeypatch.setenv(variable, str(tmp_path / name))
        else:
            monkeypatch.setenv(variable, value)
    settings = load_settings()
    assert settings.database_url == contents["database_url"]
    assert settings.public_url == PUBLIC
    part = key[1].removeprefix("darkroom-")
    if values == "all":
        assert (settings.download_limit, settings.worker_grace) == (67_108_864, 90.5)
        assert settings.allowed_hosts == ("pictures.example.org", "10.0.0.5")
        assert settings.storage_url == "file:///var/lib/darkroom/pictures"
        assert [each.name for each in settings.all_channels()] == ([] if part == "migration" else ["one"])
    listens = {
        "api": (settings.host, settings.port),
        "worker": (settings.metrics_host, settings.metrics_port),
    }
    if part in listens:
        (port,) = pod["containers"][0]["ports"]
        assert listens[part] == ("0.0.0.0", port["containerPort"])


def test_the_secret_may_have_what_darkroom_reads_from_files_and_settings_may_not() -> None:
    schema = yaml.safe_load((CHART / "values.schema.json").read_text("utf-8"))
    assert set(schema["definitions"]["secret"]["enum"]) == set(FROM_FILES)


@pytest.mark.parametrize(("values", "grace"), [("least", None), ("all", 90.5)])
def test_a_worker_gets_the_time_that_its_calls_need_to_finish(
    rendered: Mapping[str, Rendered], values: str, grace: float | None
) -> None:
    seconds = Settings.model_fields["worker_grace"].default if grace is None else grace
    pod = pod_of(rendered[values], ("Deployment", "darkroom-worker"))
    assert 20 < pod["terminationGracePeriodSeconds"] - seconds <= 31  # the shutdown takes 20 at most


def test_probes_ask_for_health_and_a_worker_s_never_for_the_database(
    rendered: Mapping[str, Rendered],
) -> None:
    def paths(part: str) -> dict[str, str]:
        (container,) = pod_of(rendered["least"], ("Deployment", f"darkroom-{part}"))["containers"]
        names = {port["name"] for port in container["ports"]}
        probes = {name: each["httpGet"] for name, each in container.items() if name.endswith("Probe")}
        assert {each["port"] for each in probes.values()} <= names
        return {name: each["path"] for name, each in probes.items()}

    assert paths("api") == {
        "startupProbe": "/healthz",
        "livenessProbe": "/healthz",
        "readinessProbe": "/readyz",
    }
    assert paths("worker") == {"startupProbe": "/healthz", "livenessProbe": "/healthz"}


def test_every_pod_runs_a_command_that_exists_and_the_tables_are_upgraded_first(
    rendered: Mapping[str, Rendered],
) -> None:
    commands = [pod_of(rendered["least"], key)["containers"][0]["args"] for key in PODS]
    assert commands == [["serve"], ["work"], ["migrate"]]
    assert {command for (command,) in commands} <= COMMANDS.keys()
    migration = rendered["all"].objects["Job", "darkroom-migration"]
    assert migration["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    needed = {name for each in pod_of(rendered["all"], PODS[2])["volumes"] for name in each} - {"name"}
    assert needed == {"emptyDir", "secret"}  # the release's own objects do not exist yet
    assert pod_of(rendered["all"], PODS[2])["volumes"][1]["secret"]["secretName"] == "owner"


def test_services_budgets_and_monitors_select_the_pods_of_one_part(rendered: Mapping[str, Rendered]) -> None:
    objects = rendered["all"].objects
    labels = {
        name: objects["Deployment", name]["spec"]["template"]["metadata"]["labels"] for _, name in PODS[:2]
    }
    for (kind, name), each in objects.items():
        selector = each.get("spec", {}).get("selector")
        if selector:
            wanted = selector.get("matchLabels", selector)
            matched = [part for part, given in labels.items() if wanted.items() <= given.items()]
            assert matched == [name], kind


def test_the_ingress_leads_to_the_api_at_the_public_address(rendered: Mapping[str, Rendered]) -> None:
    spec = rendered["all"].objects["Ingress", "darkroom"]["spec"]
    assert [rule["host"] for rule in spec["rules"]] == ["pictures.example.org"]
    backend = spec["rules"][0]["http"]["paths"][0]["backend"]["service"]
    service = rendered["all"].objects["Service", backend["name"]]["spec"]
    assert backend["port"]["name"] in {port["name"] for port in service["ports"]}


def test_monitors_have_the_key_that_opens_the_metrics(rendered: Mapping[str, Rendered]) -> None:
    objects = rendered["all"].objects
    for kind, endpoints in (("ServiceMonitor", "endpoints"), ("PodMonitor", "podMetricsEndpoints")):
        (found,) = [each for (name, _), each in objects.items() if name == kind]
        (endpoint,) = found["spec"][endpoints]
        assert endpoint["path"] == "/metrics"
        assert endpoint["authorization"]["credentials"] == {"name": "ours", "key": "metrics_key"}
        assert found["metadata"]["labels"]["release"] == "prometheus"


def test_keda_scales_the_workers_instead_of_a_fixed_number(rendered: Mapping[str, Rendered]) -> None:
    target = rendered["all"].objects["ScaledObject", "darkroom-worker"]["spec"]["scaleTargetRef"]["name"]
    assert "replicas" not in rendered["all"].objects["Deployment", target]["spec"]
    assert rendered["least"].objects["Deployment", target]["spec"]["replicas"] == 2


def test_the_page_on_scaling_shows_what_the_chart_makes(rendered: Mapping[str, Rendered]) -> None:
    made, shown = rendered["keda"].objects["ScaledObject", "darkroom-worker"], keda_example()
    assert shown["spec"] == made["spec"]
    assert shown["metadata"]["name"] == made["metadata"]["name"]


def test_the_chart_is_of_the_program_s_version() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text("utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert chart["appVersion"] == chart["version"] == project["version"]


def test_the_notes_name_commands_that_exist(rendered: Mapping[str, Rendered]) -> None:
    assert "deployment/darkroom-api -- darkroom doctor" in rendered["least"].notes
    assert PUBLIC in rendered["least"].notes
