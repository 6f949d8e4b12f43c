"""Many subscribers of one child that writes 300-byte lines as fast as it is read, all over TLS, beside Node."""

from collections.abc import Sequence

from benchmarks.contenders import Answer, Contender, Node, Ours
from benchmarks.figures import Figure, interleaved, middle, note, shares

SIZE = 300

AUDIENCES = (
    (100, 30_000, 10_000, 4.0),
    (1000, 4_000, 1_000, 5.0),
)
"""Subscribers, our lines a round, Node's lines a round (each about as long as the other), and the goal."""


def measure() -> Sequence[Figure]:
    if reason := Node.missing():
        note(f"fan-out is skipped: {reason}")
        return []
    figures: list[Figure] = []
    for count, our_lines, their_lines, goal in AUDIENCES:
        ours, node = Ours.start(), Node.start()
        try:
            figures += _side_by_side(count, ours, our_lines, node, their_lines, goal)
        finally:
            node.stop()
            ours.stop()
    return figures


def _side_by_side(count: int, ours: Ours, our_lines: int, node: Node, their_lines: int, goal: float) -> list[Figure]:
    for one in (ours, node):
        one.subscribe(count)

    def round_of(one: Contender, lines: int) -> Answer:
        answer = one.round(f"lines: {lines} {SIZE}", lines)
        return {**answer, "frames": lines * count}

    answers = interleaved({
        "ours": lambda: round_of(ours, our_lines),
        "node": lambda: round_of(node, their_lines),
    })  # fmt: skip
    for name, several in answers.items():
        shares(f"{count} subscribers, {name}", several)
    per_cpu = {
        name: middle(several, lambda one: one["frames"] / one["server_cpu"]) for name, several in answers.items()
    }
    per_second = {
        name: middle(several, lambda one: one["frames"] / one["seconds"]) for name, several in answers.items()
    }
    where = f"{SIZE}-byte lines to {count} over TLS"
    return [
        Figure(f"{where}, a CPU second", "frames", per_cpu["ours"], per_cpu["node"], "Node ws", goal),
        Figure(
            f"{where}, a second",
            "frames",
            per_second["ours"],
            per_second["node"],
            "Node ws",
            goal if count == 100 else None,
        ),
        Figure(
            f"{where}: CPU for a million", "s", 1e6 / per_cpu["ours"], 1e6 / per_cpu["node"], "Node ws", better="less"
        ),
    ]
