"""SSRF: addresses inside, in every spelling, by every way that an address comes in, and by redirects."""

import time
from collections.abc import Iterator

from tests.attack.namespace import INTERNAL, PICTURE_HOST
from tests.attack.provider import completion
from tests.attack.result import Result
from tests.attack.target import Target

_OWN = ("127.0.0.1", "127.1", "127.000.000.001", "2130706433", "0x7f000001", "0177.0.0.1", "0", "0.0.0.0")
_NAMES = ("localhost", "LOCALHOST", "localhost.", "ip6-localhost", "metadata.google.internal")
_V6 = ("[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:0:0:1]", "[64:ff9b::127.0.0.1]")
_TRICKS = (
    "http://{public}@{host}/",
    "http://{host}#@{public}/",
    "http://{host}\\@{public}/",
    "http://{host}%00.{public}/",
    "http://{host}%2f@{public}/",
    "//{host}/",
    "http:///{host}/",
    "http:{host}/",
    "HTTP://{host}/",
    "http://{host}\t/",
    "http://１２７.0.0.1/",
    "http://①②⑦.⓪.⓪.①/",
    "file:///etc/passwd",
    "gopher://{host}:80/_GET",
    "ftp://{host}/",
)


_LONGEST, _SHORT = 90.0, 8.0  # seconds until all jobs must have ended; a name without an address is retried


def inside_urls() -> Iterator[str]:
    """Yield URLs of internal services, on port 80."""
    hosts = [*_OWN, *_NAMES, *_V6, *INTERNAL]
    for address in INTERNAL:
        parts = [int(part) for part in address.split(".")]
        number = int.from_bytes(bytes(parts))
        low = f"{number & 0xFFFF:x}"
        hosts += [str(number), hex(number), ".".join(f"0{part:o}" for part in parts)]
        hosts += [
            f"[::ffff:{address}]",
            f"[2002:{number >> 16:x}:{low}::]",
            f"[64:ff9b::{number >> 16:x}:{low}]",
        ]
    for host in hosts:
        yield f"http://{host}/latest/meta-data/"
    for trick in _TRICKS:
        for host in ("127.0.0.1", "169.254.169.254"):
            yield trick.format(host=host, public=PICTURE_HOST)


def attack_addresses(target: Target, *, few: bool) -> Result:
    """Name internal addresses as input images, webhooks, hooks, links in answers and targets of redirects."""
    name = "SSRF, redirects and metadata addresses"
    if not target.namespace:
        return Result(name, 0, skipped="a network namespace needs Linux and root")
    urls, waiting, breaches, inputs = list(dict.fromkeys(inside_urls()))[:: 8 if few else 1], [], [], 0
    provider = target.provider
    with target.client(target.alice) as client:
        for number, url in enumerate(urls):
            provider.redirects[f"/to/{number}.png"] = url
            outside = f"http://{PICTURE_HOST}:8000/to/{number}.png"
            provider.answers[f"link {number}"] = completion(f"![a]({url})")
            provider.answers[f"redirect {number}"] = completion(f"![a]({outside})")
            responses = [
                target.submit(client, f"image {number}", images=[url]),
                target.submit(client, f"redirected image {number}", images=[outside]),
                target.submit(client, f"hook {number}", webhook_url=url),
                target.submit(client, f"link {number}"),
                target.submit(client, f"redirect {number}"),
                client.post("/v1/webhooks", json={"url": url}),
                client.post("/mj/submit/imagine", json={"prompt": f"mj {number}", "notifyHook": url}),
                client.post("/mj/submit/describe", json={"base64": url}),
            ]
            inputs += len(responses)
            breaches += [f"{url}: {each.status_code}" for each in responses if each.status_code >= 500]
            waiting += [each.json()["id"] for each in responses[:5] if each.status_code == 202]
            if responses[5].status_code == 201:  # accepted by its looks: its deliveries must not arrive
                hook = responses[5].json()["id"]
                client.post(f"/v1/webhooks/{hook}/test")
                client.delete(f"/v1/webhooks/{hook}")
        deadline = time.monotonic() + (_SHORT if few else _LONGEST)
        for job in waiting:
            try:
                target.settled(client, job, within=max(deadline - time.monotonic(), 0.1))
            except AssertionError:
                client.post(f"/v1/jobs/{job}/cancel")
    breaches += [f"an internal service was reached: {each}" for each in provider.internal[:20]]
    if (followed := sum(path in provider.fetched for path in provider.redirects)) < len(urls):
        breaches.append(f"only {followed} of {len(urls)} redirects were met: the others were not tried")
    return Result(name, inputs, breaches)
