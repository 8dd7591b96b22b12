"""What ``make bench`` runs: every figure is measured beside its limit, in the same run, on real processes."""
