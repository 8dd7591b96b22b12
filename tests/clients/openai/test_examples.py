"""The example programs, run as a reader would."""

import asyncio
import sys
from pathlib import Path

import pytest

from tests.api.openai.stack import MODEL, OpenAiStack
from tests.api.service import ALICE
from worker.practice.drawing.png import prompt_of

FOLDER = Path(__file__).parent.parent.parent.parent / "examples"


@pytest.mark.parametrize(
    ("name", "pictures"),
    [("openai_images", ["fox.png", "blue-fox.png"]), ("openai_background", ["fox.png"])],
)
async def test_an_example_saves_its_pictures(
    stack: OpenAiStack, tmp_path: Path, name: str, pictures: list[str]
) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    url = stack.url.removesuffix("/v1")
    arguments = (str(FOLDER / f"{name}.py"), url, ALICE, MODEL)
    program = await asyncio.create_subprocess_exec(sys.executable, *arguments, cwd=folder)
    assert await asyncio.wait_for(program.wait(), 60) == 0
    assert sorted(path.name for path in folder.iterdir()) == sorted(pictures)
    assert "fox" in (prompt_of((folder / "fox.png").read_bytes()) or "")
    assert len(stack.calls) == len(pictures)
