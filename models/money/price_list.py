"""Price lists: the shipped ``prices.toml``, and a further file of the same form that outranks it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.errors import SettingsError
from models.integrity.field_errors import plain_message
from models.integrity.toml_file import read_toml
from models.money.price import Price

SHIPPED = Path(__file__).with_name("prices.toml")
_LARGEST = 10_000_000  # bytes of a file


class ListedPrice(BaseModel):
    """One row of a price list: a model's price, where it was read, and when."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: Annotated[str, Field(min_length=1, max_length=256)]
    aliases: tuple[str, ...] = Field((), description="other names of the same model, such as snapshots")
    source: Annotated[str, Field(min_length=1, max_length=500)]
    date: date
    price: Price

    @property
    def version(self) -> str:
        """What attempts keep: the day of the row, and a fingerprint of the price."""
        return f"{self.date.isoformat()}-{self.price.version}"


@dataclass(frozen=True, slots=True)
class PriceList:
    """Official prices by model and alias."""

    rows: tuple[ListedPrice, ...]
    by_name: Mapping[str, ListedPrice]

    @classmethod
    def of(cls, rows: Sequence[ListedPrice]) -> "PriceList":
        """Index rows; of two rows with one name the later counts."""
        named = {name: row for row in rows for name in (*row.aliases, row.model)}
        return cls(tuple({id(row): row for row in named.values()}.values()), named)


@lru_cache(maxsize=4)
def load_prices(extra: Path | None = None) -> PriceList:
    """Return the shipped price list and the rows of ``extra``, which outrank it. Raises ``SettingsError``."""
    return PriceList.of([*read_rows(SHIPPED), *(read_rows(extra) if extra else ())])


def read_rows(path: Path) -> list[ListedPrice]:
    """Read a price list. Raises ``SettingsError`` with one sentence per fault."""
    try:
        size = path.stat().st_size
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "this is no name of a file"
        raise SettingsError([f"{path} can't be read: {reason}."]) from error
    if size > _LARGEST:
        raise SettingsError([f"{path} is larger than {_LARGEST:,} bytes: that is no price list."])
    found = read_toml(path, parse_float=str)
    return parse_rows(found.get("prices"), str(path))


def parse_rows(values: Any, where: str) -> list[ListedPrice]:
    """Check rows. Raises ``SettingsError`` with one sentence per fault."""
    if not isinstance(values, list):
        raise SettingsError([f"{where}: a price list has [[prices]] entries."])
    rows, faults = list[ListedPrice](), list[str]()
    for number, value in enumerate(values, 1):
        try:
            rows.append(ListedPrice.model_validate(value))
        except ValidationError as error:
            first = error.errors()[0]
            member = ".".join(str(part) for part in first["loc"])
            faults.append(f"{where}: row {number}, {member}: {plain_message(first)}.")
    if faults:
        raise SettingsError(faults)
    return rows
