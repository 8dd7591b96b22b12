"""Recognise a validation error: the provider's schema did not accept the request's parameters.

Such an error is about one request, whatever its words are: ``Extra inputs are not permitted`` says nothing of
the key's permissions.
"""

import re
from collections.abc import Mapping
from typing import Any

from worker.upstream.parsing.error_object import ErrorObject

_STATUSES = frozenset({None, 400, 404, 409, 413, 415, 422, 500, 502})  #: with which schemas refuse
#: members that name a place in the request: pydantic, JSON Schema validators, zod, JSON:API, RFC 9457, Google
_PLACES = ("loc", "instancePath", "dataPath", "schemaPath", "path", "pointer", "fieldViolations", "field")
#: codes of the same: pydantic_core.ErrorType, ZodIssueCode, JSON Schema keywords
_CODES = re.compile(
    r"^(?:extra_forbidden|missing|literal_error|enum|value_error[\w.]*|type_error[\w.]*|unrecognized_keys"
    r"|(?:string|int|float|bool|list|dict|model|url|json|tuple|set|bytes|date|decimal|uuid)_[a-z_]+"
    r"|(?:greater|less)_than(?:_equal)?|too_(?:long|short|big|small)|invalid_(?:type|union|enum_value"
    r"|literal)"
    r"|additionalproperties|validation_?error|requestvalidationerror|unprocessable_?entity"
    r"|(?:unknown|unsupported|invalid|missing|unexpected)_(?:required_)?(?:parameter|parameters|value|field"
    r"|argument|property|input|type)s?|invalid_argument|invalidparameter[\w.]*|missingparameter[\w.]*"
    r"|invalid_params?)$"
)
_WORDS = re.compile(
    r"(?:extra|additional) (?:inputs?|fields?|propert(?:y|ies)|parameters?|keys?)\b"
    r"|validation errors?\b|failed (?:schema |body |request )?validation|schema validation"
    r"|does not match .{0,12}schema"
    r"|(?:unrecognized|unknown|unexpected|unsupported|invalid|missing|illegal|undefined) (?:request "
    r"|keyword |query |body"
    r" |required |input )?(?:arguments?|fields?|parameters?|params?|propert(?:y|ies)"
    r"|name \")"
    r"|(?:unrecognized|unexpected|unknown) keys?\b|input should (?:be|have|match)|field required"
    r"|is a required (?:property|field|parameter)"
    r"|(?:value|parameter|field|argument|property|option)s?\b.{0,60}(?:is |are |was )?(?:not (?:permitted"
    r"|allowed|supported"
    r"|valid|recogni[sz]ed|one of)|invalid|must be|should be|required)"
    r"|(?:must|should) be (?:one of|a (?:valid )?(?:string|number|integer|boolean|object|array|list|int"
    r"|float)|less"
    r"|greater|at (?:least|most)|between)|invalid (?:value|type) (?:for|at|in|of)|unsupported value"
    r"|cannot (?:unmarshal|deserialize|find field)|failed to deserialize|invalid json payload|(?:is"
    r"|are) not a valid enum"
    r"|got an unexpected keyword|parameters? errors?|params? errors?|invalid params?\b|invalidparameter"
    r"|参数.{0,24}(?:错误|无效|不合法|非法|有误|校验|不支持|缺失|缺少|不正确|超出)|(?:缺少|无效的|不支持的"
    r"|非法的?|未知的?)(?:必填)?参数"
    r"|字段.{0,24}(?:不能为空|不合法|非法|无效|缺失|不支持)|パラメータ.{0,16}(?:不正|無効|不足|エラー)"
)


def is_validation_error(error: ErrorObject, text: str, status: int | None) -> bool:
    """Return whether an error is about the request's parameters; ``text`` is its normalised text.

    By its shape: an object that names a place in the request, a pydantic or OpenAI code, a ``param``. Then
    by its words. An error that names the parameter ``model`` is about the model.
    """
    if status not in _STATUSES or any(_place(layer) == "model" for layer in error.layers):
        return False
    layers = [*error.layers, *(item for layer in error.layers for item in _listed(layer))]
    if any(_has_place(layer) for layer in layers) or any(_CODES.match(name) for name in error.names):
        return True
    return _WORDS.search(text) is not None


def _has_place(layer: Mapping[str, Any]) -> bool:
    words = ("msg", "message", "detail", "description", "code", "keyword")
    places = (layer.get(name) for name in _PLACES)
    if any(layer.get(name) for name in words) and any(isinstance(it, list | str) and it for it in places):
        return True
    return bool(_place(layer))


def _listed(layer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the objects in the lists of an error object, such as zod's ``issues``."""
    return [
        item
        for value in layer.values()
        if isinstance(value, list)
        for item in value
        if isinstance(item, dict)
    ]


def _place(layer: Mapping[str, Any]) -> str:
    """Return the parameter that an error object names: OpenAI's ``param``, or the end of a ``loc``."""
    param, loc = layer.get("param"), layer.get("loc")
    if isinstance(loc, list) and loc:
        return str(loc[-1]).lower()
    if not isinstance(param, str) or param.strip().isdigit():  # relays write a status there
        return ""
    return param.strip().lower()
