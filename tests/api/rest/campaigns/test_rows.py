"""Import of rows: formats, identity of rows, errors all at once, reference files."""

import base64
import io
import json
import zipfile
from typing import Any

import pytest

from models.ids import new_id
from models.queries.campaigns.campaigns import claim_import, find
from tests.api.rest.campaigns.conftest import SPRING, Create, Import
from tests.api.service import BOB, Service
from worker.practice.drawing.png import tiny_png

COUNTS = ("rows", "added", "changed", "unchanged", "missing", "duplicates")


def counts(report: dict[str, Any]) -> tuple[int, ...]:
    return tuple(report[name] for name in COUNTS)


def places(report: dict[str, Any]) -> list[tuple[int, str | None, str]]:
    return [(each["line"], each["column"], each["code"]) for each in report["errors"]]


def png(shade: int) -> bytes:
    return tiny_png(f"shade {shade}", 0)


async def test_the_same_sheet_again_changes_nothing_and_a_changed_row_is_told_from_it(
    create: Create, load: Import, service: Service
) -> None:
    await create()
    sheet = "key,colour\na,red\nb,blue\n"
    assert counts(await load(sheet, dry_run="true")) == (2, 2, 0, 0, 0, 0)
    assert counts(await load(sheet)) == (2, 2, 0, 0, 0, 0)
    assert counts(await load(sheet)) == (2, 0, 0, 2, 0, 0)
    assert counts(await load("colour;key\nblue;b\ngreen;a\nwhite;c\n")) == (3, 1, 1, 1, 0, 0)
    report = await load("key,colour\na,green\n")
    assert (counts(report), report["missing_keys"]) == ((1, 0, 0, 1, 2, 0), ["b", "c"])
    assert (await service.get(SPRING)).json()["rows"] == 3
    assert counts(await load("key,colour\na,green\nb,blue\nc,white\n")) == (3, 0, 0, 3, 0, 0)


async def test_all_errors_come_at_once_with_line_and_column_and_do_not_block_good_rows(
    create: Create, load: Import
) -> None:
    await create()
    sheet = (
        'key,colour,n,size\na,red,2,1K\nb,,1,\n"c\nd",red,99,\na,red,,\ne,red,,huge\nf,red,,,x\ng,red,1,2K\n'
    )
    report = await load(sheet)
    assert places(report) == [
        (3, None, "empty_variable"),
        (4, "n", "invalid"),
        (6, None, "duplicate_key"),
        (7, "size", "invalid"),
        (8, None, "too_many_cells"),
    ]
    assert (counts(report), report["error_count"]) == ((2, 2, 0, 0, 0, 1), 5)
    assert report["errors_by_code"]["invalid"] == 2


@pytest.mark.parametrize(
    ("encoding", "kind"),
    [
        ("utf-8-sig", "text/csv"),
        ("utf-16", "text/csv"),
        ("utf-16-le", "text/csv"),
        ("gb18030", "text/csv"),
        ("windows-1252", "text/csv; charset=windows-1252"),
    ],
)
async def test_encodings_are_found_by_mark_content_or_charset(
    create: Create, load: Import, service: Service, encoding: str, kind: str
) -> None:
    await create()
    word = "rosé" if encoding == "windows-1252" else "红色的"
    report = await load(f"key,colour\nfirst,{word}\nsecond,{word}\n".encode(encoding), kind)
    assert (report["added"], report["errors"]) == (2, [])
    plan = (await service.get(f"{SPRING}/plan")).json()
    assert plan["samples"][0]["prompt"] == f"a {word} cat"


async def test_bytes_in_no_encoding_are_an_error_with_its_line(create: Create, load: Import) -> None:
    await create()
    report = await load(b"key,colour\na,red\nb,\xff\xff,\n")
    assert (report["rows"], places(report)) == (0, [(3, None, "encoding")])


async def test_other_formats_make_the_same_rows(create: Create, load: Import) -> None:
    await create()
    assert (await load("key,colour\na,red\n"))["added"] == 1
    tabs = await load("key\tcolour\na\tred\n", "text/tab-separated-values")
    lines = await load(
        '{"key": "a", "colour": "red"}\n\n{"key": 7, "colour": []}\nnope\n', "application/jsonl"
    )
    assert (tabs["unchanged"], lines["unchanged"]) == (1, 1)
    assert places(lines) == [(3, "colour", "invalid"), (4, None, "malformed_json")]


