import subprocess
import sys
import urllib.request

import orjson


def test_it_runs_as_a_process_that_prints_its_address() -> None:
    arguments = ["--picture", "tiny", "--delay", "0-0.01", "--rate", "429=1", "--seed", "7", "--rpm", "9"]
    code = f"from worker.practice.server import main; main({arguments!r})"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            line = orjson.loads(process.stdout.readline())
            with urllib.request.urlopen(f"{line['url']}/v1/models", timeout=10) as response:
                assert b"practice-image" in response.read()
            assert line["pid"] == process.pid
        finally:
            process.terminate()

    assert process.returncode == 0
