"""Captured answers for tests: examples, and a strategy for arbitrary ones."""

from typing import Any

from hypothesis import strategies as st

from worker.upstream.diagnosis.explain import explain
from worker.upstream.diagnosis.observation import observation_of

IMAGE = "https://img.example.com/1.png"

ANSWER = {"choices": [{"message": {"content": f"![a]({IMAGE})"}, "finish_reason": "stop"}]}

MEMBERS = ["id", "status", "headers", "body", "body_b64", "request", "transport", "model", "elapsed_s"]

_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)

ANY_JSON = st.recursive(
    _SCALARS | st.sampled_from([200, 429, "read_timeout", '{"error":{"message":"x"}}', "data: {}"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def explained(**members: Any) -> dict[str, Any]:
    return explain(observation_of(members)).document()
