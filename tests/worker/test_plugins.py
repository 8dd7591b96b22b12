"""Presets and stores of other distributions are used by their names, and told from broken ones."""

from pathlib import Path

import pytest

from models.channels import ChannelSettings
from models.errors import SettingsError
from models.settings import Settings
from worker.plugins import PRESETS, STORES, load_plugin, plugin_names
from worker.services import build_store
from worker.storage.store import open_store
from worker.upstream.presets.catalog import preset_named
from worker.upstream.presets.channel_preset import effective_preset

EXAMPLE = Path(__file__).parent.parent / "support" / "example_plugins"


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The example package is on the path, as one that is installed."""
    monkeypatch.syspath_prepend(EXAMPLE)


def test_a_channel_uses_a_preset_of_a_plugin_and_overrides_parts_of_it() -> None:
    channel = ChannelSettings(
        name="a",
        base_url="http://h",
        api_key="k1-of-8c",
        models=("*",),
        preset="example",
        n_style="calls",
    )  # type: ignore[arg-type]
    preset = effective_preset(channel)
    assert (preset.name, preset.max_images, preset.n_style) == ("example", 2, "calls")


async def test_a_storage_url_with_the_scheme_of_a_plugin_is_opened_by_it() -> None:
    settings = Settings(storage_url="example://mine")
    await build_store(settings).put("ab/a.png", b"x", content_type="image/png")
    assert await build_store(settings).get("ab/a.png") == b"x"
    assert await open_store("example://other").head("ab/a.png") is None


def test_what_is_missing_or_wrong_is_said_in_words() -> None:
    assert plugin_names(PRESETS) == ["example", "misnamed", "missing"]
    assert load_plugin(STORES, "other") is None
    for act, words in (
        (lambda: preset_named("nothing"), "use one of .*chatbp.*example"),
        (lambda: preset_named("missing"), "'missing' of darkroom-example can't be loaded: AttributeError"),
        (lambda: preset_named("misnamed"), "is no Preset of this name"),
        (lambda: open_store("other://x"), "can't be 'other://x'.*example://"),
        (lambda: open_store("example://"), "can't open the storage: ValueError: write example://NAME"),
        (lambda: open_store("broken://x"), "returns no Store: it lacks put, get"),
    ):
        with pytest.raises(SettingsError, match=words):
            act()


def test_a_name_that_two_distributions_offer_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "second-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: second\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text("[darkroom.presets]\nexample = second:PRESET\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(SettingsError, match="darkroom-example and second both have a plug-in 'example'"):
        preset_named("example")
