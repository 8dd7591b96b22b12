"""Documents of campaigns, as the server shows them, and a client whose answers follow their addresses."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from darkroom_client.exchange.messages import Request, Response
from tests.clients.python.scripted_transport import URL, ScriptedTransport, client_of, done, ok

ZERO = dict.fromkeys(("waiting", "running", "made", "approved", "rejected", "failed", "held", "skipped"), 0)


def a_campaign(status: str = "running", **states: int) -> dict[str, Any]:
    """Return a campaign with so many items in each state."""
    by_status = {**ZERO, **states}
    return {
        "id": "camp_1",
        "object": "campaign",
        "name": "spring",
        "kind": "planned",
        "status": status,
        "paused": None,
        "items": {"total": sum(by_status.values()), "by_status": by_status},
        "money": {"currency": "USD", "limit": "20", "reserved": "0", "settled": "1.5", "unknown": "0"},
        "eta": None,
    }


def an_item(number: int, status: str = "made", **members: Any) -> dict[str, Any]:
    """Return an item whose newest take is the job of its number."""
    return {
        "id": f"item_{number}",
        "object": "item",
        "key": f"k{number}",
        "variant": "",
        "status": status,
        "takes": 1,
        "verdict": None,
        "error": None,
        "job": f"job_{number}",
        "model": "m",
        "ended_at": f"2026-01-01T00:00:{number:02}.000Z",
        **members,
    }


class Routed(ScriptedTransport):
    """Answers by method and path; what is not routed gets the answers in turn."""

    def __init__(self, **routes: Callable[[Request], Any]) -> None:
        super().__init__([ok({})])
        self.routes = routes

    def _next(self, request: Request) -> Any:
        name = f"{request.method.lower()}_{urlsplit(request.url).path.rpartition('/')[2]}"
        self.clock += self.holds(request)
        self.requests.append(request)
        if name not in self.routes:
            return jobs_of(request) if name == "get_jobs" else ok({})
        answer = self.routes[name](request)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Response | tuple | list) else ok(answer)


def query_of(request: Request) -> dict[str, list[str]]:
    """Return the query of a request."""
    return parse_qs(urlsplit(request.url).query)


def jobs_of(request: Request) -> Response:
    """Answer a list of jobs by ids: each has a picture of the bytes ``one``."""
    ids = query_of(request)["ids"][0].split(",")
    return ok({"data": [done(int(each.removeprefix("job_"))) for each in ids], "next": None})


def campaign_on(**routes: Callable[[Request], Any]) -> tuple[Any, Routed]:
    """Return the campaign ``spring`` and its transport."""
    transport = Routed(**routes)
    return client_of(transport).campaign("spring"), transport


__all__ = ["URL", "ZERO", "Routed", "a_campaign", "an_item", "campaign_on", "jobs_of", "query_of"]