async def test_columns_are_mapped_and_the_mapping_is_remembered(
    create: Create, load: Import, service: Service
) -> None:
    await create(template={})
    mapping = json.dumps({"SKU": "key", "Text": "prompt", "Seed": "params.seed", "Notes": "-"})
    sheet = "SKU,Text,Seed,Notes\nx1,a {plain} cat,7,secret\n"
    assert (await load(sheet, mapping=mapping))["added"] == 1
    again = await load(sheet)
    assert (again["unchanged"], again["mapping"]["SKU"]) == (1, "key")
    columns = [(each["name"], each["field"], each["example"]) for each in again["columns"]]
    assert columns[:2] == [("SKU", "key", "x1"), ("Text", "prompt", "a {plain} cat")]
    assert columns[3] == ("Notes", "-", "secret")
    samples = (await service.get(f"{SPRING}/plan")).json()["samples"]
    assert (samples[0]["key"], samples[0]["prompt"]) == ("x1", "a {plain} cat")
    answer = await service.post(
        f"{SPRING}/rows",
        content=b"a\nb",
        headers={"Content-Type": "text/csv"},
        params={"mapping": '{"a": "colour"}'},
    )
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "mapping.a")


async def test_rows_without_keys_are_told_apart_by_their_content(create: Create, load: Import) -> None:
    await create()
    assert counts(await load("colour\nred\nblue\nred\n")) == (2, 2, 0, 0, 0, 1)
    assert counts(await load("colour\nblue\nred\ngreen\n")) == (3, 1, 0, 2, 0, 0)


@pytest.mark.parametrize(
    ("sheet", "code"),
    [
        (",".join(f"c{number}" for number in range(100_000)) + "\n", "too_many_columns"),
        ("key,key\n", "duplicate_column"),
        ("", "no_header"),
        ('key,colour\na,"red\n', "malformed_csv"),
    ],
)
async def test_a_sheet_that_can_not_be_read_says_why(
    create: Create, load: Import, sheet: str, code: str
) -> None:
    await create()
    report = await load(sheet)
    assert [each["code"] for each in report["errors"]] == [code]
    assert report["rows"] == 0


async def test_a_cell_beyond_its_ceiling_names_the_setting(create: Create, load: Import) -> None:
    await create()
    report = await load(f"key,colour\na,{'x' * (2**20 + 1)}\nb,red\n")
    assert (places(report), report["added"]) == ([(2, "colour", "cell_too_large")], 1)
    assert "DARKROOM_CAMPAIGN_CELL_BYTES" in report["errors"][0]["message"]


async def test_a_workbook_is_read_and_a_bomb_is_refused(create: Create, load: Import) -> None:
    pytest.importorskip("python_calamine")
    await create()
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    report = await load(workbook([["key", "colour", "n"], ["a", "red", 2], ["b", "blue", 99]]), kind)
    assert (report["added"], places(report)) == (1, [(3, "n", "invalid")])
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("x", "w") as part:
        for _ in range(257):
            part.write(bytes(2**20))
    assert places(await load(bomb.getvalue(), kind)) == [(0, None, "xlsx_too_large")]
    assert places(await load(b"PK no workbook", kind)) == [(0, None, "malformed_xlsx")]


def workbook(rows: list[list[object]]) -> bytes:
    """Return the least that is an XLSX workbook."""

    def cell(value: object) -> str:
        if isinstance(value, str):
            return f'<c t="inlineStr"><is><t>{value}</t></is></c>'
        return f"<c><v>{value}</v></c>"

    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    data = "".join(f"<row>{''.join(map(cell, row))}</row>" for row in rows)
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"/>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r0" '
        f'Type="{kind}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{kind}"><sheets>'
        '<sheet name="s" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
        f'Type="{kind}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{data}</sheetData></worksheet>',
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return file.getvalue()


