"""What was measured: rounds taken in turn, their medians, and the table of them."""

import json
import os
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median

from attrs import asdict, frozen

from benchmarks.contenders import Answer

ROUNDS = 5


@frozen
class Figure:
    """A figure, beside a peer's where there is one. `better` is "more" or "less"; `goal` bounds `judged`, which is
    the ratio of ours to theirs, or ours alone where nobody is beside it."""

    name: str
    unit: str
    ours: float
    theirs: float | None = None
    peer: str = ""
    goal: float | None = None
    better: str = "more"

    @property
    def judged(self) -> float:
        return self.ours / self.theirs if self.theirs else self.ours

    @property
    def met(self) -> bool | None:
        if self.goal is None:
            return None
        return self.judged >= self.goal if self.better == "more" else self.judged <= self.goal


def note(text: str) -> None:
    """Tell the person who waits."""
    sys.stderr.write(f"  {text}\n")
    sys.stderr.flush()


def interleaved(contenders: Mapping[str, Callable[[], Answer]], rounds: int = ROUNDS) -> Mapping[str, Sequence[Answer]]:
    """One round of each in turn, the first one thrown away: it warms caches and compilers."""
    answers: dict[str, list[Answer]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, run in contenders.items():
            answer = run()
            if number:
                answers[name].append(answer)
    return answers


def middle(answers: Sequence[Answer], of: Callable[[Answer], float]) -> float:
    return median(of(answer) for answer in answers)


def shares(name: str, answers: Sequence[Answer]) -> None:
    """Say how busy both sides were: the load generator must have had time to spare, the server none."""
    server = middle(answers, lambda answer: answer["server_share"])
    load = middle(answers, lambda answer: answer["load_share"])
    note(f"{name}: the server used {server:.0%} of its core, the load generator {load:.0%} of the other")


def machine() -> Mapping[str, str]:
    processor = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return {"processor": processor, "cores": str(os.cpu_count()), "kernel": platform.release(), "python": python}


def table(figures: Sequence[Figure]) -> str:
    rows = [("what", "ours", "other", "ratio", "goal", "")]
    for one in figures:
        sign = "≥" if one.better == "more" else "≤"
        rows.append((
            one.name,
            f"{_number(one.ours)} {one.unit}",
            f"{_number(one.theirs)} ({one.peer})" if one.theirs is not None else "",
            f"{one.judged:.2f}" if one.theirs else "",
            f"{sign} {_number(one.goal)}{'' if one.theirs else ' ' + one.unit}" if one.goal is not None else "",
            {True: "met", False: "missed", None: ""}[one.met],
        ))  # fmt: skip
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def written(figures: Sequence[Figure]) -> str:
    """The figures as JSON."""
    rows = [asdict(one) | {"met": one.met} for one in figures]
    return json.dumps({"machine": machine(), "figures": rows}, indent=1) + "\n"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"
