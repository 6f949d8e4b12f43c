"""What the server takes while nothing happens: memory of idle connections, and the time until it is ready."""

import time
from collections.abc import Sequence
from statistics import median

from benchmarks.contenders import SERVER_CORE, Ours, memory, on_core
from benchmarks.figures import ROUNDS, Figure

CONNECTIONS = 2_000
WARM_UP = 200
"""Connections before the first look, so that what is loaded on first use is not counted."""


def measure() -> Sequence[Figure]:
    ours = Ours.start()
    try:
        ours.connect_idle(WARM_UP)
        time.sleep(1)
        before = memory(ours.pid)
        ours.connect_idle(CONNECTIONS)
        time.sleep(1)
        each = (memory(ours.pid) - before) / CONNECTIONS / 1000
        ours.listeners.tell(do="close")
        starts = [_start(ours) for _ in range(ROUNDS)]
    finally:
        ours.stop()
    return [
        Figure(f"memory of an idle TLS connection, of {CONNECTIONS:,}", "KB", each, goal=40.0, better="less"),
        Figure("memory of the server before them", "MB", before / 1e6, better="less"),
        Figure("start to ready", "s", median(starts), better="less"),
    ]


def _start(ours: Ours) -> float:
    ours.house.stop()
    began = time.monotonic()
    with on_core(SERVER_CORE):
        ours.house.start()
    return time.monotonic() - began
