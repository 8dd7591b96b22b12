"""Ranges, ETags and missing objects of image responses (RFC 9110)."""

import pytest

from tests.api.service import Service

CONTENT = bytes(range(256)) * 5000  # more than one chunk of a stream


@pytest.mark.parametrize(
    ("byte_range", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=1000000-", 1_000_000, len(CONTENT)),
        ("bytes=-5", len(CONTENT) - 5, len(CONTENT)),
        ("bytes=5-99999999999", 5, len(CONTENT)),
        ("bytes=-99999999999", 0, len(CONTENT)),
    ],
)
async def test_a_requested_range_is_sent(service: Service, byte_range: str, start: int, end: int) -> None:
    asset = await service.finish(await service.submit(), CONTENT)
    answer = await service.get(f"/assets/{asset['token']}/0.png", headers={"Range": byte_range})

    assert (answer.status_code, answer.content) == (206, CONTENT[start:end])
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(CONTENT)}"
    assert answer.headers["content-length"] == str(end - start)


@pytest.mark.parametrize("byte_range", [f"bytes={len(CONTENT)}-", "bytes=99999999-999999999", "bytes=-0"])
async def test_an_unsatisfiable_range_is_refused(service: Service, byte_range: str) -> None:
    asset = await service.finish(await service.submit(), CONTENT)
    answer = await service.get(f"/assets/{asset['token']}/0.png", headers={"Range": byte_range})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(CONTENT)}"


@pytest.mark.parametrize(
    "byte_range", ["bytes=5-4", "bytes=-", "lines=1-2", "bytes=0-1,4-5", "bytes=a-b", "\xff"]
)
async def test_a_malformed_range_is_ignored(service: Service, byte_range: str) -> None:
    asset = await service.finish(await service.submit(), CONTENT)
    answer = await service.get(
        f"/assets/{asset['token']}/0.png", headers={"Range": byte_range.encode("latin-1")}
    )
    assert (answer.status_code, len(answer.content)) == (200, len(CONTENT))


async def test_a_range_of_another_version_is_not_sent(service: Service) -> None:
    asset = await service.finish(await service.submit(), CONTENT)
    headers = {"Range": "bytes=0-9", "If-Range": '"other"'}
    assert (await service.get(f"/assets/{asset['token']}/0.png", headers=headers)).status_code == 200


async def test_a_client_with_the_current_image_gets_304(service: Service) -> None:
    asset = await service.finish(await service.submit(), CONTENT)
    headers = {"If-None-Match": f'W/"x", "{asset["sha256"]}"'}
    answer = await service.get(f"/assets/{asset['token']}/0.png", headers=headers)
    assert (answer.status_code, answer.content) == (304, b"")


async def test_an_image_missing_in_the_store_is_not_found(service: Service) -> None:
    asset = await service.finish(await service.submit(), CONTENT)
    await service.services.store.delete(asset["key"])
    assert (await service.get(f"/assets/{asset['token']}/0.png")).status_code == 404
