"""Settings: one frozen object, read once from the environment and ``darkroom.toml``."""

import json
import os
import re
from collections.abc import Mapping
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from models.addresses.broker import BrokerAddress, parse_broker
from models.addresses.certificates import check_bundle
from models.addresses.database import sqlalchemy_url
from models.channels import ChannelSettings, RoutingRule, refuse_placeholder
from models.credentials.key_shapes import check_shape
from models.credentials.openid import RoleMapping, check_issuer
from models.credentials.strength import CALLER_KEY, GENERATE, SECRET_KEY, weakness
from models.errors import SettingsError
from models.integrity.bounds import check_number
from models.integrity.field_errors import one_line, plain_message
from models.integrity.toml_file import read_toml
from models.operations.quiet_hours import QuietHours
from models.retry.rules import RetryRules
from models.states import OnUnknown

_LIST = "comma-separated"
_OF_CLIENTS = ("url", "api_key", "model")  # variables of the client and of commands that call the API
_SEE_TABLE = "see the README's table for the right name."
_RETAINED = ("jobs", "events", "attempts", "answers", "prompts", "pictures", "thumbnails")
_LIKENESS = 0.7  # of a wrong name to a right one, from 0 to 1, from which it is suggested
_HOST = re.compile(r"[0-9A-Fa-f:.%]{0,64}|(?!-)[\w-]{1,63}(\.[\w-]{1,63}){0,10}\.?", re.ASCII)
_ORIGIN = re.compile(r"https?://[a-z0-9.\-\[\]:]+")  # serialized, as browsers send it (RFC 6454)


