"""Tests of ``api.shared``."""
