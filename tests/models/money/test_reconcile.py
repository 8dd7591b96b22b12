"""A provider's bill and the recorded calls, compared in both directions."""

import io

import pytest

from models.money.reconcile import (
    BillError,
    BillLine,
    DifferenceKind,
    RecordedCall,
    compare,
    read_bill,
    to_settle,
)

BILL = """Time,Request ID,Model,Cost
1,req_a,m,$0.10
2,req_b,m,0.2
3,req_b,m,0.2
4,req_x,m,0.5
5,req_u,m,0.3
6,,m,9
"""


def test_a_bill_is_read_by_the_usual_names_of_its_columns() -> None:
    lines = read_bill(io.StringIO(BILL))
    assert lines[0] == BillLine("req_a", 100_000, 2)
    assert len(lines) == 5


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b\n1,2\n", "--id-column"),
        ("", "no header"),
        ("id,b\n1,2\n", "--amount-column"),
        ("id,cost\nx,much\n", "line 2"),
        ("id,cost\nx,-1\n", "line 2"),
    ],
)
def test_a_bill_that_can_not_be_read_says_what_to_do(text: str, words: str) -> None:
    with pytest.raises(BillError, match=words):
        read_bill(io.StringIO(text))


def test_every_difference_is_listed_once() -> None:
    recorded = [("req_a", 100_000), ("req_b", 150_000), ("req_u", None), ("req_l", 70_000), ("req_0", 0)]
    found = [
        (each.kind, each.request_id, each.billed, each.recorded)
        for each in compare(read_bill(io.StringIO(BILL)), recorded)
    ]
    assert found == [
        (DifferenceKind.OTHER_AMOUNT, "req_b", 200_000, 150_000),
        (DifferenceKind.BILLED_TWICE, "req_b", 200_000, 150_000),
        (DifferenceKind.NOT_RECORDED, "req_x", 500_000, None),
        (DifferenceKind.UNKNOWN_HERE, "req_u", 300_000, None),
        (DifferenceKind.NOT_BILLED, "req_l", None, 70_000),
    ]


def test_a_bill_that_agrees_has_no_difference() -> None:
    assert compare([BillLine("a", 5, 2)], [("a", 2), ("a", 3), ("b", 0)]) == []


def test_only_calls_without_a_known_cost_are_settled_and_only_where_it_is_clear_whose_amount_it_is() -> None:
    bill = [BillLine(name, 5, 2) for name in ("known", "unknown", "reserved", "two calls", "nobody's")]
    bill += [BillLine("two lines", 5, 7), BillLine("two lines", 6, 8)]
    recorded = [
        RecordedCall("known", 4, settled=True),
        RecordedCall("unknown", None, settled=False),
        RecordedCall("reserved", 9, settled=False),
        RecordedCall("two calls", None, settled=False),
        RecordedCall("two calls", 1, settled=True),
        RecordedCall("two lines", None, settled=False),
        RecordedCall("not billed", None, settled=False),
    ]
    assert to_settle(bill, recorded) == {"unknown": 5, "reserved": 5}
