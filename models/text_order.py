"""Code-point order of text in SQL: the order of Python's ``str``, whatever the collation of the database.

UTF-8 sorts by bytes as by code points (RFC 3629, 1): PostgreSQL's collation ``C``, and SQLite's default.
"""

from typing import Any

from sqlalchemy import Text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement


class code_points(FunctionElement[str]):  # noqa: N801 - named like a function of SQL
    """A text that is sorted and compared by code points."""

    type = Text()
    inherit_cache = True


@compiles(code_points)
def _default(element: code_points, compiler: Any, **options: Any) -> str:
    return str(compiler.process(element.clauses, **options))


@compiles(code_points, "postgresql")
def _postgresql(element: code_points, compiler: Any, **options: Any) -> str:
    return f'({compiler.process(element.clauses, **options)} COLLATE "C")'
