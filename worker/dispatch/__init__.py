"""The gate: which jobs may start now, and when."""
