"""Make and change pictures with OpenAI's SDK on Darkroom: python examples/openai_images.py URL KEY [MODEL]

It saves fox.png and blue-fox.png in the current folder. ``pip install openai`` first.
"""

import base64
import sys
from pathlib import Path

from openai import OpenAI


def main(url: str, key: str, model: str = "gpt-image-2") -> None:
    """Make a picture, change it, and print where both stay."""
    client = OpenAI(base_url=f"{url}/v1", api_key=key)  # the one line to change

    made = client.images.generate(model=model, prompt="a red fox in the snow", size="1024x1024")
    save(made.data[0].b64_json, "fox.png")
    print(f"fox.png, permanently at {made.data[0].url}")

    with Path("fox.png").open("rb") as picture:
        changed = client.images.edit(
            model=model,
            image=picture,
            prompt="make the fox blue",
            extra_body={"darkroom": {"tags": ["foxes"], "priority": 7}},
        )
    save(changed.data[0].b64_json, "blue-fox.png")
    print(f"blue-fox.png, permanently at {changed.data[0].url}")


def save(content: str, name: str) -> None:
    """Write a picture."""
    Path(name).write_bytes(base64.b64decode(content))


if __name__ == "__main__":
    main(*sys.argv[1:])
