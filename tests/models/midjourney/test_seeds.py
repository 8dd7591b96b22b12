"""Seeds of calls made side by side."""

from models.midjourney.seeds import SEED_LIMIT, shift_seed, without_seed


def test_a_seed_is_moved_on_and_wraps_around_at_the_limit() -> None:
    assert shift_seed({"seed": SEED_LIMIT - 1, "style": "raw"}, 2) == {"seed": 1, "style": "raw"}


def test_parameters_without_a_seed_are_copied() -> None:
    params = {"style": "raw"}
    shifted = shift_seed(params, 1)
    assert shifted == params
    assert shifted is not params


def test_a_seed_is_removed() -> None:
    assert without_seed({"seed": 7, "style": "raw"}) == {"style": "raw"}
