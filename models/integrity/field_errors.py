"""Wrong values of fields in plain words: pydantic's errors without the names of Python's types."""

import re
from collections.abc import Mapping
from typing import Any

_MOST = 300  # characters of one message
_WORDS: Mapping[str, str] = {
    "missing": "is required",
    "model_type": "must be a table of names and values",
    "model_attributes_type": "must be a table of names and values",
    "dict_type": "must be a table of names and values",
    "mapping_type": "must be a table of names and values",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "string_type": "must be a text",
    "string_unicode": "must be a text in UTF-8",
    "string_too_short": "must not be empty",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a smaller whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "decimal_type": "must be a number",
    "decimal_parsing": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "path_type": "must be a path",
    "url_type": "must be a URL such as https://api.example.com",
    "url_parsing": "must be a URL such as https://api.example.com",
    "url_syntax_violation": "must be a URL such as https://api.example.com",
    "url_scheme": "must begin with https:// or http://",
}  # by pydantic's type of error
_SHOULD = re.compile(r"^[A-Z]\w*(?: \w+)? should ")


def plain_message(error: Mapping[str, Any]) -> str:
    """Return what is wrong with a field, as one line without its name: ``must be a whole number``.

    ``error``: one of the errors of a pydantic ``ValidationError``.
    """
    message = _WORDS.get(error["type"]) or _SHOULD.sub("must ", error["msg"].removeprefix("Value error, "))
    return one_line(message)


def one_line(text: str) -> str:
    """Return a text without line breaks, at most 300 characters long."""
    line = " ".join(text.split())
    return line if len(line) <= _MOST else f"{line[: _MOST // 2]} … {line[-_MOST // 2 :]}"
