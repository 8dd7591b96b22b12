"""Scopes of settings: which parts of Darkroom read each one, and which parts each command runs.

The README's table and the command line's help show it. It imports no settings, so that the help is fast.
"""

from collections.abc import Mapping, Set
from enum import StrEnum


class Part(StrEnum):
    """A part of Darkroom that reads settings."""

    API = "API"
    WORKER = "worker"
    DATABASE = "database"  #: each process that opens the database, also an operator's command
    LOGS = "logs"
    DOCTOR = "doctor"
    KEYS = "keys"
    CHANNELS = "channels"  #: `darkroom channels test` and `try`
    METRICS_PORT = "worker of a fleet"  #: its own server of /metrics; `up` serves them by its API
    STORAGE_CHECK = "storage check"
    PRICES = "prices"
    RETENTION = "retention"
    ARCHIVE = "archive"  #: commands that read the storage, or delete in it


_GROUPS: tuple[tuple[Set[Part], str], ...] = (
    ({Part.DATABASE}, "database_url database_prepared"),
    ({Part.DATABASE, Part.CHANNELS}, "ca_bundle"),
    ({Part.LOGS}, "log_level log_json log_content redact sentry_dsn"),
    ({Part.API, Part.WORKER, Part.DOCTOR}, "broker_url public_url worker_timeout"),
    (
        {Part.API, Part.WORKER, Part.DOCTOR, Part.STORAGE_CHECK, Part.ARCHIVE},
        "storage_url s3_endpoint s3_region s3_access_key_id s3_secret_access_key",
    ),
    ({Part.WORKER, Part.STORAGE_CHECK}, "orphan_age"),
    ({Part.API, Part.WORKER, Part.DOCTOR}, "database_pool"),
    ({Part.WORKER, Part.DOCTOR}, "worker_slots"),
    ({Part.API, Part.WORKER, Part.PRICES}, "price_file"),
    ({Part.API, Part.WORKER}, "routing quiet_hours webhook_timeout webhook_retention"),
    ({Part.WORKER}, "routing_exploration otel_endpoint"),
    (
        {Part.API, Part.WORKER, Part.DOCTOR, Part.CHANNELS},
        "channels upstream_base_url upstream_api_key upstream_models upstream_preset upstream_rpm "
        "upstream_concurrency",
    ),
    ({Part.API, Part.WORKER, Part.DOCTOR, Part.KEYS}, "secret_key"),
    ({Part.API, Part.DOCTOR}, "api_keys admin_keys host port"),
    (
        {Part.API, Part.WORKER},
        "allow_private upload_age priority_ageing download_limit midjourney_deadline "
        "input_bytes_limit input_pixels_limit campaign_combinations campaign_takes max_attempts on_unknown "
        "midjourney_video_model export_url",
    ),
    (
        {Part.API},
        "cors_origins oidc_issuer oidc_client_id oidc_client_secret oidc_scopes oidc_role_claim oidc_roles "
        "oidc_role oidc_caller "
        "exports campaign_rows campaign_items campaign_columns campaign_cell_bytes "
        "connections connections_per_address request_body_limit prompt_limit "
        "input_image_limit idempotency_ttl allowed_hosts json_limit max_queued "
        "event_streams long_polls longest_wait openai_wait openai_file_limit "
        "webhook_endpoints webhook_tests campaigns "
        "midjourney_image_model midjourney_niji_model midjourney_text_model midjourney_grid midjourney_queue "
        "midjourney_deduplicate midjourney_banned_words midjourney_always_one midjourney_cancel_status "
        "midjourney_instant_delay midjourney_keyless_key midjourney_keyless_networks",
    ),
    ({Part.API, Part.WORKER}, "metrics_key metrics_public"),
    ({Part.METRICS_PORT}, "metrics_host metrics_port"),
    ({Part.WORKER}, "retention_archive retention_audit retention_tombstones celery_events"),
    (
        {Part.WORKER, Part.RETENTION},
        "retention_jobs retention_events retention_attempts retention_answers retention_prompts "
        "retention_pictures retention_thumbnails",
    ),
    (
        {Part.WORKER},
        "worker_memory worker_grace dispatch_interval retry_base retry_cap retry "
        "download_timeout store_attempts keep_answers answer_limit "
        "check_processes export_age",
    ),
)
SCOPES: Mapping[str, frozenset[Part]] = {
    name: frozenset(parts) for parts, names in _GROUPS for name in names.split()
}
"""The parts that read each setting."""

