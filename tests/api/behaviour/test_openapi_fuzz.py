"""Fuzz test: every response to valid and invalid requests is one that the OpenAPI document has."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import content_type_conformance, status_code_conformance

from api.app import create_app
from models.settings import Settings
from tests.api.service import ADMIN
from tests.attack.fuzz import ENDLESS
from tests.support.databases import SqliteCopies

pytestmark = pytest.mark.slow(reason="every operation gets generated requests, good and bad")

BOUNDED = settings(
    max_examples=8,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


DOCUMENT = schemathesis.openapi.from_dict(create_app(Settings()).openapi())
OPERATIONS = [
    operation for found in DOCUMENT.get_all_operations() if (operation := found.ok()).label not in ENDLESS
]


@pytest.fixture(scope="module")
def address(sqlite_copies: SqliteCopies, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an API that listens on a port of its own."""
    with sqlite_copies.fresh() as url:
        folder: Path = tmp_path_factory.mktemp("pictures")
        app = create_app(Settings(database_url=url, storage_url=f"file://{folder}", admin_keys=(ADMIN,)))
        server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started and thread.is_alive():
            thread.join(0.05)
        try:
            yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("operation", OPERATIONS, ids=[each.label for each in OPERATIONS])
def test_every_answer_is_one_that_the_document_describes(
    operation: schemathesis.APIOperation, mode: GenerationMode, address: str
) -> None:
    @BOUNDED
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case: schemathesis.Case) -> None:
        case.headers.pop("Prefer", None)  # it would only make us wait
        case.call_and_validate(
            base_url=address,
            headers={"Authorization": f"Bearer {ADMIN}"},
            checks=[not_a_server_error, content_type_conformance, status_code_conformance],
        )

    try:
        check()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE  # nothing about this address can be wrong
