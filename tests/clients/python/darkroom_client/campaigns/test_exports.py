"""Downloads of exports, which go on where they ended."""

from pathlib import Path
from typing import Any

import pytest

from darkroom_client import ConnectionFailed, DarkroomError
from darkroom_client.exchange.messages import Request, Response
from tests.clients.python.darkroom_client.campaigns.made import campaign_on
from tests.clients.python.scripted_transport import problem

ZIP = bytes(range(256)) * 10


def an_export(status: str = "ready", **members: Any) -> dict[str, Any]:
    return {"id": "export_1", "status": status, "format": "zip", "bytes": len(ZIP), **members}


class Content:
    """Serves the content, and breaks off after these many bytes in turn; then it is whole."""

    def __init__(self, *breaks: int, etag: str = '"a"') -> None:
        self.breaks, self.etag = list(breaks), etag
        self.ranges = list[str | None]()

    def head(self, request: Request) -> Response:
        return Response(200, {"content-length": str(len(ZIP)), "etag": self.etag})

    def get(self, request: Request) -> tuple[Response, list[Any]]:
        wanted = request.headers.get("Range")
        self.ranges.append(wanted)
        start = int(wanted[6:-1]) if wanted and request.headers["If-Range"] == self.etag else 0
        rest: list[Any] = [ZIP[start:]]
        if self.breaks:
            rest = [ZIP[start : start + self.breaks.pop(0)], ConnectionFailed("broken")]
        return Response(206 if start else 200, {}), rest


def saved(content: Content, files: dict[str, bytes] | None = None) -> tuple[dict[str, bytes], list[float]]:
    campaign, transport = campaign_on(
        post_exports=lambda _: an_export("waiting"),
        get_export_1=lambda _: an_export(),
        head_content=content.head,
        get_content=content.get,
    )
    transport.files = dict(files or {})
    assert campaign.export("spring.zip") == Path("spring.zip")
    return transport.files, transport.sleeps


def test_a_content_is_written_whole_and_nothing_else_is_left() -> None:
    files, _ = saved(Content())
    assert files == {"spring.zip": ZIP}


def test_a_broken_download_goes_on_at_the_byte_where_it_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("darkroom_client.campaigns.exports._BLOCK", 100)
    content = Content(1_000, 1_000, 0)
    files, _ = saved(content)
    assert files == {"spring.zip": ZIP}
    assert content.ranges == [None, "bytes=1000-", "bytes=2000-", "bytes=2000-"]


PART = {".spring.zip.export_1.part": ZIP[:700], ".spring.zip.export_1.part.etag": b'"a"'}


def test_the_part_of_an_earlier_run_is_used() -> None:
    content = Content()
    files, _ = saved(content, PART)
    assert (files, content.ranges) == ({"spring.zip": ZIP}, ["bytes=700-"])


def test_the_part_of_another_build_is_not_used() -> None:
    content = Content(etag='"b"')
    files, _ = saved(content, PART)
    assert (files, content.ranges) == ({"spring.zip": ZIP}, [None])


def test_a_whole_part_is_only_moved() -> None:
    content = Content()
    files, _ = saved(content, {**PART, ".spring.zip.export_1.part": ZIP})
    assert (files, content.ranges) == ({"spring.zip": ZIP}, [])


def test_a_download_that_never_comes_further_ends() -> None:
    with pytest.raises(ConnectionFailed):
        saved(Content(*[0] * 50))


def test_an_export_that_failed_says_why() -> None:
    campaign, _ = campaign_on(post_exports=lambda _: an_export("failed", error="the disk is full"))
    with pytest.raises(DarkroomError, match="the disk is full"):
        campaign.export("spring.zip")


def test_an_export_that_was_deleted_is_an_error() -> None:
    campaign, _ = campaign_on(
        post_exports=lambda _: an_export(), head_content=lambda _: problem(410, detail="Gone.")
    )
    with pytest.raises(DarkroomError, match="Gone"):
        campaign.export("spring.zip")


def test_a_wait_for_an_export_ends_after_its_timeout() -> None:
    campaign, _ = campaign_on(
        post_exports=lambda _: an_export("running"), get_export_1=lambda _: an_export("running")
    )
    with pytest.raises(DarkroomError, match="goes on"):
        campaign.create_export().wait(timeout=30)