COMMANDS: Mapping[str, frozenset[Part]] = {
    "demo": frozenset({Part.DATABASE, Part.LOGS, Part.API, Part.WORKER}),
    "up": frozenset({Part.DATABASE, Part.LOGS, Part.API, Part.WORKER}),
    "run": frozenset({Part.DATABASE, Part.LOGS, Part.API, Part.WORKER}),  # with --embedded
    "serve": frozenset({Part.DATABASE, Part.LOGS, Part.API}),
    "work": frozenset({Part.DATABASE, Part.LOGS, Part.WORKER, Part.METRICS_PORT}),
    "migrate": frozenset({Part.DATABASE}),
    "channels": frozenset({Part.CHANNELS}),
    "keys": frozenset({Part.DATABASE, Part.KEYS}),
    "costs": frozenset({Part.DATABASE}),
    "prices": frozenset({Part.CHANNELS, Part.PRICES}),
    "doctor": frozenset({Part.DATABASE, Part.DOCTOR}),
    "storage": frozenset({Part.DATABASE, Part.STORAGE_CHECK}),
    "notices": frozenset({Part.DATABASE}),
    "audit": frozenset({Part.DATABASE}),
    "retention": frozenset({Part.DATABASE, Part.RETENTION}),
    "purge": frozenset({Part.DATABASE, Part.ARCHIVE}),
    "partition": frozenset({Part.DATABASE}),
    "archive": frozenset({Part.DATABASE, Part.ARCHIVE}),
    "backup": frozenset({Part.DATABASE, Part.ARCHIVE}),
    "restore": frozenset({Part.DATABASE, Part.ARCHIVE}),
    "fsck": frozenset({Part.DATABASE, Part.STORAGE_CHECK}),
}
"""The parts that each command runs. The commands that are left out read no settings: they call the API."""

_DEMO = """database_url broker_url storage_url s3_endpoint s3_region s3_access_key_id s3_secret_access_key
    public_url host port log_level allow_private worker_grace api_keys admin_keys secret_key channels
    upstream_base_url upstream_api_key upstream_models upstream_preset upstream_rpm upstream_concurrency
    midjourney_image_model midjourney_text_model midjourney_video_model oidc_issuer"""
SET_BY: Mapping[str, frozenset[str]] = {
    "demo": frozenset(_DEMO.split()),
    "run": frozenset({"host", "port", "public_url"}),
}
"""Settings that a command sets itself, whatever the environment says."""


def applies(setting: str, command: str) -> bool:
    """Return whether a command honours a setting."""
    return bool(SCOPES[setting] & COMMANDS[command]) and setting not in SET_BY.get(command, ())


def commands_of(setting: str) -> list[str]:
    """Return the commands that honour a setting."""
    return [command for command in COMMANDS if applies(setting, command)]


def help_on_settings(command: str) -> str | None:
    """Return what the help of a command says about the settings; ``None`` if it reads none."""
    if command not in COMMANDS:
        return None
    honoured = [name for name in SCOPES if applies(name, command)]
    ignored = [name for name in SCOPES if not applies(name, command)]
    names, others = ("honours only", honoured) if len(honoured) < len(ignored) else ("ignores", ignored)
    return f"Of the settings, it {names} {', '.join(f'DARKROOM_{name.upper()}' for name in others)}."
