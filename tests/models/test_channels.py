import pytest
from pydantic import ValidationError

from models.channels import ChannelSettings, serves

GIVEN = {"name": "a", "base_url": "https://api.example.com", "api_key": "k", "models": "m"}


@pytest.mark.parametrize(
    ("patterns", "model", "served"),
    [
        (["gpt-4o-image"], "gpt-4o-image", True),
        (["gpt-4o-image"], "gpt-4o", False),
        (["gpt-*"], "gpt-4o", True),
        (["gpt-*"], "sora", False),
        (["flux", "*"], "anything", True),
        (["a*b"], "axb", False),  # a star matches at the end only
        ([], "gpt-4o", False),
    ],
)
def test_a_pattern_covers_its_name_or_its_prefix(patterns: list[str], model: str, served: bool) -> None:
    assert serves(patterns, model) is served


def test_models_are_read_from_a_comma_separated_text_or_a_list() -> None:
    assert ChannelSettings.model_validate({**GIVEN, "models": " a, b ,"}).models == ("a", "b")
    assert ChannelSettings.model_validate({**GIVEN, "models": ["a", "b"]}).models == ("a", "b")


@pytest.mark.parametrize("models", ["", " , ", []])
def test_a_channel_without_models_is_refused_with_the_fix(models: object) -> None:
    with pytest.raises(ValidationError, match="name at least one model"):
        ChannelSettings.model_validate({**GIVEN, "models": models})


def test_limits_are_stored_by_model_with_the_channel_under_an_empty_name() -> None:
    channel = ChannelSettings.model_validate(
        {**GIVEN, "rpm": 60, "rps": 2, "burst": 3, "limits": {"m": {"rpm": 20, "concurrency": 4}}}
    )
    assert channel.all_limits() == {"": {"rps": 2, "burst": 3}, "m": {"rpm": 20, "concurrency": 4}}
