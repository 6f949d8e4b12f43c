# -*- test-case-name: tests.inbound.test_attachments -*-
"""Attachments on HTTP: uploaded as the body of a request, listed, given back, removed.

What is given back was written by somebody else: a browser saves it, and never shows it as a page of ours.
"""

from collections.abc import Sequence
from typing import Protocol as Shape
from urllib.parse import quote, unquote

from pocketagent.domain.access import Scope
from pocketagent.domain.attachment import Attachment, Content, MediaType
from pocketagent.inbound.answer import Answer
from pocketagent.inbound.call import Call
from pocketagent.inbound.limits import LargeBodies
from pocketagent.inbound.rest import BASE
from pocketagent.inbound.routes import About, Body, Route, Visit
from pocketagent.ports import IConnection
from pocketagent.wire import attachments as wire

NAME = "Attachment-Name"
"""The header with the name of what is uploaded: percent-encoded UTF-8, as of JavaScript's encodeURIComponent."""
UPLOAD_TIME = 300.0
"""Seconds for a body, which phones send on slow networks."""
TYPES = tuple(one.value for one in MediaType)

_ALL = f"{BASE}/projects/{{project_id}}/attachments"
_ONE = f"{_ALL}/{{attachment_id}}"


class Attachments(Shape):
    """Where they are kept. All raise Refusal."""

    async def all(self, project_id: str) -> Sequence[Attachment]: ...

    async def find(self, project_id: str, attachment_id: str) -> Attachment: ...

    async def read(self, project_id: str, found: Attachment) -> bytes: ...

    async def add(
        self, project_id: str, name: str, media_type: MediaType, content: Content, asker: IConnection
    ) -> Attachment: ...

    async def remove(self, project_id: str, attachment_id: str, asker: IConnection) -> None: ...


ADD = About(
    "Upload what a prompt may name",
    answer=Attachment,
    status=201,
    headers={NAME: {"type": "string", "description": "Its name for people, percent-encoded."}},
    tells={"Location": "Where the attachment is."},
)
SHOW_ALL = About("List the attachments of a project", answer=wire.AttachmentList)
SHOW = About("Give an attachment back", content_type="*/*")
REMOVE = About("Remove an attachment", status=204)


def routes(attachments: Attachments, size: int) -> Sequence[Route]:
    """`size`: bytes of one at most."""
    given_back = LargeBodies()

    async def add(visit: Visit) -> Answer:
        assert visit.asker is not None
        project_id = visit.path["project_id"]
        media_type = MediaType(_type(visit.call))
        kept = await attachments.add(project_id, _name(visit.call), media_type, visit.large, visit.asker)
        return Answer(201, wire.one(kept), [("Location", f"{BASE}/projects/{project_id}/attachments/{kept.id}")])

    async def show_all(visit: Visit) -> Answer:
        return Answer(200, wire.several(await attachments.all(visit.path["project_id"])))

    async def show(visit: Visit) -> Answer:
        project_id = visit.path["project_id"]
        found = await attachments.find(project_id, visit.path["attachment_id"])
        visit.channel.hold(given_back.holding(found.size))
        content = await attachments.read(project_id, found)
        headers = [
            ("Content-Disposition", f"attachment; filename*=UTF-8''{quote(found.name, safe='')}"),
            ("Content-Security-Policy", "default-src 'none'; sandbox"),
        ]
        charset = "; charset=utf-8" if found.media_type is MediaType.TEXT else ""
        return Answer(200, content, headers, found.media_type.value + charset)

    async def remove(visit: Visit) -> Answer:
        assert visit.asker is not None
        await attachments.remove(visit.path["project_id"], visit.path["attachment_id"], visit.asker)
        return Answer(204)

    body = Body(size, TYPES, seconds=UPLOAD_TIME, is_large=True)
    return [
        Route(method="POST", path=_ALL, answer=add, scope=Scope.EXECUTE, body=body, about=ADD),
        Route(method="GET", path=_ALL, answer=show_all, scope=Scope.READ, about=SHOW_ALL),
        Route(method="GET", path=_ONE, answer=show, scope=Scope.READ, about=SHOW),
        Route(method="DELETE", path=_ONE, answer=remove, scope=Scope.EXECUTE, about=REMOVE),
    ]


def _type(call: Call) -> str:
    """One of `TYPES`: it was looked at before the body was read."""
    return (call.only("content-type") or "").partition(";")[0].strip(" \t").lower()


def _name(call: Call) -> str:
    return unquote(call.only(NAME.lower()) or "")
