"""Alerts: their rules are evaluated once a minute, shown as notices and told to webhooks.

May import: ``models``, and of the worker its services and webhooks.
"""
