"""The pictures of the README: what really stands on a terminal, with the real server and CLI, a scripted model.

make pictures       or: python docs/make_pictures.py
"""

import re
import sys
import tempfile
import urllib.request
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

from pyte.screens import Char
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import TerminalTheme
from rich.text import Text

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.end_to_end.house import House, Model, real_cli  # noqa: E402
from tests.end_to_end.profile import keep_profile  # noqa: E402
from tests.end_to_end.terminal import Terminal  # noqa: E402

COLUMNS, ROWS = 84, 36
LOOK = 0.6
"""Seconds that a person looks before a key is meant."""

THEME = TerminalTheme(
    (30, 30, 38),
    (214, 214, 220),
    [(40, 42, 54), (235, 100, 100), (120, 200, 120), (225, 190, 110), (110, 160, 240), (200, 140, 220),
     (100, 195, 205), (214, 214, 220)],
    [(125, 128, 142), (255, 125, 125), (150, 225, 150), (245, 215, 140), (140, 185, 255), (225, 165, 245),
     (130, 220, 230), (255, 255, 255)],
)  # fmt: skip

BEFORE = """\
def mean(values):
    total = 0
    for value in values:
        total += value
    return total / len(values)
"""

READ = 'tool: Read {{"file_path": "{path}"}}'
EDIT = (
    'tool: Edit {{"file_path": "{path}", "old_string": "    return total / len(values)\\n", '
    '"new_string": "    return total / len(values) if values else 0.0\\n"}}'
)
RUN = 'tool: Bash {{"command": "python3 -c \\"import stats; print(stats.mean([]))\\"", "description": "Try it"}}'
SUMMARY = (
    'json: "`mean` now answers **0.0** for an empty list instead of raising `ZeroDivisionError`:\\n\\n'
    "```python\\nmean([])         # 0.0\\nmean([1, 2, 6])  # 3.0\\n```\\n\\n"
    '1. the division happens only where there are values,\\n2. nothing else has changed."'
)


def main() -> None:
    claude = real_cli()
    assert claude is not None, "the real CLI is needed: pip install claude-agent-sdk"
    model = Model.start()
    house = House.new(Path(tempfile.mkdtemp()), claude=claude, environment=model.environment)
    try:
        house.start()
        keep_profile(house, house.token("laptop"))
        _draw(house, model)
    finally:
        house.stop()
        model.stop()


def _draw(house: House, model: Model) -> None:
    directory = house.project("stats")
    path = directory / "stats.py"
    path.write_text(BEFORE)
    house.connect().request("project_create", path=str(directory))
    environment = {**house.environment, "TERM": "xterm-256color"}
    words = [str(Path(sys.executable).with_name("pocketagent")), "chat"]
    terminal = Terminal.start(words, directory, environment, COLUMNS, ROWS)
    try:
        terminal.wait_for(lambda one: "stats · idle" in one.last_line)
        for answer in (
            "say: I look at the function first.\n" + READ.format(path=path),
            EDIT.format(path=path),
            RUN.format(),
            SUMMARY,
        ):
            _queue(model, answer)
        terminal.type("mean() fails for an empty list: it should answer 0.0", "enter")
        terminal.wait_for("allow once")
        terminal.rest(LOOK)
        _picture(terminal, "permission", "pocketagent chat")
        terminal.type("y")
        terminal.wait_for("Run this command")
        terminal.rest(LOOK)
        terminal.type("y")
        terminal.wait_for("nothing else has changed")
        terminal.wait_for(lambda one: "stats · idle" in one.last_line and "%" in one.last_line)
        terminal.rest(LOOK)
        _picture(terminal, "conversation", "pocketagent chat")
    finally:
        terminal.close()


def _queue(model: Model, answer: str) -> None:
    urllib.request.urlopen(f"{model.url}/_queue", answer.encode())  # noqa: S310  # our own, on this machine


def _picture(terminal: Terminal, name: str, title: str) -> None:
    """What stands on the screen now, as docs/pictures/NAME.svg."""
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True, legacy_windows=False)
    rows = [_row(terminal, row) for row in range(ROWS)]
    while rows and not rows[-1].plain.strip():
        rows.pop()
    for row in rows:
        console.print(row, no_wrap=True, overflow="crop")
    svg = console.export_svg(title=title, theme=THEME, unique_id=name)
    # No font from elsewhere: whoever looks at the picture asks nobody for it.
    svg = re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    svg = svg.replace("Fira Code, monospace", "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace")
    path = ROOT / "docs" / "pictures" / f"{name}.svg"
    path.parent.mkdir(exist_ok=True)
    path.write_text(svg)
    sys.stdout.write(f"{path.relative_to(ROOT)}\n")


def _row(terminal: Terminal, row: int) -> Text:
    text = Text()
    line: Mapping[int, Char] = terminal.cells(row)
    for column in range(COLUMNS):
        cell = line[column]
        text.append(cell.data, _style(cell))
    return text


def _style(cell: Char) -> Style:
    """pyte's names of the sixteen colours -> rich's."""

    def named(color: str) -> str:
        name = color.replace("brown", "yellow")
        return f"bright_{name.removeprefix('bright')}" if name.startswith("bright") else name

    return Style(
        color=named(cell.fg),
        bold=cell.bold,
        italic=cell.italics,
        underline=cell.underscore,
        reverse=cell.reverse,
    )


if __name__ == "__main__":
    main()
