"""dramatiq: an actor per job, in threads."""

import sys

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from bench.peers.blocking import run
from bench.peers.work import BROKER

dramatiq.set_broker(RedisBroker(url=BROKER))


@dramatiq.actor
def job(number: int) -> None:
    run(number)


if __name__ == "__main__":
    for number in range(*map(int, sys.argv[1:])):
        job.send(number)
