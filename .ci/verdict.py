"""What trial's output comes to: `verdict.py LOG STATUS`. Exit code 0 only when every test ran and passed."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

BAD = "failures", "errors", "unexpectedSuccesses"
NEVER_AWAITED = re.compile(r"coroutine '\S+' was never awaited")


def verdict(output: str, status: int) -> tuple[Sequence[str], bool]:
    """Lines for a person, the last of them `N passed, N failed`; and whether all is well."""
    ran = re.findall(r"^Ran (\d+) tests in ", output, re.MULTILINE)
    summary = re.findall(r"^(PASSED|FAILED)(?: \((.*)\))?$", output, re.MULTILINE)
    if not ran or not summary:
        return ["trial did not come to its end.", "0 passed, 1 failed"], False
    word, counts = summary[-1]
    count = {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)", counts)}
    failed = sum(count.get(name, 0) for name in BAD)
    lines = []
    if skipped := count.get("skips", 0):
        lines.append(f"{skipped} tests were skipped: here every part must be there, so that counts as failed.")
    if lost := len(NEVER_AWAITED.findall(output)):
        lines.append(f"{lost} coroutines were never awaited.")
    if word == "FAILED" and not failed:
        lines.append("trial says FAILED.")
    wrong = failed + skipped + lost + (word == "FAILED" and not failed)
    if status and not wrong:
        lines.append(f"make ended with {status}.")
        wrong = 1
    lines.append(f"{count.get('successes', 0) + count.get('expectedFailures', 0)} passed, {wrong} failed")
    return lines, not wrong


if __name__ == "__main__":
    lines, is_well = verdict(Path(sys.argv[1]).read_text(errors="replace"), int(sys.argv[2]))
    print("\n".join(lines))
    sys.exit(not is_well)
