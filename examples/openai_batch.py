"""Make pictures of many prompts as a batch of OpenAI's SDK: python examples/openai_batch.py URL KEY [MODEL]

It prints the address of each picture. ``pip install openai`` first.
"""

import json
import sys
import time

from openai import OpenAI

PROMPTS = {"fox": "a red fox in the snow", "owl": "an owl at night", "cat": "a cat on a red sofa"}
ENDPOINT = "/v1/images/generations"
ENDED = {"completed", "failed", "expired", "cancelled"}


def main(url: str, key: str, model: str = "gpt-image-2") -> None:
    """Upload the prompts, run them as a batch, and print what became of each."""
    client = OpenAI(base_url=f"{url}/v1", api_key=key)  # the one line to change

    lines = [
        {"custom_id": name, "method": "POST", "url": ENDPOINT, "body": {"model": model, "prompt": prompt}}
        for name, prompt in PROMPTS.items()
    ]
    content = "\n".join(json.dumps(line) for line in lines).encode()
    file = client.files.create(file=("prompts.jsonl", content), purpose="batch")
    batch = client.batches.create(
        input_file_id=file.id,
        endpoint=ENDPOINT,
        completion_window="24h",
        extra_body={"priority": 3},  # a budget, a canary and others: docs/openai.md
    )
    while batch.status not in ENDED:
        time.sleep(1)
        batch = client.batches.retrieve(batch.id)
        print(f"{batch.status}: {batch.request_counts.completed} of {batch.request_counts.total}")

    for error in batch.errors.data if batch.errors else ():
        print(f"line {error.line}: {error.message}")
    for name in filter(None, (batch.output_file_id, batch.error_file_id)):
        for text in client.files.content(name).text.splitlines():
            line = json.loads(text)
            print(line["custom_id"], addresses(line) or line["error"] or line["response"]["body"]["error"])


def addresses(line: dict) -> list[str]:
    """Return the permanent addresses of a line's pictures."""
    body = (line["response"] or {}).get("body", {})
    return [asset["url"] for asset in body.get("x_assets", ())]


if __name__ == "__main__":
    main(*sys.argv[1:])
