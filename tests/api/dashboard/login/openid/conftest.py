"""An OpenID Connect provider, an API that knows it, and a browser that logs in by it."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from html import unescape
from re import findall

import httpx
import pytest

from models.settings import Settings
from tests.api.conftest import started
from tests.api.dashboard.visitor import ORIGIN, Visitor
from tests.api.service import Service
from tests.support.openid_provider import CLIENT, SECRET, OpenIdServer, serve_openid

MAPPING = ("darkroom-admins=admin", "staff=viewer")


@dataclass
class OpenIdLogin:
    """A browser between Darkroom and the provider; its jar holds the cookies of Darkroom."""

    service: Service
    provider: OpenIdServer

    async def begin(self, path: str = "/dashboard/login/openid") -> httpx.Response:
        """Begin a login; the provider's address is in the answer."""
        self.service.client.cookies.clear()
        return await self.service.client.get(path)

    async def at_provider(self, begun: httpx.Response) -> str:
        """Log in at the provider; return the address to which it leads back."""
        async with httpx.AsyncClient(trust_env=False) as browser:
            answer = await browser.get(begun.headers["location"])
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]

    async def return_to(self, address: str, **changed: str) -> httpx.Response:
        """Open the address to which the provider leads; send the form of its page, some fields changed."""
        page = await self.service.client.get(address)
        fields = dict(findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text.split("/language")[0]))
        fields = {name: unescape(value) for name, value in fields.items()} | changed
        return await self.service.client.post("/dashboard/login/openid", data=fields, headers=ORIGIN)

    async def log_in(self, path: str = "/dashboard/login/openid") -> httpx.Response:
        """Go the whole way."""
        return await self.return_to(await self.at_provider(await self.begin(path)))

    async def visitor(self) -> Visitor:
        """Return a browser that has logged in."""
        answer = await self.log_in()
        assert answer.status_code == 303, answer.text
        cookies = {cookie.name: cookie.value or "" for cookie in self.service.client.cookies.jar}
        self.service.client.cookies.clear()
        return Visitor(self.service, cookies)


@pytest.fixture(scope="module")
def running_provider() -> Iterator[OpenIdServer]:
    """One provider, with one key, for all tests of a module."""
    with serve_openid() as provider:
        yield provider


@pytest.fixture
def provider(running_provider: OpenIdServer) -> OpenIdServer:
    """The provider; the person who logs in is one of the admins."""
    key, url = running_provider.key, running_provider.url
    running_provider.__init__(url=url, key=key)  # type: ignore[misc]
    running_provider.claims = {"groups": ["darkroom-admins"], "email": "ann@example.com"}
    return running_provider


@pytest.fixture
async def openid(
    provider: OpenIdServer, make_settings: Callable[..., Settings]
) -> AsyncIterator[OpenIdLogin]:
    """An API that knows the provider."""
    settings = make_settings(
        oidc_issuer=provider.url,
        oidc_client_id=CLIENT,
        oidc_client_secret=SECRET,
        oidc_role_claim="groups",
        oidc_roles=MAPPING,
        allow_private=("127.0.0.0/8",),
    )
    async with started(settings) as service:
        yield OpenIdLogin(service, provider)
