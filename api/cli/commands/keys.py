"""``darkroom keys``: create, list, rotate, limit and revoke API keys of callers."""

import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter
from rich.text import Text
from sqlalchemy.ext.asyncio import AsyncConnection

from api.cli.exit_codes import CommandFailed, Exit
from api.cli.key_admin import (
    CreatedKey,
    Revocation,
    add_key,
    cancel_queued,
    create_key,
    find_caller,
    limit_callers,
    plan_revocation,
    rotate_key,
    usable_key,
)
from api.cli.local_database import read, settings_of, write
from api.cli.options import DEFAULT_FORMAT, DEFAULT_INSTALLATION, Format, Installation
from api.cli.output import printer, read_answer, say, status_text
from api.cli.render.times import age
from api.cli.retry_options import seconds_of
from api.cli.secret_admin import SecretState, encrypt_secrets
from api.dashboard.login.sessions import create_link
from models.api_keys import FROM_SETTINGS, ApiKey, KeyState, Role, new_key
from models.clock import now, rfc3339
from models.credentials.encryption import cipher_of
from models.credentials.strength import GENERATE
from models.ids import public_id
from models.money.money import Money, amount_text
from models.queries.api_keys import list_keys as all_keys
from models.queries.api_keys import revoke_keys
from models.queries.callers import list_ids
from models.queries.money.budgets import budget_columns
from models.serializers import moment
from models.setting_scopes import help_on_settings

app = App(
    name="keys",
    help="Create, list, rotate, limit and revoke API keys.",
    help_format="plaintext",
    help_epilogue=help_on_settings("keys"),
)

_LEAST, _MOST = 0.01, 1_000_000
_LONGEST = timedelta(days=36_500)  # of an overlap, or until a key expires
_REVOCABLE = "There is no key {!r} to revoke; see `darkroom keys list`."
Chosen = Annotated[str, Parameter(help="its id, or a name: all keys of that name")]
Expires = Annotated[str | None, Parameter(help="when it ends: a time span such as 90d, or a date")]


