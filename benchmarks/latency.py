"""From the child's write to the client's read: 10 subscribers over TLS, 1,000 lines a second, beside Node."""

from collections.abc import Sequence

from benchmarks.contenders import Answer, Contender, Node, Ours
from benchmarks.figures import Figure, interleaved, middle, note, shares

SUBSCRIBERS, LINES, SIZE, RATE = 10, 2_000, 300, 1_000


def measure() -> Sequence[Figure]:
    if reason := Node.missing():
        note(f"latency is skipped: {reason}")
        return []
    ours, node = Ours.start(), Node.start()
    try:
        for one in (ours, node):
            one.subscribe(SUBSCRIBERS, SUBSCRIBERS)
        answers = interleaved({"ours": lambda: _round(ours), "node": lambda: _round(node)})
    finally:
        node.stop()
        ours.stop()
    for name, several in answers.items():
        shares(f"latency, {name}", several)
    half = {name: middle(several, lambda one: one["median"]) for name, several in answers.items()}
    most = {name: middle(several, lambda one: one["p99"]) for name, several in answers.items()}
    return [
        Figure("child's write to client's read, median", "ms", half["ours"], half["node"], "Node ws", 2.0, "less"),
        Figure(
            "child's write to client's read, 99th percentile", "ms", most["ours"], most["node"], "Node ws", 3.0, "less"
        ),
    ]


def _round(one: Contender) -> Answer:
    answer = one.round(f"lines: {LINES} {SIZE} {RATE}", LINES, times=True)
    latencies = answer["latencies"]
    assert isinstance(latencies, list)
    median, p99 = (latencies[int(len(latencies) * part)] / 1e6 for part in (0.5, 0.99))
    return {**answer, "median": median, "p99": p99}
