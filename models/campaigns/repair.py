"""Repair of items: what a retry or a re-roll asks for, given the take before it. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from models.campaigns.actions import ActionKind, ItemFacts, RetryMode, reroll_refusal, retry_refusal
from models.campaigns.template import TemplateError, TemplateProblem, parse_template

NEW_SEED = "new"  #: value of ``seed``: another one for each take
LONGEST_PROMPT = 100_000  #: characters of a rendered prompt
SEED_LIMIT = 2**31  #: seeds are smaller than this: providers refuse larger ones


@dataclass(frozen=True, slots=True)
class TakeRequest:
    """What one take asks for."""

    model: str
    prompt: str
    request: Mapping[str, Any]  #: as ``jobs.request`` stores it
    reason: str  #: retry, reroll or edit


@dataclass(frozen=True, slots=True)
class Retry:
    """Further takes of the same requests."""

    mode: RetryMode

    kind = ActionKind.RETRY

    def refusal(self, facts: ItemFacts) -> str | None:
        """Return why an item is left; ``None``: it is not."""
        return retry_refusal(facts, self.mode)

    def to_json(self) -> dict[str, Any]:
        """Return it as the column ``actions.parameters`` keeps it."""
        return {"mode": self.mode.value}

    def next_take(
        self, before: TakeRequest, _variables: Mapping[str, str], _new_seed: Callable[[], int]
    ) -> TakeRequest:
        """Return what the take after ``before`` asks for."""
        return TakeRequest(before.model, before.prompt, before.request, "retry")


@dataclass(frozen=True, slots=True)
class Reroll:
    """Further takes with another prompt, seed or model.

    ``prompt`` is a template over the variables of the row; ``{prompt}`` is the prompt of the take before.
    Without any of them a take that has a seed gets another one.
    """

    prompt: str | None = None
    seed: int | str | None = None  #: ``NEW_SEED``: another one for each take; none: see above
    model: str | None = None

    kind = ActionKind.REROLL

    def refusal(self, facts: ItemFacts) -> str | None:
        """Return why an item is left; ``None``: it is not."""
        return reroll_refusal(facts)

    def to_json(self) -> dict[str, Any]:
        """Return it as the column ``actions.parameters`` keeps it."""
        given = {"prompt": self.prompt, "seed": self.seed, "model": self.model}
        return {name: value for name, value in given.items() if value is not None}

    def next_take(
        self, before: TakeRequest, variables: Mapping[str, str], new_seed: Callable[[], int]
    ) -> TakeRequest:
        """Return what the take after ``before`` asks for. Raises ``TemplateError``."""
        prompt = before.prompt
        if self.prompt is not None:
            prompt = _render(self.prompt, {**variables, "prompt": before.prompt})
        params = dict(before.request.get("params") or {})
        unchanged = self.prompt is None and self.model is None
        if isinstance(self.seed, int):
            params["seed"] = self.seed
        elif self.seed == NEW_SEED or (unchanged and "seed" in params):
            params["seed"] = new_seed()
        request = {**before.request, "params": params}
        return TakeRequest(
            self.model or before.model, prompt, request, "reroll" if self.prompt is None else "edit"
        )


def _render(text: str, variables: Mapping[str, str]) -> str:
    prompt = parse_template(text).render(variables)
    if not prompt.strip() or len(prompt) > LONGEST_PROMPT:
        words = f"the prompt must have 1 to {LONGEST_PROMPT:,} characters, not only blanks"
        raise TemplateError([TemplateProblem(1, 1, "prompt_length", words)])
    return prompt


Repair = Retry | Reroll


def read_repair(kind: str, stored: Mapping[str, Any]) -> Repair:
    """Return what ``to_json`` wrote."""
    if kind == ActionKind.RETRY:
        return Retry(RetryMode(stored["mode"]))
    return Reroll(stored.get("prompt"), stored.get("seed"), stored.get("model"))
