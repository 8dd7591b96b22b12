"""Every table, and the column types that behave the same on SQLite and PostgreSQL."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator

from models.integrity.unreadable import Unreadable

# ``None`` is NULL, never the JSON value ``null``, which ``IS NULL`` does not find
Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


class Utc(TypeDecorator[datetime]):
    """Aware time in UTC. SQLite has no time zones: there it is stored as UTC, without an offset."""

    impl = DateTime
    cache_ok = True

    def __init__(self) -> None:
        super().__init__(timezone=True)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:
        """Return a function that never raises: one row must not prevent the reading of others."""
        read = super().result_processor(dialect, coltype)

        def read_or_mark(value: Any) -> Any:
            if isinstance(value, Unreadable):
                return value
            try:
                return read(value) if read else value
            except (ValueError, TypeError, OverflowError):
                return Unreadable(value)

        return read_or_mark

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times; drop the zone where the database has none."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return an aware time in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

callers = Table(
    "callers",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("key_hash", LargeBinary(32), nullable=False, unique=True),  # of its first key, see api_keys
    Column("key_hint", Text, nullable=False),
    Column("admin", Boolean, nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("revoked_at", Utc),  # when its first key was revoked, see api_keys
    Column("rpm", Float),  # calls per minute, over all channels
    Column("concurrency", Integer),  # calls in flight
    Column("max_queued", Integer),  # jobs that may wait; more are refused
    Column("weight", Float, nullable=False, server_default=text("1")),  # its share, relative to other callers
    Column("next_start_at", Utc),  # state of its rate limit (GCRA)
    Column(
        "deficit", Float, nullable=False, server_default=text("0")
    ),  # of its unfinished turn (deficit round robin)
    Column("turn", BigInteger, nullable=False, server_default=text("0")),  # order of turns
    Column(
        "campaign_turn", Text, nullable=False, server_default=text("''")
    ),  # line served last: campaign, priority
    Column("priority_turn", SmallInteger, nullable=False, server_default=text("0")),
    Column("budget_micro", BigInteger),  # what its calls may cost together, in millionths
    Column("budget_currency", Text),
    Column("budget_closed_at", Utc),  # since when its budget lets no call start
    Column("budget_closed_until", Utc),  # until calls in flight have ended; none: until it is raised
    Column("budget_closed_detail", Text),
    Column("retention", Json),  # periods by kind, in seconds or "keep", where they differ from the settings'
)

# Processes of the version before api_keys read key_hash, key_hint, admin and revoked_at of a caller instead.
# These describe its first key; triggers of the database copy what those processes write to that key.
api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Uuid, primary_key=True),  # of a caller's first key: the caller's own id
    Column("caller_id", Uuid, ForeignKey("callers.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("key_hash", LargeBinary(32), nullable=False, unique=True),  # SHA-256: the keys are long and random
    Column("key_hint", Text, nullable=False),  # its first and last characters, to recognise it by
    Column("role", Text, nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("expires_at", Utc),
    Column("last_used_at", Utc),  # to the minute
    Column("revoked_at", Utc),
    Column("removed_at", Utc),  # since when the settings do not have it, if it came from there
    Column("identity", Text),  # of a person who logs in by OpenID Connect: issuer, subject; then no secret
    Index("ix_api_keys_caller_id", "caller_id"),
    Index("uq_api_keys_identity", "identity", unique=True),
)

_CLOSED = text("closed IS NOT NULL OR opens_at IS NOT NULL OR closes_at IS NOT NULL")
_LIMITED = text("rpm IS NOT NULL OR concurrency IS NOT NULL OR weight <> 1")

# A plain campaign only groups jobs; a planned one has rows, from which its items are made.
campaigns = Table(
    "campaigns",
    metadata,
    Column("caller_id", Uuid, ForeignKey("callers.id"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("retry", Json),  # retry rules by class; a job's own override them
    Column("updated_at", Utc, nullable=False),
    Column("id", Uuid),  # none: inserted by a process of the version before, until it is written again
    Column("kind", Text, nullable=False, server_default=text("'plain'")),
    Column("status", Text, nullable=False, server_default=text("'running'")),
    Column("spec", Json),  # the submitted definition
    Column("mapping", Json),  # of the columns of its last import
    Column("weight", Float, nullable=False, server_default=text("1")),  # its share within its caller
    Column("rpm", Float),  # calls per minute
    Column("concurrency", Integer),  # calls in flight
    Column("next_start_at", Utc),  # state of its rate limit (GCRA)
    Column("deficit", Float, nullable=False, server_default=text("0")),  # of its unfinished turn
    Column("start_at", Utc),  # no call before
    Column("deadline", Utc),  # no call after
    Column("budget_micro", BigInteger),  # millionths of its currency
    Column("currency", Text),
    Column("closed", Text),  # why none of its jobs is leased now; none: they are
    Column("opens_at", Utc),  # no job is leased before, by its start time or windows
    Column("closes_at", Utc),  # none from then on, by its windows or deadline
    Column("paused_from", Text),  # status to which it resumes
    Column("paused_reason", Text),
    Column("paused_detail", Text),
    Column("paused_by", Text),
    Column("paused_at", Utc),
    Column("paused_until", Utc),
    Column("failing_since", Utc),  # items that ended before do not count for the failing rule
    Column("row_count", Integer, nullable=False, server_default=text("0")),
    Column("expected_items", Integer),  # once it was started
    Column("import_id", Uuid),  # the import under way
    Column("import_until", Utc),  # when its claim ends
    Column("created_at", Utc),
    Column("started_at", Utc),
    Column("finished_at", Utc),
    Column("revision", Integer, nullable=False, server_default=text("1")),
    Column("budget_wait_until", Utc),  # what calls in flight have reserved leaves no room until then
    Column("retention", Json),  # periods by kind, in seconds or "keep", where they differ from its caller's
    Column("surface", Text, nullable=False, server_default=text("'rest'")),  # of the jobs that it makes
    Index(
        "ix_campaigns_budget_wait",
        "caller_id",
        postgresql_where=text("budget_wait_until IS NOT NULL"),
        sqlite_where=text("budget_wait_until IS NOT NULL"),
    ),
    Index("ix_campaigns_id", "id", unique=True),
    # those that dispatch rounds leave out
    Index("ix_campaigns_closed", "caller_id", postgresql_where=_CLOSED, sqlite_where=_CLOSED),
    # those that a round reads the limits and the weight of
    Index("ix_campaigns_limited", "caller_id", postgresql_where=_LIMITED, sqlite_where=_LIMITED),
    # those that the controller moves on
    Index(
        "ix_campaigns_active",
        "status",
        postgresql_where=text("kind = 'planned' AND status NOT IN ('draft', 'finished')"),
        sqlite_where=text("kind = 'planned' AND status NOT IN ('draft', 'finished')"),
    ),
)

_UNSTARTED = text("started_version < version")

campaign_rows = Table(
    "campaign_rows",
    metadata,
    Column("campaign_id", Uuid, ForeignKey("campaigns.id", ondelete="CASCADE"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("position", Integer, nullable=False),  # order of import, from 0
    Column("line", Integer, nullable=False),  # of the sheet that it came from last
    Column("variables", Json, nullable=False),
    Column("overrides", Json, nullable=False),  # prompt, images, size, n, model, params, metadata, file_name
    Column("content_hash", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("started_version", Integer, nullable=False, server_default=text("0")),  # whose items have jobs
    Column("started_variants", Integer, nullable=False, server_default=text("0")),  # of the newer version
    Column("missing_since", Utc),  # the last import did not have it
    Index("ix_campaign_rows_campaign_id_position", "campaign_id", "position", unique=True),
    Index(
        "ix_campaign_rows_unstarted",
        "campaign_id",
        "position",
        postgresql_where=_UNSTARTED,
        sqlite_where=_UNSTARTED,
    ),
)

_ENDED = text("ended_at IS NOT NULL")
_WITH_VERDICT = text("verdict IS NOT NULL")

# Triggers of the database derive state, ended_at and error from the newest take and the verdict, and write
# each change of a state to campaign_counts: so do processes of the version before.
campaign_items = Table(
    "campaign_items",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("campaign_id", Uuid, ForeignKey("campaigns.id", ondelete="CASCADE"), nullable=False),
    Column("key", Text, nullable=False),
    Column("variant", Text, nullable=False),  # such as style=a,angle=b
    Column("position", BigInteger, nullable=False),
    Column("row_version", Integer, nullable=False),
    Column("canary", Boolean, nullable=False),  # sampled for the canary
    Column("state", Text, nullable=False),
    Column("job_id", Uuid),  # the newest take
    Column("takes", SmallInteger, nullable=False),
    Column("verdict", Text),  # the latest that is in force: pick or reject
    Column("error", Text),  # error code of the newest take
    Column("ended_at", Utc),
    Column("check_rerolls", SmallInteger, nullable=False, server_default=text("0")),  # takes for a finding
    UniqueConstraint("campaign_id", "key", "variant"),
    Index("ix_campaign_items_campaign_id_position", "campaign_id", "position"),
    Index("ix_campaign_items_campaign_id_state_position", "campaign_id", "state", "position"),
    # takes with a verdict, of all campaigns
    Index(
        "ix_campaign_items_verdict",
        "verdict",
        "job_id",
        postgresql_where=_WITH_VERDICT,
        sqlite_where=_WITH_VERDICT,
    ),
    Index(
        "ix_campaign_items_ended",
        "campaign_id",
        "ended_at",
        postgresql_where=_ENDED,
        sqlite_where=_ENDED,
    ),
)

# Items by state, as differences: a sum is the count. Workers merge the rows of a campaign now and then.
campaign_counts = Table(
    "campaign_counts",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("campaign_id", Uuid, nullable=False),
    Column("state", Text, nullable=False),
    Column("delta", Integer, nullable=False),
    Index("ix_campaign_counts_campaign_id", "campaign_id"),
)

# Bulk actions. Their items are frozen with them; a chunk of items and the cursor are one transaction.
actions = Table(
    "actions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("caller_id", Uuid, ForeignKey("callers.id"), nullable=False),
    Column("campaign_id", Uuid, ForeignKey("campaigns.id", ondelete="CASCADE"), nullable=False),
    Column("kind", Text, nullable=False),  # retry, reroll or verdict
    Column("status", Text, nullable=False),
    Column("parameters", Json, nullable=False),  # what is done to each item
    Column("filter", Json),  # null: items were listed
    Column("key_id", Uuid),  # key of the request
    Column("by", Text, nullable=False),  # name of its caller
    Column("eligible", Integer, nullable=False),
    Column("frozen", Integer, nullable=False),  # rows in action_items; others are done by the controller
    Column("cursor", Integer, nullable=False),  # position of the last item that was gone through
    Column("done", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("skipped", Json, nullable=False),
    Column("samples", Json, nullable=False),
    Column("may_pay_twice", Integer, nullable=False),
    Column("cost", Json, nullable=False),  # estimate
    Column("detail", Text),  # why it was aborted
    Column("claimed_by", Uuid),  # the worker that goes through its items
    Column("claimed_until", Utc),
    Column("created_at", Utc, nullable=False),
    Column("updated_at", Utc, nullable=False),
    Column("finished_at", Utc),
    Column("undone_at", Utc),  # of verdicts
    Index("ix_actions_caller_id_id", "caller_id", "id"),
    Index("ix_actions_campaign_id_id", "campaign_id", "id"),
    Index(
        "ix_actions_running",
        "campaign_id",
        postgresql_where=text("status = 'running'"),
        sqlite_where=text("status = 'running'"),
    ),
)

action_items = Table(
    "action_items",
    metadata,
    Column("action_id", Uuid, ForeignKey("actions.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),  # from 1
    Column("item_id", Uuid, nullable=False),
    Column("take", SmallInteger, nullable=False),  # that the item gets; if it has it already, it is left
)

# Bulk actions on jobs, in the same way: a chunk of jobs and the cursor are one transaction.
job_actions = Table(
    "job_actions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("caller_id", Uuid, ForeignKey("callers.id"), nullable=False),  # who began it
    Column("kind", Text, nullable=False),  # retry, cancel or delete
    Column("status", Text, nullable=False),
    Column("may_pay_twice", Boolean, nullable=False),
    Column("filter", Json),  # null: jobs were listed
    Column("key_id", Uuid),  # key of the request
    Column("by", Text, nullable=False),  # name of its caller
    Column("eligible", Integer, nullable=False),  # rows in job_action_jobs
    Column("cursor", Integer, nullable=False),  # position of the last job that was gone through
    Column("done", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("skipped", Json, nullable=False),
    Column("samples", Json, nullable=False),
    Column("charged", Integer, nullable=False),  # eligible jobs whose last call was charged, or may have been
    Column("cost", Json, nullable=False),  # estimate
    Column("detail", Text),  # why it was aborted
    Column("claimed_by", Uuid),  # the worker that goes through its jobs
    Column("claimed_until", Utc),
    Column("created_at", Utc, nullable=False),
    Column("updated_at", Utc, nullable=False),
    Column("finished_at", Utc),
    Index("ix_job_actions_caller_id_id", "caller_id", "id"),
    Index(
        "ix_job_actions_running",
        "id",
        postgresql_where=text("status = 'running'"),
        sqlite_where=text("status = 'running'"),
    ),
)

job_action_jobs = Table(
    "job_action_jobs",
    metadata,
    Column("action_id", Uuid, ForeignKey("job_actions.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True),  # from 1
    Column("job_id", Uuid, nullable=False),
    Column("generation", Integer, nullable=False),  # of the job then; if it has another one, it is left
)

# Filters of lists that a person has given a name.
saved_views = Table(
    "saved_views",
    metadata,
    Column("caller_id", Uuid, ForeignKey("callers.id"), primary_key=True),
    Column("page", Text, primary_key=True),  # such as jobs
    Column("name", Text, primary_key=True),
    Column("query", Text, nullable=False),  # parameters of its address
    Column("updated_at", Utc, nullable=False),
)

# Verdicts are only added, and marked as undone. In force is the latest of a person, else of a machine.
verdicts = Table(
    "verdicts",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("campaign_id", Uuid, ForeignKey("campaigns.id", ondelete="CASCADE"), nullable=False),
    Column("item_id", Uuid, nullable=False),
    Column("job_id", Uuid, nullable=False),  # the take that it is about
    Column("verdict", Text, nullable=False),  # pick, reject, none
    Column("source", Text, nullable=False),  # person or machine
    Column("reason", Text),
    Column("key_id", Uuid),  # of the reviewer
    Column("by", Text, nullable=False),  # name of the key's caller, or of the check
    Column("action_id", Uuid),
    Column("at", Utc, nullable=False),
    Column("undone_at", Utc),
    Index("ix_verdicts_item_id_job_id", "item_id", "job_id"),
    Index("ix_verdicts_action_id", "action_id"),
    Index("ix_verdicts_campaign_id", "campaign_id"),
)

# Items that a reviewer was given to decide about: until then nobody else is.
review_claims = Table(
    "review_claims",
    metadata,
    Column("item_id", Uuid, ForeignKey("campaign_items.id", ondelete="CASCADE"), primary_key=True),
    Column("reviewer", Uuid, nullable=False),  # id of a key
    Column("until", Utc, nullable=False),
)

_UNFINISHED = text("status IN ('waiting', 'running')")
_EXPIRING = text("expires_at IS NOT NULL")

exports = Table(
    "exports",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("campaign_id", Uuid, ForeignKey("campaigns.id", ondelete="CASCADE"), nullable=False),
    Column("caller_id", Uuid, ForeignKey("callers.id"), nullable=False),
    Column("status", Text, nullable=False),
    Column("options", Json, nullable=False),  # format, filter, names, marking, destination
    Column("build", Uuid),  # of the worker that builds it, or that built it: names its objects
    Column("builds", SmallInteger, nullable=False),  # that were begun
    Column("claimed_until", Utc),
    Column("counts", Json, nullable=False),  # items, pictures, missing, files, unchanged
    Column("bytes", BigInteger),  # of its content; none: there is none, or not yet
    Column("error", Text),
    Column("created_at", Utc, nullable=False),
    Column("finished_at", Utc),
    Column("expires_at", Utc),  # its content is deleted then
    Index("ix_exports_unfinished", "created_at", postgresql_where=_UNFINISHED, sqlite_where=_UNFINISHED),
    Index("ix_exports_expires_at", "expires_at", postgresql_where=_EXPIRING, sqlite_where=_EXPIRING),
    Index("ix_exports_campaign_id", "campaign_id"),
)

channels = Table(
    "channels",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False, unique=True),
    Column("configured", Boolean, nullable=False),  # whether the settings name it
    Column("models", Json, nullable=False),
    Column("rpm", Float),
    Column("concurrency", Integer, nullable=False),
    Column("paused_at", Utc),
    Column("paused_reason", Text),
    Column("paused_by", Text),  # name of the caller who paused or drained it
    Column("paused_until", Utc),  # then a pause ends by itself; null: when it is resumed
    Column("tripped_at", Utc),  # a failure that needs a person: key, balance, configuration
    Column("tripped_reason", Text),
    Column("blocked_models", Json, nullable=False),  # {model: reason}, tripped for one model only
    Column("cooldown_until", Utc),
    Column("cooldown_reason", Text),
    Column("next_start_at", Utc),  # the rate limit's state: the earliest start of the next call (GCRA)
    Column("turn", Uuid),  # not used any more; older workers write it
    Column("tier", SmallInteger, nullable=False, server_default=text("0")),  # lower tiers are used first
    Column("weight", Float, nullable=False, server_default=text("1")),  # its share within its tier
    Column("limits", Json, nullable=False, server_default=text("'{}'")),  # by model; "": the whole channel
    Column("images_per_call", SmallInteger),  # images that one call asks for at most; null: all of its job's
    Column("pace", Json, nullable=False, server_default=text("'{}'")),  # state of these limits
    Column("learned", Json),  # adaptive rate of the whole channel: limits learned from refusals
    Column("learned_models", Json, nullable=False, server_default=text("'{}'")),  # by model, with cool-downs
    Column("breakers", Json, nullable=False, server_default=text("'{}'")),  # by model; "": the whole channel
    Column("shut_signs", Json, nullable=False, server_default=text("'{}'")),  # the same; first signs in words
    Column("draining_at", Utc),  # no new starts; calls in flight go on
    Column("last_error", Json),
    Column("updated_at", Utc, nullable=False),
)

workers = Table(
    "workers",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("slots", Integer, nullable=False),
    Column("started_at", Utc, nullable=False),
    Column("heartbeat_at", Utc, nullable=False),
    Column("stopping_at", Utc),
    Column("channels", Json),  # {name: fingerprint} of those it knows; null: its version does not say
    Column("takes_stop", Boolean),  # its process ends when it is asked to; null: it does not
    Column("stop_requested_at", Utc),  # when a person asked it to stop
    Column("broker_error", Text),  # why the broker carries none of its messages; null: it does
    Index("ix_workers_heartbeat_at", "heartbeat_at"),
)

_CAMPAIGN_BY_CODE_POINTS = "(coalesce(campaign, '') COLLATE \"C\")"

jobs = Table(
    "jobs",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("caller_id", Uuid, ForeignKey("callers.id"), nullable=False),
    Column("surface", Text, nullable=False),
    Column("campaign", Text),
    Column("status", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("generation", SmallInteger, nullable=False),
    Column("model", Text, nullable=False),
    Column("prompt", Text, nullable=False),
    Column("request", Json, nullable=False),  # images, size, n, params
    Column("tags", Json, nullable=False),
    Column("metadata", Json, nullable=False),
    Column("webhook_url", Text),
    Column("priority", SmallInteger, nullable=False),
    Column("max_attempts", SmallInteger, nullable=False),
    Column("on_unknown", Text, nullable=False),
    Column("not_before", Utc, nullable=False),
    Column("expires_at", Utc),  # not started by then: expired
    Column("backing_off", Boolean, nullable=False),  # not_before is a retry's, not the caller's
    Column("progress", SmallInteger, nullable=False),
    Column("attempts_used", SmallInteger, nullable=False),
    Column("store_tries", SmallInteger, nullable=False),
    Column("worker_id", Uuid),  # the worker that leased it
    Column("channel_id", Uuid),  # channel of the present or last call
    Column("avoid_channel_id", Uuid),  # channel where its last call failed
    Column("retry", Json),  # retry rules by class, where they differ from the settings
    Column("lease_token", Uuid),
    Column("leased_at", Utc),
    Column("start_at", Utc),
    Column("answer", Json),  # the saved answer: images that are not stored yet
    Column("text", Text),
    Column("error", Json),
    Column("created_at", Utc, nullable=False),
    Column("updated_at", Utc, nullable=False),
    Column("started_at", Utc),
    Column("finished_at", Utc),
    Column("item_id", Uuid),  # of a campaign; this job is one of its takes
    Column("take", SmallInteger),  # from 1
    Column("take_reason", Text),  # first, retry, reroll or edit
    Column("parent_job_id", Uuid),  # the take that it repeats or replaces
    Column("traceparent", Text),  # of the request that submitted it (W3C)
    Column("request_id", Text),  # of the same request, for the lines of the log
    Column("keep", Boolean),  # retention deletes nothing of it
    # the due scan: one queue segment per model, caller and priority, in it one line per campaign;
    # on PostgreSQL for workers of the version before
    Index(
        "ix_jobs_line",
        *("model", "caller_id", "priority", text("coalesce(campaign, '')"), "not_before", "id"),
        postgresql_where=text("status = 'queued'"),
        sqlite_where=text("status = 'queued'"),
    ),
    # the same by code points; SQLite sorts so anyway
    Index(
        "ix_jobs_campaign_line",
        *("model", "caller_id", "priority", text(_CAMPAIGN_BY_CODE_POINTS), "not_before", "id"),
        postgresql_where=text("status = 'queued'"),
    ).ddl_if(dialect="postgresql"),
    Index(
        "ix_jobs_expires_at",
        "expires_at",
        postgresql_where=text("status = 'queued' AND expires_at IS NOT NULL"),
        sqlite_where=text("status = 'queued' AND expires_at IS NOT NULL"),
    ),
    # saved answers whose images wait to be stored
    Index(
        "ix_jobs_unstored",
        "not_before",
        postgresql_where=text("status = 'storing' AND worker_id IS NULL"),
        sqlite_where=text("status = 'storing' AND worker_id IS NULL"),
    ),
    # jobs in flight by worker, and calls in flight by channel
    Index(
        "ix_jobs_in_hand",
        "worker_id",
        "status",
        "channel_id",
        postgresql_where=text("worker_id IS NOT NULL"),
        sqlite_where=text("worker_id IS NOT NULL"),
    ),
    Index("ix_jobs_caller_id_id", "caller_id", "id"),
    # takes of an item: each is made once
    Index(
        "ix_jobs_item_id_take",
        "item_id",
        "take",
        unique=True,
        postgresql_where=text("item_id IS NOT NULL"),
        sqlite_where=text("item_id IS NOT NULL"),
    ),
    Index("ix_jobs_caller_id_status_id", "caller_id", "status", "id"),
    Index(
        "ix_jobs_succeeded",
        "caller_id",
        "model",
        "id",
        postgresql_where=text("status = 'succeeded'"),
        sqlite_where=text("status = 'succeeded'"),
    ),
    Index(
        "ix_jobs_tags",
        "tags",
        postgresql_using="gin",
        postgresql_ops={"tags": "jsonb_path_ops"},
        postgresql_where=text("tags <> '[]'"),
        sqlite_where=text("tags <> '[]'"),
    ),
    Index("ix_jobs_kept", "id", postgresql_where=text("keep"), sqlite_where=text("keep")),
    Index(
        "ix_jobs_caller_id_campaign_id",
        "caller_id",
        "campaign",
        "id",
        postgresql_where=text("campaign IS NOT NULL"),
        sqlite_where=text("campaign IS NOT NULL"),
    ),
)

attempts = Table(
    "attempts",
    metadata,
    Column("job_id", Uuid, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("number", SmallInteger, primary_key=True),
    Column("generation", SmallInteger, nullable=False),
    Column("channel", Text, nullable=False),
    Column("worker_id", Uuid, nullable=False),
    Column("sent_at", Utc, nullable=False),  # committed before the first byte leaves
    Column("finished_at", Utc),
    Column("outcome", Text),
    Column("error_code", Text),
    Column("http_status", SmallInteger),
    Column("provider_request_id", Text),
    Column("provider_message", Text),
    Column("billed", Text, nullable=False),
    Column("handles", Json),  # for recovery: {task_id, poll_url, gen_ids, …}
    Column("raw_key", Text),  # storage key of the archived raw response
    Column("reserved_micro", BigInteger),  # what the call may cost, before it is sent; in millionths
    Column("cost_micro", BigInteger),  # what it came to; none: not known, or not decided yet
    Column("currency", Text),
    Column("cost_source", Text),  # provider, tokens, picture, call or unknown
    Column("price_version", Text),
    Column("routing", Text),  # why it went to its channel; none: by order
    Column("answer_facts", Json),  # id, finish reason, usage and tool calls, as the provider said them
    Index("ix_attempts_channel_sent_at", "channel", "sent_at"),  # calls of a channel in the last minute
)

# Reserved, settled and unknown amounts, in millionths, as differences: a sum is the total. Triggers of the
# database write each change of an attempt's money; workers merge the rows now and then. Without campaign: ''.
spend = Table(
    "spend",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("caller_id", Uuid, nullable=False),
    Column("campaign", Text, nullable=False),
    Column("currency", Text, nullable=False),
    Column("reserved", BigInteger, nullable=False),  # of calls in flight
    Column("settled", BigInteger, nullable=False),
    Column(
        "unknown", BigInteger, nullable=False
    ),  # of calls of which it is not known whether they were charged
    Index("ix_spend_caller_id_campaign_currency", "caller_id", "campaign", "currency"),
)

_FOUND = {  # by the columns of ``models.checks.findings``
    **{name: text(name) for name in ("blank", "wrong_size", "wrong_ratio", "wrong_alpha", "c2pa", "xmp")},
    **{name: text(f"{name} IS NOT NULL") for name in ("duplicate_of", "near_duplicate_of", "check_problem")},
}

assets = Table(
    "assets",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("caller_id", Uuid, ForeignKey("callers.id"), nullable=False),
    Column("job_id", Uuid, ForeignKey("jobs.id", ondelete="CASCADE")),  # none: an input image
    Column("position", SmallInteger, nullable=False),
    Column("generation", SmallInteger),  # of its job; none: the present one, or written by an older worker
    Column("token", Text, nullable=False, unique=True),
    Column("key", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("extension", Text, nullable=False),
    Column("width", Integer),
    Column("height", Integer),
    Column("bytes", Integer, nullable=False),
    Column("source_url", Text),
    Column("created_at", Utc, nullable=False),
    Column("missing_at", Utc),  # its file was not found in the object store
    Column("unused_until", Utc),  # an input image: deleted then, unless a job names it
    Column("check_due_at", Utc),  # to be examined from then on; while a worker does, when its claim ends
    Column("check_tries", SmallInteger),
    Column("checked_at", Utc),
    Column("check_problem", Text),  # why its pixels could not be read
    # what was found; none: not looked for, such as an alpha channel where none was asked for
    Column("blank", Boolean),  # one colour, or nothing visible
    Column("wrong_size", Boolean),  # other than asked for
    Column("wrong_ratio", Boolean),
    Column("wrong_alpha", Boolean),  # opaque, though a transparent background was asked for
    Column("c2pa", Boolean),  # the file has a C2PA manifest
    Column("xmp", Boolean),  # the file has XMP
    Column("dhash", BigInteger),  # difference hash of 64 bits, as a signed number
    Column("duplicate_of", Uuid),  # an asset of its campaign with the same bytes, stored before
    Column("near_duplicate_of", Uuid),  # one that looks the same
    Column("thumbnails", Json),  # {longer side: [width, height, bytes]}
    Index(
        "ix_assets_check_due_at",
        "check_due_at",
        postgresql_where=text("check_due_at IS NOT NULL"),
        sqlite_where=text("check_due_at IS NOT NULL"),
    ),
    Index("ix_assets_job_id_position", "job_id", "position"),
    # in which something was found that is wrong: few
    *(
        Index(f"ix_assets_{name}", "job_id", "caller_id", postgresql_where=found, sqlite_where=found)
        for name, found in _FOUND.items()
    ),
    Index("ix_assets_key", "key"),
    Index(
        "ix_assets_unused_until",
        "unused_until",
        postgresql_where=text("unused_until IS NOT NULL"),
        sqlite_where=text("unused_until IS NOT NULL"),
    ),
    Index(
        "ix_assets_missing",
        "id",
        postgresql_where=text("missing_at IS NOT NULL"),
        sqlite_where=text("missing_at IS NOT NULL"),
    ),
)

# Pictures of planned campaigns by each fourth of the bits of their difference hash: those that differ in at
# most three bits share one of the four.
picture_bands = Table(
    "picture_bands",
    metadata,
    Column("campaign_id", Uuid, ForeignKey("campaigns.id", ondelete="CASCADE"), primary_key=True),
    Column("band", Integer, primary_key=True, autoincrement=False),  # number of the fourth, then its bits
    Column("asset_id", Uuid, ForeignKey("assets.id", ondelete="CASCADE"), primary_key=True),
    Index("ix_picture_bands_asset_id", "asset_id"),
)

# Questions of a campaign about a picture, and their answers by a vision model: one text job for each picture.
vision_checks = Table(
    "vision_checks",
    metadata,
    Column("job_id", Uuid, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),  # the text job
    Column("asset_id", Uuid, ForeignKey("assets.id", ondelete="CASCADE"), nullable=False, unique=True),
    Column("campaign_id", Uuid, ForeignKey("campaigns.id", ondelete="CASCADE"), nullable=False),
    Column("item_id", Uuid, nullable=False),
    Column("take_job_id", Uuid, nullable=False),  # whose picture it is
    Column("rules", Json, nullable=False),  # the questions, as they were asked
    Column("answers", Json),  # [{answer: yes, no or null, reason}] in their order
    Column("passed", Boolean),  # all answers are yes; none: not decided, or an answer is missing
    Column("decided_at", Utc),
    Index("ix_vision_checks_take_job_id", "take_job_id"),
    Index("ix_vision_checks_campaign_id", "campaign_id"),
    Index(
        "ix_vision_checks_undecided",
        "campaign_id",
        postgresql_where=text("decided_at IS NULL"),
        sqlite_where=text("decided_at IS NULL"),
    ),
)

events = Table(
    "events",
    metadata,
    Column("job_id", Uuid, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("status", Text, nullable=False),
    Column("progress", SmallInteger, nullable=False),
    Column("at", Utc, nullable=False),
    Column("detail", Text),  # in plain words, why
    Column("seq", BigInteger),  # number among all events; the database gives it (revision 0015)
    Index(
        "ix_events_seq",
        "seq",
        postgresql_where=text("seq IS NOT NULL"),
        sqlite_where=text("seq IS NOT NULL"),
    ),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("caller_id", Uuid, ForeignKey("callers.id"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("body_hash", LargeBinary(32), nullable=False),
    Column("job_ids", Json, nullable=False),
    Column("rejected", Json, nullable=False),
    Column("created_at", Utc, nullable=False),
    Index("ix_idempotency_keys_created_at", "created_at"),
)

# Requests of the OpenAI API, for minutes: its SDK sends them again without a key.
openai_requests = Table(
    "openai_requests",
    metadata,
    Column("object_id", Uuid, primary_key=True),  # what it made: a job, for example
    Column("caller_id", Uuid, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),  # SHA-256 of method, path and content
    Column("state", Text, nullable=False),  # waiting, abandoned or answered: whether its client has it
    Column("counted", Boolean, nullable=False),  # it said that it is a repetition: its original comes later
    Column("seen_at", Utc, nullable=False),  # when its client was connected last
    Column("created_at", Utc, nullable=False),
    Index("ix_openai_requests_caller_id_digest", "caller_id", "digest"),
    Index("ix_openai_requests_created_at", "created_at"),
)

# Dashboard: one-time links and sessions of browsers, each of a key; what people changed.

login_links = Table(
    "login_links",
    metadata,
    Column("token_hash", LargeBinary(32), primary_key=True),
    Column("key_id", Uuid, ForeignKey("api_keys.id"), nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("expires_at", Utc, nullable=False),
    Column("used_at", Utc),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("token_hash", LargeBinary(32), nullable=False, unique=True),
    Column("key_id", Uuid, ForeignKey("api_keys.id"), nullable=False),
    Column("browser", Text, nullable=False),  # its User-Agent, shortened
    Column("created_at", Utc, nullable=False),
    Column("expires_at", Utc, nullable=False),
    Column("ended_at", Utc),
    Index("ix_sessions_key_id", "key_id"),
)

# Changes by people and programs, in the transaction of the change. Rows outlive what they are about.
audit = Table(
    "audit",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("at", Utc, nullable=False),
    Column("caller_id", Uuid),
    Column("key_id", Uuid),
    Column("by", Text, nullable=False),  # name of the caller, or of the command line's user
    Column("role", Text, nullable=False),
    Column("through", Text, nullable=False),  # api, dashboard or command line
    Column("action", Text, nullable=False),  # method and route of the API, or the command
    Column("target", Text, nullable=False),  # what was changed; '': several
    Column("filter", Json),
    Column("count", Integer),
    Column("before", Json),
    Column("after", Json),
    Column("request_id", Text, nullable=False),
    Index("ix_audit_target", "target"),
)

# What an operator decided about a group of equal errors.
error_decisions = Table(
    "error_decisions",
    metadata,
    Column("fingerprint", Text, primary_key=True),
    Column("decision", Text, nullable=False),  # resolved or ignored
    Column("by", Text, nullable=False),
    Column("at", Utc, nullable=False),
)

_EXPIRING_FILE = text("expires_at IS NOT NULL")

# Files of the OpenAI API: uploads, and what batches write. One of a picture has the id of its asset.
openai_files = Table(
    "openai_files",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("caller_id", Uuid, ForeignKey("callers.id"), nullable=False),
    Column("purpose", Text, nullable=False),
    Column("filename", Text, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("key", Text),  # of its object; none: written anew for each read, from the lines of its batch
    Column("batch_id", Uuid),  # whose lines so far it shows
    Column("failed_lines", Boolean, nullable=False),  # those that failed, not those with a result
    Column("created_at", Utc, nullable=False),
    Column("expires_at", Utc),  # deleted then
    Index("ix_openai_files_caller_id_created_at", "caller_id", "created_at", "id"),
    Index(
        "ix_openai_files_expires_at",
        "expires_at",
        postgresql_where=_EXPIRING_FILE,
        sqlite_where=_EXPIRING_FILE,
    ),
)

_OPEN_BATCH = text("status NOT IN ('completed', 'failed', 'expired', 'cancelled')")

# Batches of the OpenAI API: the lines of each are the rows of a campaign with its name.
openai_batches = Table(
    "openai_batches",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("caller_id", Uuid, ForeignKey("callers.id"), nullable=False),
    Column("campaign_id", Uuid, nullable=False),  # gone, if a line was faulty
    Column("input_file_id", Uuid, nullable=False),
    Column("endpoint", Text, nullable=False),
    Column("completion_window", Text, nullable=False),
    Column("metadata", Json),
    Column("inline_images", Boolean, nullable=False),  # pictures in the output as base64
    Column("output_expires_after", Integer),  # seconds
    Column("status", Text, nullable=False),
    Column("ending", Text),  # the last status, to which it is on its way
    Column("model", Text),  # of all lines; none: of several
    Column("lines", Integer, nullable=False, server_default=text("0")),
    Column("counts", Json),  # completed and failed, once they are final
    Column("usage", Json),  # tokens of all answers that stated them, once they are final
    Column("errors", Json),  # the first of its input
    Column("error_count", Integer, nullable=False, server_default=text("0")),
    Column("error_list_id", Uuid),  # file with all of them
    Column("output_file_id", Uuid),
    Column("error_file_id", Uuid),
    Column("partial_output_id", Uuid, nullable=False),
    Column("partial_error_id", Uuid, nullable=False),
    Column("created_at", Utc, nullable=False),
    Column("expires_at", Utc, nullable=False),
    Column("in_progress_at", Utc),
    Column("finalizing_at", Utc),
    Column("completed_at", Utc),
    Column("failed_at", Utc),
    Column("expired_at", Utc),
    Column("cancelling_at", Utc),
    Column("cancelled_at", Utc),
    Column("claim", Uuid),  # of the API process that reads its input or writes its output
    Column("claimed_until", Utc),
    Index("ix_openai_batches_caller_id_id", "caller_id", "id"),
    Index("ix_openai_batches_open", "id", postgresql_where=_OPEN_BATCH, sqlite_where=_OPEN_BATCH),
)


# Midjourney surface: tasks, and the jobs that are their parts.

_OPEN = text("outcome IS NULL")

midjourney_tasks = Table(
    "midjourney_tasks",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),  # the public task id: at most 16 digits
    Column("caller_id", Uuid, ForeignKey("callers.id"), nullable=False),
    Column("action", Text, nullable=False),
    Column("prompt", Text),
    Column("description", Text, nullable=False),
    Column("state", Text),  # the client's own value, returned unchanged
    Column("bot", Text, nullable=False),
    Column("mode", Text, nullable=False),
    Column("hash", Uuid, nullable=False),  # part of the customIds of its buttons
    Column("parent_id", BigInteger),
    Column("request", Json, nullable=False),  # request of its jobs: follow-up tasks start from it
    Column("properties", Json, nullable=False),  # shown to clients in addition to the standard ones
    Column("modal", Json),  # input that a dialog waits for; none: no dialog
    Column("notify_hook", Text),
    Column("told", SmallInteger, nullable=False),  # progress rank of the last notifyHook message
    Column("asset_id", Uuid),  # the image it shows: the grid, or its only image
    Column("pictures", Json, nullable=False),  # asset ids by number, once it is completed
    Column("outcome", Text),  # SUCCESS, FAILURE or CANCEL; none: derived from its jobs
    Column("cancelled", Boolean, nullable=False),  # by its caller; independent of the outcome
    Column("fail_reason", Text),
    Column("submitted_at", Utc, nullable=False),
    Column("started_at", Utc),
    Column("finished_at", Utc),
    Column("claimed_until", Utc),  # a worker completes it until then
    Index("ix_midjourney_tasks_caller_id_id", "caller_id", "id"),
    # tasks under way, of one caller and of all
    Index(
        "ix_midjourney_tasks_open",
        "caller_id",
        "id",
        postgresql_where=_OPEN,
        sqlite_where=_OPEN,
    ),
)

midjourney_parts = Table(
    "midjourney_parts",
    metadata,
    Column(
        "task_id",
        BigInteger,
        ForeignKey("midjourney_tasks.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("position", SmallInteger, primary_key=True, autoincrement=False),
    Column("job_id", Uuid, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False, unique=True),
)


# Webhooks: endpoints, and the outbox, which is the delivery log too.

webhook_endpoints = Table(
    "webhook_endpoints",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("caller_id", Uuid, ForeignKey("callers.id"), nullable=False),
    Column("url", Text),  # none: the caller's default endpoint, whose secret signs for jobs' own webhook_url
    Column("description", Text, nullable=False),
    Column("events", Json, nullable=False),
    # both secrets by ``credentials.encryption``; never a hash, for that can't sign
    Column("secret", Text, nullable=False),
    Column("previous_secret", Text),
    Column("previous_until", Utc),  # until then both secrets sign
    Column("created_at", Utc, nullable=False),
    Column("disabled_at", Utc),
    Column("disabled_reason", Text),
    Column("deleted_at", Utc),  # soft-deleted, for its log
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
    Column("endpoint_id", Uuid, ForeignKey("webhook_endpoints.id")),  # none: the job's own webhook_url
    Column("job_id", Uuid, ForeignKey("jobs.id", ondelete="CASCADE")),  # none: a test
    Column("url", Text, nullable=False),
    Column("host", Text, nullable=False),  # for fairness between receivers
    Column("event", Text, nullable=False),
    Column("revision", Integer, nullable=False),  # of the job; later revisions wait for earlier ones
    Column("snapshot", Json, nullable=False),  # the members of the job that may change after this revision
    Column("at", Utc, nullable=False),  # time of the event
    Column("status", Text, nullable=False),
    Column("replayed", Boolean, nullable=False),
    Column("tries", SmallInteger, nullable=False),  # since it was created or replayed
    Column("next_at", Utc, nullable=False),  # when it is due; if claimed, when the claim expires
    Column("claim", Uuid),  # token of the worker that sends it
    Column("log", Json, nullable=False),  # the last tries: {at, seconds, http_status, problem, answer}
    Column("ended_at", Utc),
    Column("task_id", BigInteger),  # Midjourney task without jobs: its messages are sent in order of revision
    Index(
        "ix_webhook_deliveries_task_id",
        "task_id",
        "revision",
        postgresql_where=text("status = 'pending' AND task_id IS NOT NULL"),
        sqlite_where=text("status = 'pending' AND task_id IS NOT NULL"),
    ),
    Index(
        "ix_webhook_deliveries_due",
        "next_at",
        postgresql_where=text("status = 'pending'"),
        sqlite_where=text("status = 'pending'"),
    ),
    Index("ix_webhook_deliveries_job_id", "job_id", "revision"),
    Index("ix_webhook_deliveries_caller_id_endpoint_id_id", "caller_id", "endpoint_id", "id"),
)


# Retention.

# What was deleted, without its content. Its address answers 410.
tombstones = Table(
    "tombstones",
    metadata,
    Column("id", Uuid, primary_key=True),  # of the job or image
    Column("kind", Text, nullable=False),  # job or asset
    Column("caller_id", Uuid, nullable=False),
    Column("token", Text),  # of an image's public URL
    Column("sha256", Text, nullable=False),  # of an image's bytes; of a job's id, model and prompt
    Column("reason", Text, nullable=False),  # request, retention or purge
    Column("deleted_at", Utc, nullable=False),
    Index(
        "ix_tombstones_token",
        "token",
        postgresql_where=text("token IS NOT NULL"),
        sqlite_where=text("token IS NOT NULL"),
    ),
    Index("ix_tombstones_caller_id", "caller_id"),
)

# Files that nothing may name any more: looked up and deleted by a worker.
file_deletions = Table(
    "file_deletions",
    metadata,
    Column("key", Text, primary_key=True),  # in the object store; of a record: OBJECT#START-END
    Column("due_at", Utc, nullable=False),
    Index("ix_file_deletions_due_at", "due_at"),
)

# Alerts that hold or held.
notices = Table(
    "notices",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("alert", Text, nullable=False),
    Column("subject", Text, nullable=False),  # a channel, a campaign, a currency; empty: the installation
    Column("severity", Text, nullable=False),  # page or ticket
    Column("summary", Text, nullable=False),
    Column("inspect", Text, nullable=False),  # commands
    Column("act", Text, nullable=False),
    Column("began_at", Utc, nullable=False),
    Column("told_at", Utc),  # when webhooks were told
    Column("ended_at", Utc),
    Column("acknowledged_at", Utc),
    Column("acknowledged_by", Text),
    Index(
        "ix_notices_open",
        "alert",
        "subject",
        unique=True,
        postgresql_where=text("ended_at IS NULL"),
        sqlite_where=text("ended_at IS NULL"),
    ),
)
