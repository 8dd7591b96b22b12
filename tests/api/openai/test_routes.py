"""Errors of every address of this API: OpenAI's error object, a request id, and nobody else's addresses."""

import openai
import pytest

from api.openai.routes import is_openai
from tests.api.openai.stack import MODEL, TEXT_MODEL, OpenAiStack

ASK = {"model": MODEL, "prompt": "a red fox"}


@pytest.mark.parametrize(
    ("path", "ours"),
    [
        ("/v1/images/generations", True),
        ("/v1/files", True),
        ("/v1/jobs", False),
        ("/v1/models", False),
        ("/v1/filesystem", False),
        ("/images/generations", False),
        ("/", False),
    ],
)
def test_only_its_own_addresses_answer_in_its_form(path: str, ours: bool) -> None:
    assert is_openai(path) is ours


async def test_faults_are_named_as_the_sdk_reads_them(stack: OpenAiStack) -> None:
    client = stack.client()
    with pytest.raises(openai.AuthenticationError) as unknown:
        await stack.client(key="nobody-0123456789abcdef").images.generate(**ASK)
    assert unknown.value.code == "invalid_api_key"
    with pytest.raises(openai.BadRequestError) as faulty:
        await client.images.generate(model=MODEL, prompt="a fox", size="huge")  # type: ignore[call-overload]
    assert (faulty.value.param, faulty.value.code) == ("size", "invalid_value")
    with pytest.raises(openai.BadRequestError) as missing:
        await client.images.generate(model=MODEL, prompt=None)  # type: ignore[call-overload]
    assert (missing.value.param, missing.value.code) == ("prompt", "missing_required_parameter")
    with pytest.raises(openai.NotFoundError) as nowhere:
        await client.embeddings.create(model="m", input="a")
    assert (nowhere.value.code, nowhere.value.type) == ("not_found", "invalid_request_error")
    for error in (unknown, faulty, missing, nowhere):
        assert error.value.request_id
        assert error.value.response.json()["error"].keys() == {"message", "type", "param", "code"}
    assert not stack.calls


async def test_other_methods_are_refused_by_name(stack: OpenAiStack) -> None:
    answer = await stack.request("GET", "/images/generations")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json()["error"]["code"] == "method_not_allowed"


async def test_an_unknown_model_is_named_once_channels_are_known(stack: OpenAiStack) -> None:
    with pytest.raises(openai.NotFoundError) as unknown:
        await stack.client().images.generate(model="gpt-imagine", prompt="a fox")
    assert (unknown.value.code, unknown.value.param) == ("model_not_found", "model")
    assert not await stack.jobs()


async def test_models_are_read_by_the_sdk_and_their_errors_have_both_forms(stack: OpenAiStack) -> None:
    client = stack.client()
    model, other = [model async for model in client.models.list()]
    assert (await client.models.retrieve(MODEL)).id == model.id == MODEL
    assert other.id == TEXT_MODEL
    assert (model.model_extra or {})["x_channels"]
    with pytest.raises(openai.NotFoundError) as unknown:
        await client.models.retrieve("nothing")
    assert unknown.value.code == "not_found"
    assert unknown.value.response.json()["type"] == "urn:darkroom:problem:not_found"
