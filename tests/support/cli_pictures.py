"""Draw the tables of the command line at 80x24 and 120x40: ``python -m tests.support.cli_pictures FOLDER``.

Each command runs on a terminal of its own (a pty), against a scripted API or an empty database; Chromium
makes a PNG of what it printed. ``docs/pictures/cli/`` has the results.
"""

import fcntl
import io
import os
import pty
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from rich.console import Console
from rich.text import Text

from api.cli.app import run
from api.cli.output import printer
from api.cli.render.channels import CHANNEL_COLUMNS, OPTIONAL_COLUMNS, channel_cells
from models.clock import now, rfc3339
from models.ids import Kind, first_id, new_id, public_id
from tests.api.cli.render.test_channels import a_channel
from tests.api.cli.scripted_server import ScriptedServer, a_job, an_asset

SIZES = ((80, 24), (120, 40))
_PROMPTS = (
    "A lighthouse in a snowstorm, its beam cutting through the dark",
    "An old astronomer's desk: brass, star charts, candlelight",
    "a cat",
    "A cat with a red hat, watercolour on rough paper",
    "Product photo of a glass teapot on white, soft shadow, 85 mm",
)
_MODELS = ("gpt-4o-image", "sora-image", "gpt-4o-image", "m", "nano-banana-2-pro")
_ERROR = {
    "code": "connection_lost",
    "message": "The connection was lost after the request had been sent; the provider may have charged it.",
}


def _ago(**span: float) -> str:
    return rfc3339(now() - timedelta(**span))


def _id(kind: Kind, **before: float) -> str:
    """Return an id as it was made so long ago."""
    random = new_id().int & (1 << 76) - 1
    return public_id(kind, UUID(int=first_id(now() - timedelta(**before)).int | random))


def _jobs() -> list[dict[str, Any]]:
    states: list[dict[str, Any]] = [
        {"status": "running", "progress": 60},
        {"status": "queued", "waiting": {"detail": "The rate limit of wenwen starts the next call in 12 s."}},
        {"status": "held", "error": _ERROR, "attempts": [_attempt("req_8f14e45fceea167a5a36dedd4bea2543")]},
        {"status": "failed", "error": {"code": "moderation", "message": "The provider refused the prompt."}},
        {"status": "succeeded", "assets": [an_asset("http://127.0.0.1:8080/assets/a/0.png")] * 2},
    ]
    return [
        a_job(
            id=_id("job", minutes=7 * number),
            prompt=prompt,
            model=model,
            campaign="spring-catalogue",
            created_at=_ago(minutes=7 * number),
            **state,
        )
        for number, (prompt, state, model) in enumerate(
            zip(
                _PROMPTS,
                states,
                _MODELS,
                strict=True,
            )
        )
    ]


def _attempt(request_id: str) -> dict[str, Any]:
    return {"billed": "unknown", "finished_at": _ago(minutes=12), "provider_request_id": request_id}


def _campaign(name: str, **members: Any) -> dict[str, Any]:
    plain = {"name": name, "kind": "plain", "status": "running", "retry": {}, "updated_at": None}
    return {**plain, **members}


def _script(server: ScriptedServer) -> None:
    jobs = _jobs()
    held = [
        a_job(
            id=_id("job", minutes=len(request)),
            model="gpt-4o-image",
            campaign="spring-catalogue",
            status="held",
            error=_ERROR,
            created_at=_ago(hours=1),
            attempts=[_attempt(request)],
        )
        for request in ("req_8f14e45fceea167a5a36", "2026113004590817365", "")
    ]
    server.respond("GET /v1/jobs", {"data": jobs, "next": None})
    server.respond("GET /v1/jobs", {"data": held, "next": None})
    planned = {"total": 2000, "by_status": {"made": 1204, "approved": 37, "waiting": 759}}
    campaigns = [
        _campaign("night-1", retry={"no_image": {"attempts": 3}}, updated_at=_ago(days=2)),
        _campaign("spring-catalogue", kind="planned", items=planned, updated_at=_ago(hours=3)),
        _campaign("tests"),
    ]
    server.respond("GET /v1/campaigns", {"data": campaigns, "next": None})
    hook = {"id": _id("webhook"), "url": "https://studio.example.org/hooks/darkroom"}
    events = ["job.succeeded", "job.failed", "job.held"]
    more = {"events": events, "enabled": True, "disabled_reason": None, "description": "the studio's site"}
    server.respond("GET /v1/webhooks", {"data": [{**hook, **more}]})
    deliveries = [
        {
            "id": _id("delivery", minutes=tries),
            "status": status,
            "type": "job.succeeded",
            "job": jobs[4]["id"],
            "tries": tries,
            "created_at": _ago(minutes=tries),
            "next_at": None,
            "log": [{"http_status": code}],
        }
        for status, tries, code in (("delivered", 1, 200), ("pending", 3, 503))
    ]
    server.respond("GET /v1/webhooks/default/deliveries", {"data": deliveries, "next": None})


