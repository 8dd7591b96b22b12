"""Objects of Kubernetes, checked field by field against its API, as its own server would refuse them."""

from typing import Any

import msgspec
from lightkube.models import apps_v1, batch_v1, core_v1, networking_v1, policy_v1

_KINDS: dict[tuple[str, str], Any] = {
    ("v1", "ConfigMap"): core_v1.ConfigMap,
    ("v1", "PersistentVolumeClaim"): core_v1.PersistentVolumeClaim,
    ("v1", "Service"): core_v1.Service,
    ("apps/v1", "Deployment"): apps_v1.Deployment,
    ("batch/v1", "Job"): batch_v1.Job,
    ("networking.k8s.io/v1", "Ingress"): networking_v1.Ingress,
    ("policy/v1", "PodDisruptionBudget"): policy_v1.PodDisruptionBudget,
}
CUSTOM = frozenset(
    {
        ("keda.sh/v1alpha1", "ScaledObject"),
        ("monitoring.coreos.com/v1", "PodMonitor"),
        ("monitoring.coreos.com/v1", "ServiceMonitor"),
    }
)
"""Kinds of other projects, whose fields are not known here."""


def check_fields(document: dict[str, Any]) -> None:
    """Fail with the field that a kind of Kubernetes does not have, lacks, or has with another type."""
    kind = (document["apiVersion"], document["kind"])
    if kind in CUSTOM:
        return
    try:
        understood = msgspec.to_builtins(msgspec.convert(document, _KINDS[kind]))
    except msgspec.ValidationError as error:
        raise AssertionError(f"{document['metadata']['name']}: {error}") from error
    lost = sorted(_paths(document) - _paths(understood))
    assert not lost, f"{document['metadata']['name']}: no such field: {', '.join(lost)}"


def _paths(value: Any, path: str = "") -> frozenset[str]:
    """Return the path of each member of a document."""
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    return frozenset({path}).union(*(_paths(each, f"{path}.{name}") for name, each in members))
