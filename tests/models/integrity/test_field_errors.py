"""Wrong values of fields, in plain words."""

from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as some
from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field, ValidationError

from models.integrity.field_errors import one_line, plain_message

JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(), inner, max_size=3),
    max_leaves=5,
)


class Inner(BaseModel):
    """A table in a table."""

    name: str = ""


class Fields(BaseModel):
    """A field of each kind that requests and settings have."""

    model_config = ConfigDict(extra="forbid")

    whole: int = Field(1, gt=0)
    number: float = Field(1, le=5)
    amount: Decimal = Decimal(1)
    flag: bool = True
    text: str = Field("a", min_length=1, max_length=3, pattern="^a")
    word: Literal["auto", "off"] = "auto"
    url: AnyHttpUrl | None = None
    file: Path | None = None
    several: tuple[str, ...] = ()
    table: dict[str, int] = {}
    inner: Inner = Inner()
    either: int | Inner | None = None


@given(some.dictionaries(some.sampled_from([*Fields.model_fields, "other"]), JSON, max_size=3))
def test_no_wrong_value_is_described_in_words_of_python(values: dict[str, Any]) -> None:
    try:
        Fields.model_validate(values)
    except ValidationError as error:
        for each in error.errors():
            message = plain_message(each)
            assert message.splitlines() == [message]
            words = ("should", "Input", "tuple", "dict", "str ", "integer", "instance", "unable to parse")
            assert not [word for word in words if word in message], message


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("whole", "banana", "must be a whole number"),
        ("whole", 0, "must be greater than 0"),
        ("word", "on", "must be 'auto' or 'off'"),
        ("several", 1, "must be a list"),
        ("inner", 1, "must be a table of names and values"),
        ("url", "banana", "must be a URL such as https://api.example.com"),
        ("url", "file:///a", "must begin with https:// or http://"),
    ],
)
def test_the_message_says_what_is_expected(field: str, value: object, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Fields.model_validate({field: value})
    assert plain_message(caught.value.errors()[0]) == message


def test_long_texts_are_cut_and_stay_on_one_line() -> None:
    assert one_line("a\nb\tc") == "a b c"
    assert 300 <= len(one_line("x" * 5000)) <= 310