def _channels() -> int:
    views = [
        a_channel(
            name="wenwen", models=["gpt-4o-image", "sora*"], recent={"calls": 9, "succeeded": 9, "share": 1}
        ),
        a_channel(name="chatbp", state="paused", detail="paused: the invoice is being checked", rpm=None),
        a_channel(name="huiyan", learned_rpm=45.0, state="cooling", detail="cools down for 20 s"),
    ]
    rows = [(view, channel_cells(view, now())) for view in views]
    printer(json=False).table("channels", CHANNEL_COLUMNS, rows, optional=OPTIONAL_COLUMNS)
    return 0


def _keys() -> int:
    for name in ("studio", "night-runs"):
        run(["keys", "create", name, "--rpm", "60", "--expires", "90d"])
    os.write(1, b"\x1b[2J")
    return run(["keys", "list"])


TABLES: dict[str, Callable[[], int]] = {
    "jobs": lambda: run(["jobs", "list"]),
    "held": lambda: run(["jobs", "held"]),
    "campaigns": lambda: run(["campaigns", "list"]),
    "webhooks": lambda: run(["webhooks", "list"]),
    "deliveries": lambda: run(["webhooks", "deliveries", "default"]),
    "channels": _channels,
    "keys": _keys,
    "cases": lambda: run(["practice", "--list"]),
    "doctor": lambda: run(["doctor", "--offline"]),
    "help": lambda: run(["--help"]),
}


def printed(act: Callable[[], int], width: int, height: int) -> str:
    """Return what a function prints on a terminal of this size, with its escapes."""
    child, terminal = pty.fork()
    if not child:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        os.environ["TERM"] = "xterm-256color"
        code = 1
        try:
            code = act()
        finally:
            sys.stdout.flush()
            os._exit(code)
    output = b""
    while True:
        try:
            chunk = os.read(terminal, 65_536)
        except OSError:  # Linux reports the end of a terminal so
            break
        if not chunk:
            break
        output += chunk
    os.waitpid(child, 0)
    os.close(terminal)
    return output.decode().rpartition("\x1b[2J")[2].replace("\r\n", "\n")


def page_of(output: str, width: int, height: int) -> str:
    """Return an HTML page with what a terminal shows, cut to its height."""
    console = Console(record=True, file=io.StringIO(), width=width, legacy_windows=False)
    lines = output.splitlines()[: height - 1]
    console.print(Text.from_ansi("\n".join(lines)), soft_wrap=True, highlight=False)
    body = console.export_html(inline_styles=True, code_format="{code}")
    return (
        "<!doctype html><meta charset=utf-8><body style='margin:0;background:#fff;color:#222'>"
        f"<pre style='font:14px/18px DejaVu Sans Mono,monospace;margin:8px;width:{width}ch;"
        f"height:{18 * height}px;"
        f"overflow:hidden;outline:1px solid #ccc;outline-offset:4px'>{body}</pre>"
    )


def main(folder: Path) -> None:
    """Draw every table at every size."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("This needs Chromium: apt-get install chromium")
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    for width, height in SIZES:
        with tempfile.TemporaryDirectory() as data, ScriptedServer() as server:
            os.chdir(data)
            os.environ |= {"DARKROOM_URL": server.url, "DARKROOM_API_KEY": "dk_test", "DARKROOM_PORT": "0"}
            run(["migrate"])
            _script(server)
            for name, act in TABLES.items():
                page = Path(data) / f"{name}.html"
                page.write_text(page_of(printed(act, width, height), width, height), encoding="utf-8")
                picture = folder / f"{name}-{width}x{height}.png"
                size = f"--window-size={round(width * 8.43) + 24},{18 * height + 24}"
                command = [chromium, "--headless", "--no-sandbox", "--hide-scrollbars", size]
                subprocess.run(
                    [*command, f"--screenshot={picture}", page.as_uri()], check=True, capture_output=True
                )
            os.chdir("/")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
