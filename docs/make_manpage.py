"""The man page of `pocketagent`, made from its parser: `make man` writes docs/pocketagent.1.

argparse-manpage reads the parser. What is added here: examples stand as they are laid out, each command has its own,
and there is no date, so that one parser makes one page.
"""

import argparse
import os
import re
from collections.abc import Sequence
from pathlib import Path

from argparse_manpage.manpage import Manpage, _ManpageFormatter

from pocketagent.cli.parser import parser
from pocketagent.version import VERSION

PAGE = Path(__file__).with_name("pocketagent.1")
COLUMNS = "10000"
"""So wide that argparse, which asks the environment, breaks no line: each version of Python does it in its own way."""
WIDTH = 72
"""Of a usage: what a man page has room for on 80 columns."""


class Formatter(_ManpageFormatter):  # type: ignore[misc]
    """With the examples of each command, and with texts that no line of can be taken for an instruction."""

    def _format_parser(self, one: argparse.ArgumentParser, *more: object, **named: object) -> Sequence[str]:
        """A command with commands below it leaves its examples to them: they would stand behind the last one."""
        epilog = ["", self.format_text(one.epilog)] if one.epilog and one._subparsers is None else []
        return [*super()._format_parser(one, *more, **named), *epilog]

    @staticmethod
    def format_text(text: str) -> str:
        written = _ManpageFormatter.format_text(_wrapped(text) if text.startswith("usage: ") else text)
        safe = re.sub(r"^([.'])", r"\\&\1", written, flags=re.MULTILINE)
        return "\n.PP\n".join(_laid_out(block) for block in safe.split("\n\n"))


def _laid_out(block: str) -> str:
    """Prose is filled to the width of the screen, and lines that were indented stay as they are."""
    return f".nf\n{block}\n.fi" if re.search(r"^ ", block, re.MULTILINE) else block


def _wrapped(usage: str) -> str:
    """A usage on lines that fit, broken between its words only."""
    lines = [""]
    for word in re.findall(r"\[[^]]*\]|\([^)]*\)|\S+", usage):
        if len(lines[-1]) + len(word) > WIDTH:
            lines.append("           ")
        lines[-1] += f"{word} "
    return "\n".join(line.rstrip() for line in lines)


def page() -> str:
    """The page that the parser makes now."""
    os.environ["COLUMNS"] = COLUMNS
    made = parser()
    examples, made.epilog = made.epilog, None
    manpage = Manpage(made, format="single-commands-section")
    manpage.mf = Formatter(made.prog, manpage.formatter, manpage.format)
    manpage.date, manpage.source, manpage.manual = "", f"pocketagent {VERSION}", "Pocket Agent Server"
    manpage.description = "drive the Claude CLI on your own machine"
    manpage.add_section("examples", "=", manpage.mf.format_text(examples))
    manpage.add_section("see also", "=", ".BR twistd (1),\n.BR claude (1)")
    return str(manpage)


if __name__ == "__main__":
    PAGE.write_text(page())
