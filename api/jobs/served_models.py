"""Models that the channels serve: for lists, and for the check of a submit."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from api.jobs.validation import Rejection, ValidJob
from api.services import ApiServices
from api.web.problems import invalid_field
from models.channels import serves

_NEAREST = 3
_LIKENESS = 0.5  # of a name that is suggested, from 0 to 1


@dataclass(frozen=True, slots=True)
class ServedModels:
    """The models of the channels, from their rows. A pattern such as ``flux-*`` serves any such name."""

    channels: Sequence[Any]

    @property
    def names(self) -> list[str]:
        """Exact names, sorted."""
        return sorted({model for row in self.channels for model in row.models if not model.endswith("*")})

    @property
    def patterns(self) -> list[str]:
        """Patterns, sorted."""
        return sorted({model for row in self.channels for model in row.models if model.endswith("*")})

    def channels_of(self, model: str) -> list[Any]:
        """Return the rows of the channels that serve a model."""
        return [row for row in self.channels if serves(row.models, model)]

    def nearest(self, model: str) -> list[str]:
        """Return the names and patterns most like one that nothing serves, the nearest first."""
        by_lower: Mapping[str, str] = {name.lower(): name for name in (*self.names, *self.patterns)}
        found = get_close_matches(model.lower(), list(by_lower), n=_NEAREST, cutoff=_LIKENESS)
        return [by_lower[name] for name in found]


SubmitWarning = Mapping[str, str]
"""What is odd about an accepted job: ``{field, code, message}``."""


async def read_served(services: ApiServices) -> ServedModels:
    """Return the models of the configured channels, at most a moment old."""
    return ServedModels([row for row in (await read_all_served(services)).channels if row.configured])


async def read_all_served(services: ApiServices) -> ServedModels:
    """Return the models of all channels, also of those that no live worker knows, at most a moment old."""
    snapshot = await services.snapshots.read(services.database, services.clock())
    return ServedModels(snapshot.channels)


async def reject_unserved(
    services: ApiServices, submitted: Sequence[ValidJob | Rejection]
) -> list[ValidJob | Rejection]:
    """Reject the jobs whose model no channel serves, unless they allow it.

    A channel that no live worker knows counts: its workers may be restarting. Without any channel nothing is
    known of the models, and every job is accepted.
    """
    strict = [each for each in submitted if isinstance(each, ValidJob) and not each.allow_unserved]
    known = await _all_channels(services, {each.job.model for each in strict})
    if not known.channels:
        return list(submitted)
    unserved = {id(each) for each in strict if not known.channels_of(each.job.model)}
    return [
        Rejection("unserved_model", [unserved_refusal(each.job.model, known)])
        if isinstance(each, ValidJob) and id(each) in unserved
        else each
        for each in submitted
    ]


async def require_served(services: ApiServices, model: str, field: str) -> None:
    """Raise the 422 problem with the nearest names if no channel serves a model that a field names.

    As for submits, a channel that no live worker knows counts, and without any channel nothing is known.
    """
    known = await _all_channels(services, {model})
    if known.channels and not known.channels_of(model):
        words = f"no channel serves {model[:256]!r}; {_nearest_words(model, known)}"
        raise invalid_field(field, words, code="unserved_model")


async def warn_unserved(services: ApiServices, models: Mapping[int, str]) -> dict[int, list[SubmitWarning]]:
    """Return warnings of accepted jobs, by their index: that no channel serves the model now."""
    configured = await read_served(services)
    odd = {index: model for index, model in models.items() if not configured.channels_of(model)}
    if not (await _all_channels(services, set(odd.values()))).channels:
        return {}
    return {
        index: [
            {
                "field": "model",
                "code": "unserved_model",
                "message": f"No channel serves {model[:256]!r} now; the job waits until one does.",
            }
        ]
        for index, model in odd.items()
    }


async def _all_channels(services: ApiServices, models: Set[str]) -> ServedModels:
    """Return all channels, also those that no live worker knows; none, if the others serve the models."""
    configured = await read_served(services)
    if all(configured.channels_of(model) for model in models):
        return ServedModels(())
    return await read_all_served(services)


def unserved_refusal(model: str, known: ServedModels) -> Mapping[str, str]:
    """Return what is said of a model that no channel serves: ``{field, message}``."""
    message = (
        f"no channel serves {model[:256]!r}; {_nearest_words(model, known)}. To submit it anyway, set "
        "allow_unserved"
    )
    return {"field": "model", "message": message}


def _nearest_words(model: str, known: ServedModels) -> str:
    nearest = known.nearest(model) or known.names[:_NEAREST] or known.patterns[:_NEAREST]
    return f"the nearest names are {', '.join(nearest)} (all: GET /v1/models)"
