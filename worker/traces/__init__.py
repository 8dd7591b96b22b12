"""Traces of jobs by OpenTelemetry, which is an extra: nothing of it is imported unless a setting asks for it.

Imports queries and ``models``; only ``otlp`` imports OpenTelemetry, and only ``sink`` imports that.
"""
