"""Messages between dispatcher and tasks: sent, received, or done without while the broker is unusable.

It imports models, and ``worker.in_flight``. Celery and kombu are used here and in ``worker.app``.
"""
