"""Work of a job, as each peer does it: prompt in, stored picture and updated row out."""

import base64
import hashlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

URL = os.environ.get("PEER_URL", "")  # of the practice provider
DATABASE = os.environ.get("PEER_DATABASE", "")
BROKER = os.environ.get("PEER_BROKER", "")
FOLDER = Path(os.environ.get("PEER_FOLDER", "."))
HEADERS = {"Authorization": "Bearer practice", "Accept": "text/event-stream"}
ENDED = "UPDATE peer_jobs SET status = 'succeeded', path = %s, finished_at = clock_timestamp() WHERE id = %s"


def request_body(number: int) -> dict[str, object]:
    """Return the body of a call."""
    message = {"role": "user", "content": f"a cat, number {number}"}
    return {"model": "bench", "stream": True, "messages": [message]}


def picture_of(body: bytes) -> bytes:
    """Return the picture of an event stream."""
    for line in body.split(b"\n"):
        if not line.startswith(b"data: {"):
            continue
        for choice in json.loads(line[6:])["choices"]:
            for image in choice["delta"].get("images", ()):
                return base64.b64decode(image["image_url"]["url"].partition(",")[2])
    raise ValueError("no picture")


def store(picture: bytes) -> str:
    """Write a picture under its hash, without fsync; return its path."""
    name = hashlib.sha256(picture).hexdigest()
    path = FOLDER / name[:2] / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(picture)
    return str(path)


def wait_for_go() -> None:
    """Say that the imports are done, and wait until the measurement begins."""
    (FOLDER / "ready").touch()
    while not (FOLDER / "go").exists():
        time.sleep(0.05)


def numbers() -> Iterator[int]:
    """Return the numbers of the jobs of a loop without a queue."""
    return iter(range(int(os.environ["PEER_JOBS"])))
