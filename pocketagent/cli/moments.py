# -*- test-case-name: tests.cli.test_moments -*-
"""Times, as a person writes and reads them: those of this machine's own clock."""

import re
from datetime import datetime, timedelta

from pocketagent.cli.console import Problem
from pocketagent.cli.remote import MISUNDERSTOOD
from pocketagent.domain.message import timestamp

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def moment(text: str, now: float) -> str:
    """`2h` and `3d` ago, `today`, `yesterday`, `2026-01-31`, `2026-01-31 12:00`, or a whole RFC 3339 time -> a time of
    the protocol. Where no zone is said, this machine's is meant. Raises Problem."""
    here = datetime.fromtimestamp(now).astimezone()
    midnight = here.replace(hour=0, minute=0, second=0, microsecond=0)
    try:
        if found := re.fullmatch(r"([0-9]{1,9})([smhdw])", text, re.ASCII):
            return timestamp(now - int(found[1]) * UNITS[found[2]])
        if text in ("today", "yesterday"):
            return timestamp((midnight - timedelta(days=text == "yesterday")).timestamp())
        return timestamp(datetime.fromisoformat(text).timestamp())
    except (ValueError, OverflowError, OSError):
        raise Problem(
            f"{text!r} is no time: write 2h or 3d (ago), today, yesterday, 2026-01-31, or 2026-01-31T12:00:00Z.",
            MISUNDERSTOOD,
        ) from None


def local(time: str, to: str = "minutes") -> str:
    """A time of the protocol, on the clock of this machine, as far as the `minutes` or the `seconds`."""
    try:
        return datetime.fromisoformat(time).astimezone().replace(tzinfo=None).isoformat(" ", to)
    except (ValueError, OverflowError):
        return time[:19]
