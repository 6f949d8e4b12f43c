# -*- test-case-name: tests.cli.doctor.test_report -*-
"""The findings as lines for a person, or as JSON for a program."""

import json
from collections.abc import Mapping, Sequence

from pocketagent.cli.console import Console
from pocketagent.cli.doctor.finding import Finding, Verdict
from pocketagent.domain.text import escaped

COLOURS: Mapping[Verdict, str] = {Verdict.OK: "\x1b[32m", Verdict.WARNING: "\x1b[33m", Verdict.PROBLEM: "\x1b[31m"}
PLAIN = "\x1b[0m"

_ORDER = tuple(Verdict)
_CHECK = max(map(len, Verdict)) + 2
_WORDS = _CHECK + 13
"""The columns in which the check and the words begin."""


def worst(findings: Sequence[Finding]) -> Verdict:
    return max((one.verdict for one in findings), key=_ORDER.index, default=Verdict.OK)


def as_json(findings: Sequence[Finding]) -> str:
    listed = [
        {"check": one.check, "verdict": one.verdict.value, "words": one.words, "advice": one.advice} for one in findings
    ]
    return json.dumps({"verdict": worst(findings).value, "findings": listed}, indent=2)


def as_lines(findings: Sequence[Finding], coloured: bool) -> str:
    """A line for each, a second one with what to do, and a sum."""
    lines = []
    for one in findings:
        word = f"{one.verdict:{_CHECK}}"
        lines.append(f"{_painted(word, one.verdict, coloured)}{one.check:{_WORDS - _CHECK}}{escaped(one.words)}")
        if one.advice:
            lines.append(f"{'':{_CHECK}}{'do:':{_WORDS - _CHECK}}{escaped(one.advice)}")
    return "\n".join([*lines, "", _sum(findings)])


def is_coloured(console: Console) -> bool:
    """Colours are for a person who wants them, at a terminal that has them (no-color.org)."""
    environment = console.environment
    return console.out.isatty() and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"


def _painted(word: str, verdict: Verdict, coloured: bool) -> str:
    return f"{COLOURS[verdict]}{word}{PLAIN}" if coloured else word


def _sum(findings: Sequence[Finding]) -> str:
    counted = [
        f"{count} {verdict}{'' if count == 1 else 's'}"
        for verdict in (Verdict.PROBLEM, Verdict.WARNING)
        if (count := sum(one.verdict is verdict for one in findings))
    ]
    return f"{' and '.join(counted)}." if counted else "All is well."
