"""Error catalog: every error kind with its outcome, error code, billing, scope and message."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from models.outcomes import Billed, ErrorCode, Outcome, Scope


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """Entry of the catalog: what one kind of failure means.

    ``message`` says what happened and what a person can do; it holds whether or not the job is retried.
    ``billed`` holds for error responses; with HTTP 200 it holds only if ``billing_certain``.
    """

    outcome: Outcome
    code: ErrorCode
    message: str
    billed: Billed = Billed.NO
    scope: Scope | None = None
    billing_certain: bool = False


_HUMAN, _PERMANENT, _RETRY = Outcome.NEEDS_HUMAN, Outcome.PERMANENT, Outcome.RETRY
_AMBIGUOUS, _NO_IMAGE = Outcome.AMBIGUOUS, Outcome.NO_IMAGE
_LIKELY_NO, _UNKNOWN = Billed.LIKELY_NO, Billed.UNKNOWN
_KEY, _MODEL, _PROVIDER = Scope.KEY, Scope.MODEL, Scope.PROVIDER
_MAYBE_PAID = "it may have been made and charged: look into the provider's log before sending it again."

_NO_CHANNEL = ErrorKind(
    _RETRY,
    "no_channel",
    "The relay has no channel or account to serve this now: check the model's name if this lasts.",
)

#: error kinds by name; several kinds share an error code where outcome, billing, scope or message differ
ERROR_CATALOG: Mapping[str, ErrorKind] = MappingProxyType(
    {
        # needs_human
        "auth_invalid": ErrorKind(
            _HUMAN,
            "auth_invalid",
            "The provider refused the key: set a valid one for this channel.",
            scope=_KEY,
        ),
        "auth_expired": ErrorKind(
            _HUMAN, "auth_expired", "The provider's key has expired: renew it for this channel.", scope=_KEY
        ),
        "quota_exhausted": ErrorKind(
            _HUMAN,
            "quota_exhausted",
            "The account has no balance or quota left: top it up, then resume the channel.",
            scope=_KEY,
            billing_certain=True,
        ),
        "account_blocked": ErrorKind(
            _HUMAN, "account_blocked", "The provider blocked the account: ask its support.", scope=_KEY
        ),
        "permission_denied": ErrorKind(
            _HUMAN,
            "permission_denied",
            "The key may not use this: change its permissions at the provider.",
            scope=_KEY,
        ),
        "permission_model": ErrorKind(
            _HUMAN,
            "permission_denied",
            "The key may not use this model: allow it at the provider, or use another model.",
            scope=_MODEL,
        ),
        "ip_not_allowed": ErrorKind(
            _HUMAN,
            "ip_not_allowed",
            "The provider does not accept calls from this address: add it to the key's allow-list.",
            scope=_KEY,
        ),
        "wrong_endpoint": ErrorKind(
            _HUMAN,
            "wrong_endpoint",
            "Nothing answers chat completions at this address: check the channel's base URL.",
            scope=_PROVIDER,
        ),
        "unsendable": ErrorKind(
            _HUMAN,
            "wrong_endpoint",
            "The request can't be sent as it is configured: check the channel's base URL and key.",
            scope=_PROVIDER,
        ),
        "model_not_found": ErrorKind(
            _HUMAN, "model_not_found", "The provider does not know this model: check its name.", scope=_MODEL
        ),
        "not_implemented": ErrorKind(
            _HUMAN,
            "not_implemented",
            "The provider does not offer this for the model: use another model or channel.",
            scope=_MODEL,
        ),
        "waf_blocked": ErrorKind(
            _HUMAN,
            "waf_blocked",
            "A firewall in front of the provider blocked the call: ask the provider to let this server in.",
            scope=_PROVIDER,
        ),
        # permanent: the same request will fail again
        "moderation_input": ErrorKind(
            _PERMANENT,
            "moderation_input",
            "The prompt or an input picture was refused by moderation: change it.",
        ),
        "moderation_output": ErrorKind(
            _PERMANENT,
            "moderation_output",
            "The picture was drawn and then refused by moderation: change the prompt.",
            _LIKELY_NO,
        ),
        "moderation": ErrorKind(
            _PERMANENT,
            "moderation",
            "Moderation refused the request: change the prompt or the input pictures.",
            _LIKELY_NO,
        ),
        "moderation_free": ErrorKind(
            _PERMANENT,
            "moderation",
            "Moderation refused the request: change the prompt or the input pictures.",
        ),
        "moderation_charged": ErrorKind(
            _PERMANENT,
            "moderation",
            "Moderation refused the request and charges a fee for it: a person should look at the prompt.",
            Billed.YES,
            billing_certain=True,
        ),
        "refusal": ErrorKind(
            _PERMANENT, "refusal", "The model declined to draw this: change the prompt.", _UNKNOWN
        ),
        "bad_request": ErrorKind(
            _PERMANENT,
            "bad_request",
            "The provider did not accept the request: "
            "see its message, then change the request or the preset.",
        ),
        "prompt_too_long": ErrorKind(
            _PERMANENT, "prompt_too_long", "The prompt is too long for the model: shorten it."
        ),
        "payload_too_large": ErrorKind(
            _PERMANENT,
            "payload_too_large",
            "The request is too large for the provider: send smaller input pictures, or their addresses.",
        ),
        "input_image_invalid": ErrorKind(
            _PERMANENT,
            "input_image_invalid",
            "The provider can't read an input picture: send PNG, JPEG or WebP.",
        ),
        "input_image_gone": ErrorKind(
            _PERMANENT,
            "input_image_unreachable",
            "An input picture does not exist at its address: upload it or correct the address.",
        ),
        # retry: nothing was made, or most likely nothing
        "input_image_unreachable": ErrorKind(
            _RETRY,
            "input_image_unreachable",
            "The provider could not load an input picture: check its address, or upload the picture itself.",
        ),
        "rate_limited": ErrorKind(
            _RETRY,
            "rate_limited",
            "The provider's rate limit is reached: lower the channel's rate if this lasts.",
        ),
        "concurrency_limited": ErrorKind(
            _RETRY,
            "concurrency_limited",
            "Too many calls at once for the provider: lower the channel's concurrency if this lasts.",
        ),
        "daily_limit": ErrorKind(
            _RETRY,
            "daily_limit",
            "The key's limit for today is used up: use another channel until it is reset.",
            scope=_KEY,
        ),
        "daily_limit_model": ErrorKind(
            _RETRY,
            "daily_limit",
            "The key's limit of this model for today is used up: use another model until it is reset.",
            scope=_KEY,
        ),
        "upstream_saturated": ErrorKind(
            _RETRY, "upstream_saturated", "The provider is overloaded: use another channel if this lasts."
        ),
        "upstream_quota": ErrorKind(
            _RETRY,
            "upstream_quota",
            "The relay's own account is empty: use another channel if this lasts.",
            scope=_PROVIDER,
        ),
        "no_channel": _NO_CHANNEL,
        "no_channel_model": replace(_NO_CHANNEL, scope=_MODEL),
        "no_channel_provider": replace(_NO_CHANNEL, scope=_PROVIDER),
        "upstream_error": ErrorKind(
            _RETRY,
            "upstream_error",
            "The provider failed: see its message, and use another channel if this lasts.",
            _LIKELY_NO,
        ),
        "upstream_auth": ErrorKind(
            _RETRY,
            "upstream_error",
            "The relay's own access is broken: use another channel if this lasts.",
            scope=_PROVIDER,
        ),
        "upstream_page": ErrorKind(
            _RETRY,
            "upstream_error",
            "The provider passed on an error page instead of a picture: use another channel if this lasts.",
            _LIKELY_NO,
            billing_certain=True,
        ),
        "upstream_empty": ErrorKind(
            _RETRY,
            "empty_response",
            "The model returned nothing to the provider: use another channel if this lasts.",
            _LIKELY_NO,
        ),
        "origin_unreachable": ErrorKind(
            _RETRY, "origin_unreachable", "The provider's server is down: use another channel if this lasts."
        ),
        "connect_error": ErrorKind(
            _RETRY,
            "connect_error",
            "No connection to the provider, nothing was sent: check the channel's base URL and the network.",
        ),
        "write_error": ErrorKind(
            _RETRY,
            "connect_error",
            "The connection broke while the request was sent: check the network if this lasts.",
            _LIKELY_NO,
        ),
        "stale_connection": ErrorKind(
            _RETRY,
            "connect_error",
            "The provider had closed an idle connection: nothing needs to be done.",
            _LIKELY_NO,
        ),
        "maintenance": ErrorKind(
            _RETRY,
            "maintenance",
            "The provider is down for maintenance: use another channel until it is back.",
        ),
        # ambiguous: sent, then no result; the call may have been charged
        "gateway_timeout": ErrorKind(
            _AMBIGUOUS,
            "gateway_timeout",
            "The provider's gateway gave up waiting for the picture: " + _MAYBE_PAID,
            _UNKNOWN,
        ),
        "timeout": ErrorKind(_AMBIGUOUS, "timeout", "No answer came in time: " + _MAYBE_PAID, _UNKNOWN),
        "connection_lost": ErrorKind(
            _AMBIGUOUS, "connection_lost", "The connection broke before the answer: " + _MAYBE_PAID, _UNKNOWN
        ),
        "stream_truncated": ErrorKind(
            _AMBIGUOUS,
            "stream_truncated",
            "The answer broke off before the picture: " + _MAYBE_PAID,
            _UNKNOWN,
        ),
        "upstream_lost": ErrorKind(
            _AMBIGUOUS,
            "connection_lost",
            "The relay lost the connection to its upstream before the picture: " + _MAYBE_PAID,
            _UNKNOWN,
        ),
        "too_large_for_relay": ErrorKind(
            _AMBIGUOUS,
            "stream_truncated",
            "The picture was probably too large for a buffer of the relay, ask for a smaller one or a JPEG: "
            + _MAYBE_PAID,
            _UNKNOWN,
        ),
        "stream_error": ErrorKind(
            _AMBIGUOUS,
            "stream_error",
            "The provider failed after it had accepted the request: " + _MAYBE_PAID,
            _UNKNOWN,
        ),
        "protocol_error": ErrorKind(
            _AMBIGUOUS, "protocol_error", "The answer can't be read: " + _MAYBE_PAID, _UNKNOWN
        ),
        "deferred": ErrorKind(
            _AMBIGUOUS,
            "deferred_generation",
            "The provider promises the picture for later and will not deliver it: " + _MAYBE_PAID,
            _UNKNOWN,
        ),
        "empty_after": ErrorKind(
            _AMBIGUOUS, "empty_response", "The provider answered nothing: " + _MAYBE_PAID, _UNKNOWN
        ),
        "finished_without_image": ErrorKind(
            _AMBIGUOUS,
            "no_image",
            "The provider says that it is finished, and shows no picture: it may have been charged; look "
            "into its log.",
            _UNKNOWN,
        ),
        "task_missing": ErrorKind(
            _AMBIGUOUS,
            "task_not_found",
            "The provider no longer knows the task: the picture may have been made and charged; look into "
            "its log.",
            _UNKNOWN,
        ),
        "not_understood": ErrorKind(
            _AMBIGUOUS,
            "not_understood",
            "No rule understands the answer, which is not empty: " + _MAYBE_PAID,
            _UNKNOWN,
        ),
        # no_image: a good answer without an image
        "empty_response": ErrorKind(
            _NO_IMAGE,
            "empty_response",
            "The answer is empty: change the channel's stream setting if this lasts.",
            _UNKNOWN,
        ),
        "no_image": ErrorKind(
            _NO_IMAGE,
            "no_image",
            "The model answered without a picture: say in the prompt that you want one.",
            _UNKNOWN,
        ),
        "needs_input": ErrorKind(
            _NO_IMAGE,
            "needs_input",
            "The model asks for a picture or for details: add them to the request; check that the "
            "channel passes input pictures on.",
            _UNKNOWN,
        ),
    }
)

#: kinds that concern the request alone: its prompt, its parameters, its input images
REQUEST_KINDS = frozenset(
    {
        *(name for name, kind in ERROR_CATALOG.items() if kind.outcome is _PERMANENT),
        "input_image_unreachable",
    }
)
