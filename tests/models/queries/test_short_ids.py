"""Short ids: which object a unique beginning of an id stands for."""

from uuid import UUID

import pytest
from sqlalchemy import insert

from models.database import Database
from models.errors import InvalidRequest
from models.ids import Kind, public_id
from models.queries.assets import NewAsset, insert_assets
from models.queries.short_ids import AMBIGUOUS, whole_id
from models.tables import callers
from tests.support.filled_database import START

ONE, OTHER = UUID("01890000-0000-7000-8000-000000000001"), UUID("01890000-0000-7000-8000-000000000002")
APART = UUID("01890000-ffff-7000-8000-000000000001")
MINE, THEIRS = UUID(int=1), UUID(int=2)
KINDS: tuple[Kind, ...] = (
    *("job", "asset", "webhook", "delivery", "camp", "item", "action", "export", "caller", "key"),
)


@pytest.fixture
async def assets(database: Database) -> Database:
    """A database in which one caller has two assets of one moment and one apart, and another has one."""
    who = {"name": "c", "key_hint": "", "admin": False, "created_at": START}
    file = {"sha256": "", "content_type": "image/png", "extension": "png", "width": 1, "height": 1}
    more = {"key": "k", "bytes": 1, "source_url": None, "created_at": START}
    owners = {ONE: MINE, OTHER: MINE, APART: MINE, UUID(int=APART.int + 1): THEIRS}
    async with database.writing() as connection:
        rows = [who | {"id": caller, "key_hash": caller.bytes * 2} for caller in (MINE, THEIRS)]
        await connection.execute(insert(callers), rows)
        new = [NewAsset(id=key, caller_id=owner, **file, **more) for key, owner in owners.items()]
        await insert_assets(connection, new)
    return database


async def found(database: Database, text: str, caller_id: UUID | None = MINE) -> str:
    async with database.reading() as connection:
        return await whole_id(connection, "asset", text, caller_id=caller_id, field="asset_id")


@pytest.mark.parametrize("length", [8, 10, 25, 26])
async def test_a_unique_beginning_stands_for_the_id_with_its_kind_or_without(
    assets: Database, length: int
) -> None:
    whole = public_id("asset", APART)
    for kind in ("", "asset_"):
        assert await found(assets, kind + whole.removeprefix("asset_")[:length]) == whole


async def test_objects_of_other_callers_make_no_beginning_ambiguous_and_are_not_found(
    assets: Database,
) -> None:
    beginning = public_id("asset", APART)[:25]
    assert await found(assets, beginning) == public_id("asset", APART)
    assert await found(assets, beginning, THEIRS) == public_id("asset", UUID(int=APART.int + 1))
    assert await found(assets, public_id("asset", ONE)[:20], THEIRS) == public_id("asset", ONE)[:20]


async def test_a_beginning_of_several_ids_is_refused_with_those_of_the_caller(assets: Database) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await found(assets, public_id("asset", ONE)[:18])
    assert (refused.value.field, refused.value.code) == ("asset_id", AMBIGUOUS)
    assert [public_id("asset", key) in refused.value.message for key in (ONE, OTHER)] == [True, True]
    with pytest.raises(InvalidRequest):
        await found(assets, public_id("asset", APART)[:25], None)


@pytest.mark.parametrize("text", ["asset_01h455v", "job_01h455vb4pex", "default", "", "../keys", "ü" * 12])
async def test_other_texts_stay_as_they_are(assets: Database, text: str) -> None:
    assert await found(assets, text) == text


@pytest.mark.parametrize("kind", KINDS)
async def test_each_kind_of_id_can_be_looked_up(database: Database, kind: Kind) -> None:
    async with database.reading() as connection:
        for caller_id in (MINE, None):
            text = await whole_id(connection, kind, "01h455vb4pex", caller_id=caller_id, field=kind)
            assert text == "01h455vb4pex"
