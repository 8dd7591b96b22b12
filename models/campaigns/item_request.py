"""Item request: a row and a variant of a campaign become the request of one item."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from models.campaigns.row import RowContent
from models.campaigns.spec import CampaignSpec
from models.campaigns.template import TemplateError, TemplateProblem, parse_template

_OF_AXES = ("model", "size")  #: axes with these names set the field of the request as well


@dataclass(frozen=True, slots=True)
class RenderedItem:
    """What one item asks for."""

    model: str
    prompt: str
    images: Sequence[str]
    size: str | None
    n: int | None
    params: Mapping[str, Any]
    metadata: Mapping[str, Any]
    priority: int | None = None  #: of its own
    members: Mapping[str, Any] = field(default_factory=dict)  #: further ones of the request, such as turns

    @property
    def request(self) -> dict[str, Any]:
        """The request of its job, as ``jobs.request`` stores it."""
        own = {"images": list(self.images), "size": self.size, "n": self.n, "params": dict(self.params)}
        return {**self.members, **own}


def variables_of(key: str, row: RowContent, assignment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a template: columns, the key, and the axes, which outrank columns."""
    return {"key": key, **row.variables, **assignment}


def render_item(spec: CampaignSpec, key: str, row: RowContent, assignment: Mapping[str, str]) -> RenderedItem:
    """Return the request of an item. Raises ``TemplateError`` with all that is wrong."""
    variables, own, template = variables_of(key, row, assignment), row.overrides, spec.template
    problems: list[TemplateProblem] = []
    axes = {name: assignment[name] for name in _OF_AXES if name in assignment}
    prompt = own.get("prompt") or _render(template.prompt or "", variables, problems)
    members: Mapping[str, Any] = own.get("members") or {}
    if not prompt.strip() and not problems and "turns" not in members:
        problems.append(TemplateProblem(1, 1, "no_prompt", "the row has no prompt, and there is no template"))
    model = axes.get("model") or own.get("model") or spec.model
    if not model:
        problems.append(TemplateProblem(1, 1, "no_model", "neither the row nor the campaign names a model"))
    files: Mapping[str, str] = own.get("files") or {}
    images = [_render(each, variables, problems) for each in template.images]
    images = [files.get(each, each) for each in images]
    params = {
        **spec.defaults.params,
        **_render_all(template.params, variables, problems),
        **(own.get("params") or {}),
    }
    if problems:
        raise TemplateError(problems)
    return RenderedItem(
        model=model or "",
        prompt=prompt,
        images=[*images, *(own.get("images") or ())],
        size=axes.get("size") or own.get("size") or template.size or spec.defaults.size,
        n=own.get("n") or spec.defaults.n,
        params=params,
        metadata=own.get("metadata") or {},
        priority=own.get("priority"),
        members=members,
    )


def _render(text: str, variables: Mapping[str, str], problems: list[TemplateProblem]) -> str:
    try:
        return parse_template(text).render(variables)
    except TemplateError as error:
        problems += error.problems
        return ""


def _render_all(value: Any, variables: Mapping[str, str], problems: list[TemplateProblem]) -> Any:
    """Render each text within a JSON value."""
    if isinstance(value, str):
        return _render(value, variables, problems)
    if isinstance(value, dict):
        return {name: _render_all(each, variables, problems) for name, each in value.items()}
    return [_render_all(each, variables, problems) for each in value] if isinstance(value, list) else value
