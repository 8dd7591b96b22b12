"""The same loop through LiteLLM."""

import asyncio
from base64 import b64decode

import litellm

from bench.peers.asyncio_loop import main
from bench.peers.work import URL, store


async def call(number: int) -> str:
    """Make the call of one job and store its picture, if LiteLLM hands it on; return the path."""
    messages = [{"role": "user", "content": f"a cat, number {number}"}]
    answer = await litellm.acompletion(
        model="openai/bench", messages=messages, api_base=f"{URL}/v1", api_key="practice", stream=True
    )
    picture = b""
    async for chunk in answer:
        for image in getattr(chunk.choices[0].delta, "images", None) or ():
            picture = b64decode(image["image_url"]["url"].partition(",")[2])
    return store(picture) if picture else ""


if __name__ == "__main__":
    asyncio.run(main(call))
