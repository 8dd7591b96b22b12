"""Plain Celery: a task per job, in threads, processes or greenlets. ``send N`` as arguments sends jobs."""

import sys

from celery import Celery

from bench.peers.blocking import run
from bench.peers.work import BROKER

app = Celery("peers", broker=BROKER)
app.conf.update(task_ignore_result=True, worker_prefetch_multiplier=1)


@app.task(name="job")
def job(number: int) -> None:
    run(number, connections=1 if "prefork" in sys.argv else 10)


if __name__ == "__main__":
    for number in range(*map(int, sys.argv[1:])):
        job.delay(number)
