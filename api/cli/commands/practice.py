"""``darkroom practice``: run the practice provider, a mock image provider, as a process."""

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
    """Return the parameter of an option, with the help text of ``PracticeOptions``."""
    return _help(PracticeOptions.model_fields[name].description or "")


def _help(text: str) -> Parameter:
    return Parameter(help=text, negative="", show_default=False)


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Behaviour:
    """Behaviour of the provider. Requests decide what is not given here."""

    case: Annotated[
        tuple[str, ...], _help("replay this case for every call; several: one after the other")
    ] = ()
    verbatim: Annotated[bool, _option("verbatim")] = False
    delay: Annotated[str | None, _option("delay")] = None
    picture: Annotated[str | None, _option("picture")] = None
    deliver: Annotated[str | None, _option("deliver")] = None
    progress: Annotated[str | None, _option("progress")] = None
    n: Annotated[int | None, _option("n")] = None
    fail: Annotated[tuple[str, ...], _help("failure of all calls: 429, moderation, hang, …")] = ()
    times: Annotated[int | None, _help("calls of a prompt that fail by --fail; default: all")] = None
    rate: Annotated[tuple[str, ...], _help("KIND=SHARE: share of calls that fail so")] = ()
    seed: Annotated[int | None, _option("seed")] = None
    retry_after: Annotated[float | None, _option("retry_after")] = None
    interval: Annotated[float | None, _option("interval")] = None
    rpm: Annotated[int | None, _option("rpm")] = None
    concurrency: Annotated[int | None, _option("concurrency")] = None
    running: Annotated[int | None, _option("running")] = None
    size_style: Annotated[str | None, _option("size_style")] = None
    n_style: Annotated[str | None, _option("n_style")] = None
    content_style: Annotated[str | None, _option("content_style")] = None
    image_style: Annotated[str | None, _option("image_style")] = None
    modalities: Annotated[bool, _option("modalities")] = False
    ping: Annotated[float | None, _option("ping")] = None


_DEFAULT = Behaviour()


def practice(
    *,
    host: Annotated[str, Parameter(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, Parameter(help="port to listen on; 0: a free one")] = 0,
    list_: Annotated[
        bool,
        Parameter(name="--list", negative="", show_default=False, help="list the recorded cases"),
    ] = False,
    behaviour: Behaviour = _DEFAULT,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """Run the practice provider: a mock image provider that draws real images and fails on request.

    Hints in a prompt control one call: "#case:S010" replays a recorded response, "[fail 429 twice]" and
    "[delay 3s]" do as they say; other brackets are part of the prompt. A hint whose value is not valid, such
    as "[delay soon]" or "#case:X999", is refused: HTTP 400 whose message names the option.
    POST /practice/weather changes limits, failures and outages at run time;
    GET /practice/ledger returns every call. Ctrl-C stops it.
    """
    if list_:
        return _list_cases(as_json=output.json)

    def ready(server: PracticeServer) -> None:
        if output.json:
            write_json({"url": server.url, "port": server.port, "pid": os.getpid()})
        else:
            say(_greeting(server.url))

    try:
        serve_practice(host, port, _members(behaviour), ready=ready)
    except ValidationError as error:
        raise CommandFailed(Exit.USAGE, "\n".join(_message(detail) for detail in error.errors())) from error
    except OSError as error:
        message = (
            f"{host}:{port} can't be listened on: {error.strerror}. Choose others with --host and --port."
        )
        raise CommandFailed(Exit.USAGE, message) from error
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


def _message(detail: Any) -> str:
    """Return the option and what is wrong with it."""
    option = {"rates": "rate"}.get(str(detail["loc"][0]), str(detail["loc"][0])).replace("_", "-")
    reason = str(detail["msg"]).removeprefix("Value error, ")
    return f"--{option} {detail['input']!r}: {reason}."


def _greeting(url: str) -> str:
    return (
        f"The practice provider serves {url}. Ctrl-C stops it. To point Darkroom at it:\n"
        f"  export DARKROOM_UPSTREAM_BASE_URL={url}\n"
        "  export DARKROOM_UPSTREAM_API_KEY=practice\n"
        "  export DARKROOM_ALLOW_PRIVATE=127.0.0.0/8\n"
        "  darkroom up\n"
        'Then `darkroom submit "a cat #case:S010" -m any` replays a case of `darkroom practice --list`.'
    )


def _list_cases(*, as_json: bool) -> Exit:
    """Print the recorded cases."""
    columns = ("CASE", "KIND", "EXPECTED", "DETAIL")
    rows = [
        (_case_json(case), (case.id, case.kind, _expected(case), case.title)) for case in corpus().values()
    ]
    printer(json=as_json).table("cases", columns, rows)
    return Exit.OK


def _case_json(case: CorpusCase) -> dict[str, Any]:
    case_json = {"id": case.id, "kind": case.kind, "title": case.title, "status": case.status}
    return {**case_json, "outcome": case.expected["outcome"], "error_code": case.code}


def _expected(case: CorpusCase) -> str:
    return " ".join(word for word in (case.expected["outcome"], case.code) if word)
