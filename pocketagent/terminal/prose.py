# -*- test-case-name: tests.terminal.test_prose -*-
"""What an agent writes, in Markdown, as something for rich to print.

Everything that was written is seen: HTML, the address of a link, what is nested too deep. Imported when it is needed:
the parser takes its time to load.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import dropwhile
from typing import ClassVar

from attrs import frozen
from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from pygments import token as kinds  # type: ignore[import-untyped]
from rich import box, markdown
from rich.console import Console, ConsoleOptions, RenderResult
from rich.rule import Rule
from rich.segment import Segment
from rich.style import Style
from rich.syntax import ANSISyntaxTheme, Syntax
from rich.table import Table
from rich.text import Text
from rich.theme import Theme

from pocketagent.domain.text import harmless
from pocketagent.terminal.diffs import folded

MAX_MARKDOWN = 40_000
"""Characters of a text that is drawn as Markdown; a longer one is shown as it was written."""
MAX_HIGHLIGHTED = 15_000
"""Characters of a block of code that is coloured."""
MAX_PARAGRAPH = 8_000
"""Characters of a paragraph whose emphasis and links are looked for: that takes the square of its length."""
MAX_ROWS = 200
"""Of a table that is drawn as one."""
MAX_NESTING = 20
"""Of lists, quotes and emphasis."""

_TAB = 4
_CODE_INDENT = 2

THEME = Theme(
    {
        "markdown.h1": "bold underline",
        "markdown.h2": "bold underline",
        "markdown.h3": "bold",
        "markdown.h4": "bold italic",
        "markdown.h5": "italic",
        "markdown.h6": "italic",
        "markdown.code": "cyan",
        "markdown.code_block": "none",
        "markdown.block_quote": "italic",
        "markdown.item.bullet": "none",
        "markdown.item.number": "none",
        "markdown.link": "none",
        "markdown.link_url": "cyan underline",
        "markdown.table.border": "dim",
        "markdown.table.header": "bold",
    }
)
"""The styles of Markdown that are legible on a light ground and on a dark one."""

_CODE = ANSISyntaxTheme(
    {
        kinds.Token: Style(),
        kinds.Comment: Style(dim=True, italic=True),
        kinds.Comment.Preproc: Style(color="magenta"),
        kinds.Keyword: Style(color="magenta"),
        kinds.Keyword.Constant: Style(color="cyan"),
        kinds.Keyword.Type: Style(color="cyan"),
        kinds.Operator.Word: Style(color="magenta"),
        kinds.Name.Builtin: Style(color="cyan"),
        kinds.Name.Function: Style(color="blue", bold=True),
        kinds.Name.Class: Style(color="blue", bold=True),
        kinds.Name.Decorator: Style(color="magenta"),
        kinds.Name.Tag: Style(color="blue", bold=True),
        kinds.Name.Attribute: Style(color="cyan"),
        kinds.Number: Style(color="cyan"),
        kinds.String: Style(color="green"),
        kinds.Generic.Deleted: Style(color="red"),
        kinds.Generic.Inserted: Style(color="green"),
        kinds.Generic.Heading: Style(bold=True),
        kinds.Generic.Subheading: Style(bold=True),
        kinds.Generic.Strong: Style(bold=True),
        kinds.Generic.Emph: Style(italic=True),
    }
)


class _TooDeep(Exception):
    """It is nested deeper than the parser goes, which would leave the rest out."""


@frozen
class Prose:
    """A text in Markdown, finished or not; `unicode` says whether bullets and lines may be more than ASCII."""

    text: str
    unicode: bool = True

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        text = harmless(self.text)
        if len(text) > MAX_MARKDOWN:
            yield Text(text)
            return
        kind = _Markdown if self.unicode else _AsciiMarkdown
        try:
            with console.use_theme(THEME):
                lines = console.render_lines(kind(text), options, pad=False)
        except Exception:  # noqa: BLE001 (parsers and lexers of others, and what anybody may have written)
            yield Text(text)
            return
        # Before a list or a table rich leaves a line free, even where nothing stands above.
        for line in dropwhile(lambda line: not any(text.strip() for text, *_ in line), lines):
            yield from line
            yield Segment.line()


def code(text: str, language: str) -> Text:
    """A piece of code, coloured where it is short enough and its language is known. One line for each of its own."""
    whole = harmless(text).expandtabs(_TAB).rstrip("\n")
    if not language or len(whole) > MAX_HIGHLIGHTED:
        return Text(whole)
    found = Syntax(whole, language, theme=_CODE, background_color=None).highlight(whole)
    found.rstrip()
    return found


# -- parsing ------------------------------------------------------------------------------------------------


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "maxNesting": MAX_NESTING})
    # Without a definition shown, a reference to it says nothing; an image is an address, as a link is.
    parser.enable(["strikethrough", "table"]).disable(["reference", "image"])
    parser.core.ruler.at("inline", _inline)
    return parser


def _inline(state: StateCore) -> None:
    for token in state.tokens:
        if token.nesting == 1 and token.level >= MAX_NESTING - 1:
            raise _TooDeep
        if token.type != "inline":
            continue
        if len(token.content) > MAX_PARAGRAPH:
            token.children = [Token("text", "", 0, content=token.content)]
        else:
            token.children = []
            state.md.inline.parse(token.content, state.md, state.env, token.children)
        for child in token.children:
            # A character may be written by its number, as `&#x202e;`.
            child.content = harmless(child.content)
            if "href" in child.attrs:
                child.attrs["href"] = harmless(str(child.attrs["href"]))


# -- drawing ------------------------------------------------------------------------------------------------


class _Heading(markdown.Heading):
    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self.text


class _CodeBlock(markdown.CodeBlock):
    """Without a ground of its own, so that it is legible on any; long lines go on below, and nothing is cut."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        language = "" if self.lexer_name == "text" else self.lexer_name
        lines = code(str(self.text), language).split("\n", allow_blank=True)
        indent = " " * min(_CODE_INDENT, max(0, options.max_width - 2))
        for line in lines:
            for piece in folded(line, options.max_width - len(indent)):
                yield Text(indent, no_wrap=True).append_text(piece)


