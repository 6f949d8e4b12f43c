# -*- test-case-name: tests.cli.test_table -*-
"""Rows in columns, for a person."""

from collections.abc import Iterable, Sequence

from rich.cells import cell_len

from pocketagent.domain.text import escaped

GAP = "  "


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Sequence[str]:
    """A line for each row, below the head; what stands in a cell acts on no terminal."""
    cells = [head, *([escaped(cell) for cell in row] for row in rows)]
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    return [GAP.join(map(_filled, row, widths)).rstrip() for row in cells]


def _filled(cell: str, width: int) -> str:
    return cell + " " * (width - cell_len(cell))
