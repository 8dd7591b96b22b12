"""Label values are of closed sets."""

from worker.metrics.labels import OTHER, ModelLabel, error_type


def test_models_beyond_the_limit_are_others_but_those_of_the_settings_are_named() -> None:
    label = ModelLabel(most=2)
    label.configure(["configured", "gpt-*"])
    assert [label.value(name) for name in ("a", "b", "c", "gpt-*", "configured", "a")] == [
        *("a", "b", OTHER, OTHER, "configured", "a")
    ]


def test_a_model_that_is_no_plain_name_is_an_other() -> None:
    label = ModelLabel()
    assert label.value("x" * 81) == OTHER
    assert label.value("line\nbreak") == OTHER


def test_error_codes_that_are_not_of_the_catalog_are_others() -> None:
    assert error_type("rate_limited") == "rate_limited"
    assert error_type("asset_unstored") == "asset_unstored"
    assert error_type("made_up_by_a_provider") == OTHER
    assert error_type(None) == ""
