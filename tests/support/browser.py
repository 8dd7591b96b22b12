"""A headless Chromium, driven over its DevTools protocol; needs no package beyond aiohttp."""

import asyncio
import base64
import json
import shutil
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_START = 60.0  # seconds for a browser to start on a busy machine
_POLL = 0.05  # seconds between looks at a condition


class BrowserError(AssertionError):
    """The page raised an error, or a condition did not come true."""


class Page:
    """One tab: go to an address, run script in it, press keys, take pictures."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket, self._numbers = socket, count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self.requests: deque[str] = deque(maxlen=5000)  #: addresses that the page has requested
        self.violations: list[str] = []  #: of the content security policy, and errors of scripts
        self._loaded = asyncio.Event()
        self._reader = asyncio.create_task(self._read(), name="browser")

    async def _read(self) -> None:
        async for message in self._socket:
            event = json.loads(message.data)
            if "id" in event:
                answer = self._answers.pop(event["id"], None)
                if answer is not None and not answer.done():
                    answer.set_result(event)
            elif event["method"] == "Page.loadEventFired":
                self._loaded.set()
            elif event["method"] == "Network.requestWillBeSent":
                self.requests.append(event["params"]["request"]["url"])
            elif event["method"] == "Log.entryAdded":
                entry = event["params"]["entry"]
                if (
                    entry["source"] in ("security", "violation", "javascript")
                    or "Security Policy" in entry["text"]
                ):
                    self.violations.append(entry["text"])
            elif event["method"] == "Runtime.exceptionThrown":
                details = event["params"]["exceptionDetails"]
                self.violations.append(str(details.get("exception", {}).get("description", details["text"])))

    async def send(self, method: str, **parameters: Any) -> Any:
        """Send a command of the protocol and return its result."""
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        event = await asyncio.wait_for(answer, 60)
        if "error" in event:
            raise BrowserError(f"{method}: {event['error']}")
        return event["result"]

    async def open(self) -> None:
        """Start to listen to what the page does."""
        for domain in ("Page", "Network", "Runtime", "Log"):
            await self.send(f"{domain}.enable")

    async def go(self, url: str) -> None:
        """Load an address, and wait until it is loaded."""
        self._loaded.clear()
        result = await self.send("Page.navigate", url=url)
        if "errorText" in result:
            raise BrowserError(f"{url}: {result['errorText']}")
        await asyncio.wait_for(self._loaded.wait(), 30)

    async def run(self, script: str) -> Any:
        """Return the value of an expression; a promise is awaited."""
        result = await self.send(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True
        )
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            raise BrowserError(str(details.get("exception", {}).get("description", details["text"])))
        return result["result"].get("value")

    async def until(self, script: str, *, within: float = 15) -> Any:
        """Wait until an expression is true, and return its value."""
        end = asyncio.get_running_loop().time() + within
        while True:
            with suppress(BrowserError):  # the page may be between two documents
                if value := await self.run(script):
                    return value
            if asyncio.get_running_loop().time() > end:
                shown = await self.run("document.body.innerText.slice(0, 600)")
                raise BrowserError(f"not true within {within} s: {script}\nThe page shows:\n{shown}")
            await asyncio.sleep(_POLL)

    async def click(self, selector: str) -> None:
        """Click the first element that matches, once it is there."""
        quoted = json.dumps(selector)
        await self.until(f"!!document.querySelector({quoted})")
        await self.run(f"document.querySelector({quoted}).click()")

    async def fill(self, selector: str, text: str) -> None:
        """Write a text into a field."""
        field = f"document.querySelector({json.dumps(selector)})"
        await self.run(f"{field}.value = {json.dumps(text)}")

    async def press(self, key: str) -> None:
        """Press a key, as a person does."""
        codes = {"Enter": 13, "Escape": 27, "Tab": 9, "ArrowRight": 39, "ArrowLeft": 37}
        typed = {"text": "\r" if key == "Enter" else key} if len(key) == 1 or key == "Enter" else {}
        code = codes.get(key, ord(key.upper()) if len(key) == 1 else 0)
        await self.send(
            "Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code, **typed
        )
        await self.send("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    async def resize(self, width: int, height: int, *, scale: float = 1) -> None:
        """Set the size of the view, in CSS pixels."""
        await self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=width < 500,
        )

    async def prefer(self, *, dark: bool = False, reduced_motion: bool = True) -> None:
        """Set what the person prefers."""
        features = [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce" if reduced_motion else "no-preference"},
        ]
        await self.send("Emulation.setEmulatedMedia", features=features)

    async def speak(self, language: str) -> None:
        """Set the language that the browser asks for."""
        await self.send("Network.setExtraHTTPHeaders", headers={"Accept-Language": language})

    async def picture(self, path: Path, *, whole: bool = False) -> None:
        """Write a PNG of what is seen, or of the ``whole`` page."""
        result = await self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        await asyncio.to_thread(_write, path, base64.b64decode(result["data"]))

    async def close(self) -> None:
        """Close the tab's connection."""
        self._reader.cancel()
        await self._socket.close()


class Browser:
    """A running browser; its tabs share cookies."""

    def __init__(self, session: aiohttp.ClientSession, address: str) -> None:
        self._session, self._address = session, address
        self._pages: list[Page] = []

    async def page(self) -> Page:
        """Open a tab."""
        async with self._session.put(f"{self._address}/json/new?about:blank") as answer:
            target = await answer.json()
        socket = await self._session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0)
        page = Page(socket)
        self._pages.append(page)
        await page.open()
        return page

    async def close(self) -> None:
        """Close all tabs."""
        for page in self._pages:
            await page.close()


@asynccontextmanager
async def browser(profile: Path) -> AsyncIterator[Browser]:
    """Run a headless browser that reaches 127.0.0.1 alone, while the context is open."""
    offline = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1"
    quiet = ("--no-first-run", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars")
    process = await asyncio.create_subprocess_exec(
        *(str(CHROMIUM), "--headless", "--no-sandbox", offline, "--remote-debugging-port=0", *quiet),
        *(f"--user-data-dir={profile}", "about:blank"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        port = await _port(profile / "DevToolsActivePort")
        async with aiohttp.ClientSession() as session:
            running = Browser(session, f"http://127.0.0.1:{port}")
            yield running
            await running.close()
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.is_file() else []


async def _port(file: Path) -> int:
    end = asyncio.get_running_loop().time() + _START
    while asyncio.get_running_loop().time() < end:
        if lines := await asyncio.to_thread(_lines, file):
            return int(lines[0])
        await asyncio.sleep(_POLL)
    raise BrowserError("the browser did not start")
