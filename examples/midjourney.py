"""A client of midjourney-proxy, pointed at Darkroom: imagine, upscale, vary, inpaint, animate, describe.

Start `darkroom demo` in another terminal; it prints its address and a key. Then:

    python examples/midjourney.py http://127.0.0.1:8080 KEY [FOLDER]

The images are saved in FOLDER (default: ./midjourney). Only Python's own library is needed.
"""

import base64
import json
import struct
import sys
import time
import urllib.request
import zlib
from pathlib import Path
from typing import Any

_TIMEOUT = 300.0  # seconds for one task
_CONTINUE = 21  # the answer's code when a dialog waits for `submit/modal`


class Midjourney:
    """A minimal client."""

    def __init__(self, address: str, key: str) -> None:
        self._address, self._key = address.rstrip("/"), key

    def submit(self, path: str, **body: Any) -> dict[str, Any]:
        """Submit a task and return it once it has ended."""
        answer = self._request(f"/mj/submit/{path}", body)
        if answer["code"] not in (1, 21, 22):
            raise SystemExit(f"{path} was refused: {answer['description']}")
        if answer["code"] == _CONTINUE and path != "modal":
            return {"id": answer["result"]}
        return self._wait(answer["result"])

    def press_button(self, task: dict[str, Any], button: str) -> dict[str, Any]:
        """Press the button whose customId contains a text; return the new task."""
        custom_id = next(each["customId"] for each in task["buttons"] if button in each["customId"])
        return self.submit("action", taskId=task["id"], customId=custom_id)

    def image(self, task: dict[str, Any]) -> bytes:
        """Return the image, or the video, that a task shows."""
        with urllib.request.urlopen(task["imageUrl"] or task["videoUrl"], timeout=60) as answer:
            return bytes(answer.read())

    def _wait(self, number: str) -> dict[str, Any]:
        until = time.monotonic() + _TIMEOUT
        while time.monotonic() < until:
            task = self._request(f"/mj/task/{number}/fetch")
            if task["status"] == "FAILURE":
                raise SystemExit(f"{task['action']} failed: {task['failReason']}")
            if task["status"] == "SUCCESS":
                return task
            time.sleep(0.5)
        raise SystemExit(f"Task {number} took longer than {_TIMEOUT:.0f} s.")

    def _request(self, path: str, body: Any = None) -> dict[str, Any]:
        request = urllib.request.Request(
            self._address + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"mj-api-secret": self._key, "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            found: dict[str, Any] = json.load(answer)
        return found


def mask(width: int, height: int) -> str:
    """Return a mask as a data URL. White is the part to change: the upper right quarter."""
    black, half = b"\0" * width, b"\0" * (width // 2) + b"\xff" * (width - width // 2)
    rows = b"".join(b"\0" + (half if row < height // 2 else black) for row in range(height))
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    return data_url(png)


def data_url(png: bytes) -> str:
    """Return an image as a data URL."""
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"


def main(address: str, key: str, folder: str = "midjourney") -> None:
    """Run each action, save its result, and print what it was."""
    client, into = Midjourney(address, key), Path(folder)
    into.mkdir(parents=True, exist_ok=True)

    def save(name: str, task: dict[str, Any]) -> None:
        shown = task["imageUrl"] or task["videoUrl"]
        path = into / f"{name}.{shown.rpartition('.')[2].split('?')[0]}"
        path.write_bytes(client.image(task))
        print(f"{task['action']:<10} {path}   {(task['prompt'] or '').splitlines()[0][:60]}")

    grid = client.submit("imagine", prompt="a red fox in the snow --ar 3:2")
    save("imagine", grid)
    upscaled = client.press_button(grid, ":upsample::2")
    save("upscale", upscaled)
    save("variation", client.press_button(grid, ":variation::2"))
    save("zoom", client.press_button(upscaled, "Outpaint::50"))
    dialog = client.press_button(upscaled, "Inpaint")
    save(
        "inpaint", client.submit("modal", taskId=dialog["id"], prompt="a full moon", maskBase64=mask(96, 64))
    )
    if any("animate_low" in button["customId"] for button in upscaled["buttons"]):
        save("animate", client.press_button(upscaled, "animate_low"))  # offered where there is a video model
    described = client.submit("describe", base64=data_url(client.image(upscaled)))
    print(f"{described['action']:<10}\n{described['prompt']}")


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    main(*sys.argv[1:])
