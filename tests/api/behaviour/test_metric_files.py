"""Alert rules, Grafana dashboards and the example for KEDA name metrics and commands that exist."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY, Metric
from prometheus_client.parser import text_string_to_metric_families

from api.cli.app import build_app
from models.clock import now
from models.operations.alerts import ALERTS, AlertName
from models.queries.operations.installation_state import Backlog, InstallationState
from tests.support.documented import keda_example
from worker.metrics.state_metrics import SlowState, render_state

ROOT = Path(__file__).parent.parent.parent.parent
RULES: list[dict[str, Any]] = yaml.safe_load((ROOT / "ops/prometheus/rules.yml").read_text())["groups"][0][
    "rules"
]
DASHBOARDS = sorted((ROOT / "ops/grafana").glob("*.json"))
_NAME = re.compile(r"\b(?:darkroom|gen_ai|db_client|http_client)_\w+")
_LABELS = re.compile(r"^(?:gen_ai_provider_name|gen_ai_request_model)$")
_SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
EMPTY = InstallationState(now(), {}, {}, (), {}, (), Backlog(0, None), {}, {}, {}, 0)


def families() -> list[Metric]:
    """Return the families that a scrape of API and worker may have."""
    for module in ("api.app", "worker.runtime"):
        import_module(module)
    state = render_state(EMPTY, SlowState(storage_free=1), timeout=timedelta(seconds=60)).decode()
    return [*REGISTRY.collect(), *text_string_to_metric_families(state)]


def metric_names() -> set[str]:
    """Return the names of all samples that a scrape of API and worker may have."""
    return {each.name + suffix for each in families() for suffix in _SUFFIXES.get(each.type, ("",))}


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in RULES)
    for path in DASHBOARDS:
        for panel in json.loads(path.read_text())["panels"]:
            yield from (target["expr"] for target in panel["targets"])
    yield from (trigger["metadata"]["query"] for trigger in keda_example()["spec"]["triggers"])


def test_every_metric_in_rules_dashboards_and_triggers_exists() -> None:
    named = {name for each in expressions() for name in _NAME.findall(each)}
    assert len(named) > 30
    assert {name for name in named if not _LABELS.match(name)} <= metric_names()


def test_the_page_on_operations_names_every_metric_of_ours_and_no_other() -> None:
    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    documented = set(re.findall(rf"^\| `({_NAME.pattern})", page, re.MULTILINE))
    known = {each.name + ("_total" if each.type == "counter" else "") for each in families()}
    assert documented == {name for name in known if _NAME.match(name)}


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_panels_of_a_dashboard_have_titles_and_numbers_of_their_own(path: Path) -> None:
    panels = json.loads(path.read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len({panel["title"] for panel in panels}) == len(panels)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_each_rule_says_how_to_look_and_how_to_act(rule: dict[str, Any]) -> None:
    assert {"summary", "runbook_url", "inspect", "act"} <= set(rule["annotations"])
    anchor = rule["annotations"]["runbook_url"].partition("#")[2]
    headings = re.findall(r"^### (\w+)$", (ROOT / "docs/operations.md").read_text(), re.MULTILINE)
    assert anchor in {heading.lower() for heading in headings}


def test_each_alert_of_ours_is_a_rule_for_prometheus_too_and_has_a_page() -> None:
    names = {"".join(word.capitalize() for word in name.value.split("_")) for name in AlertName}
    assert names <= {rule["alert"].removeprefix("Darkroom") for rule in RULES}
    headings = re.findall(r"^### (\w+)$", (ROOT / "docs/operations.md").read_text(), re.MULTILINE)
    assert names <= set(headings)


COMMANDS = sorted(
    {rule["annotations"][key] for rule in RULES for key in ("inspect", "act")}
    | {command for alert in ALERTS.values() for command in (alert.inspect, alert.act)}
)


@pytest.mark.parametrize("command", [each for each in COMMANDS if each != "redis-cli ping"])
def test_each_command_of_an_alert_exists_and_takes_its_arguments(command: str) -> None:
    program, *arguments = re.sub(r"\{\{.*?\}\}|\{\}", "NAME", command).split()
    assert program == "darkroom"
    build_app().parse_args(arguments, exit_on_error=False, print_error=False)
