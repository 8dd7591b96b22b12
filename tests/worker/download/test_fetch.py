"""Where a download may lead: every hop is looked at, and nothing inside is reached."""

from pathlib import Path

import pytest

from models.errors import ImageError
from tests.worker.download.downloads import LOOPBACK, PNG, redirects, responds, serve_downloader
from tests.worker.download.hosts import Names
from worker.download.downloader import Downloader
from worker.download.http_client import open_download_client
from worker.download.ssrf import AllowList


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed(tmp_path: Path, status: int) -> None:
    answer = redirects(lambda request: None if request.path == "/b.png" else "../b.png?x=1", status)
    async with serve_downloader(answer, tmp_path) as host:
        fetched = await host.fetch("/c/a.png")
        assert fetched.url == host.origin + "/b.png?x=1"


@pytest.mark.parametrize(("hops", "code"), [(5, None), (6, "asset_redirects")])
async def test_five_redirects_are_followed_and_not_one_more(
    tmp_path: Path, hops: int, code: str | None
) -> None:
    answer = redirects(lambda r: f"/{int(r.path[1:]) + 1}" if int(r.path[1:]) < hops else None)
    async with serve_downloader(answer, tmp_path) as host:
        if code is None:
            assert (await host.fetch("/0")).body == PNG
        else:
            assert (await host.refused("/0")).code == code


async def test_a_redirect_to_nowhere_is_an_error(tmp_path: Path) -> None:
    async with serve_downloader(redirects(lambda _: ""), tmp_path) as host:
        assert (await host.refused()).code == "asset_redirects"


BAD_TARGETS = [
    *("http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/", "http://[::1]/", "//192.168.0.1/x"),
    *("http://2130706433/", "http://0x7f000001/", "http://127.1/", "http://127.0.0.1%00.example.com/"),
    *("http://[::ffff:10.0.0.1]/", "http://[fe80::1%25lo]/", "http://[/", "http://a b/"),
    *("http://user@8.8.8.8/", "http://a.example@127.0.0.1/", "http://a.example\\@127.0.0.1/"),
    *("file:///etc/passwd", "ftp://8.8.8.8/a.png", "gopher://8.8.8.8/", "javascript:1"),
    *("http://inside.example/", "http://mixed.example/"),
]


@pytest.mark.parametrize("target", BAD_TARGETS)
@pytest.mark.parametrize("hop", [0, 1])
async def test_no_hop_leads_inside(tmp_path: Path, target: str, hop: int) -> None:
    names = Names(inside_example=[["10.0.0.1"]], mixed_example=[["8.8.8.8", "10.0.0.1"]])
    async with serve_downloader(redirects(lambda _: target), tmp_path, names=names) as host:
        error = await host.refused(target if hop == 0 else "/a.png")
    assert (error.code, error.retryable) == ("asset_blocked_address", False)


async def test_loopback_is_refused_unless_it_is_allowed(tmp_path: Path) -> None:
    async with serve_downloader(responds(), tmp_path, allow=AllowList()) as host:
        assert (await host.refused()).code == "asset_blocked_address"
        assert (
            await host.refused(host.origin.replace("127.0.0.1", "localhost"))
        ).code == "asset_blocked_address"


async def test_a_name_that_moves_inside_after_the_first_look_is_refused(tmp_path: Path) -> None:
    names = Names(moving_example=[["127.0.0.1"], ["10.0.0.1"]])
    async with serve_downloader(responds(), tmp_path, names=names) as host:
        url = host.origin.replace("127.0.0.1", "moving.example")
        assert (await host.fetch(url)).body == PNG
        async with open_download_client(LOOPBACK, 1, resolver=names) as later:
            with pytest.raises(ImageError) as caught:
                await Downloader(later, allow=LOOPBACK).fetch(url, into=tmp_path)
    assert caught.value.code == "asset_blocked_address"


async def test_the_client_alone_refuses_addresses_in_links(tmp_path: Path) -> None:
    async with open_download_client(AllowList(), 1) as client:
        for url in ("http://127.0.0.1:9/", "http://[::1]:9/", "http://[::ffff:127.0.0.1]:9/"):
            with pytest.raises(ImageError) as caught:
                await client.get(url)
            assert caught.value.code == "asset_blocked_address"


@pytest.mark.parametrize(
    "url", ["http:///a.png", "/a.png", "a.png", "", "http://１２７.0.0.1/", f"http://{70 * 'a'}.example/"]
)
async def test_what_is_no_address_is_refused(tmp_path: Path, url: str) -> None:
    async with open_download_client(AllowList(), 1) as client:
        with pytest.raises(ImageError) as caught:
            await Downloader(client).fetch(url, into=tmp_path)
    assert caught.value.code == "asset_blocked_address"


async def test_a_redirect_may_be_written_in_any_script(tmp_path: Path) -> None:
    answer = redirects(lambda request: None if request.path == "/小猫.png" else "/小猫.png")
    async with serve_downloader(answer, tmp_path) as host:
        assert (await host.fetch()).body == PNG
