"""Floods: headers and URLs without end, slow requests, idle connections, and many streams."""

import contextlib
import resource
import socket
import time

from tests.attack.result import Result
from tests.attack.target import Target

_WAITS = {"event streams": "/v1/jobs/{}/events", "long polls": "/v1/jobs/{}?wait=30"}
_SLOW_ANSWER = 25.0  # seconds after which a request that never ends must have been ended, at most


def attack_heads(target: Target, *, megabytes: int) -> Result:
    """Send request lines and headers without end, on connections without a key."""
    breaches = []
    heads = {
        "endless URL": (b"GET /", b"a" * 65536),
        "endless header": (b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nx-a: ", b"a" * 65536),
        "endless headers": (b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n", b"x-a: b\r\n" * 8192),
        "endless method": (b"", b"A" * 65536),
        "endless query": (b"GET /v1/jobs?", b"a=b&" * 16384),
        "header without a colon": (b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n", b"a" * 65536),
    }
    for name, (start, chunk) in heads.items():
        sent, answer = _send_endless(target.port, start, chunk, megabytes * 2**20)
        if sent >= megabytes * 2**20:
            breaches.append(f"{name}: {sent / 1e6:.0f} MB were read ({answer[:30]!r})")
    return Result("endless headers and URLs", len(heads), breaches)


def attack_slowly(target: Target, *, connections: int, seconds: float) -> Result:
    """Send headers and bodies a byte at a time, and nothing at all, on many connections."""
    breaches = []
    body = (
        f"POST /v1/jobs HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {target.alice}\r\n"
        "content-type: application/json\r\ncontent-length: 100000\r\n\r\n{"
    ).encode()
    starts = {"slow headers": b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nx: ", "slow body": body, "silence": b""}
    kinds = {}
    with contextlib.ExitStack() as stack:
        opened: list[socket.socket] = []
        for name, start in starts.items():
            for _ in range(connections // len(starts)):
                found = _connect(target.port)
                if found is None:
                    continue
                opened.append(stack.enter_context(found))
                kinds[found] = name
                found.setblocking(False)
                with contextlib.suppress(OSError):
                    found.send(start)
        deadline = time.monotonic() + seconds
        open_now = list(opened)
        while open_now and time.monotonic() < deadline:
            open_now = [each for each in open_now if _drip(each, silent=kinds[each] == "silence")]
            time.sleep(1)
        if seconds >= _SLOW_ANSWER and open_now:
            names = sorted({kinds[each] for each in open_now if kinds[each] != "slow body"})
            if names:
                breaches.append(f"{len(open_now)} are open after {seconds:g} s: {', '.join(names)}")
    return Result("slow headers and bodies", len(kinds), breaches)


def attack_waits(target: Target, *, kind: str, connections: int) -> Result:
    """Open many event streams or long polls of one job with one key, and close them all at once."""
    with target.client(target.alice) as client:
        job = target.submit(client, "streamed", not_before="2099-01-01T00:00:00Z").json()["id"]
        head = f"GET {_WAITS[kind].format(job)} HTTP/1.1\r\nhost: 127.0.0.1\r\n"
        request = f"{head}authorization: Bearer {target.alice}\r\n\r\n".encode()
        opened, refused = [], 0
        for _ in range(connections):
            if (found := _connect(target.port)) is not None:
                found.sendall(request)
                opened.append(found)
        for each in opened:
            each.settimeout(5)
            with contextlib.suppress(OSError):
                refused += b" 429 " in each.recv(200)[:20]
            each.settimeout(0)
        for each in opened:
            each.close()
        client.post(f"/v1/jobs/{job}/cancel")
    breaches = [] if refused else [f"one key has {connections} {kind}: there is no ceiling"]
    if "destroyed" in target.up.log.read_text(encoding="utf-8"):
        breaches.append("a task was destroyed while it was pending")
    return Result(f"{kind} of one key", connections, breaches)


def raise_file_limit() -> None:
    """Allow this process as many open files as the system does."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _send_endless(port: int, start: bytes, chunk: bytes, limit: int) -> tuple[int, bytes]:
    """Send until the server answers or closes; return how much it took, and the answer."""
    found = _connect(port)
    if found is None:
        return 0, b""
    sent, answer = 0, b""
    with found:
        found.settimeout(5)
        try:
            found.sendall(start)
            while sent < limit:
                found.sendall(chunk)
                sent += len(chunk)
                found.setblocking(False)
                with contextlib.suppress(BlockingIOError):
                    answer = found.recv(1000)
                    return sent, answer
                found.settimeout(5)
        except OSError:
            pass
    return sent, answer


def _connect(port: int) -> socket.socket | None:
    try:
        return socket.create_connection(("127.0.0.1", port), timeout=5)
    except OSError:
        return None


def _drip(connection: socket.socket, *, silent: bool) -> bool:
    """Send one byte; return whether the server holds the connection open and has not answered."""
    try:
        if not silent:
            connection.send(b"a")
        connection.recv(1000)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False  # it has answered, or closed
