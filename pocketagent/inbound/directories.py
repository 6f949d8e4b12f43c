# -*- test-case-name: tests.inbound.test_directories -*-
"""The directories of the server's machine on HTTP: looked through by who is about to make one a project."""

from collections.abc import Sequence
from typing import Protocol as Shape

import msgspec

from pocketagent.domain.access import Scope
from pocketagent.domain.browsing import Candidates, Prospect
from pocketagent.domain.project import MAX_PATH
from pocketagent.domain.refusals import invalid
from pocketagent.inbound import query
from pocketagent.inbound.answer import Answer
from pocketagent.inbound.rest import BASE
from pocketagent.inbound.routes import About, Route, Visit

_PATH = f"{BASE}/directories"


class Browsing(Shape):
    """Who looks. All raise Refusal."""

    async def inside(self, path: str | None, hidden: bool) -> Candidates: ...

    async def prospect(self, path: str) -> Prospect: ...


_A_PATH = {"type": "string", "maxLength": MAX_PATH, "description": "A whole path. Without it: the allowed roots."}
LOOK = About(
    "The directories in a directory of the allowed roots",
    answer=Candidates,
    parameters={"path": _A_PATH, "hidden": {"type": "boolean", "default": False}},
)
TRUST = About(
    "What would be trusted, if a project were made of this directory",
    answer=Prospect,
    parameters={"path": {**_A_PATH, "description": "A whole path."}},
    needed=("path",),
)


def routes(browsing: Browsing) -> Sequence[Route]:
    async def look(visit: Visit) -> Answer:
        found = await browsing.inside(query.only(visit.query, "path"), query.flag(visit.query, "hidden"))
        return Answer(200, msgspec.json.encode(found))

    async def trust(visit: Visit) -> Answer:
        path = query.only(visit.query, "path")
        if path is None:
            raise invalid("data.path", "`path` is missing: name the directory.")
        return Answer(200, msgspec.json.encode(await browsing.prospect(path)))

    return [
        Route(method="GET", path=_PATH, answer=look, scope=Scope.ADMIN, query=("path", "hidden"), about=LOOK),
        Route(method="GET", path=f"{_PATH}/trust", answer=trust, scope=Scope.ADMIN, query=("path",), about=TRUST),
    ]
