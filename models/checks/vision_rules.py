"""Vision rules: yes/no questions about each picture of a campaign, which a vision model answers."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _non_blank(value: str) -> str:
    if not value.strip() or "\0" in value:
        raise ValueError("must not be blank, and have no NUL")
    return value


class VisionRules(BaseModel):
    """What a vision model is asked about each picture, and what follows from its answers.

    A picture passes if all answers are yes. The take passes if one of its pictures does.
    """

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)

    model: Annotated[str, Field(min_length=1, max_length=256), AfterValidator(_non_blank)] = Field(
        description="a model that sees pictures and answers in text"
    )
    rules: list[Annotated[str, Field(min_length=1, max_length=1_000), AfterValidator(_non_blank)]] = Field(
        min_length=1, max_length=20, description="yes/no questions; yes means that the picture is right"
    )
    on_pass: Literal["pick", "none"] = Field(
        "pick", description="verdict on a take that passes; none: it is left to people"
    )
    on_fail: Literal["reject", "reroll"] = Field(
        "reject",
        description="reject: the verdict; reroll: it is rejected and its item gets a further take, so often "
        "as `checks.rerolls` permits",
    )
    params: dict[str, Any] = Field({}, description="passed to the provider unchanged")
    detail: Literal["low", "high", "auto"] | None = Field(
        None, description="with which the model looks at the picture"
    )