class _BlockQuote(markdown.BlockQuote):
    bar = "▌ "

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        inner = options.update(width=max(1, options.max_width - 2))
        style = console.get_style(self.style_name)
        for line in console.render_lines(self.elements, inner, style=style, pad=False):
            yield Segment(self.bar, Style(dim=True))
            yield from line
            yield Segment.line()


class _AsciiBlockQuote(_BlockQuote):
    bar = "| "


class _HorizontalRule(markdown.HorizontalRule):
    line = "─"

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Rule(style="dim", characters=self.line)


class _AsciiHorizontalRule(_HorizontalRule):
    line = "-"


class _ListItem(markdown.ListItem):
    bullet = "• "

    def render_bullet(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from self._hung(console, options, self.bullet)

    def render_number(self, console: Console, options: ConsoleOptions, number: int, last_number: int) -> RenderResult:
        yield from self._hung(console, options, f"{number}. ".rjust(len(str(last_number - 1)) + 2))

    def _hung(self, console: Console, options: ConsoleOptions, lead: str) -> Iterator[Segment]:
        inner = options.update(width=max(1, options.max_width - len(lead)))
        for at, line in enumerate(console.render_lines(self.elements, inner, pad=False)):
            yield Segment(" " * len(lead) if at else lead)
            yield from line
            yield Segment.line()


class _AsciiListItem(_ListItem):
    bullet = "- "


class _Table(markdown.TableElement):
    box = box.SIMPLE_HEAD

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        rows: Sequence[markdown.TableRowElement] = self.body.rows if self.body is not None else ()
        header = self.header.row.cells if self.header is not None and self.header.row is not None else ()
        if len(rows) > MAX_ROWS or 4 * len(header) > options.max_width:
            for cells in (header, *(row.cells for row in rows)):
                yield Text(" | ").join(cell.content for cell in cells)
            return
        table = Table(box=self.box, pad_edge=False, border_style="dim", show_edge=False, header_style="bold")
        for cell in header:
            table.add_column(cell.content, justify=cell.justify, overflow="fold")
        for row in rows:
            table.add_row(*(cell.content for cell in row.cells))
        yield table


class _AsciiTable(_Table):
    box = box.Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)


class _Markdown(markdown.Markdown):
    elements: ClassVar[dict[str, type[markdown.MarkdownElement]]] = {
        **markdown.Markdown.elements,
        "heading_open": _Heading,
        "fence": _CodeBlock,
        "code_block": _CodeBlock,
        "blockquote_open": _BlockQuote,
        "hr": _HorizontalRule,
        "list_item_open": _ListItem,
        "table_open": _Table,
    }

    def __init__(self, text: str) -> None:
        super().__init__("", hyperlinks=False)
        self.parsed = _parser().parse(text)


class _AsciiMarkdown(_Markdown):
    elements: ClassVar[dict[str, type[markdown.MarkdownElement]]] = {
        **_Markdown.elements,
        "blockquote_open": _AsciiBlockQuote,
        "hr": _AsciiHorizontalRule,
        "list_item_open": _AsciiListItem,
        "table_open": _AsciiTable,
    }
