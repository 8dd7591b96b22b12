"""A campaign from a CSV file: one job per row, its picture saved under the row's name.

    pip install ./clients/python
    export DARKROOM_API_KEY=dk_…    # and DARKROOM_URL, DARKROOM_MODEL
    python examples/bulk.py prompts.csv pictures

The file has the columns name and prompt. Run it again after a crash: no row is submitted twice, because all
rows of a file have one idempotency key.
"""

import csv
import sys
from hashlib import sha256
from pathlib import Path

from darkroom_client import Darkroom

source, target = Path(sys.argv[1]), Path(sys.argv[2])
rows = list(csv.DictReader(source.open(encoding="utf-8", newline="")))
key = sha256(source.read_bytes()).hexdigest()
with Darkroom() as client:
    jobs = [{"prompt": row["prompt"], "campaign": source.stem, "metadata": row} for row in rows]
    for job in client.gather(client.submit_many(jobs, idempotency_key=key)):
        for picture in job.pictures:
            picture.save(target / f"{job.metadata['name']}.png")
        if not job.succeeded:
            print(job.metadata["name"], job.status, job.error and job.error.message)
