"""Tests of the provider dialects."""
