"""One choice of an answer, as far as it is known."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from worker.upstream.parsing.base64_stream import Blobs, LongRuns, decoded, encoded, joined
from worker.upstream.parsing.json_images import Harvest, harvest_arguments, harvest_fields, harvest_value


@dataclass(slots=True)
class Choice:
    """What a choice said and showed, in the order of its events."""

    runs: LongRuns
    blobs: Blobs
    deltas: list[str] = field(default_factory=list)
    message: str = ""
    arguments: dict[int, list[str]] = field(default_factory=dict)  # of tool calls, in pieces
    line: str = ""  # being written; for handles
    harvest: Harvest = field(default_factory=Harvest)
    images: list[Any] = field(default_factory=list)  # whose index tells their order, over all deltas

    def say(self, text: str) -> None:
        """Take more of what it says; a picture that is spelt in many deltas is decoded as it comes."""
        self.deltas.append(decoded(self.runs.feed(encoded(text))))

    def show(self, message: Mapping[str, Any]) -> str:
        """Take the pictures of a message or a delta, and return the text of its parts."""
        images = message.get("images")
        if isinstance(images, list) and all(isinstance(item, dict) and "index" in item for item in images):
            self.images += images
            message = {name: value for name, value in message.items() if name != "images"}
        self.harvest.texts.clear()
        harvest_fields(message, self.harvest)
        self._add_calls(message)
        return "".join(self.harvest.texts)

    def _add_calls(self, message: Mapping[str, Any]) -> None:
        calls = message.get("tool_calls")
        for position, call in enumerate(calls if isinstance(calls, list) else []):
            if isinstance(call, dict):
                index = call.get("index")
                self._add_call(call.get("function"), index if type(index) is int else position)
        self._add_call(message.get("function_call"), -1)

    def _add_call(self, function: object, index: int) -> None:
        arguments = function.get("arguments") if isinstance(function, dict) else None
        if isinstance(arguments, str):
            self.arguments.setdefault(index, []).append(arguments)
        elif isinstance(arguments, dict):
            harvest_arguments(arguments, self.harvest)

    def close(self) -> Harvest:
        """Return what it showed, now that everything is here."""
        found = Harvest()
        harvest_value(self.images, found)
        self.harvest.add(found)
        for _, pieces in sorted(self.arguments.items()):
            harvest_arguments("".join(pieces), self.harvest)
        return self.harvest

    @property
    def text(self) -> str:
        """What it says: its deltas, or its whole message if that says more."""
        self.deltas.append(decoded(self.runs.close()))
        said = joined("".join(self.deltas), self.blobs)
        return self.message if self.message and self.message.startswith(said) else said + self.message
