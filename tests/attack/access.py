"""Authentication, and isolation between callers."""

import base64
import itertools
import random

import httpx

from tests.attack.result import Result
from tests.attack.target import Target

_READS = ("/v1/jobs", "/v1/jobs/eta", "/v1/webhooks", "/v1/channels", "/v1/campaigns/x", "/mj/task/list")
_ADMIN = (
    ("GET", "/v1/channels"),
    ("POST", "/v1/channels/practice/pause"),
    ("POST", "/v1/channels/practice/drain"),
    ("POST", "/v1/channels/practice/resume"),
    ("GET", "/v1/jobs?caller=bob"),
)


def attack_keys(target: Target, *, few: bool) -> Result:
    """Ask with no key, with parts and changes of good ones, in every header and place."""
    good, breaches, inputs = target.alice, [], 0
    wrong = [
        *(
            "",
            " ",
            "null",
            "undefined",
            "admin",
            "Bearer",
            "' OR '1'='1",
            '" OR ""="',
            "dk_",
            "*",
            "%",
            "\x00",
        ),
        *(good[:size] for size in range(1, len(good), 4)),
        *(f"{good}x", f"x{good}", good.upper(), good.swapcase(), good[::-1], f"{good},{good}", "é" * 40),
        base64.b64encode(good.encode()).decode(),
    ]
    headers = [
        *(
            {"Authorization": f"{scheme} {each}"}
            for each in wrong
            for scheme in ("Bearer", "Basic", "bearer")
        ),
        *({"mj-api-secret": each} for each in wrong),
        *({name: good} for name in ("Cookie", "X-Api-Token", "Proxy-Authorization", "X-Forwarded-For")),
        {"Cookie": f"session={good}; key={good}"},
    ]
    with target.client(None) as client:
        for path, given in itertools.product(_READS[:1] if few else _READS, headers):
            try:
                status = client.get(path, headers=_bytes(given)).status_code
            except (httpx.HTTPError, ValueError):  # no request at all, or a closed connection
                continue
            inputs += 1
            if status < 400 or status >= 500:
                breaches.append(f"GET {path} with {_shown(given)}: {status}")
        for path in (f"/v1/jobs?api_key={good}", f"/v1/jobs?key={good}", f"/v1/jobs?token={good}"):
            inputs += 1
            if client.get(path).status_code != 401:
                breaches.append(f"a key in the query of {path.split('?')[0]} is accepted")
    return Result("authentication", inputs, breaches)


def attack_isolation(target: Target, *, jobs: int, seed: int) -> Result:
    """Read, change and guess what belongs to another caller, with a user's key."""
    breaches, inputs = [], 0
    with target.client(target.bob) as bob, target.client(target.alice) as alice:
        owned = [target.submit(bob, f"bob's {number}").json()["id"] for number in range(jobs)]
        webhook = bob.post("/v1/webhooks", json={"url": "https://receiver.example/bob"}).json()["id"]
        task = bob.post("/mj/submit/imagine", json={"prompt": "bob's task"}).json().get("result")
        done = target.settled(bob, owned[0])
        assets = [asset["id"] for asset in done["assets"]]
        paths = [
            *((method, f"/v1/jobs/{job}{end}") for job in owned for method, end in _JOB_ACTIONS),
            *(("GET", f"/v1/assets/{asset}") for asset in assets),
            *(("GET", f"/v1/webhooks/{webhook}{end}") for end in ("", "/deliveries")),
            *((method, f"/v1/webhooks/{webhook}{end}") for method, end in _WEBHOOK_ACTIONS),
            ("GET", f"/mj/task/{task}/fetch"),
            ("POST", f"/mj/task/{task}/cancel"),
            *_ADMIN,
        ]
        for method, path in paths:
            inputs += 1
            response = alice.request(method, path, json={} if method in ("POST", "PATCH") else None)
            foreign = [word for word in (*owned, *assets, webhook, "bob's") if word in response.text]
            leaked = foreign and not all(word in path for word in foreign)
            allowed = path == "/v1/channels" or path.startswith(
                "/mj"
            )  # a user sees channels; /mj answers 200
            if leaked or (response.status_code < 400 and not allowed) or response.status_code >= 500:
                breaches.append(f"{method} {path}: {response.status_code} {foreign}")
        breaches += _lists(alice, [*owned, *assets, webhook, "bob's"])
        draw = random.Random(seed)
        for _ in range(jobs * 20):  # ids and tokens near those that exist
            inputs += 1
            near = _changed(draw, draw.choice(owned))
            if near not in owned and alice.get(f"/v1/jobs/{near}").status_code != 404:
                breaches.append(f"GET /v1/jobs/{near} is not 404")
        still = {bob.get(f"/v1/jobs/{job}").json()["status"] for job in owned}
        if still & {"cancelled"}:
            breaches.append("a job of bob was cancelled by alice")
        if bob.get(f"/v1/webhooks/{webhook}").status_code != 200:
            breaches.append("a webhook of bob was deleted by alice")
    return Result("isolation between callers", inputs, breaches)


_JOB_ACTIONS = (
    ("GET", ""),
    ("GET", "/events"),
    ("POST", "/cancel"),
    ("POST", "/retry"),
    ("POST", "/release"),
    ("POST", "/fail"),
    ("POST", "/reread"),
)
_WEBHOOK_ACTIONS = (("PATCH", ""), ("POST", "/rotate"), ("POST", "/test"), ("DELETE", ""))


def _lists(client: httpx.Client, foreign: list[str]) -> list[str]:
    paths = ("/v1/jobs?limit=200", "/v1/webhooks", "/mj/task/list", "/mj/task/queue")
    texts = {path: client.get(path).text for path in paths}
    return [f"{path} shows {word}" for path, text in texts.items() for word in foreign if word in text]


def _changed(draw: random.Random, text: str) -> str:
    at = draw.randrange(4, len(text))
    return text[:at] + draw.choice("0123456789abcdefghjkmnpqrstvwxyz") + text[at + 1 :]


def _bytes(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode("utf-8")) for name, value in headers.items()]


def _shown(headers: dict[str, str]) -> str:
    return ", ".join(f"{name}: {value[:20]!r}" for name, value in headers.items())