class _SetVariables(EnvSettingsSource):
    """The variables that are set: to look for each setting's takes ten times as long."""

    def __call__(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        fields = self.settings_cls.model_fields
        for name in fields.keys() & {name.removeprefix(self.env_prefix.lower()) for name in self.env_vars}:
            value, key, is_complex = self.get_field_value(fields[name], name)
            if value is not None:
                found[key] = self.prepare_field_value(name, fields[name], value, is_complex)
        return found


class Settings(BaseSettings):
    """Every ``DARKROOM_*`` variable: unit, default and meaning. A variable outranks ``darkroom.toml``."""

    model_config = SettingsConfigDict(
        env_prefix="DARKROOM_", frozen=True, extra="forbid", hide_input_in_errors=True
    )

    database_url: str = Field(
        "sqlite:///darkroom-data/darkroom.db",
        description="where jobs are: sqlite:///PATH or postgresql://…, with commas between several hosts",
    )
    database_prepared: Literal["auto", "off"] = Field(
        "auto",
        description="prepared statements on PostgreSQL: off, or auto, which prepares none through PgBouncer",
    )
    broker_url: str = Field(
        "memory://",
        description="Celery's broker: memory://, redis(s)://…, valkey(s)://…, sentinel(s)://… or amqp(s)://…",
    )
    celery_events: bool = Field(
        False,
        description="Celery's remote control and events, for `celery inspect`, Flower and celery-exporter",
    )
    ca_bundle: Path | None = Field(
        None,
        description="PEM file of certificates that are trusted besides the system's (or SSL_CERT_FILE's)",
    )
    storage_url: str = Field(
        "file:darkroom-data/pictures", description="where images are: file:///…, s3://bucket/…"
    )
    public_url: str = Field("http://127.0.0.1:8080", description="the base of every URL in responses")
    api_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (),
        description=f"{_LIST} keys accepted from the start, each of a caller of its own, in addition to "
        "those of `darkroom keys`; jobs of a key that is removed wait",
    )
    admin_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (),
        description=f"{_LIST} keys with operator rights: they see the jobs of all callers, and the channels",
    )
    secret_key: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        (),
        description=f"{_LIST} keys that encrypt webhook secrets in the database: the first encrypts, "
        "all decrypt; unset: stored in clear",
    )
    oidc_issuer: str | None = Field(
        None,
        description="OpenID Connect provider by which people log in to the dashboard, such as "
        "https://login.example/realms/main; needs the extra oidc",
    )
    oidc_client_id: str | None = Field(None, description="the client that the provider knows Darkroom as")
    oidc_client_secret: SecretStr | None = Field(
        None, description="its secret; unset: a public client, by PKCE alone"
    )
    oidc_scopes: str = Field(
        "openid profile email", pattern=r"^(.* )?openid( .*)?$", description="scopes that a login asks for"
    )
    oidc_role_claim: str | None = Field(
        None,
        description="claim of the ID token that gives the role: a text or a list, such as groups or "
        "realm_access.roles",
    )
    oidc_roles: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description=f"{_LIST} VALUE=ROLE by that claim, such as darkroom-admins=admin; the highest counts"
    )
    oidc_role: Literal["viewer", "reviewer", "operator", "admin"] | None = Field(
        None, description="the role of people whom the claim gives none; unset: they can't log in"
    )
    oidc_caller: str = Field(
        "people",
        min_length=1,
        max_length=100,
        description="name of the caller for which people who log in act; made if there is none",
    )
    upstream_base_url: str | None = Field(
        None, description="one channel without a file: the provider's base URL"
    )
    upstream_api_key: SecretStr | None = Field(None, description="the provider's key")
    upstream_models: str = Field("*", description=f"{_LIST} models that it serves")
    upstream_preset: str = Field(
        "generic", description="the provider family: huiyan chatbp ecovai chat-edit wenwen generic"
    )
    upstream_rpm: float | None = Field(
        None, gt=0, description="calls per minute over all workers; none: no limit"
    )
    upstream_concurrency: int = Field(16, gt=0, description="calls in flight over all workers")
    channels: Annotated[tuple[ChannelSettings, ...], NoDecode] = Field(
        (), description="several channels: [[channels]] of darkroom.toml"
    )
    routing: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description=f"{_LIST} MODEL=POLICY, the first that fits: order, cheapest, fastest or most_reliable",
    )
    routing_exploration: float = Field(
        0.05, ge=0, le=1, description="share of calls by policy that goes to other channels than the best"
    )
    price_file: Path | None = Field(
        None,
        description="a price list whose rows outrank the shipped ones, as `darkroom prices import` writes",
    )
    allow_private: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description=f"{_LIST} private networks that downloads and webhooks may reach; metadata addresses of "
        "clouds only if named alone",
    )

    host: str = Field("127.0.0.1", description="address the API listens on")
    port: int = Field(8080, ge=0, le=65535, description="port the API listens on")
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description=f"{_LIST} origins such as https://app.example whose pages may call /v1"
    )
    log_level: str = Field(
        "info", pattern="^(debug|info|warning|error)$", description="lowest level that is logged"
    )
    log_json: bool | None = Field(None, description="logs as JSON; unset: only when not on a terminal")
    log_content: bool = Field(
        False, description="prompts, data URLs and signed addresses may stand in the log; keys never do"
    )
    redact: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description=f"{_LIST} or JSON: regular expressions of further secrets, such as int-[0-9a-f]+, which "
        "logs, providers' messages and shown answers hide as they hide keys of known services",
    )

    otel_endpoint: str | None = Field(
        None,
        pattern=r"^https?://[^\s]+$",
        description="OpenTelemetry collector for traces (OTLP over HTTP), such as http://localhost:4318",
    )
    sentry_dsn: SecretStr | None = Field(
        None, description="Sentry project that is told of faults of Darkroom itself, never of providers'"
    )

    worker_slots: int = Field(200, gt=0, le=5000, description="provider calls one worker may have in flight")
    worker_memory: int = Field(
        512 * 2**20,
        ge=2**20,
        description="bytes of pictures, request bodies and answers that one worker holds at most; "
        "further jobs wait",
    )
    worker_timeout: float = Field(
        60, gt=1, description="seconds without a heartbeat after which a worker counts as dead"
    )
    worker_grace: float = Field(
        180, ge=0, description="seconds that running calls get when a worker is stopped"
    )
    dispatch_interval: float = Field(
        0.5, gt=0, description="seconds between dispatch rounds without a wake-up"
    )
    priority_ageing: float = Field(
        600, gt=0, description="seconds of waiting that raise a priority by one, up to the highest waiting"
    )
    database_pool: int = Field(10, gt=0, description="PostgreSQL connections per process")

    max_attempts: int = Field(3, gt=0, le=20, description="attempts of a job, unless it sets its own")
    on_unknown: OnUnknown = Field(
        OnUnknown.HOLD, description="policy for calls that may have been charged, unless a job sets its own"
    )
    retry_base: float = Field(2, gt=0, description="seconds: the first back-off's ceiling, doubled each time")
    retry_cap: float = Field(300, gt=0, description="seconds: the longest back-off")
    retry: Annotated[RetryRules | None, NoDecode] = Field(
        None, description="retry rules by class, as JSON, or [retry.CLASS] of darkroom.toml"
    )

    connections: int = Field(4000, gt=0, description="connections open to one API process at most")
    connections_per_address: int = Field(
        1000, ge=0, description="of them, from one client address; 0 behind a reverse proxy: no limit"
    )
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description=f"{_LIST} hosts that requests may name, besides the public URL's and this machine's: "
        "names, *.example.com, or * for any; unset: any IP address too",
    )
    metrics_key: SecretStr | None = Field(
        None, description="the key that opens /metrics beyond this machine, as an admin's does"
    )
    metrics_host: str = Field("127.0.0.1", description="address at which a worker serves /metrics")
    metrics_port: int | None = Field(
        None, ge=0, le=65535, description="port at which a worker serves /metrics; unset: it does not"
    )
    metrics_public: bool = Field(False, description="/metrics needs no key, from wherever it is read")
    request_body_limit: int = Field(
        64 * 2**20,
        gt=0,
        description="bytes of one API request at most, and of those of one caller that are worked on at once",
    )
    json_limit: int = Field(
        2**20, gt=0, description="bytes of a request whose JSON can't carry images: all but submits"
    )
    max_queued: int = Field(
        100_000,
        ge=0,
        description="queued jobs of a caller that has no limit of its own, counted at intervals; 0: no limit",
    )
    event_streams: int = Field(200, ge=0, description="open event streams of a caller in one API process")
    long_polls: int = Field(500, ge=0, description="waiting requests of a caller in one API process")
    longest_wait: int = Field(
        50,
        ge=1,
        le=60,
        description="seconds that a request waits for a job at most; below the timeout of proxies, often 60",
    )
    webhook_endpoints: int = Field(20, ge=0, description="webhook endpoints of a caller")
    webhook_tests: int = Field(
        60,
        ge=0,
        description="webhook tests of a caller per minute, and ten times as many replays, in one API process",
    )
    campaigns: int = Field(1000, ge=0, description="campaigns of a caller that have settings of their own")
    campaign_rows: int = Field(1_000_000, gt=0, description="rows of one campaign at most")
    campaign_items: int = Field(1_000_000, gt=0, description="items of one campaign at most: rows × variants")
    campaign_combinations: int = Field(
        100_000, gt=0, description="combinations of a campaign's axes at most, before a sample is drawn"
    )
    campaign_takes: int = Field(
        20, gt=0, le=10_000, description="takes of one item at most: retries and re-rolls beyond are skipped"
    )
    campaign_columns: int = Field(500, gt=0, description="columns of one imported sheet at most")
    campaign_cell_bytes: int = Field(2**20, gt=0, description="bytes of one cell of a sheet at most")
    check_processes: int = Field(
        1, ge=1, le=64, description="processes of a worker that examine stored pictures and make thumbnails"
    )
    exports: int = Field(20, ge=0, description="exports of a caller that are prepared at once")
    export_age: float = Field(
        7 * 86_400, gt=0, description="seconds for which a finished export can be downloaded"
    )
    export_url: str | None = Field(
        None,
        pattern="^(file|s3|gs|az)://",
        description="folder or bucket that callers may export to, each below a folder of its name: "
        "file:///srv/exports, s3://bucket/prefix; unset: none",
    )
    prompt_limit: int = Field(100_000, gt=0, description="characters of one prompt at most")
    input_image_limit: int = Field(20 * 2**20, gt=0, description="bytes of one input image at most")
    input_bytes_limit: int = Field(
        64 * 2**20,
        gt=0,
        description="bytes of all input images of one job at most, each as often as it is sent",
    )
    input_pixels_limit: int = Field(
        200_000_000,
        gt=0,
        description="pixels of all input images of one job at most, each as often as it is sent",
    )
    download_limit: int = Field(64 * 2**20, gt=0, description="bytes of one downloaded image at most")
    download_timeout: float = Field(120, gt=0, description="seconds for one download at most")
    store_attempts: int = Field(6, gt=0, le=20, description="tries to store one job's images")
    keep_answers: Literal["all", "failures", "off"] = Field(
        "all", description="raw responses archived to be parsed again: all, failures, off"
    )
    answer_limit: int = Field(
        2**20, ge=4096, description="bytes archived of one raw response at most, its images not counted"
    )
    orphan_age: float = Field(
        7 * 86_400,
        ge=0,
        le=10**9,
        description="seconds after which stored files that no job or asset names are deleted; 0: never",
    )
    upload_age: float = Field(
        7 * 86_400,
        gt=0,
        le=10**9,
        description="seconds that an uploaded image stays which no job names; its file follows after "
        "orphan_age",
    )
    quiet_hours: str | None = Field(
        None,
        description="daily span in which only serious alerts are sent, such as 22:00-07:00 Europe/Berlin",
    )
    retention_jobs: float | None = Field(
        None,
        gt=0,
        le=10**9,
        description="seconds after which ended jobs are deleted, with all that belongs to them; unset: never",
    )
    retention_events: float | None = Field(
        None,
        gt=0,
        le=10**9,
        description="seconds after which the history of ended jobs is deleted; unset: never",
    )
    retention_attempts: float | None = Field(
        None,
        gt=0,
        le=10**9,
        description="seconds after which calls of ended jobs are deleted, but not their cost; unset: never",
    )
    retention_answers: float | None = Field(
        None,
        gt=0,
        le=10**9,
        description="seconds after which archived raw responses of ended jobs are deleted; unset: never",
    )
    retention_prompts: float | None = Field(
        None,
        gt=0,
        le=10**9,
        description="seconds after which prompts and all other words of ended jobs are erased; unset: never",
    )
    retention_pictures: float | None = Field(
        None,
        gt=0,
        le=10**9,
        description="seconds after which images of ended jobs are deleted; the jobs stay; unset: never",
    )
    retention_thumbnails: float | None = Field(
        None,
        gt=0,
        le=10**9,
        description="seconds after which thumbnails of ended jobs' images are deleted; unset: never",
    )
    retention_audit: float | None = Field(
        None,
        gt=0,
        le=10**9,
        description="seconds after which entries of the audit log are deleted; unset: never",
    )
    retention_tombstones: float | None = Field(
        None,
        gt=0,
        le=10**9,
        description="seconds after which what is left of deleted jobs and images is deleted; unset: never",
    )
    retention_archive: bool = Field(
        False, description="write ended jobs into the storage as JSON before retention deletes them"
    )
    idempotency_ttl: float = Field(86_400, gt=0, description="seconds that an Idempotency-Key is valid")
    openai_wait: float = Field(
        20,
        gt=0,
        le=120,
        description="seconds after which a waiting request of the OpenAI API is kept alive with white space; "
        "below the timeout of proxies and of clients",
    )
    openai_file_limit: int = Field(
        512 * 2**20, gt=0, description="bytes of one upload to /v1/files at most, which goes to the disk"
    )
    webhook_timeout: float = Field(15, gt=0, le=60, description="seconds that a webhook receiver may take")
    webhook_retention: float = Field(
        30 * 86_400, gt=0, le=10**9, description="seconds that ended webhook deliveries stay in the log"
    )

    midjourney_image_model: str | None = Field(
        None, description="the model behind /mj; unset: the first that a channel names"
    )
    midjourney_niji_model: str | None = Field(
        None,
        description="the model for --niji and NIJI_JOURNEY; unset: the image model, style in the prompt",
    )
    midjourney_text_model: str | None = Field(
        None, description="the model for describe and shorten; unset: they are refused"
    )
    midjourney_video_model: str | None = Field(None, description="the model for video; unset: it is refused")
    midjourney_grid: int = Field(4, ge=1, le=4, description="images of one imagine; 1: no grid")
    midjourney_queue: int | None = Field(
        None,
        ge=1,
        description="the most waiting tasks of one caller; further ones get code 23; unset: no limit",
    )
    midjourney_deduplicate: float = Field(
        0, ge=0, description="seconds in which an identical submit returns the first task; 0: off"
    )
    midjourney_deadline: float = Field(
        3600,
        gt=0,
        le=10**8,
        description="seconds in which a task's calls may start and a dialog may be continued",
    )
    midjourney_banned_words: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description=f"{_LIST} words, or a JSON list, that no prompt may contain: code 24"
    )
    midjourney_always_one: bool = Field(
        False,
        description="answer accepted submits with code 1, never 22, for clients that treat 22 as a failure",
    )
    midjourney_instant_delay: float = Field(
        2.5,
        ge=0,
        le=60,
        description="seconds for which a task without a call (U1 to U4) is shown as IN_PROGRESS; web apps "
        "miss the end of a task that is never seen open",
    )
    midjourney_keyless_key: SecretStr | None = Field(
        None, description="the key as which requests without one are served from the networks below"
    )
    midjourney_keyless_networks: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description=f"{_LIST} networks whose programs may call /mj without a key; behind a proxy, its own "
        "address counts",
    )
    midjourney_cancel_status: Literal["FAILURE", "CANCEL"] = Field(
        "FAILURE", description="the status of cancelled tasks; most clients go on polling after CANCEL"
    )

    s3_endpoint: str | None = Field(None, description="the endpoint of an S3-like server; unset: AWS")
    s3_region: str = Field("us-east-1", description="the bucket's region")
    s3_access_key_id: str | None = Field(None, description="unset: the platform's own credentials")
    s3_secret_access_key: SecretStr | None = Field(None, description="goes with the access key id")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        *_: PydanticBaseSettingsSource,
        **__: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return what settings are read from: arguments, then variables; no ``.env``, no secrets folder."""
        return init_settings, _SetVariables(settings_cls)

    @field_validator("*")
    @classmethod
    def _bounded(cls, value: object) -> object:
        return check_number(value)

    @field_validator(
        "api_keys",
        "admin_keys",
        "secret_key",
        "allow_private",
        "allowed_hosts",
        "cors_origins",
        "midjourney_keyless_networks",
        "routing",
        "oidc_roles",
        mode="before",
    )
    @classmethod
    def _split(cls, value: object) -> object:
        return (
            tuple(part.strip() for part in value.split(",") if part.strip())
            if isinstance(value, str)
            else value
        )

    @field_validator("midjourney_banned_words", "redact", mode="before")
    @classmethod
    def _words(cls, value: object) -> object:
        if isinstance(value, str):
            value = _json_of(value) if value.lstrip().startswith("[") else value.split(",")
        if not isinstance(value, list | tuple) or not all(isinstance(word, str) for word in value):
            raise ValueError('write words with commas between them, or JSON such as ["a word", "two words"]')
        return tuple(word.strip() for word in value if word.strip())

    @field_validator("redact")
    @classmethod
    def _expressions(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for each in value:
            check_shape(each)
        return value

    @field_validator("routing")
    @classmethod
    def _known_policies(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for rule in value:
            RoutingRule.parse(rule)
        return value

    @field_validator("retry", mode="before")
    @classmethod
    def _parsed_rules(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        found = _json_of(value)
        if not isinstance(found, dict):
            raise ValueError('write JSON, such as {"no_image": {"attempts": 2}}')
        return found

    @field_validator("channels", mode="before")
    @classmethod
    def _parsed_channels(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        found = _json_of(value)
        if not isinstance(found, list):
            raise ValueError("write them as [[channels]] of darkroom.toml, or as a JSON list of objects")
        return found

    @field_validator("metrics_key", "midjourney_keyless_key")
    @classmethod
    def _strong_key(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or not value.get_secret_value():
            return None
        if why := weakness(value.get_secret_value(), least=CALLER_KEY):
            raise ValueError(f"it {why}; {GENERATE}")
        return value

    @field_validator("api_keys", "admin_keys", "secret_key")
    @classmethod
    def _strong_keys(cls, value: tuple[SecretStr, ...], info: ValidationInfo) -> tuple[SecretStr, ...]:
        least = SECRET_KEY if info.field_name == "secret_key" else CALLER_KEY
        for number, key in enumerate(value, start=1):
            if why := weakness(key.get_secret_value(), least=least):
                raise ValueError(f"key {number} {why}; {GENERATE}")
        return value

    @field_validator("upstream_api_key", "s3_secret_access_key")
    @classmethod
    def _no_placeholder(cls, value: SecretStr | None) -> SecretStr | None:
        return None if value is None else refuse_placeholder(value)

    @field_validator("s3_endpoint")
    @classmethod
    def _whole_endpoint(cls, value: str | None) -> str | None:
        if value and urlsplit(value).scheme not in ("http", "https"):
            raise ValueError(f"{value!r} is no URL; write https://HOST or http://HOST:PORT")
        return value or None

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(
                    f"{origin!r} is no origin; write https://HOST or http://HOST:PORT, in lower case, "
                    "without a path. A wildcard is not accepted"
                )
        return value

    @field_validator("host")
    @classmethod
    def _known_host(cls, value: str) -> str:
        if not _HOST.fullmatch(value):
            raise ValueError("write an IP address or a host name of this machine, such as 0.0.0.0")
        return value

    @field_validator("allow_private")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            ip_network(network, strict=False)
        return value

    @field_validator("oidc_issuer")
    @classmethod
    def _known_issuer(cls, value: str | None) -> str | None:
        return None if value is None else check_issuer(value)

    @field_validator("oidc_roles")
    @classmethod
    def _known_roles(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        RoleMapping.parse(value)
        return value

    @field_validator(
        "export_url",
        *("oidc_issuer", "oidc_client_id", "oidc_client_secret", "oidc_role_claim", "oidc_role"),
        "otel_endpoint",
        "sentry_dsn",
        "price_file",
        "metrics_port",
        *(f"retention_{kind}" for kind in (*_RETAINED, "audit", "tombstones")),
        mode="before",
    )
    @classmethod
    def _empty_is_unset(cls, value: str | int | Path | None) -> str | int | Path | None:
        return None if value == "" else value

    @field_validator("ca_bundle", mode="before")
    @classmethod
    def _readable_bundle(cls, value: object) -> object:
        if value is None or value == "":
            return None
        if not isinstance(value, str | Path) or "\0" in str(value):
            raise ValueError("write the path of a PEM file")
        check_bundle(Path(value))
        return value

    @field_validator("quiet_hours")
    @classmethod
    def _readable_hours(cls, value: str | None) -> str | None:
        if not value:
            return None
        QuietHours.parse(value)
        return value

    @field_validator("broker_url")
    @classmethod
    def _known_broker(cls, value: str) -> str:
        parse_broker(value)
        return value

    @field_validator("midjourney_keyless_networks")
    @classmethod
    def _keyless_networks(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        for network in value:
            if ip_network(network, strict=False).prefixlen == 0:
                raise ValueError(f"{network} is every address; list the networks of your own programs")
        if value and info.data.get("midjourney_keyless_key") is None:
            raise ValueError("set DARKROOM_MIDJOURNEY_KEYLESS_KEY to the key as which they are served")
        return value

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        sqlalchemy_url(value)
        return value

    @property
    def sqlalchemy_url(self) -> str:
        """The database URL with the async driver, trusted certificates, and prepared statements."""
        prepared = self.database_prepared != "off"
        return sqlalchemy_url(self.database_url, prepared=prepared, ca_file=self.ca_file)

    @property
    def routing_rules(self) -> tuple[RoutingRule, ...]:
        """The policies of models, the first that fits first."""
        return tuple(map(RoutingRule.parse, self.routing))

    @property
    def broker(self) -> BrokerAddress:
        """The broker's address, as all processes use it."""
        return parse_broker(self.broker_url, ca_file=self.ca_file)

    @property
    def ca_file(self) -> str | None:
        """The file of trusted certificates: of ``ca_bundle`` or ``SSL_CERT_FILE``, if any is set."""
        return os.environ.get("SSL_CERT_FILE") or (str(self.ca_bundle) if self.ca_bundle else None)

    @property
    def embedded_broker(self) -> bool:
        """Whether the broker is in this process."""
        return self.broker_url.startswith("memory:")

    def all_channels(self) -> tuple[ChannelSettings, ...]:
        """Return the channels of the file, and the one of ``DARKROOM_UPSTREAM_*`` if it is set."""
        if self.upstream_base_url is None:
            return self.channels
        return (*self.channels, _upstream_channel(self))


