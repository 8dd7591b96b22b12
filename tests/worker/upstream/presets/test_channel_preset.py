"""Settings of a channel override its preset."""

import pytest
from pydantic import ValidationError

from tests.worker.upstream.channels import channel
from worker.upstream.presets.catalog import preset_named
from worker.upstream.presets.channel_preset import effective_preset


def test_settings_of_a_channel_override_its_preset() -> None:
    assert effective_preset(channel(preset="huiyan")) is preset_named("huiyan")
    assert not effective_preset(channel(preset="huiyan", stream="off")).streams
    assert effective_preset(channel(preset="wenwen", stream="on")).streams
    assert effective_preset(channel(inline_images=True)).inlines_images
    impatient = effective_preset(channel(idle_timeout=5, total_timeout=20))
    assert (impatient.idle, impatient.read_timeout, impatient.total) == (5, 5, 20)
    assert effective_preset(channel(idle_timeout=500)).silent == 500
    assert effective_preset(channel(idle_timeout=5, silent_timeout=7)).silent == 7


def test_the_first_byte_of_a_request_without_a_stream_may_take_the_whole_call() -> None:
    assert preset_named("wenwen").read_timeout == preset_named("wenwen").total
    assert preset_named("huiyan").read_timeout == preset_named("huiyan").silent


def test_paths_of_a_channel_replace_those_that_it_names() -> None:
    preset = effective_preset(channel(paths={"tasks": "tasks/{id}"}))
    assert (preset.task_paths, preset.paths.chat) == (("tasks/{id}",), "chat/completions")
    assert preset_named("generic").task_paths[0] == "images/tasks/{id}"


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ({"params": {"messages": []}}, "messages is written by Darkroom itself"),
        ({"headers": {"Content-Type": "x"}}, "Content-Type is written by Darkroom itself"),
        ({"sizes": ["large"]}, "WIDTHxHEIGHT"),
        ({"paths": {"tasks": "tasks"}}, "paths.tasks"),
        ({"size_style": "words"}, "size_style"),
    ],
)
def test_a_style_that_can_not_be_is_refused(choice: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        channel(**choice)
