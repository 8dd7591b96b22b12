"""Hostile answers of a provider: its key repeated, words about the account, terminal escapes."""

import base64
import json
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from urllib.parse import quote

import httpx

from tests.attack.provider import JSON, Answer, completion
from tests.attack.result import Result
from tests.attack.target import FINAL, Target
from tests.support.fleet import COMMAND

_SENTENCES = (
    "用户余额不足",
    "Error: insufficient_quota. You exceeded your current quota, please check your plan and billing details.",
    "401 Unauthorized: Incorrect API key provided. The account is deactivated.",
    "429 Too Many Requests: rate limit reached, please retry after 86400 seconds.",
    "该令牌额度已用尽 [sk-***] RemainQuota = -1",
    "model_not_found: the model does not exist",
)
_ESCAPES = "\x1b]0;owned\x07\x1b[2J\x1b[31mred\x9b31m\u202eevil\u2066\x08\x7f\r\nfake line"
_LONGEST = 45.0  # seconds for all jobs with errors of one class
_RAW = ("\x1b]", "\x1b[2J", "\x9b", "\u202e", "\u2066", "\x08", "\x07")


def attack_key_echo(target: Target) -> Result:
    """Let the provider repeat its key in each place and spelling; look for it in all that was written."""
    key = target.provider_key
    spelled = {
        "plain": key,
        "percent": quote(key, safe=""),
        "base64": base64.b64encode(key.encode()).decode(),
        "bearer in base64": base64.b64encode(f"Bearer {key}".encode()).decode(),
        "escaped": "".join(f"\\u{ord(character):04x}" for character in key),
    }
    answers: dict[str, Answer] = {}
    for name, text in spelled.items():
        raw = text if name == "escaped" else json.dumps(text)[1:-1]
        error = b'{"error":{"message":"key %s","code":"%s","param":"%s"}}' % ((raw.encode(),) * 3)
        answers |= {
            f"echo {name} {status}": (status, JSON | {"x-request-id": text[:200]}, error)
            for status in (400, 401, 403, 429, 500, 503)
        }
        answers[f"echo {name} 200"] = completion(f"your key is {text}")
        answers[f"echo {name} page"] = (502, {"content-type": "text/html"}, f"<h1>{text}</h1>".encode())
    target.provider.answers |= answers
    seen = ""
    with target.client(target.alice) as alice:
        jobs = [target.submit(alice, prompt).json()["id"] for prompt in answers]
        _settle_all(target, alice, jobs)
        for job in jobs:
            shown = alice.get(f"/v1/jobs/{job}")
            seen += shown.text
            if shown.json()["status"] != "held":  # whose event stream would not end
                seen += alice.get(f"/v1/jobs/{job}/events").text
        seen += alice.get("/v1/channels").text
    with target.client(target.admin) as admin:
        seen += admin.get("/v1/channels").text + admin.get("/v1/jobs?limit=200").text
        seen += admin.get("/metrics").text
    written = target.all_output()
    sinks = {"a response of the API": seen, "the log, the database or an archive": written}
    breaches = [
        f"{sink} has the key, {name}"
        for sink, text in sinks.items()
        for name, spelling in spelled.items()
        if spelling in text
    ]
    return Result("a provider that repeats its key", len(answers), breaches)


def attack_account_words(target: Target) -> Result:
    """Let a good answer say what an account's errors say: no other job waits for it, nobody reads it."""
    target.provider.answers |= {f"say {number}": completion(text) for number, text in enumerate(_SENTENCES)}
    breaches, inputs = [], 0
    with target.client(target.alice) as alice, target.client(target.bob) as bob:
        for number, sentence in enumerate(_SENTENCES):
            for _ in range(3):
                inputs += 1
                before = target.provider.calls[f"say {number}"]
                job = target.submit(alice, f"say {number}").json()["id"]
                _settle_all(target, alice, [job])
                if (calls := target.provider.calls[f"say {number}"] - before) > 1:
                    breaches.append(f"{sentence!r}: {calls} calls with max_attempts 1")
            other = target.submit(bob, f"bob after {number}").json()["id"]
            seen = bob.get("/v1/channels").text + bob.get(f"/v1/jobs/{other}").text
            if sentence in seen:
                breaches.append(f"another caller reads {sentence!r}")
            try:
                status = target.settled(bob, other, within=20)["status"]
            except AssertionError:
                status = bob.get(f"/v1/jobs/{other}").json()["status"]
            if status != "succeeded":
                breaches.append(f"after {sentence!r} another caller's job is {status}")
            _reopen(target)
    return Result("account words in good answers", inputs, breaches)


def attack_terminal(target: Target) -> Result:
    """Put escapes into prompts and answers; print them by the command line, as on a terminal and piped."""
    target.provider.answers["escapes"] = (
        400,
        JSON,
        json.dumps({"error": {"message": _ESCAPES, "code": _ESCAPES}}).encode(),
    )
    breaches, printed = [], []
    with target.client(target.alice) as alice:
        job = target.submit(alice, "escapes", campaign="c", tags=["t"]).json()["id"]
        _settle_all(target, alice, [job])
        named = target.submit(alice, f"prompt {_ESCAPES}", campaign=f"c{_ESCAPES}", tags=[_ESCAPES[:60]])
        other = named.json().get("id", job)
        _settle_all(target, alice, [other])
    answer = {
        "status": 400,
        "headers": {"x-a": _ESCAPES},
        "body": json.dumps({"error": {"message": _ESCAPES}}),
    }
    captured = target.folder / "answer.jsonl"
    captured.write_text(json.dumps(answer) + "\n")
    environment = _client_environment(target)
    for arguments in (
        ("jobs", "list"),
        ("jobs", "show", job),
        ("jobs", "show", other),
        ("channels", "list"),
        ("channels", "show", "hostile"),
        ("explain", str(captured)),
        ("campaigns", "show", f"c{_ESCAPES}".replace("\0", "")),
    ):
        done = subprocess.run(
            [COMMAND, *arguments],
            env=environment | {"FORCE_COLOR": "1", "TTY_COMPATIBLE": "1"},
            cwd=target.folder,
            capture_output=True,
            timeout=60,
            check=False,
        )
        printed.append(arguments[0])
        text = (done.stdout + done.stderr).decode("utf-8", "replace")
        breaches += [f"`darkroom {' '.join(arguments[:2])}` prints {raw!r}" for raw in _RAW if raw in text]
    _reopen(target)
    return Result("terminal escapes", len(printed), breaches)


def _client_environment(target: Target) -> Mapping[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("DARKROOM_")}
    return inherited | {"DARKROOM_URL": target.url, "DARKROOM_API_KEY": target.admin}


def _settle_all(target: Target, client: httpx.Client, jobs: Sequence[str]) -> None:
    """Wait until jobs have ended, with the channel opened again and again; cancel what waits for long."""
    waiting, deadline = list(jobs), time.monotonic() + _LONGEST
    while waiting and time.monotonic() < deadline:
        _reopen(target)
        time.sleep(0.5)
        waiting = [job for job in waiting if client.get(f"/v1/jobs/{job}").json()["status"] not in FINAL]
    for job in waiting:
        client.post(f"/v1/jobs/{job}/cancel")


def _reopen(target: Target) -> None:
    """Open the hostile channel again: errors with a status are rightly believed."""
    with target.client(target.admin) as admin:
        admin.post("/v1/channels/hostile/resume")
