"""The example program of batches, run as a reader would."""

import asyncio
import sys
from pathlib import Path

from tests.api.openai.batches.batch_stack import BatchStack
from tests.api.openai.stack import MODEL
from tests.api.service import ALICE

PROGRAM = Path(__file__).parents[4] / "examples" / "openai_batch.py"


async def test_the_example_prints_an_address_for_each_prompt(batches: BatchStack) -> None:
    arguments = (str(PROGRAM), batches.stack.url.removesuffix("/v1"), ALICE, MODEL)
    program = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    output, _ = await asyncio.wait_for(program.communicate(), 60)
    assert program.returncode == 0
    printed = output.decode().splitlines()
    assert [line.split()[0] for line in printed if "/assets/" in line] == ["fox", "owl", "cat"]
    assert len(batches.stack.calls) == 3