def _limit(meaning: str) -> Parameter:
    return Parameter(help=f"{meaning}; none: no limit", allow_leading_hyphen=True)


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of a caller, as typed."""

    rpm: Annotated[str | None, _limit("calls per minute; further ones wait")] = None
    concurrency: Annotated[str | None, _limit("calls in flight; further ones wait")] = None
    max_queued: Annotated[str | None, _limit("queued jobs; further ones are refused")] = None
    budget: Annotated[
        str | None, _limit("what its calls may cost together, such as 20USD; then they wait")
    ] = None
    weight: Annotated[
        str | None, Parameter(help="its share, relative to other callers", allow_leading_hyphen=True)
    ] = None


DEFAULT_LIMITS = Limits()


@app.command
def create(
    name: str,
    /,
    *,
    caller: str | None = None,
    role: Literal["user", "viewer", "reviewer", "operator", "admin"] | None = None,
    admin: Annotated[bool, Parameter(negative="")] = False,
    expires: Expires = None,
    given: Limits = DEFAULT_LIMITS,
    installation: Installation = DEFAULT_INSTALLATION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """Create a key and print it; it can't be shown again.

    Parameters
    ----------
    name
        a name for its user
    caller
        name or id of the caller whose jobs and limits it shares; else it gets a caller of its own name
    role
        user: its caller's own jobs. The others see the jobs of all callers, and the channels: viewer changes
        nothing; reviewer judges pictures of campaigns; operator decides jobs, campaigns and channels; admin
        also keys and settings
    admin
        the same as --role admin
    """
    name, limits, at = name.strip(), _limits(given), now()
    if not name or len(name) > 100 or name == FROM_SETTINGS:
        raise CommandFailed(Exit.USAGE, "A key's name has 1 to 100 characters.")
    if caller is not None and limits:
        raise CommandFailed(Exit.USAGE, f"Limits belong to the caller: darkroom keys limit {caller} …")
    options: dict[str, Any] = {
        "role": Role.ADMIN if admin else Role(role or Role.USER),
        "expires_at": None if expires is None else _expiry(expires, at),
    }

    async def act(connection: AsyncConnection) -> CreatedKey:
        if caller is None:
            if await list_ids(connection, name=name):
                raise CommandFailed(
                    Exit.USAGE,
                    f"There is a caller {name!r} already. For a further key of it: --caller {name}; "
                    f"to replace its key: darkroom keys rotate {name}; or choose another name.",
                )
            return await create_key(connection, name, **options, limits=limits)
        caller_id = await find_caller(connection, caller)
        keys = [key for key in await all_keys(connection) if key.caller_id == caller_id and key.name == name]
        if any(key.state(at) is KeyState.READY for key in keys):
            raise CommandFailed(
                Exit.USAGE, f"This caller has a key {name!r}; to replace it: darkroom keys rotate {name}."
            )
        return await add_key(connection, caller_id, name, **options)

    return _created(write(settings_of(installation), act), output, limits)


@app.command
def rotate(
    key: Chosen,
    /,
    *,
    overlap: str = "24h",
    expires: Expires = None,
    installation: Installation = DEFAULT_INSTALLATION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """Replace a key by a new one of the same caller, and print it; it can't be shown again.

    Jobs, limits, webhooks and idempotency keys belong to the caller: they stay. The new key has the role and
    the lifetime of the old one.

    Parameters
    ----------
    overlap
        how long the old key is accepted too, such as 24h; 0: not at all
    """
    at, span = now(), _span("--overlap", overlap)
    expires_at = None if expires is None else _expiry(expires, at)

    async def act(connection: AsyncConnection) -> CreatedKey:
        return await rotate_key(connection, key, overlap=span, expires_at=expires_at, at=at)

    made = write(settings_of(installation), act)
    say(f"The old key is accepted until {rfc3339(at + span)}." if span else "The old key is revoked.")
    return _created(made, output, {})


@app.command
def link(key: Chosen, /, *, installation: Installation = DEFAULT_INSTALLATION) -> Exit:
    """Print a link that logs a browser in to the dashboard, once, within an hour.

    The session ends with the key, after 12 hours, or by the logout.
    """
    settings = settings_of(installation)
    at = now()

    async def act(connection: AsyncConnection) -> str:
        found = usable_key(await all_keys(connection), key, at)
        return await create_link(connection, found.id, public_url=settings.public_url, at=at)

    sys.stdout.write(f"{write(settings, act)}\n")
    return Exit.OK


@app.command
def generate() -> Exit:
    """Print a random key, and store nothing: for a setting, or a password."""
    sys.stdout.write(f"{new_key()}\n")
    return Exit.OK


@app.command
def encrypt(*, installation: Installation = DEFAULT_INSTALLATION) -> Exit:
    """Encrypt the webhook secrets in the database with the first key of DARKROOM_SECRET_KEY.

    Idempotent. Run it after the key is set, or another one is put before it; then the former key can be
    taken from the setting.
    """
    settings = settings_of(installation)
    cipher = cipher_of(settings.secret_key)
    if not cipher.encrypts:
        raise CommandFailed(Exit.USAGE, f"DARKROOM_SECRET_KEY is not set; {GENERATE}.")
    found = write(settings, partial(encrypt_secrets, cipher=cipher))
    changed = found[SecretState.CLEAR] + found[SecretState.FORMER]
    say(f"{changed} secrets are encrypted now; {found[SecretState.CURRENT]} were already.")
    if unreadable := found[SecretState.UNREADABLE]:
        raise CommandFailed(
            Exit.FAILED,
            f"{unreadable} secrets were encrypted with another key. Add that key to DARKROOM_SECRET_KEY, "
            "after the present one, and run this again; or rotate these webhooks.",
        )
    return Exit.OK


@app.command(name="list")
def list_keys(*, installation: Installation = DEFAULT_INSTALLATION, output: Format = DEFAULT_FORMAT) -> Exit:
    """List keys with their callers. Only their first and last characters are stored."""
    found, at = read(settings_of(installation), all_keys), now()
    columns = ("ID", "CALLER", "NAME", "ROLE", "KEY", "EXPIRES", "LAST USED", "STATE", "CREATED", "LIMITS")
    rows = [(_value(key, at), _cells(key, at)) for key in found]
    optional = ("CREATED", "LAST USED", "EXPIRES", "LIMITS")  # left out where there is no room for them
    printer(json=output.json).table("keys", columns, rows, optional=optional)
    return Exit.OK


@app.command
def limit(
    caller: str,
    /,
    *,
    given: Limits = DEFAULT_LIMITS,
    installation: Installation = DEFAULT_INSTALLATION,
) -> Exit:
    """Change limits of a caller, which all its keys share; others stay. ``none`` removes a limit.

    Parameters
    ----------
    caller
        name or id of the caller, or of a key of it: all callers of that name
    """
    limits = _limits(given)
    if not limits:
        raise CommandFailed(Exit.USAGE, "Name a limit: --rpm, --concurrency, --max-queued or --weight.")

    async def act(connection: AsyncConnection) -> int:
        return await limit_callers(connection, caller, limits)

    if not write(settings_of(installation), act):
        raise CommandFailed(
            Exit.NOT_FOUND, f"There is no caller or key {caller!r}; see `darkroom keys list`."
        )
    return Exit.OK


@app.command
def revoke(
    key: Chosen,
    /,
    *,
    cancel: Annotated[bool, Parameter(negative="")] = False,
    pause: Annotated[bool, Parameter(negative="")] = False,
    installation: Installation = DEFAULT_INSTALLATION,
) -> Exit:
    """Revoke a key. If it is the last usable one of its caller, its queued jobs are cancelled or paused.

    Parameters
    ----------
    cancel
        if it is the last one: cancel the queued jobs of its caller
    pause
        if it is the last one: queued jobs wait until the caller has a key again
    """
    if cancel and pause:
        raise CommandFailed(Exit.USAGE, "Choose --cancel or --pause.")
    settings = settings_of(installation)

    async def plan(connection: AsyncConnection) -> Revocation:
        return await plan_revocation(connection, key, now())

    async def act(connection: AsyncConnection) -> int:
        return await revoke_keys(connection, planned.key_ids, at=now())

    async def cancel_some(connection: AsyncConnection) -> int:
        return await cancel_queued(connection, planned.keyless)

    planned = read(settings, plan)
    if not planned.key_ids and not (cancel and planned.queued):
        raise CommandFailed(Exit.NOT_FOUND, _REVOCABLE.format(key))
    if planned.queued and not pause and not cancel:
        cancel = _choose_cancel(planned.queued)
    write(settings, act)
    cancelled = 0
    while cancel and planned.keyless and (some := write(settings, cancel_some)):
        cancelled += some
    if cancel and cancelled:
        say(f"{cancelled} queued jobs were cancelled.")
    elif planned.queued:
        ids = ", ".join(public_id("caller", each) for each in planned.keyless)
        say(f"{planned.queued} queued jobs wait for a key: darkroom keys create NAME --caller {ids}")
    return Exit.OK


def _choose_cancel(queued: int) -> bool:
    """Ask what happens to the queued jobs of a caller that has no key any more. Raises ``CommandFailed``."""
    about = f"This is the last usable key, and {queued} jobs are queued."
    match read_answer(
        f"{about} [p]ause them until there is a key again, [c]ancel them, or leave the key as it is?"
    ):
        case "p" | "pause":
            return False
        case "c" | "cancel":
            return True
        case None:
            raise CommandFailed(
                Exit.USAGE,
                f"{about} Nothing was changed. Add --pause: they wait until the caller has a key again; "
                "or --cancel: they are cancelled.",
            )
        case _:
            raise CommandFailed(Exit.USAGE, "Nothing was changed.")


def _created(made: CreatedKey, output: Format, limits: dict[str, float | None]) -> Exit:
    """Print a new key."""
    value = {
        "id": public_id("key", made.id),
        "name": made.name,
        "admin": made.role is Role.ADMIN,
        **limits,
        "key": made.key,
        "caller_id": public_id("caller", made.caller_id),
        "role": made.role,
        "expires_at": moment(made.expires_at),
    }
    view = Text(
        f"{made.key}\n\nStore it now: it is not shown again. Use it so:\n  export DARKROOM_API_KEY={made.key}"
    )
    printer(json=output.json).record(value, view)
    return Exit.OK


def _span(option: str, text: str) -> timedelta:
    """Return a time span such as 24h, at most a hundred years."""
    return timedelta(seconds=min(seconds_of(option, text), _LONGEST.total_seconds()))


def _expiry(text: str, at: datetime) -> datetime:
    """Return the time of ``90d``, ``2027-01-31`` (midnight UTC) or an RFC 3339 time; it must be ahead."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = at + _span("--expires", text)
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    if found <= at:
        raise CommandFailed(Exit.USAGE, f"--expires {text} is in the past.")
    return found


