"""The models of the channels."""

from types import SimpleNamespace

from api.jobs.served_models import ServedModels

SERVED = ServedModels(
    [SimpleNamespace(name="a", models=["gpt-image", "flux-*"]), SimpleNamespace(name="b", models=["GPT-4o"])]
)


def test_patterns_serve_names_of_their_kind() -> None:
    assert [row.name for row in SERVED.channels_of("flux-1")] == ["a"]
    assert SERVED.channels_of("dall-e") == []
    assert (SERVED.names, SERVED.patterns) == (["GPT-4o", "gpt-image"], ["flux-*"])


def test_the_nearest_names_are_found_whatever_their_case() -> None:
    assert SERVED.nearest("gpt4o")[0] == "GPT-4o"
    assert SERVED.nearest("Gpt-Imagee")[0] == "gpt-image"
    assert SERVED.nearest("flx-1") == ["flux-*"]
    assert SERVED.nearest("qqqqq") == []