def _json_of(text: str) -> object:
    """Return the value of a JSON text; ``None``: it is none, or nested too deeply."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _upstream_channel(settings: Settings) -> ChannelSettings:
    return ChannelSettings.model_validate(
        {
            "name": "upstream",
            "base_url": settings.upstream_base_url,
            "api_key": settings.upstream_api_key or SecretStr(""),
            "models": settings.upstream_models,
            "preset": settings.upstream_preset,
            "rpm": settings.upstream_rpm,
            "concurrency": settings.upstream_concurrency,
        }
    )


FROM_FILES = (  # secrets, or with one inside: a variable may name a file; also in Helm's values.schema.json
    *("database_url", "broker_url", "api_keys", "admin_keys", "secret_key", "upstream_api_key", "channels"),
    *("metrics_key", "midjourney_keyless_key", "s3_access_key_id", "s3_secret_access_key", "sentry_dsn"),
    "oidc_client_secret",
)


def load_settings(config: Path | None = None, **overrides: Any) -> Settings:
    """Read the variables and the file, once.

    ``config`` defaults to ``darkroom.toml`` in the current folder, if there is one. ``overrides`` (of the
    command line) outrank both. Raises ``SettingsError`` with one sentence per fault.
    """
    values, secrets = _read_file(config), _read_secret_files()
    try:
        fresh = _without_shadowed(values) | secrets
        settings = Settings(
            **{**fresh, **{name: value for name, value in overrides.items() if value is not None}}
        )
        names = [channel.name for channel in settings.all_channels()]
        faults = openid_faults(settings)
    except ValidationError as error:
        of_channel = error.title == ChannelSettings.__name__
        raise SettingsError([_sentence(fault, of_channel=of_channel) for fault in error.errors()]) from error
    doubled = sorted({name for name in names if names.count(name) > 1})
    faults += [f"channels: the name {name!r} is used twice; give each its own." for name in doubled]
    if faults:
        raise SettingsError(faults)
    return settings


def openid_faults(settings: Settings) -> list[str]:
    """Return what the login by OpenID Connect lacks, a sentence each; nothing without an issuer."""
    faults: list[str] = []
    if settings.oidc_issuer is None:
        return faults
    if settings.oidc_client_id is None:
        faults.append("DARKROOM_OIDC_CLIENT_ID: set the client that the provider knows Darkroom as.")
    if bool(settings.oidc_roles) != bool(settings.oidc_role_claim):
        faults.append("DARKROOM_OIDC_ROLES and DARKROOM_OIDC_ROLE_CLAIM go together: set both, or none.")
    if not settings.oidc_roles and settings.oidc_role is None:
        faults.append(
            "DARKROOM_OIDC_ISSUER: nobody could log in; set DARKROOM_OIDC_ROLE_CLAIM with "
            "DARKROOM_OIDC_ROLES, or DARKROOM_OIDC_ROLE for everybody whom the provider lets in."
        )
    return faults


def _read_file(config: Path | None) -> dict[str, Any]:
    path = config or Path("darkroom.toml")
    if config is None and not path.is_file():
        return {}
    return read_toml(path)


def _read_secret_files() -> dict[str, str]:
    """Return the settings whose variable names a file with the value: ``DARKROOM_SECRET_KEY_FILE=/run/…``.

    Raises ``SettingsError`` if a file can't be read or is empty, or if the value is given twice.
    """
    found: dict[str, str] = {}
    faults: list[str] = []
    for name in FROM_FILES:
        variable = f"DARKROOM_{name.upper()}"
        path = os.environ.get(f"{variable}_FILE")
        if not path:
            continue
        if os.environ.get(variable):
            faults.append(f"{variable} and {variable}_FILE are both set; keep one of them.")
            continue
        try:
            found[name] = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "it is no text"
            faults.append(f"{variable}_FILE: {one_line(path)} can't be read: {why}.")
            continue
        if not found[name]:
            faults.append(f"{variable}_FILE: {one_line(path)} is empty.")
    if faults:
        raise SettingsError(faults)
    return found


def _without_shadowed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Drop values that a variable sets too: pydantic-settings ranks arguments above the environment."""
    from_environment = {name.upper() for name in os.environ}
    return {
        name: value for name, value in values.items() if f"DARKROOM_{name.upper()}" not in from_environment
    }