def _limits(given: Limits) -> dict[str, Any]:
    """Parse the limits: numbers, an amount, or none."""
    typed = {name: text for name, text in asdict(given).items() if text is not None}
    budget = typed.pop("budget", None)
    limits: dict[str, Any] = {name: _number(name, text) for name, text in typed.items()}
    return limits if budget is None else {**limits, **_budget(budget)}


def _budget(text: str) -> dict[str, Any]:
    if text.lower() == "none":
        return budget_columns(None)
    try:
        budget = Money.parse(text)
    except ValueError as error:
        raise CommandFailed(Exit.USAGE, f"--budget: {error}, or none.") from error
    if not budget.micro:
        raise CommandFailed(Exit.USAGE, "--budget takes more than 0; to stop a caller, revoke its keys.")
    return budget_columns(budget)


def _number(name: str, text: str) -> float | None:
    option, whole = f"--{name.replace('_', '-')}", name in ("concurrency", "max_queued")
    if text.lower() == "none":
        return 1.0 if name == "weight" else None
    try:
        value = int(text) if whole else float(text)
    except ValueError:
        value = -1
    least = 0 if name == "max_queued" else _LEAST
    if not least <= value <= _MOST:
        kind = "a whole number" if whole else "a number"
        raise CommandFailed(Exit.USAGE, f"{option} takes {kind} from {least:g} to {_MOST:,}, or none.")
    return value


