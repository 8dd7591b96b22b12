"""Debian's promtool accepts the rules, and a scrape of a running installation."""

import subprocess
from pathlib import Path

import httpx
import pytest

from tests.e2e.conftest import EmbeddedOf, darkroom_of, practice_of  # noqa: F401 - fixtures
from tests.support.deploy_tests import required

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
