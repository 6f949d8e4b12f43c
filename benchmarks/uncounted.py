"""The server with nothing measured on its hot path: each statement there that counts or takes the time is taken out.

    python -m benchmarks.uncounted uncounted …      as `twistd …`
    python -m benchmarks.uncounted counted …        the same, with nothing taken out

So what measuring costs can be seen beside the server as it is, from one source and started in one way: how a process
is started alone makes more of a difference.
"""

import ast
import inspect
import sys
import textwrap
from collections.abc import Callable
from types import FunctionType

from twisted.scripts.twistd import run

from pocketagent.inbound.connection import Connection
from pocketagent.outbound.journal.journal import FileJournal
from pocketagent.services.conversation import Conversation

HOT = (Connection.hear, Connection.send, FileJournal.append, Conversation.hear, Conversation._perform)
COUNTING = frozenset({"measures", "_measures", "began", "_stopwatch"})
"""Names of what is measured with: a statement that mentions one of them measures, and does nothing else."""


class Removal(ast.NodeTransformer):
    """Takes such statements out."""

    def __init__(self) -> None:
        self.removed = 0

    def visit(self, node: ast.AST) -> ast.AST | None:
        if isinstance(node, ast.Expr | ast.Assign | ast.AugAssign | ast.If) and _mentions(node):
            self.removed += 1
            return None
        return self.generic_visit(node)


def _mentions(node: ast.AST) -> bool:
    """The node itself, not what stands in the body of a larger statement."""
    looked_at = node.test if isinstance(node, ast.If) else node
    names = {
        one.id if isinstance(one, ast.Name) else one.attr
        for one in ast.walk(looked_at)
        if isinstance(one, ast.Name | ast.Attribute)
    }
    return not names.isdisjoint(COUNTING)


def uncounted(function: Callable[..., object]) -> int:
    """Make a function the same without them; how many they were."""
    assert isinstance(function, FunctionType)
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    removal = Removal()
    removal.visit(tree)
    made: dict[str, FunctionType] = {}
    exec(compile(ast.fix_missing_locations(tree), inspect.getfile(function), "exec"), function.__globals__, made)  # noqa: S102
    function.__code__ = made[function.__name__].__code__
    return removal.removed


if __name__ == "__main__":
    how = sys.argv.pop(1)
    for one in HOT if how == "uncounted" else ():
        if not uncounted(one):
            sys.exit(f"benchmarks: nothing is measured in {one.__qualname__} any more; take it out of HOT.")
    sys.argv[0] = "twistd"
    run()
