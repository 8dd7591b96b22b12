"""Accounts of midjourney-proxy are channels."""

from tests.api.midjourney.stack import MidjourneyStack


async def test_accounts_are_channels_without_secrets(stack: MidjourneyStack) -> None:
    answer = await stack.call("GET", "/mj/account/list")

    (account,) = answer.json()
    assert (account["id"], account["enable"], account["coreSize"]) == ("upstream", True, 16)
    assert "practice-key" not in answer.text
    assert (await stack.call("GET", "/mj/account/upstream/fetch")).json() == account
