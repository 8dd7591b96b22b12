"""``darkroom practice``: a provider to practise on, as a process of its own."""

import os
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from cyclopts import Parameter
from pydantic import ValidationError

from api.cli.exit_codes import CommandFailed, Exit
from api.cli.options import DEFAULT_FORMAT, Format
from api.cli.output import printer, say, write_json
from worker.practice.corpus import CorpusCase, corpus
from worker.practice.options import PracticeOptions
from worker.practice.server import PracticeServer, serve_practice


def _option(name: str) -> Parameter:
    """Return the parameter of an option, in the words of the practice provider itself."""
    return _words(PracticeOptions.model_fields[name].description or "")


def _words(text: str) -> Parameter:
    return Parameter(help=text, negative="", show_default=False)


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Behaviour:
    """How it answers. What is not given stays as a call itself asks for."""

    case: Annotated[
        tuple[str, ...], _words("play this case to every call; several: one after the other")
    ] = ()
    verbatim: Annotated[bool, _option("verbatim")] = False
    delay: Annotated[str | None, _option("delay")] = None
    picture: Annotated[str | None, _option("picture")] = None
    deliver: Annotated[str | None, _option("deliver")] = None
    progress: Annotated[str | None, _option("progress")] = None
    n: Annotated[int | None, _option("n")] = None
    fail: Annotated[tuple[str, ...], _words("what all calls meet: 429, moderation, hang, …")] = ()
    times: Annotated[int | None, _words("calls of a prompt that --fail spoils; else all")] = None
    rate: Annotated[tuple[str, ...], _words("KIND=SHARE: share of calls that fail so")] = ()
    seed: Annotated[int | None, _option("seed")] = None
    retry_after: Annotated[float | None, _option("retry_after")] = None
    interval: Annotated[float | None, _option("interval")] = None
    rpm: Annotated[int | None, _option("rpm")] = None
    concurrency: Annotated[int | None, _option("concurrency")] = None
    running: Annotated[int | None, _option("running")] = None
    ping: Annotated[float | None, _option("ping")] = None


_DEFAULT = Behaviour()


def practice(
    *,
    host: Annotated[str, Parameter(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, Parameter(help="port to listen on; 0: a free one")] = 0,
    list_: Annotated[
        bool,
        Parameter(name="--list", negative="", show_default=False, help="list the cases that can be played"),
    ] = False,
    behaviour: Behaviour = _DEFAULT,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """Start a provider to practise on: it answers like image relays, draws real pictures, fails on request.

    A prompt can ask for more: "#case:S010" plays an answer seen in the wild, "[fail 429 twice]" and
    "[delay 3s]" do as they say. POST /practice/weather changes limits, storms and outages while it runs;
    GET /practice/ledger tells every call. Ctrl-C ends it.
    """
    if list_:
        return _list(as_json=output.json)

    def ready(server: PracticeServer) -> None:
        if output.json:
            write_json({"url": server.url, "port": server.port, "pid": os.getpid()})
        else:
            say(_greeting(server.url))

    try:
        serve_practice(host, port, _members(behaviour), ready=ready)
    except ValidationError as error:
        raise CommandFailed(Exit.USAGE, "\n".join(_sentence(fault) for fault in error.errors())) from error
    except OSError as error:
        words = f"{host}:{port} can't be listened on: {error.strerror}. Choose others with --host and --port."
        raise CommandFailed(Exit.USAGE, words) from error
    return Exit.OK


def _members(behaviour: Behaviour) -> dict[str, Any]:
    """Return the members of ``PracticeOptions`` that were given."""
    given = {
        name: value
        for name, value in asdict(behaviour).items()
        if value not in (None, ()) and value is not False
    }
    pairs = [entry.partition("=") for entry in given.pop("rate", ())]
    return {**given, "rates": {kind: share for kind, _, share in pairs}}


def _sentence(error: Any) -> str:
    """Name the option and what is wrong with it."""
    option = {"rates": "rate"}.get(str(error["loc"][0]), str(error["loc"][0])).replace("_", "-")
    words = str(error["msg"]).removeprefix("Value error, ")
    return f"--{option} {error['input']!r}: {words}."


def _greeting(url: str) -> str:
    return (
        f"A provider to practise on serves {url}. Ctrl-C ends it. To point Darkroom at it:\n"
        f"  export DARKROOM_UPSTREAM_BASE_URL={url}\n"
        "  export DARKROOM_UPSTREAM_API_KEY=practice\n"
        "  export DARKROOM_ALLOW_PRIVATE=127.0.0.0/8\n"
        "  darkroom up\n"
        'Then `darkroom submit "a cat #case:S010" -m any` plays a case that `darkroom practice --list` shows.'
    )


def _list(*, as_json: bool) -> Exit:
    """Print what can be played."""
    columns = ("CASE", "KIND", "EXPECTED", "DETAIL")
    rows = [(_value(case), (case.id, case.kind, _expected(case), case.title)) for case in corpus().values()]
    printer(json=as_json).table("cases", columns, rows)
    return Exit.OK


def _value(case: CorpusCase) -> dict[str, Any]:
    said = {"id": case.id, "kind": case.kind, "title": case.title, "status": case.status}
    return {**said, "outcome": case.expected["outcome"], "error_code": case.code}


def _expected(case: CorpusCase) -> str:
    return " ".join(word for word in (case.expected["outcome"], case.code) if word)
