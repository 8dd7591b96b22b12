"""One call to ``/v1/chat/completions``, from its body to the script of its answer."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from worker.practice.async_tasks import Tasks
from worker.practice.call_log import LoggedCall
from worker.practice.conditions import Conditions
from worker.practice.corpus import CorpusCase, case_script
from worker.practice.drawing.render import Recipe
from worker.practice.error_responses import CHARGED, SENTENCES, failure_answer, limited
from worker.practice.fault_injection import FAULTS, drip
from worker.practice.images import PLACE, ImageHost, LinkFault, cut_short
from worker.practice.options import PracticeOptions
from worker.practice.request_options import Failing
from worker.practice.request_parser import ParsedRequest, makes_videos
from worker.practice.responses import (
    LINKED,
    Message,
    b64_json,
    filmed_message,
    inline_message,
    linked_message,
    plain_body,
    plain_script,
    stream_script,
    words_for,
)
from worker.practice.script import Script


class ChatCompletions:
    """Makes the pictures and the answers around them."""

    def __init__(self, options: PracticeOptions) -> None:
        self.gallery = ImageHost()
        self.tasks = Tasks(options.running)
        self._options = options
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="practice-drawing")

    def close(self) -> None:
        """Let the drawing threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def make(self, recipe: Recipe) -> bytes:
        """Make a picture; drawing happens in a thread."""
        if recipe.quick:
            return recipe.make()
        return await asyncio.get_running_loop().run_in_executor(self._threads, recipe.make)

    async def answer(
        self, context: ParsedRequest, call: LoggedCall, base_url: str, weather: Conditions
    ) -> Script:
        """Plan the answer to a call, and write into the ledger what it comes to."""
        failing = self._struck(context, call, weather) or self._failing(context, call)
        kind = failing.kind if failing else None
        delay = self._options.pause(weather.delay or context.wish.delay, context.prompt, call.earlier)
        if kind is None and (case := context.wish.played(call.earlier)):
            return self._play(case, context, call, base_url, delay)
        call.outcome, call.charged = kind or "picture", kind is None or kind in CHARGED
        if kind == "429" and weather.announce != "retry_after":
            return limited(context.wish.retry_after or 1, weather.announce)
        if kind and (script := failure_answer(kind, delay=delay, retry_after=context.wish.retry_after)):
            return script
        script = await self._spoken(context, call, failing, base_url, delay)
        if kind == "drip":
            return drip(script, context.wish.interval)
        accident = FAULTS.get(kind) if kind else None
        return accident(script) if accident else script

    def _play(
        self, case: CorpusCase, context: ParsedRequest, call: LoggedCall, base_url: str, delay: float
    ) -> Script:
        """Plan an answer seen in the wild."""
        call.case, call.outcome = case.id, case.expected["outcome"]
        call.billed = case.expected.get("billed", "yes" if call.outcome == "success" else None)
        call.charged = call.billed in ("yes", "unknown")
        self.tasks.leave(*case.tasks)
        return case_script(case, here=None if context.wish.verbatim else base_url, delay=delay)

    def _struck(self, context: ParsedRequest, call: LoggedCall, weather: Conditions) -> Failing | None:
        """Return what the weather has in store for this call."""
        if weather.refuse:
            return Failing(kind="drop", times=None)
        if (
            weather.fail is None
            or self._options.lot("weather", context.prompt, call.earlier) >= weather.share
        ):
            return None
        return Failing(kind=weather.fail, times=None)

    def _failing(self, context: ParsedRequest, call: LoggedCall) -> Failing | None:
        if due := context.wish.due(call.earlier):
            return due
        accident = self._options.accident(context.prompt, call.earlier)
        return Failing(kind=accident, times=1) if accident else None

    async def _spoken(
        self, context: ParsedRequest, call: LoggedCall, failing: Failing | None, base_url: str, delay: float
    ) -> Script:
        """Plan an answer in which the model says something, mostly a picture."""
        parameters, model, number = context.wish, context.model, call.number
        if failing and failing.kind in SENTENCES:
            message = Message(SENTENCES[failing.kind])
        elif (words := words_for(context)) is not None:
            call.outcome, message = "text", Message(words)
            parameters = parameters.changed({"progress": "none"})
        elif makes_videos(model):
            message = _filmed(context, call, failing, base_url)
        elif parameters.deliver in LINKED or (failing and failing.kind == "dead_link"):
            message = self._linked(context, call, failing, base_url)
        else:
            pictures = [await self.make(recipe) for recipe in _recipes(context, call)]
            if failing and failing.kind == "truncated":
                pictures = [cut_short(png) for png in pictures]
            if parameters.deliver == "b64_json":
                body = b64_json(pictures)
                message = Message(body.decode())
                if not context.stream:
                    return plain_script(body, delay=delay)
            else:
                message = inline_message(parameters.deliver, pictures)
        if context.stream:
            return stream_script(message, number=number, model=model, style=parameters.progress, delay=delay)
        return plain_script(plain_body(message, number=number, model=model), delay=delay)

    def _linked(
        self, context: ParsedRequest, call: LoggedCall, failing: Failing | None, base_url: str
    ) -> Message:
        error: LinkFault | None = None
        if failing and (failing.kind == "dead_link" or failing.kind == "truncated"):
            error = failing.kind
        times = failing.times if failing else 0
        call.pictures = tuple(
            self.gallery.publish(recipe, error=error, times=times) for recipe in _recipes(context, call)
        )
        urls = [f"{base_url}/pictures/{name}" for name in call.pictures]
        return linked_message(context.wish.deliver, urls)


def _filmed(context: ParsedRequest, call: LoggedCall, failing: Failing | None, base_url: str) -> Message:
    """Carry links to as many videos as were asked for."""
    place = "/pictures/" if failing and failing.kind == "dead_link" else PLACE + "videos/"
    numbers = range(call.earlier * context.n + 1, (call.earlier + 1) * context.n + 1)
    return filmed_message([f"{base_url}{place}{call.number:06d}-{number}.mp4" for number in numbers])


def _recipes(context: ParsedRequest, call: LoggedCall) -> list[Recipe]:
    """Return the call's pictures; the same prompt gives other ones each time it is called."""
    first = call.earlier * context.n + 1
    return [
        Recipe(context.prompt, number, context.caption, context.size, context.wish.picture)
        for number in range(first, first + context.n)
    ]
