"""A database with real transitions, and a worker that delivers what the outbox has."""

from tests.worker.webhooks.conftest import darkroom, receiver, webhooks

__all__ = ["darkroom", "receiver", "webhooks"]