async def test_reference_files_beside_the_sheet_are_stored_once_by_content(
    create: Create, service: Service
) -> None:
    pytest.importorskip("python_multipart")
    await create()
    inline = "data:image/png;base64," + base64.b64encode(png(9)).decode()
    sheet = f'key,colour,images\na,red,one.png; two.png\nb,red,three.png\nc,red,"{inline}"\n'
    files = [
        ("sheet", ("rows.csv", f"{sheet}d,red,gone.png\n", "text/csv")),
        *(
            ("files", (name, png(shade)))
            for name, shade in (("one.png", 9), ("two.png", 8), ("three.png", 9))
        ),
    ]
    report = (await service.post(f"{SPRING}/rows", files=files)).json()
    assert (report["added"], places(report)) == (3, [(5, "images", "invalid")])
    samples = {
        each["key"]: each["images"] for each in (await service.get(f"{SPRING}/plan")).json()["samples"]
    }
    assert samples["a"][0] == samples["b"][0] == samples["c"][0] != samples["a"][1]
    again = (await service.post(f"{SPRING}/rows", files=files)).json()
    assert again["unchanged"] == 3


async def test_an_asset_of_another_caller_is_refused(create: Create, load: Import) -> None:
    await create()
    report = await load("key,colour,images\na,red,asset_01h455vb4pex5vsknk084sn02q\n")
    assert (report["added"], places(report)) == (0, [(2, "images", "input_image_not_found")])


async def test_a_second_import_at_the_same_time_is_refused(create: Create, service: Service) -> None:
    made = await create()
    at = service.services.clock()
    async with service.services.database.writing() as connection:
        found = await find(connection, await _callers(service), name=made["name"])
        assert found is not None
        assert await claim_import(connection, found.id, new_id(), until=at.replace(year=9000), at=at)
    answer = await service.post(f"{SPRING}/rows", content=b"key\na", headers={"Content-Type": "text/csv"})
    assert (answer.status_code, "import" in answer.json()["detail"]) == (409, True)


async def _callers(service: Service) -> list[Any]:
    from_key = await service.services.authenticator.check(service.key or "")
    assert from_key.caller is not None
    return [from_key.caller.id]


async def test_rows_beyond_the_ceiling_are_named(create: Create, load: Import, service: Service) -> None:
    object.__setattr__(
        service.services, "settings", service.services.settings.model_copy(update={"campaign_rows": 2})
    )
    await create()
    report = await load("key,colour\na,red\nb,red\nc,red\n")
    assert (report["added"], places(report)) == (2, [(4, None, "too_many_rows")])
    repeated = await load("key,colour\n" + "a,red\n" * 9)
    assert (repeated["duplicates"], places(repeated)[-1]) == (1, (4, None, "too_many_rows"))


async def test_other_media_types_callers_and_flags_are_refused(create: Create, service: Service) -> None:
    await create()
    answers = [
        await service.post(f"{SPRING}/rows", content=b"x", headers={"Content-Type": "image/png"}),
        await service.with_key(BOB).post(
            f"{SPRING}/rows", content=b"key\na", headers={"Content-Type": "text/csv"}
        ),
        await service.post(
            f"{SPRING}/rows?dry_run=maybe", content=b"x", headers={"Content-Type": "text/csv"}
        ),
    ]
    assert [answer.status_code for answer in answers] == [415, 404, 422]


@pytest.mark.parametrize(
    ("sheet", "code"),
    [
        (b'colour\n"red', "malformed_csv"),
        ("colour\nred\n猫\n".encode() + "狗\n".encode("gb18030"), "encoding"),
        (",".join(f"c{number}" for number in range(100_000)).encode(), "too_many_columns"),
    ],
)
async def test_a_sheet_that_can_not_be_read_to_its_end_says_nothing_of_missing_rows(
    create: Create, load: Import, service: Service, sheet: bytes, code: str
) -> None:
    await create()
    await load("key,colour\na,red\nb,blue\n")
    report = await load(sheet)
    assert (report["errors_by_code"], report["missing"]) == ({code: 1}, 0)
    warnings = (await service.get(f"{SPRING}/plan")).json()["warnings"]
    assert "missing_rows" not in [each["code"] for each in warnings]


@pytest.mark.parametrize("mapping", ["nope", "[1]", '"key"', '{"SKU": "size2"}', '{"SKU": 1}', "[" * 5_000])
async def test_a_wrong_mapping_is_named_as_the_parameter(
    create: Create, service: Service, mapping: str
) -> None:
    await create()
    answer = await service.post(
        f"{SPRING}/rows",
        content="SKU\n1\n",
        headers={"Content-Type": "text/csv"},
        params={"mapping": mapping},
    )
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].startswith("mapping")
