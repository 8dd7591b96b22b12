"""Authentication: API keys in either header."""

from models.api_keys import hash_key
from models.clock import now
from models.queries.api_keys import change_key, find_key
from tests.api.midjourney.stack import MidjourneyStack
from tests.api.midjourney.strict_types import rejected
from tests.api.service import ALICE

KEYS_SENT = [
    {"mj-api-secret": ALICE},
    {"Authorization": f"Bearer {ALICE}"},
    {"Authorization": f"bearer  {ALICE}"},
    {"Authorization": ALICE},
    {"Authorization": "midjourney-proxy", "mj-api-secret": ALICE},
    {"Authorization": "Bearer wrong-key-wrong-key", "mj-api-secret": ALICE},
    {"Authorization": f"Bearer {ALICE}", "mj-api-secret": ""},
    {"Authorization": f"Bearer {ALICE}", "mj-api-secret": "wrong-key-wrong-key"},
]


NO_KEYS = [{}, {"mj-api-secret": ""}, {"Authorization": "Bearer"}, {"mj-api-secret": "wrong-key"}]


async def test_r13_either_header_is_accepted_with_or_without_bearer(stack: MidjourneyStack) -> None:
    for headers in KEYS_SENT:
        answer = await stack.service.client.get("/mj/task/list", headers=headers)

        assert answer.status_code == 200


async def test_r13_without_a_known_key_the_answer_is_401_in_json(stack: MidjourneyStack) -> None:
    for headers in NO_KEYS:
        for method, path in [
            ("POST", "/mj/submit/imagine"),
            ("GET", "/mj/task/1/fetch"),
            ("GET", "/mj/image/1"),
        ]:
            answer = await stack.service.client.request(method, path, headers=headers)
            assert answer.status_code == 401
            rejected(answer.json(), 4)


async def test_an_expired_key_is_refused_in_plain_words(stack: MidjourneyStack) -> None:
    async with stack.service.services.database.writing() as connection:
        key = await find_key(connection, hash_key(ALICE))
        assert key is not None
        await change_key(connection, key.id, expires_at=now())
    stack.service.services.authenticator.forget()
    for headers in ({"mj-api-secret": ALICE}, {"mj-api-secret": ALICE, "Authorization": "Bearer wrong-key"}):
        answer = await stack.service.client.get("/mj/task/list", headers=headers)
        assert answer.status_code == 401
        rejected(answer.json(), 4)
        assert answer.json()["description"].startswith("This key has expired, at ")
