"""Each setting has the parts that read it, and each command that reads settings is listed."""

import ast
from importlib import import_module
from pathlib import Path

import pytest

from api.cli.app import _COMMANDS
from models.setting_scopes import COMMANDS, SCOPES, SET_BY, applies, commands_of, help_on_settings
from models.settings import Settings

ROOT = Path(__file__).parent.parent.parent
_LOADERS = {"settings_of", "fleet_settings", "load_settings"}


def test_every_setting_has_the_parts_that_read_it() -> None:
    assert set(SCOPES) == set(Settings.model_fields)
    assert set().union(*SET_BY.values()) <= set(SCOPES)


@pytest.mark.parametrize(("name", "place"), [(name, place) for _, name, place, _ in _COMMANDS])
def test_every_command_that_reads_settings_is_listed_with_its_parts(name: str, place: str) -> None:
    source = import_module(f"api.cli.{place.split(':')[0]}").__file__
    tree = ast.parse(Path(str(source)).read_text(encoding="utf-8"))
    called = {
        node.func.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert bool(called & _LOADERS) == (name in COMMANDS)


def test_a_setting_applies_where_a_part_reads_it_and_the_command_does_not_set_it() -> None:
    assert applies("worker_grace", "up")
    assert applies("worker_grace", "work")
    assert not applies("worker_grace", "serve")
    assert not applies("worker_grace", "demo")
    assert commands_of("port") == ["up", "serve", "doctor"]


def test_the_help_names_the_shorter_list() -> None:
    assert (
        help_on_settings("up") == "Of the settings, it ignores DARKROOM_METRICS_HOST, DARKROOM_METRICS_PORT."
    )
    assert help_on_settings("migrate") == (
        "Of the settings, it honours only DARKROOM_DATABASE_URL, DARKROOM_DATABASE_PREPARED, "
        "DARKROOM_CA_BUNDLE."
    )
    assert "it ignores" in str(help_on_settings("serve"))
    assert "DARKROOM_WORKER_GRACE" in str(help_on_settings("serve"))
    assert help_on_settings("submit") is None
