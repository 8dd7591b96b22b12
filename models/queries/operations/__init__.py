"""SQL of running an installation: its state for metrics and alerts.

May import: ``models`` alone.
"""
