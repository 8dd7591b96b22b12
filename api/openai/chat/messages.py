"""Messages of a chat: checked, and their images taken out, to be stored or looked up like any other input."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from api.jobs.conversation import MOST_IMAGES
from api.jobs.schemas import URL_LIMIT
from api.jobs.validation import ValidJob
from api.openai.own_pictures import with_input_images
from models.errors import InvalidRequest
from models.request import CHAT, has_image, with_chat_images

_MOST_MESSAGES = 512
_MOST_PARTS = 256  # of one message
_NO_TEXT = "(no text)"
_ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})


@dataclass(frozen=True, slots=True)
class Chat:
    """Messages of a request. ``fields`` name the place of each image."""

    messages: Sequence[Mapping[str, Any]]  #: an image's URL is its position
    images: Sequence[str]
    fields: Sequence[str]
    prompt: str  #: text of the user's last message, by which the job is shown
    length: int  #: characters of all texts

    def of(self, valid: ValidJob) -> ValidJob:
        """Return a valid job with these messages. Raises ``InvalidRequest``."""
        with_chat = valid.with_request(**{CHAT: list(self.messages)})
        return with_input_images(with_chat, self.images, self.fields)


def read_messages(given: Any) -> Chat:
    """Return the messages of a request. Raises ``InvalidRequest`` that names the message and its part."""
    if given is None:
        raise InvalidRequest("messages", "is required")
    if not isinstance(given, list) or not given:
        raise InvalidRequest("messages", "must be a list with at least one message")
    if len(given) > _MOST_MESSAGES:
        raise InvalidRequest("messages", f"there may be {_MOST_MESSAGES} messages, not {len(given):,}")
    images, fields = list[str](), list[str]()
    for number, message in enumerate(given):
        name = f"messages.{number}"
        for position, part in enumerate(_checked_parts(message, name)):
            if has_image(part):
                place = f"{name}.content.{position}.image_url"
                images.append(_url(part["image_url"], place))
                fields.append(place)
    if len(images) > MOST_IMAGES:
        raise InvalidRequest("messages", f"there may be {MOST_IMAGES} images in all, not {len(images)}")
    texts = [_text(message) for message in given]
    of_user = [text for message, text in zip(given, texts, strict=True) if message["role"] == "user"]
    prompt = next((text for text in reversed(of_user) if text.strip()), "")
    stored = with_chat_images(given, range(len(images)))
    return Chat(stored, images, fields, prompt or _NO_TEXT, sum(map(len, texts)))


def _checked_parts(message: Any, name: str) -> Sequence[Any]:
    """Return the parts of a message; none if its content is a text."""
    if not isinstance(message, Mapping):
        raise InvalidRequest(name, 'must be an object such as {"role": "user", "content": "…"}')
    if not isinstance(role := message.get("role"), str) or role not in _ROLES:
        raise InvalidRequest(f"{name}.role", f"must be one of {', '.join(sorted(_ROLES))}")
    content = message.get("content")
    if content is None or isinstance(content, str):
        return ()
    if not isinstance(content, list) or len(content) > _MOST_PARTS:
        raise InvalidRequest(f"{name}.content", f"must be a text, or a list of at most {_MOST_PARTS} parts")
    for position, part in enumerate(content):
        if not isinstance(part, Mapping) or not isinstance(part.get("type"), str):
            raise InvalidRequest(f"{name}.content.{position}", 'must be an object with a "type"')
    return content


def _url(image: Any, name: str) -> str:
    """Return the URL of an image as it came: whether it leads anywhere is the provider's to say."""
    url = image.get("url") if isinstance(image, Mapping) else image
    if not isinstance(url, str) or not url:
        raise InvalidRequest(f"{name}.url", "must be an http(s) URL or a data: URL")
    if len(url) > URL_LIMIT and not url.startswith("data:"):
        raise InvalidRequest(f"{name}.url", f"may have at most {URL_LIMIT:,} characters")
    return url


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else ()
    return "\n".join(part["text"] for part in parts if isinstance(part.get("text"), str))
