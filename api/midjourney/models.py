"""Which model draws, and in how many calls."""

from api.midjourney.responses import Refusal
from models.channels import ChannelSettings, serves
from models.midjourney.protocol import Bot, Code
from models.settings import Settings
from worker.upstream.presets import effective_preset


def image_model(settings: Settings, bot: Bot) -> str:
    """Return the model for a drawing style. Raises ``Refusal`` if nobody said which."""
    named = settings.midjourney_niji_model if bot is Bot.NIJI else None
    model = named or settings.midjourney_image_model or _first_named(settings)
    if model is None:
        raise Refusal(
            Code.FAILURE, "No image model is set. Set DARKROOM_MIDJOURNEY_IMAGE_MODEL and start again."
        )
    return model


def in_words(settings: Settings, bot: Bot) -> bool:
    """Tell whether a drawing style has no model of its own, and is asked for in words."""
    return bot is Bot.NIJI and settings.midjourney_niji_model is None


def _first_named(settings: Settings) -> str | None:
    """Return the first model that a channel names in full."""
    names = (name for channel in settings.all_channels() if channel.enabled for name in channel.models)
    return next((name for name in names if not name.endswith("*")), None)


def draws_many(settings: Settings, model: str) -> bool:
    """Tell whether every channel of a model draws as many pictures in one call as ``n`` says."""
    channels = [channel for channel in settings.all_channels() if _serves(channel, model)]
    return bool(channels) and all(effective_preset(channel).honours_n for channel in channels)


def _serves(channel: ChannelSettings, model: str) -> bool:
    return channel.enabled and serves(channel.models, model)
