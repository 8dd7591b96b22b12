"""``darkroom demo`` as a new user runs it."""

import csv
import hashlib
import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import psutil
import pytest

from api.dashboard.figures.breakages import make_breakages
from models.clock import now
from tests.support.processes import until
from worker.practice.drawing.png import prompt_of

_TIMEOUT = 120  # seconds for a campaign on a busy machine
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


@pytest.mark.slow(reason="a campaign of 58 pictures runs, then the example uses every verb")
def test_the_demo_runs_a_campaign_keeps_serving_and_ends_cleanly(
    demo: subprocess.Popen[str], tmp_path: Path
) -> None:
    output = read_until(demo, "Ctrl-C")
    lines = output.splitlines()
    assert [line.split()[2] for line in lines if line.startswith("error ")] == ["18:", "43:"]
    for step in ("canary ", "paused ", "budget ", "failed ", "retry ", "verdicts ", "export "):
        assert any(line.startswith(step) for line in lines), (step, output)
    assert "57 of 58 pictures are ready" in output
    assert "No channel" not in output, "the plan comes after the channel is registered"
    addresses = re.findall(r"http://\S+/assets/\S+", output)
    assert len(set(addresses)) == 12
    picture = httpx.get(addresses[0], trust_env=False)
    assert picture.content.startswith(b"\x89PNG")
    _compare_with_sheet(tmp_path / "demo-data" / "demo.zip", tmp_path / "demo-data" / "demo.csv")
    job = _run_curl(next(line for line in output.splitlines() if line.startswith("curl ")))
    assert job["status"] == "succeeded"
    _kill_worker(demo.pid, output)
    _run_example(output, tmp_path / "midjourney")
    demo.send_signal(signal.SIGINT)
    assert demo.wait(timeout=60) == 0
    assert "Traceback" not in (demo.stdout.read() if demo.stdout else "")


def _kill_worker(demo: int, output: str) -> None:
    """Let the box of the dashboard kill the worker: another process goes on, and no call is made twice."""
    base = re.search(r"API +(http://\S+)/docs", output)
    key = re.search(r"Key +(dk_\S+)", output)
    assert base is not None
    assert key is not None
    headers = {"Authorization": f"Bearer {key[1]}"}
    breakage = next(each for each in make_breakages(now()) if each.title == "A dead worker")
    with httpx.Client(base_url=f"{base[1]}/v1", headers=headers, trust_env=False, timeout=30) as api:
        [before] = api.get("/workers").json()["data"]
        api.post("/jobs", json=breakage.body).raise_for_status()

        def ended() -> list[dict[str, Any]]:
            jobs = api.get("/jobs", params={"tag": "dead worker", "limit": 50}).json()["data"]
            return jobs if all(job["finished_at"] or job["status"] == "held" for job in jobs) else []

        jobs = until(ended, within=_TIMEOUT, what="all jobs end, by another worker", every=0.5)
        states = Counter((job["status"], len(job["attempts"])) for job in jobs)
        assert states == {("succeeded", 1): len(breakage.body["jobs"])}
        [after] = [each for each in api.get("/workers").json()["data"] if each["state"] == "alive"]
    assert after["id"] != before["id"]
    pid = int(before["name"].rpartition("-")[2])
    assert pid != demo
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def _compare_with_sheet(exported: Path, sheet: Path) -> None:
    """Compare the ZIP row by row with the sheet: manifest, pictures, checksums, verdicts."""
    with sheet.open(encoding="utf-8", newline="") as file:
        rows = {row["key"]: row for row in reversed(list(csv.DictReader(file))) if row["subject"]}
    with zipfile.ZipFile(exported) as archive:
        records = [json.loads(line) for line in archive.read("manifest.jsonl").splitlines()]
        table = list(csv.DictReader(io.StringIO(archive.read("manifest.csv").decode("utf-8-sig"))))
        assert [each["key"] for each in records] == [each["key"] for each in table]
        assert [each["key"] for each in records] == sorted(rows)
        for record in records:
            row = rows[record["key"]]
            prompt = f"{row['subject']}, {row['light']} {row['note']}"
            assert (record["prompt"], record["light"]) == (prompt, row["light"])
            if record["key"] == "card-38":
                assert (record["status"], record["error"]) == ("failed", "moderation")
                assert "file" not in record
                continue
            content = archive.read(record["file"])
            assert hashlib.sha256(content).hexdigest() == record["sha256"]
            if row["images"]:
                assert (record["width"], record["height"]) == (1, 1)  # as the picture beside the sheet
            else:
                assert str(prompt_of(content)).startswith(f"{row['subject']}, {row['light']}")
        pictures = [name for name in archive.namelist() if name.endswith(".png")]
        assert sorted(pictures) == sorted(each["file"] for each in records if "file" in each)
        verdicts = Counter(each.get("verdict") for each in records)
    assert verdicts == {"pick": 56, "reject": 1, None: 1}


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
