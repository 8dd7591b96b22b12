"""One call to ``/v1/chat/completions``, from its body to the script of its answer."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from worker.practice.async_tasks import AsyncTasks
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
    stream_script,
    text_reply,
    video_message,
)
from worker.practice.script import Script


class ChatCompletions:
    """Makes the pictures and the answers around them."""

    def __init__(self, options: PracticeOptions) -> None:
        self.image_host = ImageHost()
        self.tasks = AsyncTasks(options.running)
        self._options = options
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="practice-drawing")

    def close(self) -> None:
        """Let the drawing threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def render(self, recipe: Recipe) -> bytes:
        """Make a picture; drawing happens in a thread."""
        if recipe.is_cheap:
            return recipe.render()
        return await asyncio.get_running_loop().run_in_executor(self._threads, recipe.render)

    async def respond(
        self, context: ParsedRequest, call: LoggedCall, base_url: str, weather: Conditions
    ) -> Script:
        """Plan the answer to a call, and write into the ledger what it comes to."""
        failing = self._struck(context, call, weather) or self._failing(context, call)
        kind = failing.kind if failing else None
        delay = self._options.delay_for(weather.delay or context.options.delay, context.prompt, call.earlier)
        if kind is None and (case := context.options.case_for(call.earlier)):
            return self._play(case, context, call, base_url, delay)
        call.outcome, call.charged = kind or "picture", kind is None or kind in CHARGED_FAILURES
        if kind == "429" and weather.announce != "retry_after":
            return rate_limit_response(context.options.retry_after or 1, weather.announce)
        if kind and (script := error_response(kind, delay=delay, retry_after=context.options.retry_after)):
            return script
        script = await self._spoken(context, call, failing, base_url, delay)
        if kind == "drip":
            return drip(script, context.options.interval)
        accident = FAULTS.get(kind) if kind else None
        return accident(script) if accident else script

    def _play(
        self, case: CorpusCase, context: ParsedRequest, call: LoggedCall, base_url: str, delay: float
    ) -> Script:
        """Plan an answer seen in the wild."""
        call.case, call.outcome = case.id, case.expected["outcome"]
        call.billed = case.expected.get("billed", "yes" if call.outcome == "success" else None)
        call.charged = call.billed in ("yes", "unknown")
        self.tasks.start(*case.task_ids)
        return case_script(case, here=None if context.options.verbatim else base_url, delay=delay)

    def _struck(self, context: ParsedRequest, call: LoggedCall, weather: Conditions) -> Failure | None:
        """Return what the weather has in store for this call."""
        if weather.refuse:
            return Failure(kind="drop", times=None)
        if (
            weather.fail is None
            or self._options.draw("weather", context.prompt, call.earlier) >= weather.share
        ):
            return None
        return Failure(kind=weather.fail, times=None)

    def _failing(self, context: ParsedRequest, call: LoggedCall) -> Failure | None:
        if due := context.options.failure_for(call.earlier):
            return due
        accident = self._options.random_failure(context.prompt, call.earlier)
        return Failure(kind=accident, times=1) if accident else None

    async def _spoken(
        self, context: ParsedRequest, call: LoggedCall, failing: Failure | None, base_url: str, delay: float
    ) -> Script:
        """Plan an answer in which the model says something, mostly a picture."""
        parameters, model, number = context.options, context.model, call.number
        if failing and failing.kind in TEXT_REPLIES:
            message = Message(TEXT_REPLIES[failing.kind])
        elif (words := text_reply(context)) is not None:
            call.outcome, message = "text", Message(words)
            parameters = parameters.replace({"progress": "none"})
        elif is_video_model(model):
            message = _filmed(context, call, failing, base_url)
        elif parameters.deliver in LINKED_DELIVERIES or (failing and failing.kind == "dead_link"):
            message = self._linked(context, call, failing, base_url)
        else:
            pictures = [await self.render(recipe) for recipe in _recipes(context, call)]
            if failing and failing.kind == "truncated":
                pictures = [truncate_png(png) for png in pictures]
            if parameters.deliver == "b64_json":
                body = b64_json_body(pictures)
                message = Message(body.decode())
                if not context.stream:
                    return document_script(body, delay=delay)
            else:
                message = inline_message(parameters.deliver, pictures)
        if context.stream:
            return stream_script(message, number=number, model=model, style=parameters.progress, delay=delay)
        return document_script(completion_body(message, number=number, model=model), delay=delay)

    def _linked(
        self, context: ParsedRequest, call: LoggedCall, failing: Failure | None, base_url: str
    ) -> Message:
        error: LinkFault | None = None
        if failing and (failing.kind == "dead_link" or failing.kind == "truncated"):
            error = failing.kind
        times = failing.times if failing else 0
        call.pictures = tuple(
            self.image_host.publish(recipe, fault=error, times=times) for recipe in _recipes(context, call)
        )
        urls = [f"{base_url}/pictures/{name}" for name in call.pictures]
        return linked_message(context.options.deliver, urls)


def _filmed(context: ParsedRequest, call: LoggedCall, failing: Failure | None, base_url: str) -> Message:
    """Carry links to as many videos as were asked for."""
    place = "/pictures/" if failing and failing.kind == "dead_link" else FOREIGN_PREFIX + "videos/"
    numbers = range(call.earlier * context.n + 1, (call.earlier + 1) * context.n + 1)
    return video_message([f"{base_url}{place}{call.number:06d}-{number}.mp4" for number in numbers])


def _recipes(context: ParsedRequest, call: LoggedCall) -> list[Recipe]:
    """Return the call's pictures; the same prompt gives other ones each time it is called."""
    first = call.earlier * context.n + 1
    return [
        Recipe(context.prompt, number, context.caption, context.size, context.options.picture)
        for number in range(first, first + context.n)
    ]
