"""One subscriber, no TLS: beside websocketd, and lines of 10 MB beside lines of 32 KB."""

from collections.abc import Sequence

from benchmarks.contenders import Answer, Ours, Websocketd
from benchmarks.figures import Figure, interleaved, middle, note, shares

LINES, SIZE = 150_000, 300
LARGE, LARGE_LINES = 10_000_000, 20
MIDDLE, MIDDLE_LINES = 32_768, 6_000


def measure() -> Sequence[Figure]:
    ours = Ours.start(tls=False)
    try:
        ours.subscribe(1)
        return [*_beside_websocketd(ours), *_by_size(ours)]
    finally:
        ours.stop()


def _beside_websocketd(ours: Ours) -> Sequence[Figure]:
    if reason := Websocketd.missing():
        note(f"one subscriber beside websocketd is skipped: {reason}")
        return []
    other = Websocketd.start()
    try:
        other.subscribe(1)
        script = f"lines: {LINES} {SIZE}"
        answers = interleaved({
            "ours": lambda: ours.round(script, LINES),
            "websocketd": lambda: other.round(script, LINES),
        })  # fmt: skip
    finally:
        other.stop()
    for name, several in answers.items():
        shares(f"one subscriber, {name}", several)
    per_cpu = {name: middle(several, lambda one: one["lines"] / one["server_cpu"]) for name, several in answers.items()}
    per_second = {name: middle(several, lambda one: one["lines"] / one["seconds"]) for name, several in answers.items()}
    where = f"{SIZE}-byte lines to one, no TLS"
    return [
        Figure(f"{where}, a CPU second", "lines", per_cpu["ours"], per_cpu["websocketd"], "websocketd", 1.5),
        Figure(f"{where}, a second", "lines", per_second["ours"], per_second["websocketd"], "websocketd"),
    ]


def _by_size(ours: Ours) -> Sequence[Figure]:
    def round_of(size: int, lines: int) -> Answer:
        answer = ours.round(f"lines: {lines} {size}", lines)
        return {**answer, "speed": size * lines / answer["seconds"] / 1e6}

    answers = interleaved({
        "large": lambda: round_of(LARGE, LARGE_LINES),
        "middle": lambda: round_of(MIDDLE, MIDDLE_LINES),
    })  # fmt: skip
    for name, several in answers.items():
        shares(f"{name} lines", several)
    large, mid = (middle(answers[name], lambda one: one["speed"]) for name in ("large", "middle"))
    return [Figure("10 MB lines to one, no TLS, a second", "MB", large, mid, "32 KB lines", 1.0)]
