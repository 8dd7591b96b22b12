"""``make attack SEED=1``: run all classes of attacks and print the table; ``--short``: few inputs of each."""

import argparse
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from tests.attack.access import attack_isolation, attack_keys
from tests.attack.addresses import attack_addresses
from tests.attack.answers import attack_account_words, attack_key_echo, attack_terminal
from tests.attack.floods import attack_heads, attack_slowly, attack_waits, raise_file_limit
from tests.attack.fuzz import attack_explain, attack_requests
from tests.attack.json_bodies import attack_json, attack_large_bodies
from tests.attack.namespace import enter_namespace
from tests.attack.pictures import attack_images, attack_memory
from tests.attack.result import LONGEST_STALL, Result, table
from tests.attack.target import Target
from tests.attack.uploads import attack_uploads

Attack = Callable[[Target], Result]
_MB = 1_000_000


def attacks(seed: int, *, short: bool) -> Mapping[str, Attack]:
    """Return the classes of attacks by name. The short form leaves out those that take long anyway."""
    few: dict[str, Attack] = {
        "keys": partial(attack_keys, few=short),
        "isolation": partial(attack_isolation, jobs=2 if short else 20, seed=seed),
        "json": partial(attack_json, size=50_000 if short else 1 * _MB),
        "uploads": partial(attack_uploads, size=50_000 if short else 16 * _MB),
        "heads": partial(attack_heads, megabytes=16 if short else 64),
        "slow": partial(attack_slowly, connections=60 if short else 900, seconds=1 if short else 60),
        "explain": partial(attack_explain, count=300 if short else 100_000, seed=seed),
        "images": partial(attack_images, size=50_000 if short else 16 * _MB, megapixels=1 if short else 40),
        "addresses": partial(attack_addresses, few=short),
    }
    if short:
        return few
    return few | {
        "json-large": partial(attack_json, size=60 * _MB),
        "bodies": partial(attack_large_bodies, size=60 * _MB, count=12),
        "streams": partial(attack_waits, kind="event streams", connections=800),
        "polls": partial(attack_waits, kind="long polls", connections=800),
        "echo": attack_key_echo,
        "words": attack_account_words,
        "terminal": attack_terminal,
        "memory": partial(attack_memory, size=19 * _MB, jobs=4, seed=seed),
        "requests": partial(attack_requests, examples=60),
    }


def run(chosen: Mapping[str, Attack], *, namespace: bool, stall: float) -> list[Result]:
    """Run attacks, one after the other, on one target; ``stall``: ms that another client may wait longer."""
    folder = Path(tempfile.mkdtemp(prefix="darkroom-attack-"))
    results = []
    try:
        with Target(folder, namespace=namespace) as target:
            for name, attack in {"nothing": _do_nothing, **chosen}.items():
                began = time.monotonic()
                results.append(target.measured(attack, stall=stall))
                took = f"{time.monotonic() - began:.1f} s"
                print(f"{name}, {took}: {results[-1]}", file=sys.stderr, flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return results


def _do_nothing(target: Target) -> Result:
    """Measure what this machine does to another client without any attack."""
    with target.client(target.alice) as client:
        for _ in range(20):
            client.get("/v1/jobs")
    return Result("nothing (for comparison)", 20)


def main() -> int:
    """Run the chosen classes; return 1 if one was not held."""
    parser = argparse.ArgumentParser(prog="make attack", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--short", action="store_true", help="a few seconds, as in `make test`")
    parser.add_argument(
        "--stall",
        type=float,
        default=LONGEST_STALL,
        help="ms that another client may wait longer than without the attack",
    )
    parser.add_argument("--only", nargs="*", choices=[*attacks(1, short=False)], help="names of classes")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that started processes are ended, too
    namespace = enter_namespace()
    raise_file_limit()
    found = attacks(given.seed, short=given.short)
    results = run({name: found[name] for name in given.only or found}, namespace=namespace, stall=given.stall)
    print(table(results))
    return int(any(result.held == "no" for result in results))


if __name__ == "__main__":
    sys.exit(main())
