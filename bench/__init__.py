"""Benchmarks (``make bench``): each figure and its limit are measured in the same run, on real processes.

A module with ``measure`` is one benchmark; the others start servers, generate load or fill tables. Imports
all packages and ``tests.support``.
"""
