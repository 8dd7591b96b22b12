"""``darkroom demo`` as a new user runs it."""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import httpx
import pytest

_TIMEOUT = 90  # seconds for a dozen pictures on a busy machine
_EXAMPLES = Path(__file__).parents[2] / "examples"
_MAIN = "import sys; from api.cli.app import main; sys.argv = ['darkroom', *sys.argv[1:]]; main()"


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """The running demo, in an empty folder."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("DARKROOM_")}
    process = subprocess.Popen(
        [sys.executable, "-c", _MAIN, "demo", "--port", "0"],
        cwd=tmp_path,
        env={**own, "DARKROOM_UPSTREAM_BASE_URL": "http://127.0.0.1:1", "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    yield process
    process.kill()
    process.wait()
    if process.stdout:
        process.stdout.close()


def read_until(process: subprocess.Popen[str], last: str) -> str:
    """Return the output of the process up to the line that starts with ``last``."""
    output, end = "", monotonic() + _TIMEOUT
    assert process.stdout
    for line in process.stdout:
        output += line
        if line.startswith(last) or monotonic() > end:
            break
    assert f"\n{last}" in output, output
    return output


@pytest.mark.slow(reason="a dozen pictures are drawn, then the example uses every verb")
def test_the_demo_makes_a_dozen_images_keeps_serving_and_ends_cleanly(
    demo: subprocess.Popen[str], tmp_path: Path
) -> None:
    output = read_until(demo, "Ctrl-C")
    assert "12 of 12 pictures are ready" in output
    addresses = re.findall(r"http://\S+/assets/\S+", output)
    assert len(set(addresses)) == 12
    picture = httpx.get(addresses[0], trust_env=False)
    assert picture.content.startswith(b"\x89PNG")
    assert len([file for file in (tmp_path / "demo-data" / "pictures").rglob("*") if file.is_file()]) >= 12
    job = _run_curl(next(line for line in output.splitlines() if line.startswith("curl ")))
    assert job["status"] == "succeeded"
    _run_example(output, tmp_path / "midjourney")
    started = monotonic()
    demo.send_signal(signal.SIGINT)
    assert demo.wait(timeout=10) == 0
    assert monotonic() - started < 5
    assert "Traceback" not in (demo.stdout.read() if demo.stdout else "")


def _run_example(output: str, folder: Path) -> None:
    """Run the Midjourney example with the printed URL and key."""
    address = re.search(r"^API +(http://[^/]+)/docs$", output, re.MULTILINE)
    key = re.search(r"^Key +(\S+)$", output, re.MULTILINE)
    assert address
    assert key
    command = [sys.executable, _EXAMPLES / "midjourney.py", address[1], key[1], folder]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4️⃣" in done.stdout
    assert sorted(file.name for file in folder.iterdir()) == [
        "animate.mp4",
        "imagine.jpg",
        "inpaint.jpg",
        "upscale.png",
        "variation.jpg",
        "zoom.jpg",
    ]


def _run_curl(line: str) -> dict[str, str]:
    """Send the request of the printed curl command, without curl."""
    words = shlex.split(line)
    url = next(word for word in words if word.startswith("http"))
    headers = dict(words[place + 1].split(": ", 1) for place, word in enumerate(words) if word == "-H")
    body = words[words.index("-d") + 1]
    answer = httpx.post(url, headers=headers, content=body.encode(), timeout=40, trust_env=False)
    assert answer.status_code in (200, 202), answer.text
    job: dict[str, str] = answer.json()
    return job
