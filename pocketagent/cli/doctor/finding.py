# -*- test-case-name: tests.cli.doctor.test_report -*-
"""What the doctor finds: of each thing that was looked at how it is, and what to do about it."""

from enum import StrEnum

from attrs import frozen


class Verdict(StrEnum):
    """How a thing is, the better first. A server runs with a warning, and not, or not as it should, with a problem."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@frozen
class Finding:
    """`check` names what was looked at, `words` say what is so, `advice` what to do: a command, where there is one."""

    check: str
    verdict: Verdict
    words: str
    advice: str = ""


def ok(check: str, words: str) -> Finding:
    return Finding(check, Verdict.OK, words)


def warning(check: str, words: str, advice: str) -> Finding:
    return Finding(check, Verdict.WARNING, words, advice)


def problem(check: str, words: str, advice: str) -> Finding:
    return Finding(check, Verdict.PROBLEM, words, advice)
