import pytest
from aiohttp import web

from worker.download.http_client import open_download_client
from worker.download.ssrf import AllowList

SIGNED = (
    "/a%2Fb/%7Ecat.png?X-Sig=a%2Bb%3D%3D&when=12%3A30&plain=a+b&empty=&tilde=~&%E7%8C%AB=%e7%8c%ab",
    "/cat;v=1,2/(x).png?e=1:2&x=%20&y=[1]",
)


@pytest.mark.parametrize("path", SIGNED)
async def test_a_signed_address_is_asked_for_byte_for_byte(path: str) -> None:
    seen: list[str] = []

    async def note(request: web.Request) -> web.Response:
        seen.append(request.raw_path)
        return web.Response()

    app = web.Application()
    app.router.add_get("/{tail:.*}", note)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    async with open_download_client(AllowList.parse(["127.0.0.0/8"])) as client:
        await client.get(f"http://127.0.0.1:{port}{path}")
    await runner.cleanup()
    assert seen == [path]
