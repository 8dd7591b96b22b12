"""POST /v1/chat/completions: from the parsed request to the script of its response."""

import asyncio
from binascii import a2b_base64
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import orjson

from worker.practice.async_tasks import INLINE, AsyncTasks, PublishedTask, record_body, submit_body
from worker.practice.call_log import LoggedCall
from worker.practice.conditions import Conditions
from worker.practice.corpus import CorpusCase, case_script
from worker.practice.drawing.render import Recipe
from worker.practice.error_responses import (
    CHARGED_FAILURES,
    TEXT_REPLIES,
    error_response,
    rate_limit_response,
)
from worker.practice.fault_injection import FAULTS, drip
from worker.practice.images import FOREIGN_PREFIX, ImageHost, LinkFault, truncate_png
from worker.practice.options import PracticeOptions
from worker.practice.request_options import Failure
from worker.practice.request_parser import ParsedRequest, is_video_model
from worker.practice.responses import (
    LINKED_DELIVERIES,
    Message,
    b64_json_body,
    completion_body,
    document_script,
    inline_message,
    linked_message,
    partial_images_script,
    stream_script,
    text_reply,
    to_base64,
    video_message,
)
from worker.practice.script import Script, Step


class ChatCompletions:
    """Plans responses and renders their images."""

    def __init__(self, options: PracticeOptions) -> None:
        self.image_host = ImageHost()
        self.tasks = AsyncTasks(options.running)
        self._options = options
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="practice-drawing")

    def close(self) -> None:
        """Stop the drawing threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def render(self, recipe: Recipe) -> bytes:
        """Render an image; drawing runs in a thread."""
        if recipe.is_cheap:
            return recipe.render()
        return await asyncio.get_running_loop().run_in_executor(self._threads, recipe.render)

    async def respond(
        self, request: ParsedRequest, call: LoggedCall, base_url: str, conditions: Conditions
    ) -> Script:
        """Plan the response to a call, and record its outcome in the call log."""
        failure = self._condition_failure(request, call, conditions) or self._requested_failure(request, call)
        kind = failure.kind if failure else None
        delay = self._options.delay_for(
            conditions.delay or request.options.delay, request.prompt, call.earlier
        )
        if kind is None and (case := request.options.case_for(call.earlier)):
            return self._replay(case, request, call, base_url, delay)
        call.outcome, call.charged = kind or "picture", kind is None or kind in CHARGED_FAILURES
        if kind == "429" and conditions.announce != "retry_after":
            return rate_limit_response(request.options.retry_after or 1, conditions.announce)
        if kind and (script := error_response(kind, delay=delay, retry_after=request.options.retry_after)):
            return script
        script = await self._completion(request, call, failure, base_url, delay)
        if kind == "drip":
            return drip(script, request.options.interval)
        inject = FAULTS.get(kind) if kind else None
        return inject(script) if inject else script

    def _replay(
        self, case: CorpusCase, request: ParsedRequest, call: LoggedCall, base_url: str, delay: float
    ) -> Script:
        """Plan the replay of a recorded response."""
        call.case, call.outcome = case.id, case.expected["outcome"]
        call.billed = case.expected.get("billed", "yes" if call.outcome == "success" else None)
        call.charged = call.billed in ("yes", "unknown")
        self.tasks.start(*case.task_ids)
        return case_script(case, base_url=None if request.options.verbatim else base_url, delay=delay)

    def _condition_failure(
        self, request: ParsedRequest, call: LoggedCall, conditions: Conditions
    ) -> Failure | None:
        """Return the failure that the current conditions cause, if any."""
        if conditions.refuse:
            return Failure(kind="drop", times=None)
        if (
            conditions.fail is None
            or self._options.draw("weather", request.prompt, call.earlier) >= conditions.share
        ):
            return None
        return Failure(kind=conditions.fail, times=None)

    def _requested_failure(self, request: ParsedRequest, call: LoggedCall) -> Failure | None:
        """Return the failure of the request's own options, or of the server's error rates."""
        if due := request.options.failure_for(call.earlier):
            return due
        kind = self._options.random_failure(request.prompt, call.earlier)
        return Failure(kind=kind, times=1) if kind else None

    async def _completion(
        self, request: ParsedRequest, call: LoggedCall, failure: Failure | None, base_url: str, delay: float
    ) -> Script:
        """Plan a chat completion: text, videos, or images by link or inline."""
        options, model, number = request.options, request.model, call.number
        if options.deliver.startswith("task_"):
            return document_script(orjson.dumps(await self._task(request, call, base_url)), delay=delay)
        if options.deliver == "image_body":
            png = await self.render(self._recipes(request, call)[0])
            return Script((Step(delay, png),), content_type="image/png")
        if failure and failure.kind in TEXT_REPLIES:
            message = Message(TEXT_REPLIES[failure.kind])
        elif request.silent:
            call.outcome, message = "text", Message("I can describe the picture in words.")
        elif (text := text_reply(request)) is not None:
            call.outcome, message = "text", Message(text)
            options = options.replace({"progress": "none"})
        elif is_video_model(model):
            message = _video_message(request, call, failure, base_url)
        elif options.deliver in LINKED_DELIVERIES or (failure and failure.kind == "dead_link"):
            message = self._linked_message(request, call, failure, base_url)
        else:
            pictures = [await self.render(recipe) for recipe in self._recipes(request, call)]
            if failure and failure.kind == "truncated":
                pictures = [truncate_png(png) for png in pictures]
            if request.partials:
                return partial_images_script(pictures, request.partials, delay=delay)
            if options.deliver == "b64_json":
                body = b64_json_body(pictures)
                message = Message(body.decode())
                if not request.stream:
                    return document_script(body, delay=delay)
            else:
                message = inline_message(options.deliver, pictures)
        if request.stream:
            return stream_script(message, number=number, model=model, style=options.progress, delay=delay)
        return document_script(completion_body(message, number=number, model=model), delay=delay)

    async def _task(self, request: ParsedRequest, call: LoggedCall, base_url: str) -> dict[str, Any]:
        """Take a call as a task of the requested dialect, or answer with its finished record."""
        call.pictures = tuple(self.image_host.publish(recipe) for recipe in self._recipes(request, call))
        urls = [f"{base_url}/pictures/{name}" for name in call.pictures]
        task, dialect = f"task_{call.number:06d}", request.options.deliver.removeprefix("task_")
        if dialect == "record":
            return record_body(task, urls)
        inline: Sequence[str] = ()
        if dialect == INLINE:
            task = task.replace("task_", "resp_")
            inline = [to_base64(await self.render(recipe)) for recipe in self._recipes(request, call)]
        self.tasks.publish(task, PublishedTask(dialect, urls, inline))
        if request.options.kill:
            self.tasks.killing.add(task)
        return submit_body(task, dialect)

    def _linked_message(
        self, request: ParsedRequest, call: LoggedCall, failure: Failure | None, base_url: str
    ) -> Message:
        fault: LinkFault | None = None
        if failure and (failure.kind == "dead_link" or failure.kind == "truncated"):
            fault = failure.kind
        times = failure.times if failure else 0
        call.pictures = tuple(
            self.image_host.publish(recipe, fault=fault, times=times)
            for recipe in self._recipes(request, call)
        )
        urls = [f"{base_url}/pictures/{name}" for name in call.pictures]
        return linked_message(request.options.deliver, urls)

    def _recipes(self, request: ParsedRequest, call: LoggedCall) -> list[Recipe]:
        """Return recipes of the call's images; each call of a prompt gives different ones."""
        if request.repeated_image is not None and (repeated := self._repeated(request.repeated_image)):
            return [repeated]
        first = call.earlier * request.n + 1
        return [
            Recipe(request.prompt, number, request.caption, request.size, request.options.picture)
            for number in range(first, first + request.n)
        ]

    def _repeated(self, url: str) -> Recipe | None:
        """Return the recipe of an input image: of a data URL, or of an image published here."""
        if url.startswith("data:"):
            with suppress(ValueError):
                return Recipe("repeated", 1, "", original=a2b_base64(url.partition(",")[2]))
            return None
        published = self.image_host.find(url.rpartition("/")[2])
        return published.recipe if published else None


def _video_message(
    request: ParsedRequest, call: LoggedCall, failure: Failure | None, base_url: str
) -> Message:
    """Return a message with links to the requested number of videos."""
    folder = "/pictures/" if failure and failure.kind == "dead_link" else FOREIGN_PREFIX + "videos/"
    numbers = range(call.earlier * request.n + 1, (call.earlier + 1) * request.n + 1)
    return video_message([f"{base_url}{folder}{call.number:06d}-{number}.mp4" for number in numbers])


def _recipes(request: ParsedRequest, call: LoggedCall) -> list[Recipe]:
    """Return recipes of the call's images; each call of a prompt gives different ones."""
    first = call.earlier * request.n + 1
    return [
        Recipe(request.prompt, number, request.caption, request.size, request.options.picture)
        for number in range(first, first + request.n)
    ]
