"""Bounds of numbers and times."""

import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from models.channels import ChannelSettings
from models.errors import SettingsError
from models.integrity.bounds import FIRST_TIME, LARGEST, LAST_TIME, check_number, check_time
from models.settings import Settings, load_settings


@pytest.mark.parametrize("value", [0, -1, LARGEST, 0.5, -LARGEST, True, None, "text", ("a",)])
def test_a_value_within_the_bounds_is_returned(value: Any) -> None:
    assert check_number(value) is value


@pytest.mark.parametrize("value", [LARGEST + 1, -(2**63), 1e300, math.inf, -math.inf, math.nan])
def test_a_number_beyond_the_bounds_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match=r"at most 2,147,483,647"):
        check_number(value)


def test_a_time_has_a_first_and_a_last_year() -> None:
    moment = timedelta(microseconds=1)
    assert check_time(FIRST_TIME) == FIRST_TIME
    assert check_time(LAST_TIME - moment)
    for beyond in (FIRST_TIME - moment, LAST_TIME, datetime.max.replace(tzinfo=UTC)):
        with pytest.raises(ValueError, match="1970 to 8999"):
            check_time(beyond)
    assert (LAST_TIME + timedelta(seconds=LARGEST)).astimezone(timezone(timedelta(hours=14)))


@pytest.mark.parametrize("name", ["worker_timeout", "upstream_rpm", "upstream_concurrency", "retry_cap"])
@pytest.mark.parametrize("value", ["1e300", "inf", "99999999999"])
def test_a_setting_beyond_the_bounds_is_refused_by_its_name(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"DARKROOM_{name.upper()}", value)
    with pytest.raises(SettingsError, match=f"DARKROOM_{name.upper()}"):
        load_settings(None)


def test_every_default_is_within_the_bounds() -> None:
    for kind in (Settings, ChannelSettings):
        for field in kind.model_fields.values():
            check_number(field.default)
