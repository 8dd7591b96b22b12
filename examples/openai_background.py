"""Submit a picture and poll for it with OpenAI's SDK: python examples/openai_background.py URL KEY [MODEL]

It saves fox.png in the current folder. ``pip install openai`` first.
"""

import base64
import sys
import time
from pathlib import Path

from openai import OpenAI


def main(url: str, key: str, model: str = "gpt-image-2") -> None:
    """Submit a response in the background, and poll until it has its picture."""
    client = OpenAI(base_url=f"{url}/v1", api_key=key)  # the one line to change

    response = client.responses.create(
        model=model,
        input="a red fox in the snow",
        tools=[{"type": "image_generation", "size": "1024x1024"}],
        background=True,
    )
    while response.status in ("queued", "in_progress"):
        print(f"{response.id} is {response.status}")
        time.sleep(1)
        response = client.responses.retrieve(response.id)
    if response.status != "completed":
        sys.exit(f"{response.status}: {response.error}")
    picture = next(item for item in response.output if item.type == "image_generation_call")
    Path("fox.png").write_bytes(base64.b64decode(picture.result))
    print("fox.png")


if __name__ == "__main__":
    main(*sys.argv[1:])
