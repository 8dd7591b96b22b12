"""The way in to the Midjourney surface: its addresses, under any prefix, and what holds for all of them."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import Receive, Scope, Send

from api.midjourney.accounts import fetch_account, list_accounts
from api.midjourney.actions.blend import blend
from api.midjourney.actions.button_handlers import action, change, simple_change
from api.midjourney.actions.describe import describe, shorten
from api.midjourney.actions.edit import edits, retexture, swap_face
from api.midjourney.actions.imagine import imagine
from api.midjourney.actions.modal import modal
from api.midjourney.actions.video import video
from api.midjourney.cancel import cancel
from api.midjourney.context import Handler, answering
from api.midjourney.images import image, image_seed, upload
from api.midjourney.responses import CORS, of_problem, submit_response
from api.midjourney.tasks import fetch, list_newest, list_queue, list_some, query_tasks
from api.web.problems import Problem
from models.midjourney.protocol import Code

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

#: Addresses behind the prefix, with their method.
ADDRESSES: tuple[tuple[str, str, Handler], ...] = (
    ("POST", "/submit/imagine", imagine),
    ("POST", "/submit/action", action),
    ("POST", "/submit/change", change),
    ("POST", "/submit/simple-change", simple_change),
    ("POST", "/submit/modal", modal),
    ("POST", "/submit/describe", describe),
    ("POST", "/submit/shorten", shorten),
    ("POST", "/submit/blend", blend),
    ("POST", "/submit/edits", edits),
    ("POST", "/submit/edit", edits),
    ("POST", "/submit/retexture", retexture),
    ("POST", "/submit/video", video),
    ("POST", "/submit/upload-discord-images", upload),
    ("POST", "/insight-face/swap", swap_face),
    ("GET", "/task/list", list_newest),
    ("GET", "/task/queue", list_queue),
    ("GET", "/queue", list_queue),
    ("POST", "/task/list-by-condition", list_some),
    ("POST", "/task/list-by-ids", list_some),
    ("POST", "/task/query", query_tasks),
    ("POST", "/task-admin/query", query_tasks),
    ("GET", "/task/{task_id}/fetch", fetch),
    ("POST", "/task/{task_id}/cancel", cancel),
    ("GET", "/task/{task_id}/image-seed", image_seed),
    ("GET", "/image/{task_id}", image),
    ("GET", "/account/list", list_accounts),
    ("GET", "/account/{account_id}/fetch", fetch_account),
)


def midjourney_routes() -> list[BaseRoute]:
    """Return the routes of the surface: below ``/mj``, and below any one segment before it.

    With two slashes, too: so do clients ask whose base address was written with a slash at its end.
    """
    routes = [_route(method, path, handler) for method, path, handler in ADDRESSES]
    inside = Router(routes, redirect_slashes=False, default=_nothing_here)
    guide = Route("/mj", _to_the_guide, methods=["GET"])
    below = [Mount(path, inside) for path in ("/{mode}/mj", "//{mode}/mj", "/{mode}//mj")]
    return [*below, guide, Mount("/mj", inside), Mount("//mj", inside)]


def is_midjourney(path: str) -> bool:
    """Tell whether an address belongs to this surface."""
    segments = path.lstrip("/").replace("//", "/").split("/")
    return "mj" in segments[:2] and segments[-1:] != ["mj"]


def written(problem: Problem, request_id: str) -> Response:
    """Write a problem that was met before any handler."""
    return of_problem(problem)


def _route(method: str, path: str, handler: Handler) -> Route:
    allowed = ("GET", "HEAD") if method == "GET" else (method,)
    respond = answering(handler)

    async def endpoint(request: Request) -> Response:
        if request.method == "OPTIONS":
            return _preflight(request, allowed)
        if request.method not in allowed:
            words = f"This address takes {method}, not {request.method}."
            return submit_response(Code.INVALID, words, status=405)
        return await respond(request)

    return Route(path, endpoint, methods=list(_METHODS))


def _preflight(request: Request, allowed: tuple[str, ...]) -> Response:
    """Let pages of any origin send what they like: a key in a header is the only permission."""
    wanted = request.headers.get("access-control-request-headers", "*")
    headers = {
        **CORS,
        "Access-Control-Allow-Methods": ", ".join((*allowed, "OPTIONS")),
        "Access-Control-Allow-Headers": wanted,
        "Access-Control-Max-Age": "86400",
        "Vary": "Access-Control-Request-Headers",
    }
    return Response(status_code=204, headers=headers)


async def _nothing_here(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        return
    answer = submit_response(Code.INVALID, "There is nothing at this address.", status=404)
    await answer(scope, receive, send)


async def _to_the_guide(request: Request) -> Response:
    return RedirectResponse("/docs")
