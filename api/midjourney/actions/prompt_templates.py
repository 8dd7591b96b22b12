"""Prompt templates of the actions: the instruction to the model, around the text of a task's prompt."""

from collections.abc import Mapping
from enum import StrEnum


class PromptTemplate(StrEnum):
    """Name of a template; task descriptions show it."""

    VARY = "vary"
    VARY_STRONG = "vary strong"
    VARY_SUBTLE = "vary subtle"
    VARY_REGION = "vary region"
    ZOOM = "zoom"
    PAN = "pan"
    SQUARE = "square"
    UPSCALE_2X = "upscale 2x"
    UPSCALE_4X = "upscale 4x"
    UPSCALE_SUBTLE = "upscale subtle"
    UPSCALE_CREATIVE = "upscale creative"
    BLEND = "blend"
    SWAP_FACE = "swap face"
    EDIT = "edit"
    EDIT_REGION = "edit region"
    RETEXTURE = "retexture"
    VIDEO = "video"
    DESCRIBE = "describe"
    SHORTEN = "shorten"


_FILL = (
    "The picture lies on a larger canvas whose margin is plain grey. Fill the grey margin so that the scene "
    "goes on seamlessly in the same style, light and perspective, and leave the inner picture as it is. "
)
_ENLARGE = "Draw this picture again at {times} resolution. Keep composition, colours and style. "
_MASK = (
    "The second picture is a mask of the first: white shall change, black must stay exactly as it is. "
    "The third is the first with that part cut out. "
)

PROMPT_TEMPLATES: Mapping[PromptTemplate, str] = {
    PromptTemplate.VARY: (
        "Draw a variation of this picture: the same subject and style, with other details. {words}"
    ),
    PromptTemplate.VARY_STRONG: (
        "Draw a strong variation of this picture: the same subject, but another composition, other angles "
        "and other details. {words}"
    ),
    PromptTemplate.VARY_SUBTLE: (
        "Draw a subtle variation of this picture: keep composition, subject and style, and change only small "
        "details. {words}"
    ),
    PromptTemplate.VARY_REGION: _MASK + "Draw the first picture with the white part filled anew: {words}",
    PromptTemplate.ZOOM: _FILL + "It looks as if the camera moved back. {words}",
    PromptTemplate.PAN: _FILL + "It looks as if the camera turned aside. {words}",
    PromptTemplate.SQUARE: _FILL + "The result is square. {words}",
    PromptTemplate.UPSCALE_2X: _ENLARGE.format(times="twice the")
    + "Change nothing; only make it sharper. {words}",
    PromptTemplate.UPSCALE_4X: _ENLARGE.format(times="four times the")
    + "Change nothing; only make it sharper. {words}",
    PromptTemplate.UPSCALE_SUBTLE: _ENLARGE.format(times="twice the")
    + "Add fine detail with restraint. {words}",
    PromptTemplate.UPSCALE_CREATIVE: _ENLARGE.format(times="twice the")
    + "Add new, inventive detail. {words}",
    PromptTemplate.BLEND: (
        "Blend these pictures into one new picture that joins their subjects, moods and styles in one scene."
    ),
    PromptTemplate.SWAP_FACE: (
        "Put the face of the person in the first picture onto the person in the second one. Keep everything "
        "else of the second picture: pose, hair, clothes, light and background."
    ),
    PromptTemplate.EDIT: "Edit this picture and keep what is not mentioned as it is: {words}",
    PromptTemplate.EDIT_REGION: _MASK + "Edit only the white part of the first picture: {words}",
    PromptTemplate.RETEXTURE: (
        "Keep the shapes and the composition of this picture, and draw all its surfaces, materials and light "
        "anew: {words}"
    ),
    PromptTemplate.VIDEO: "Make a short video that begins with the first picture. {words}",
    PromptTemplate.DESCRIBE: (
        "Look at this picture and write four different prompts that would make an image model draw a picture "
        "like it. Each is one paragraph with subject, composition, style, light and mood. Answer with "
        "nothing but a numbered list from 1. to 4."
    ),
    PromptTemplate.SHORTEN: (
        "Shorten this prompt for an image model. First write a line that begins with 'Tokens:' and names the "
        "words that matter most, the most important ones in bold. Then write five ever shorter versions of "
        "the prompt as a numbered list from 1. to 5., and nothing else. The prompt:\n{words}"
    ),
}
"""Templates by name. ``{words}`` is the text of the task's prompt: what the image shows."""


def render_prompt(template: PromptTemplate, text: str, *, limit: int) -> str:
    """Return a template filled with a text, which is cut so that all has at most ``limit`` characters."""
    pattern = PROMPT_TEMPLATES[template]
    room = limit - len(pattern)
    return pattern.replace("{words}", text.strip()[: max(room, 0)]).strip()
