"""Values of this process's metrics, for tests that compare them before and after."""

from prometheus_client import REGISTRY


def sample(name: str, **labels: str) -> float:
    """Return a sample of the registry; 0 if there is none yet."""
    return REGISTRY.get_sample_value(name, labels) or 0.0
