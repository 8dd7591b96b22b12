"""What a job has made, as the handlers read it."""

import base64
from dataclasses import replace
from types import SimpleNamespace

import pytest

from api.auth import Caller
from api.openai.errors import JobFailed
from api.openai.results import partial_pictures, read_result
from models.api_keys import Role
from models.errors import NotFound
from models.ids import new_id
from models.openai.partial_pictures import partial_key
from tests.api.openai.stack import MODEL, OpenAiStack


async def test_a_job_is_read_by_its_caller_with_its_partial_pictures_up_to_the_first_that_lacks(
    stack: OpenAiStack,
) -> None:
    await stack.client().images.generate(model=MODEL, prompt="a fox")
    [job] = await stack.jobs()
    services = stack.service.services
    owner = Caller(job.caller_id, "alice", Role.USER)
    result = await read_result(services, owner, job.id)
    result.require_success()
    assert len(result.assets) == len(result.attempts) == 1
    for index in (0, 2):
        await services.store.put(partial_key(job.id, index), b"p%d" % index, content_type="image/png")
    wanted = replace(result, job=SimpleNamespace(id=job.id, request={"params": {"partial_images": 3}}))
    assert await partial_pictures(services, wanted, 0) == [base64.b64encode(b"p0").decode()]
    assert await partial_pictures(services, wanted, 1) == await partial_pictures(services, result, 0) == []
    with pytest.raises(NotFound):
        await read_result(services, replace(owner, id=new_id()), job.id)
    with pytest.raises(JobFailed):
        replace(result, job=SimpleNamespace(id=job.id, status="expired", error=None)).require_success()
