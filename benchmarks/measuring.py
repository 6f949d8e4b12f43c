"""What metrics cost: the server as it is beside itself with nothing counted on its hot path; and one reading."""

import http.client
from collections.abc import Iterable, Sequence
from statistics import fmean

from benchmarks.contenders import Answer, Ours, cpu_seconds
from benchmarks.figures import Figure, interleaved, note
from tests.end_to_end.client import Pinned

SIZE = 300
READINGS = 200
ROUNDS = 21
"""So many because the difference is small."""

AUDIENCES = ((1, 100_000), (100, 12_000))
"""Subscribers, and lines a round. One subscriber is where the least is done besides."""

GOAL = 1.03
READING = 15.0
"""Milliseconds: every 15 s, as is usual, that is a thousandth of a core."""


def measure() -> Sequence[Figure]:
    figures = []
    for count, lines in AUDIENCES:
        counted, uncounted = (
            Ours.start(program=("-m", "benchmarks.uncounted", how)) for how in ("counted", "uncounted")
        )
        try:
            figures.append(_side_by_side(count, lines, counted, uncounted))
            if count == AUDIENCES[-1][0]:
                figures.append(_reading(counted))
        finally:
            uncounted.stop()
            counted.stop()
    return figures


def _side_by_side(count: int, lines: int, counted: Ours, uncounted: Ours) -> Figure:
    for one in (counted, uncounted):
        one.subscribe(count)

    def round_of(one: Ours) -> Answer:
        return one.round(f"lines: {lines} {SIZE}", lines)

    answers = interleaved({"counted": lambda: round_of(counted), "uncounted": lambda: round_of(uncounted)}, ROUNDS)
    spent = {name: _undisturbed(one["server_cpu"] / lines / count * 1e6 for one in answers[name]) for name in answers}
    note(f"{count} subscribers: {spent['counted'] / spent['uncounted'] - 1:+.1%}")
    name = f"{SIZE}-byte lines to {count} over TLS, with metrics: CPU for a million"
    return Figure(name, "s", spent["counted"], spent["uncounted"], "without", GOAL, better="less")


def _undisturbed(figures: Iterable[float]) -> float:
    """The mean of the lowest third: what else runs on a machine costs cache and time, and never saves any."""
    return fmean(sorted(figures)[: ROUNDS // 3])


def _reading(server: Ours) -> Figure:
    """One after the other on one connection, as Prometheus reads."""
    token = server.house.token("prometheus", "metrics")
    secure = Pinned(server.house.fingerprint)
    talk = http.client.HTTPSConnection("127.0.0.1", server.port, context=secure)
    before = cpu_seconds(server.pid)
    for _ in range(READINGS):
        talk.request("GET", "/metrics", headers={"Authorization": f"Bearer {token}"})
        answer = talk.getresponse()
        answer.read()
        assert answer.status == 200
    spent = cpu_seconds(server.pid) - before
    talk.close()
    return Figure(
        "/metrics read once, 100 subscribers: CPU", "ms", spent / READINGS * 1000, goal=READING, better="less"
    )