def origin_of(settings: Settings, name: str) -> str:
    """Return where a setting's value comes from: ``environment``, ``file`` (or an option), ``default``."""
    variable = f"DARKROOM_{name.upper()}"
    named = variable in os.environ or (name in FROM_FILES and f"{variable}_FILE" in os.environ)
    if named and name in settings.model_fields_set:
        return "environment"
    return "file" if name in settings.model_fields_set else "default"


def unknown_variables() -> list[str]:
    """Return a sentence for each ``DARKROOM_*`` variable that nothing reads, with the nearest right name."""
    known = [*Settings.model_fields, *_OF_CLIENTS, *(f"{name}_file" for name in FROM_FILES)]
    sentences = []
    for name in sorted(os.environ):
        prefix, _, own = name.lower().partition("_")
        if prefix == "darkroom" and own not in known:
            nearest = get_close_matches(own, known, n=1, cutoff=_LIKENESS)
            hint = (
                f"did you mean DARKROOM_{nearest[0].upper()}?"
                if nearest
                else "see the README's table for the right name."
            )
            sentences.append(f"{name} is no setting, and is not read: {hint}")
    return sentences


def _sentence(error: Any, *, of_channel: bool) -> str:
    """Turn one of pydantic's errors into a sentence that names the setting and the fix.

    ``of_channel``: it is about the channel of ``DARKROOM_UPSTREAM_*``.
    """
    where = one_line(".".join(str(part) for part in error["loc"]))
    top = f"{'upstream_' if of_channel else ''}{error['loc'][0]}" if error["loc"] else ""
    alone = len(error["loc"]) == 1 or of_channel
    name = f"DARKROOM_{top.upper()}" if alone and top in Settings.model_fields else where
    if error["type"] == "extra_forbidden":
        known = Settings.model_fields if len(error["loc"]) == 1 else ChannelSettings.model_fields
        nearest = get_close_matches(str(error["loc"][-1]), [*known], n=1, cutoff=_LIKENESS)
        hint = f"did you mean {nearest[0]}?" if nearest else _SEE_TABLE
        return f"{where}: there is no such setting; {hint}"
    return f"{name}: {plain_message(error).rstrip('.')}."