def _value(key: ApiKey, at: datetime) -> dict[str, Any]:
    return {
        "id": public_id("key", key.id),
        "name": key.name,
        "key_hint": key.key_hint,
        "admin": key.role is Role.ADMIN,
        "rpm": key.rpm,
        "concurrency": key.concurrency,
        "max_queued": key.max_queued,
        "weight": key.weight,
        "budget": None if key.budget_micro is None else amount_text(key.budget_micro),
        "budget_currency": key.budget_currency,
        "created_at": rfc3339(key.created_at),
        "revoked_at": moment(key.revoked_at),
        "caller": key.caller,
        "caller_id": public_id("caller", key.caller_id),
        "role": key.role,
        "expires_at": moment(key.expires_at),
        "last_used_at": moment(key.last_used_at),
        "state": key.state(at),
    }


def _cells(key: ApiKey, at: datetime) -> tuple[Any, ...]:
    used = f"{age(rfc3339(key.last_used_at), at)} ago" if key.last_used_at else ""
    named = (public_id("key", key.id), key.caller, key.name, key.role, key.key_hint)
    expires = f"{key.expires_at:%Y-%m-%d %H:%M}" if key.expires_at else ""
    state, created = status_text(key.state(at)), f"{key.created_at:%Y-%m-%d %H:%M}"
    return *named, expires, used, state, created, _limits_text(key)


def _limits_text(key: ApiKey) -> str:
    limits = (
        (key.rpm, "calls/min"),
        (key.concurrency, "in flight"),
        (key.max_queued, "waiting"),
        (None if key.weight == 1 else key.weight, "weight"),
    )
    texts = [f"{value:g} {unit}" for value, unit in limits if value is not None]
    if key.budget_micro is not None:
        texts.append(f"budget {amount_text(key.budget_micro)} {key.budget_currency}")
    return ", ".join(texts)
