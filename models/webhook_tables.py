"""The tables of webhooks: who listens, and the outbox, which is the delivery log too."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, SmallInteger, Table, Text, Uuid, text

from models.columns import Json, Utc
from models.tables import metadata

webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("caller_id", Uuid, ForeignKey("callers.id"), nullable=False),
    Column("url", Text),  # none: the caller's default one, whose secret signs for jobs' own addresses
    Column("description", Text, nullable=False),
    Column("events", Json, nullable=False),
    Column("secret", Text, nullable=False),  # as it is: a signature can't be made from a hash
    Column("previous_secret", Text),
    Column("previous_until", Utc),  # so long both secrets sign
    Column("created_at", Utc, nullable=False),
    Column("disabled_at", Utc),
    Column("disabled_reason", Text),
    Column("deleted_at", Utc),  # kept for its log
    Index("ix_webhook_endpoints_caller_id_id", "caller_id", "id"),
    Index(
        "ix_webhook_endpoints_default",
        "caller_id",
        unique=True,
        postgresql_where=text("url IS NULL"),
        sqlite_where=text("url IS NULL"),
    ),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    metadata,
    Column("id", Uuid, primary_key=True),  # also the message's webhook-id
    Column("caller_id", Uuid, ForeignKey("callers.id"), nullable=False),
    Column("endpoint_id", Uuid, ForeignKey("webhook_endpoints.id")),  # none: the job's own address
    Column("job_id", Uuid, ForeignKey("jobs.id", ondelete="CASCADE")),  # none: a test
    Column("url", Text, nullable=False),
    Column("host", Text, nullable=False),  # for fairness between receivers
    Column("event", Text, nullable=False),
    Column("revision", Integer, nullable=False),  # the job's; later ones wait for earlier ones
    Column("snapshot", Json, nullable=False),  # what of the job may change after this revision
    Column("at", Utc, nullable=False),  # when it happened
    Column("status", Text, nullable=False),
    Column("replayed", Boolean, nullable=False),
    Column("tries", SmallInteger, nullable=False),  # since it was born, or replayed
    Column("next_at", Utc, nullable=False),  # when it is due; of a claimed one, when the claim ends
    Column("claim", Uuid),  # who is sending it
    Column("log", Json, nullable=False),  # the last tries: {at, seconds, http_status, problem, answer}
    Column("ended_at", Utc),
    Index(
        "ix_webhook_deliveries_due",
        "next_at",
        postgresql_where=text("status = 'pending'"),
        sqlite_where=text("status = 'pending'"),
    ),
    Index("ix_webhook_deliveries_job_id", "job_id", "revision"),
    Index("ix_webhook_deliveries_caller_id_endpoint_id_id", "caller_id", "endpoint_id", "id"),
)
