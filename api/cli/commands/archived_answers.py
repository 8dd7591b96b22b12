"""``darkroom jobs explain``: what the archived answers of a job mean by today's rules."""

import json
import sys
from typing import Annotated

from cyclopts import Parameter

from api.cli.connection import open_client
from api.cli.exit_codes import CommandFailed, Exit
from api.cli.options import DEFAULT_CONNECTION, DEFAULT_FORMAT, Connection, Format
from api.cli.output import open_console
from api.cli.render.explanation import document_card


def explain(
    job: Annotated[str, Parameter(help="its id, or a unique beginning such as job_01h455vb4pex")],
    /,
    *,
    connection: Connection = DEFAULT_CONNECTION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """Explain the archived answers of a job, the latest first. Nothing is called or changed."""
    with open_client(connection) as client:
        answers = client.jobs.answers(job)
    if not answers:
        raise CommandFailed(Exit.NOT_FOUND, f"The job {job} has made no call yet.")
    for answer in answers:
        if answer["explanation"] is None:
            raise CommandFailed(Exit.NOT_FOUND, f"Attempt {answer['attempt']}: {answer['fault']}")
        if output.json or not sys.stdout.isatty():
            sys.stdout.write(json.dumps(answer["explanation"]) + "\n")
        else:
            open_console().print(document_card(answer["explanation"], f"attempt {answer['attempt']}"))
    return Exit.OK
