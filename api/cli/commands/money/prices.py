"""``darkroom prices``: the prices that are applied, and the import of further ones."""

from pathlib import Path
from typing import Annotated, Any

import orjson
from cyclopts import App, Parameter

from api.cli.exit_codes import CommandFailed, Exit
from api.cli.local_database import settings_of
from api.cli.options import DEFAULT_FORMAT, DEFAULT_INSTALLATION, Format, Installation
from api.cli.output import printer, say
from models.clock import now
from models.money.litellm_prices import rows_of, toml_of
from models.money.price import Price
from models.money.price_list import ListedPrice, load_prices, read_rows
from models.setting_scopes import help_on_settings

app = App(
    name="prices",
    help="List the known prices of models, and import further ones.",
    help_format="plaintext",
    help_epilogue=help_on_settings("prices"),
)

_COLUMNS = ("MODEL", "CHANNEL", "PRICE", "CURRENCY", "DATE", "SOURCE")
_LARGEST = 50_000_000  # bytes of a file


@app.command(name="list")
def list_prices(
    *, installation: Installation = DEFAULT_INSTALLATION, output: Format = DEFAULT_FORMAT
) -> Exit:
    """List the prices of the channels, then those of the official list."""
    settings = settings_of(installation)
    table: list[tuple[dict[str, Any], tuple[Any, ...]]] = []
    for channel in settings.all_channels():
        for model, price in channel.prices.items():
            table.append(_row(model, channel.name, price, "", "darkroom.toml"))
    for listed in load_prices(settings.price_file).rows:
        day = listed.date.isoformat()
        table.append(_row(listed.model, "official", listed.price, day, listed.source))
    printer(json=output.json).table("prices", _COLUMNS, table, optional=("SOURCE", "DATE"))
    return Exit.OK


@app.command(name="import")
def import_prices(
    file: Path,
    /,
    *,
    to: Annotated[Path, Parameter(help="the price list to write; name it in DARKROOM_PRICE_FILE")] = Path(
        "prices.toml"
    ),
) -> Exit:
    """Write a price list from LiteLLM's price file (JSON), or from a checked one of Darkroom's (TOML)."""
    rows = read_rows(file) if file.suffix == ".toml" else _read_json(file)
    if not rows:
        raise CommandFailed(Exit.FAILED, f"{file} has no price of a model that makes images.")
    try:
        to.write_text(toml_of(rows), encoding="utf-8")
    except OSError as error:
        raise CommandFailed(Exit.FAILED, f"{to} can't be written: {error.strerror}.") from error
    say(f"{len(rows)} prices are in {to}. Set DARKROOM_PRICE_FILE={to} for API and workers, then restart.")
    return Exit.OK


def _read_json(file: Path) -> list[ListedPrice]:
    try:
        if file.stat().st_size > _LARGEST:
            raise CommandFailed(Exit.USAGE, f"{file} is larger than {_LARGEST:,} bytes.")
        value = orjson.loads(file.read_bytes())
    except OSError as error:
        raise CommandFailed(Exit.USAGE, f"{file} can't be read: {error.strerror}.") from error
    except ValueError as error:
        raise CommandFailed(Exit.USAGE, f"{file} is not JSON: {error}.") from error
    if not isinstance(value, dict):
        raise CommandFailed(Exit.USAGE, f"{file} is no object of models and their prices.")
    return rows_of(value, now().date())


def _row(
    model: str, channel: str, price: Price, day: str, source: str
) -> tuple[dict[str, Any], tuple[Any, ...]]:
    shown = price.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    value = {
        "model": model,
        "channel": channel,
        **shown,
        "currency": price.currency,
        "date": day,
        "source": source,
    }
    return value, (model, channel, _text(shown), price.currency, day, source)


def _text(shown: dict[str, Any]) -> str:
    parts = []
    for kind in ("per_call", "per_picture", "tokens"):
        if isinstance(value := shown.get(kind), dict):
            value = ", ".join(f"{name} {each}" for name, each in value.items() if each is not None)
        if value is not None:
            parts.append(f"{kind.replace('_', ' ')}: {value}")
    return "; ".join(parts)
