"""Each call of the official SDK that programs with files, batches and models make, by the blocking client.

The asynchronous one is used by the tests of the API itself. Release 3 has no command line of its own.
"""

import json
import time
from pathlib import Path

import openai
import pytest
from openai import OpenAI

from tests.api.openai.batches.batch_stack import FINAL, jsonl, line, open_batch_stack
from tests.api.openai.stack import MODEL

ENDPOINT = "/v1/images/generations"


def files_and_batches(client: OpenAI, folder: Path) -> list[str]:
    """Make every call on files and batches; return the custom ids of the output, as each way reads them."""
    content = jsonl([line("a"), line("b")])
    path = folder / "in.jsonl"
    path.write_bytes(content)
    with path.open("rb") as opened:
        file = client.files.create(
            file=opened, purpose="batch", expires_after={"anchor": "created_at", "seconds": 3600}
        )
    assert client.files.wait_for_processing(file.id, poll_interval=0.05).status == "processed"
    assert client.files.retrieve(file.id).filename == "in.jsonl"
    assert [each.id for each in client.files.list(purpose="batch", order="asc")] == [file.id]
    assert client.files.content(file.id).read() == content

    batch = client.batches.create(
        input_file_id=file.id, endpoint=ENDPOINT, completion_window="24h", metadata={"t": "1"}
    )
    while batch.status not in FINAL:
        time.sleep(0.05)
        batch = client.batches.retrieve(batch.id)
    assert batch.request_counts is not None
    assert (batch.status, batch.request_counts.total, batch.error_file_id) == ("completed", 2, None)
    output = batch.output_file_id or ""
    answer = client.files.content(output)
    answer.write_to_file(folder / "out.jsonl")
    with client.files.with_streaming_response.content(output) as streamed:
        ways = [
            answer.text.splitlines(),
            list(answer.iter_lines()),
            list(streamed.iter_lines()),
            (folder / "out.jsonl").read_text().splitlines(),
        ]
    ids = [",".join(json.loads(each)["custom_id"] for each in lines) for lines in ways]

    second = client.batches.create(input_file_id=file.id, endpoint=ENDPOINT, completion_window="24h")
    assert client.batches.cancel(second.id).status in ("cancelling", "cancelled")
    assert [each.id for each in client.batches.list(limit=1)] == [second.id, batch.id]
    assert client.files.delete(file.id).deleted
    with pytest.raises(openai.NotFoundError) as gone:
        client.files.retrieve(file.id)
    assert gone.value.request_id
    return ids


def models(client: OpenAI) -> None:
    listed = client.models.list().data
    assert MODEL in [each.id for each in listed]
    shown = client.models.retrieve(MODEL)
    assert (shown.object, [each["name"] for each in (shown.model_extra or {})["x_channels"]]) == (
        "model",
        ["upstream"],
    )
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-imagine")
    with pytest.raises(openai.AuthenticationError):
        client.with_options(api_key="nobody-0123456789abcdef").models.list()


async def test_the_blocking_client_makes_each_call(sqlite_url: str, tmp_path: Path) -> None:
    folder = tmp_path / "program"
    folder.mkdir()
    async with open_batch_stack(sqlite_url, tmp_path) as batches:
        ids = await batches.stack.blocking(lambda client: files_and_batches(client, folder))
        assert ids == ["a,b"] * 4
        await batches.stack.blocking(models)
        assert len(batches.stack.calls) >= 2


def test_a_signature_is_verified_by_the_sdk_alone() -> None:
    """The vector of Standard Webhooks, which our signatures are tested with as well."""
    client = OpenAI(api_key="k" * 20)
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    body, secret = b'{"test": 2432232314}', "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    client.webhooks.verify_signature(body, headers, secret=secret, tolerance=10**10)
    with pytest.raises(openai.InvalidWebhookSignatureError):
        client.webhooks.verify_signature(body + b" ", headers, secret=secret, tolerance=10**10)
    client.close()
