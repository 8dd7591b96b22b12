"""Debian's promtool accepts the rules, and a scrape of a running installation."""

import subprocess
from pathlib import Path

import httpx
import pytest
import yaml

from tests.e2e.conftest import EmbeddedOf, darkroom_of, practice_of  # noqa: F401 - fixtures
from tests.support.deploy_tests import required
from tests.support.documented import keda_example

pytestmark = pytest.mark.deploy
ROOT = Path(__file__).parent.parent.parent


def promtool(*arguments: str, given: str = "") -> None:
    """Run promtool; fail with what it says."""
    command = [required("promtool"), *arguments]
    done = subprocess.run(command, cwd=ROOT, input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_accepts_the_rules() -> None:
    promtool("check", "rules", "ops/prometheus/rules.yml")


def test_promtool_accepts_a_scrape_of_a_running_installation(darkroom_of: EmbeddedOf) -> None:  # noqa: F811
    darkroom = darkroom_of(0.05)
    darkroom.client.submit(["a cat", "a dog"])
    darkroom.client.wait_settled(2)
    text = httpx.get(f"{darkroom.url}/metrics", trust_env=False).text
    assert 'darkroom_provider_responses_total{channel="upstream"' in text
    promtool("check", "metrics", given=text)


AGE, BUSY = (trigger["metadata"]["query"] for trigger in keda_example()["spec"]["triggers"])


@pytest.mark.parametrize(
    ("slots", "age", "busy"),
    [
        ({("w1", "busy"): 200, ("w1", "free"): 0, ("w2", "busy"): 200, ("w2", "free"): 0}, 300, 400),
        ({("w1", "busy"): 200, ("w1", "free"): 0, ("w2", "busy"): 150, ("w2", "free"): 50}, 0, 350),
        ({("w1", "busy"): 7, ("w1", "draining"): 193}, 0, 7),
        ({}, 0, 0),
    ],
    ids=["no slot is free", "a slot is free", "the last worker stops", "no worker runs"],
)
def test_keda_s_queries_count_the_oldest_job_while_no_slot_is_free_and_all_calls(
    slots: dict[tuple[str, str], int], age: float, busy: float, tmp_path: Path
) -> None:
    apis = ("api1", "api2")  # each shows the state of the whole installation
    series = {
        f'darkroom_oldest_waiting_job_age_seconds{{instance="{api}",model="{model}"}}': seconds
        for api in apis
        for model, seconds in (("a", 300), ("b", 20))
    } | {
        f'darkroom_worker_slots{{instance="{api}",worker="{worker}",state="{state}"}}': number
        for api in apis
        for (worker, state), number in slots.items()
    }
    expected = [
        {"expr": expression, "eval_time": "1m", "exp_samples": [{"labels": "{}", "value": value}]}
        for expression, value in ((AGE, age), (BUSY, busy))
    ]
    given = [{"series": name, "values": f"{value}x2"} for name, value in series.items()]
    file = tmp_path / "queries.yml"
    tests = [{"interval": "1m", "input_series": given, "promql_expr_test": expected}]
    file.write_text(yaml.safe_dump({"evaluation_interval": "1m", "tests": tests}))
    promtool("test", "rules", str(file))
