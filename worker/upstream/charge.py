"""Charge of an answer: what it says about the cost of its call."""

from models.money.cost import Charge
from models.money.usage import read_tokens
from worker.upstream.parsing.answer import Answer


def charge_of(answer: Answer | None) -> Charge:
    """Return what an answer says about the cost of its call."""
    if answer is None:
        return Charge()
    return Charge(
        told=answer.told_cost,
        tokens=read_tokens(answer.usage),
        pictures=len(answer.images) or len(answer.videos),
        size=answer.made_size,
        quality=answer.made_quality,
    )
