"""`python -m benchmarks [PART ...] [--json FILE]`: measure and print the table."""

import argparse
import os
import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks import alone, fanout, first_view, footprint, history, latency, measuring, prompt, rest, terminal
from benchmarks.figures import Figure, machine, note, table, written

PARTS: Mapping[str, Callable[[], Sequence[Figure]]] = {
    "fanout": fanout.measure,
    "alone": alone.measure,
    "latency": latency.measure,
    "history": history.measure,
    "footprint": footprint.measure,
    "prompt": prompt.measure,
    "rest": rest.measure,
    "measuring": measuring.measure,
    "terminal": terminal.measure,
    "first_view": first_view.measure,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="How fast the server is.")
    parser.add_argument("part", nargs="*", choices=[*PARTS, []], help=f"only these of: {', '.join(PARTS)}")
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results.json"), help="where the figures go")
    chosen = parser.parse_args()
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("benchmarks: two cores are needed, one for the server and one for the load generator.")
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    began = time.monotonic()
    figures: list[Figure] = []
    for name in chosen.part or PARTS:
        note(f"{name} …")
        figures += PARTS[name]()
    note(f"{time.monotonic() - began:.0f} s in all")
    print(", ".join(f"{key} {value}" for key, value in machine().items()), end="\n\n")
    print(table(figures))
    chosen.json.write_text(written(figures))


main()
