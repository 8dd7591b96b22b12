"""Sample of the canary: items spread evenly over rows, and over variants."""

import math


def sample_items(rows: int, variants: int, wanted: int) -> list[tuple[int, int]]:
    """Return (row, variant) numbers of the sampled items, in order; all items if no more are there.

    Rows are taken at equal distances. Variants follow a low-discrepancy sequence (multiples of about the
    golden ratio), so that each part of the axes is met early.
    """
    total = rows * variants
    if wanted >= total:
        return [(number // variants, number % variants) for number in range(total)]
    step = _coprime(round(variants * (math.sqrt(5) - 1) / 2), variants)
    chosen = dict[tuple[int, int], None]()
    for number in range(wanted):
        row, variant = (2 * number + 1) * rows // (2 * wanted), number * step % variants
        while (row, variant) in chosen:
            variant += 1
            if variant == variants:
                row, variant = (row + 1) % rows, 0
        chosen[row, variant] = None
    return sorted(chosen)


def _coprime(start: int, number: int) -> int:
    return next(step for step in range(max(start, 1), start + number + 2) if math.gcd(step, number) == 1)
