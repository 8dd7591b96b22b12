"""``darkroom webhooks``: manage webhooks and their deliveries."""

from collections.abc import Sequence
from typing import Annotated, Any

from cyclopts import App, Parameter
from cyclopts.types import NonNegativeInt, PositiveInt
from rich.text import Text

from api.cli.connection import open_client
from api.cli.exit_codes import Exit
from api.cli.options import (
    DEFAULT_CONNECTION,
    DEFAULT_FORMAT,
    Connection,
    Format,
    read_statuses,
    statuses_option,
)
from api.cli.output import printer, shortened, status_text
from api.cli.render.times import shown_time
from darkroom_client.documents import Document
from models.webhook_events import DeliveryStatus

_ABOUT = "Manage webhooks and their deliveries."
app = App(name="webhooks", help=_ABOUT, help_format="plaintext")

Id = Annotated[
    str, Parameter(help="its id or a unique beginning, webhook_…; or default, for each job's own webhook_url")
]
Statuses = Annotated[tuple[str, ...], statuses_option("deliveries in these states: failed,stopped")]
Events = Annotated[
    list[str], Parameter(name="--event", negative="", help="an event, such as job.failed; repeatable")
]
_COLUMNS = ("ID", "STATUS", "URL", "EVENTS", "DETAIL")
_LOG_COLUMNS = ("ID", "STATUS", "TYPE", "JOB", "TRIES", "AT", "DETAIL")


@app.command
def create(
    url: str,
    /,
    *,
    event: Events = [],  # noqa: B006 - cyclopts copies it
    description: str = "",
    connection: Connection = DEFAULT_CONNECTION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """Create a webhook for all your jobs. Prints its secret, which can't be shown again."""
    with open_client(connection) as client:
        made = client.webhooks.create(url, events=event, description=description)
    return _secret(made.document, output)


@app.command(name="list")
def list_webhooks(*, connection: Connection = DEFAULT_CONNECTION, output: Format = DEFAULT_FORMAT) -> Exit:
    """List your webhooks."""
    with open_client(connection) as client:
        found = [each.document for each in client.webhooks.list()]
    rows = ((each, _cells(each)) for each in found)
    printer(json=output.json).table("webhooks", _COLUMNS, rows, optional=("EVENTS",))
    return Exit.OK


@app.command
def show(
    webhook: Id, /, *, connection: Connection = DEFAULT_CONNECTION, output: Format = DEFAULT_FORMAT
) -> Exit:
    """Show one webhook."""
    with open_client(connection) as client:
        return _shown(client.webhooks.get(webhook).document, output)


@app.command
def rotate(
    webhook: Id,
    /,
    *,
    overlap: NonNegativeInt | None = None,
    connection: Connection = DEFAULT_CONNECTION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """Rotate the secret and print the new one; it can't be shown again.

    Parameters
    ----------
    overlap
        seconds that the old secret signs too; default: one day
    """
    with open_client(connection) as client:
        return _secret(client.webhooks.rotate(webhook, overlap=overlap).document, output)


@app.command(name="test")
def try_out(
    webhook: Id,
    /,
    *,
    timeout: float = 30,
    connection: Connection = DEFAULT_CONNECTION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """Send a test event and print the result.

    Parameters
    ----------
    timeout
        seconds to wait for the result
    """
    with open_client(connection) as client:
        delivery = client.webhooks.test(webhook, timeout=timeout).document
    printer(json=output.json).record(delivery, _line(delivery))
    return Exit.OK if delivery["status"] == DeliveryStatus.DELIVERED else Exit.FAILED


@app.command
def enable(
    webhook: Id, /, *, connection: Connection = DEFAULT_CONNECTION, output: Format = DEFAULT_FORMAT
) -> Exit:
    """Enable a webhook again."""
    with open_client(connection) as client:
        changed = client.webhooks.update(webhook, enabled=True)
        return _shown(changed.document, output)


@app.command
def disable(
    webhook: Id, /, *, connection: Connection = DEFAULT_CONNECTION, output: Format = DEFAULT_FORMAT
) -> Exit:
    """Disable a webhook; its pending deliveries are dropped."""
    with open_client(connection) as client:
        return _shown(client.webhooks.update(webhook, enabled=False).document, output)


@app.command
def delete(webhook: Id, /, *, connection: Connection = DEFAULT_CONNECTION) -> Exit:
    """Delete a webhook."""
    with open_client(connection) as client:
        client.webhooks.delete(webhook)
    return Exit.OK


@app.command
def deliveries(
    webhook: Id,
    /,
    *,
    status: Statuses = (),
    limit: PositiveInt = 20,
    connection: Connection = DEFAULT_CONNECTION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """List the deliveries of a webhook, newest first.

    Parameters
    ----------
    limit
        maximum number of deliveries
    """
    with open_client(connection) as client:
        found = (
            each.document
            for each in client.webhooks.deliveries(
                webhook, limit=limit, status=read_statuses(status, list(DeliveryStatus)) or None
            )
        )
        printer(json=output.json).table(
            "deliveries", _LOG_COLUMNS, ((each, _log_cells(each)) for each in found), optional=("AT", "JOB")
        )
    return Exit.OK


@app.command
def replay(
    deliveries: Annotated[list[str], Parameter(negative="", help="ids, or unique beginnings, delivery_…")],
    /,
    *,
    connection: Connection = DEFAULT_CONNECTION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """Send ended deliveries again, each with its own webhook-id."""
    printing = printer(json=output.json)
    with open_client(connection) as client:
        for delivery_id in deliveries:
            delivery = client.webhooks.replay(delivery_id).document
            printing.record(delivery, _line(delivery))
    return Exit.OK


def _shown(webhook: Document, output: Format) -> Exit:
    printer(json=output.json).table("webhooks", _COLUMNS, [(webhook, _cells(webhook))])
    return Exit.OK


def _secret(webhook: Document, output: Format) -> Exit:
    words = f"{webhook['id']}\n{webhook['secret']}\n\nStore the secret now: it is not shown again."
    printer(json=output.json).record(webhook, Text(words))
    return Exit.OK


def _cells(webhook: Document) -> Sequence[Any]:
    status = status_text("ready" if webhook["enabled"] else "stopped")
    detail = webhook["disabled_reason"] or webhook["description"]
    events = ", ".join(event.removeprefix("job.") for event in webhook["events"])
    return webhook["id"], status, webhook["url"] or "each job's own", events, shortened(detail, 60)


def _log_cells(delivery: Document) -> Sequence[Any]:
    at, detail = shown_time(delivery["created_at"]), shortened(_detail(delivery), 80)
    status = status_text(delivery["status"])
    return delivery["id"], status, delivery["type"], delivery["job"] or "", delivery["tries"], at, detail


def _line(delivery: Document) -> str:
    return f"{delivery['id']}  {delivery['status']}  {_detail(delivery)}".rstrip()


def _detail(delivery: Document) -> str:
    """Return the result of the last try, and the time of the next."""
    last = delivery["log"][-1] if delivery["log"] else {}
    status = f"HTTP {last['http_status']}" if last.get("http_status") else ""
    again = f"next try {shown_time(delivery['next_at'])}" if delivery["next_at"] and last else ""
    return "; ".join(filter(None, [last.get("problem") or status, again]))
