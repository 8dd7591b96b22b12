"""Server options: error rates and delays, determined by seed and prompt."""

from worker.practice.options import PracticeOptions


def test_rates_spoil_their_share_of_calls_and_always_the_same_ones() -> None:
    options = PracticeOptions(rates={"429": 0.1, "cut": 0.05}, seed=3)
    fates = [options.random_failure(f"a cat {number}", 0) for number in range(4000)]

    assert fates == [options.random_failure(f"a cat {number}", 0) for number in range(4000)]
    assert 300 < fates.count("429") < 500
    assert 130 < fates.count("cut") < 270
    assert fates != [
        PracticeOptions(rates={"429": 0.1, "cut": 0.05}).random_failure(f"a cat {n}", 0) for n in range(4000)
    ]


def test_a_range_of_delays_is_spread_over_the_calls() -> None:
    options = PracticeOptions(delay=(1, 3))
    pauses = [
        options.delay_for(options.request_defaults.delay, f"a cat {number}", 0) for number in range(200)
    ]

    assert 1 <= min(pauses) < 1.2
    assert 2.8 < max(pauses) <= 3
