"""Every line of a process is JSON if its settings say so."""

import json
import subprocess
import sys

CODE = """
import logging, threading, warnings
import structlog
from models.settings import Settings
from worker.process.logs import configure_logs
configure_logs(Settings(log_json={json}))
structlog.get_logger("worker").info("own", job="猫")
structlog.get_logger().info("own without a name")
logging.getLogger("celery.worker").error("Cannot connect to %s", "a broker\\x1b[2J")
logging.getLogger("kombu").info("left out")
logging.getLogger("uvicorn.error").warning("of uvicorn")
warnings.warn("deprecated")
def fail(): raise ValueError("in a thread\\x1b[2J")
thread = threading.Thread(target=fail, name="t"); thread.start(); thread.join()
raise RuntimeError("at the end")
"""


def lines_of(*, as_json: bool) -> list[str]:
    command = [sys.executable, "-W", "always", "-c", CODE.replace("{json}", str(as_json))]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr.splitlines()


def test_every_line_is_json_also_of_other_packages_warnings_and_uncaught_exceptions() -> None:
    entries = [json.loads(line) for line in lines_of(as_json=True)]
    assert [(entry["level"], entry["event"].splitlines()[0]) for entry in entries[:4]] == [
        ("info", "own"),
        ("info", "own without a name"),
        ("error", "Cannot connect to a broker\\x1b[2J"),
        ("warning", "of uvicorn"),
    ]
    assert entries[0]["job"] == "猫"
    assert entries[2]["logger"] == "celery.worker"
    assert "deprecated" in entries[4]["event"]
    assert entries[5]["event"] == "uncaught exception in thread t"
    assert "\x1b" not in entries[5]["exception"]
    assert entries[6]["event"] == "uncaught exception"
    assert "RuntimeError: at the end" in entries[6]["exception"]
    assert all(entry["timestamp"] for entry in entries)
    assert len(entries) == 7


def test_lines_for_people_are_written_otherwise() -> None:
    lines = lines_of(as_json=False)
    assert any("own without a name" in line for line in lines)
    assert any("Cannot connect to a broker" in line for line in lines)
