"""Tests of `pocketagent.inbound.attachments`, on a real port."""

from collections.abc import Callable, Sequence

from attrs import define, evolve, field
from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from pocketagent.domain.access import Scope
from pocketagent.domain.attachment import Attachment, Content, MediaType, not_found
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.inbound import limits
from pocketagent.inbound.attachments import TYPES, UPLOAD_TIME, routes
from pocketagent.ports import IConnection
from tests.contracts import ATTACHMENT
from tests.inbound.asking import Asking, Heard, written
from tests.inbound.house import DEVICE, House, listening
from tests.services.steered import Gate
from tests.wire.test_server import UUID

SIZE = 100_000
PATH = f"/api/v1/projects/{UUID}/attachments"


@define(eq=False)
class Store:
    """Keeps what it was asked to; `failure` is what comes of it instead."""

    kept: list[tuple[str, str, MediaType, Content]] = field(factory=list)
    removed: list[str] = field(factory=list)
    failure: Refusal | None = None
    slow: Gate = field(factory=Gate)
    reading: int = 0

    async def all(self, project_id: str) -> Sequence[Attachment]:
        return [ATTACHMENT]

    async def find(self, project_id: str, attachment_id: str) -> Attachment:
        if attachment_id != ATTACHMENT.id:
            raise not_found(attachment_id)
        return evolve(ATTACHMENT, media_type=MediaType.TEXT, name='<b>"ü\n.html', size=SIZE)

    async def read(self, project_id: str, found: Attachment) -> bytes:
        self.reading += 1
        await self.slow.through()
        return b"<script>"

    async def add(
        self, project_id: str, name: str, media_type: MediaType, content: Content, asker: IConnection
    ) -> Attachment:
        if self.failure is not None:
            raise self.failure
        self.kept.append((project_id, name, media_type, content))
        return ATTACHMENT

    async def remove(self, project_id: str, attachment_id: str, asker: IConnection) -> None:
        self.removed.append(attachment_id)


class AttachmentRouteTests(TestCase):
    timeout = 20

    def setUp(self) -> Deferred[None]:  # type: ignore[override]
        self.store = Store()
        clock = IReactorTime(installed)
        self.limits = limits.Limits(clock.seconds, limits.Bounds())
        self.house = House(clock, more=routes(self.store, SIZE), limits=self.limits)
        self.house.access.device = evolve(DEVICE, scope=Scope.EXECUTE)
        return Deferred.fromCoroutine(self.open())

    async def open(self) -> None:
        self.front = self.house.door()
        self.port = await listening(self.front)
        self.addCleanup(self.close)
        self.asking = await Asking.of(self.port)

    async def close(self) -> None:
        self.asking.leave()
        await maybeDeferred(self.port.stopListening)
        await self.front.close_all(1001, "over", 0.1)

    async def again(self) -> None:
        """A new connection, after one that was closed."""
        self.asking.leave()
        self.asking = await Asking.of(self.port)

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await deferLater(IReactorTime(installed), 0.01)

    async def upload(self, content: bytes, type_: str = "image/png", *extra: str) -> Heard:
        return await self.asking.ask("POST", PATH, content, content_type=type_, extra=extra)

    async def test_upload(self) -> None:
        """The body is kept as it came, up to the bound; the answer says what is known and where it is."""
        for content in (b"x", b"\0\r\n" * 100, b"y" * SIZE):
            answer = await self.upload(content)
            self.assertEqual((answer.status, answer.json["id"]), (201, ATTACHMENT.id))
            self.assertEqual(answer.header("location"), f"{PATH}/{ATTACHMENT.id}")
            self.assertEqual(
                set(answer.json), {"id", "name", "media_type", "size", "sha256", "created_at"}
            )  # fmt: skip
            self.assertEqual(self.store.kept[-1], (UUID, "", MediaType.PNG, content))

    async def test_too_large(self) -> None:
        """A body over the bound is refused before a byte of it is read."""
        answer = await self.upload(b"y" * (SIZE + 1))
        self.assertEqual((answer.status, answer.code), (413, "MESSAGE_TOO_LARGE"))
        self.assertEqual(self.store.kept, [])

    async def test_types(self) -> None:
        """Nothing but the listed types is taken, however they are spelt; a text in no other encoding than UTF-8."""
        for type_ in (*TYPES, "Image/PNG", "text/plain; charset=UTF-8"):
            self.assertEqual((await self.upload(b"x", type_)).status, 201, type_)
            self.assertEqual(self.store.kept[-1][2], type_.partition(";")[0].lower())
        for type_ in ("text/html", "image/svg+xml", "application/json", "text/plain; charset=latin-1", "image/png,a"):
            answer = await self.upload(b"x", type_)
            self.assertEqual(answer.status, 415, type_)
            if answer.is_last:
                await self.again()

    async def test_names(self) -> None:
        """A name is percent-encoded UTF-8 in a header of its own; it may stand once."""
        await self.upload(b"x", "image/png", "Attachment-Name: Gr%C3%BC%C3%9Fe%20%F0%9F%98%80.png")
        self.assertEqual(self.store.kept[-1][1], "Grüße 😀.png")
        await self.upload(b"x", "image/png", "Attachment-Name: %ff%0d%0a")
        self.assertEqual(self.store.kept[-1][1], "\ufffd\r\n")
        answer = await self.upload(b"x", "image/png", "Attachment-Name: a", "Attachment-Name: b")
        self.assertEqual(answer.status, 400)

    async def test_refused(self) -> None:
        """What the services refuse is answered as everywhere."""
        for code, status in ((Code.STORAGE_UNAVAILABLE, 503), (Code.RESOURCE_LIMIT, 503), (Code.INVALID_MESSAGE, 400)):
            self.store.failure = Refusal(code, "No.")
            answer = await self.upload(b"x")
            self.assertEqual((answer.status, answer.code), (status, code.value))
            if answer.is_last:
                await self.again()

    async def test_given_back(self) -> None:
        """What is given back is saved, never shown as a page of ours, whatever it is and whatever it is called."""
        answer = await self.asking.ask("GET", f"{PATH}/{ATTACHMENT.id}")
        self.assertEqual((answer.status, answer.body), (200, b"<script>"))
        self.assertEqual(answer.header("content-type"), "text/plain; charset=utf-8")
        self.assertEqual(answer.header("content-disposition"), "attachment; filename*=UTF-8''%3Cb%3E%22%C3%BC%0A.html")
        self.assertEqual(answer.header("x-content-type-options"), "nosniff")
        self.assertEqual(answer.header("content-security-policy"), "default-src 'none'; sandbox")
        self.assertEqual((await self.asking.ask("GET", f"{PATH}/{UUID}")).code, "ATTACHMENT_NOT_FOUND")

    async def test_listed_and_removed(self) -> None:
        """They are listed and removed."""
        answer = await self.asking.ask("GET", PATH)
        self.assertEqual((answer.status, answer.json["total"]), (200, 1))
        answer = await self.asking.ask("DELETE", f"{PATH}/{ATTACHMENT.id}")
        self.assertEqual((answer.status, self.store.removed), (204, [ATTACHMENT.id]))

    async def test_scopes(self) -> None:
        """Who may only look may see them, and neither add nor remove one."""
        self.house.access.device = evolve(DEVICE, scope=Scope.READ)
        self.assertEqual((await self.asking.ask("GET", PATH)).status, 200)
        self.assertEqual((await self.asking.ask("DELETE", f"{PATH}/{ATTACHMENT.id}")).status, 403)
        self.assertEqual((await self.upload(b"x")).status, 403)
        self.assertEqual((self.store.kept, self.store.removed), ([], []))

    async def test_split_body(self) -> None:
        """A request that comes with the end of a large body is read as the next one, and is no part of the body."""
        port = self.asking.port
        upload = written("POST", PATH, b"y" * SIZE, port=port, content_type="image/png")
        whole = upload + written("GET", PATH, port=port)
        self.asking.talk.say(whole[:-1000])
        await deferLater(IReactorTime(installed), 0.05)
        self.asking.talk.say(whole[-1000:])
        self.assertEqual([(await self.asking.heard()).status for _ in range(2)], [201, 200])
        self.assertEqual(self.store.kept[0][3], b"y" * SIZE)

    async def test_together(self) -> None:
        """Of large bodies that come at once there are so many bytes and no more; who is one too many may come again."""
        self.patch(limits, "LARGE_BODIES", 2 * SIZE)
        others = [await Asking.of(self.port) for _ in range(2)]
        for one in others:
            one.talk.say(written("POST", PATH, b"y" * SIZE, port=one.port, content_type="image/png")[:-1])
        await self.until(lambda: self.limits.uploads.held == 2 * SIZE)
        answer = await self.upload(b"x")
        self.assertEqual((answer.status, answer.code), (503, "RESOURCE_LIMIT"))
        self.assertEqual(answer.header("retry-after"), "5")
        await self.again()
        self.assertEqual((await self.upload(b"y" * (SIZE + 1))).status, 413)
        await self.again()
        self.assertEqual((await self.asking.ask("GET", PATH)).status, 200)
        others[0].talk.say(b"y")
        self.assertEqual((await others[0].heard()).status, 201)
        self.assertEqual((await self.upload(b"x")).status, 201)
        others[1].leave()
        await self.until(lambda: self.limits.uploads.held == 0)
        self.assertEqual(len(self.store.kept), 2)
        others[0].leave()

    async def test_given_back_together(self) -> None:
        """So it is with what is given back, from before it is read until it is taken or its client is gone."""
        self.patch(limits, "LARGE_BODIES", 2 * SIZE)
        self.store.slow.slow = True
        target = f"{PATH}/{ATTACHMENT.id}"
        others = [await Asking.of(self.port) for _ in range(2)]
        for one in others:
            one.talk.say(written("GET", target, port=one.port))
        await self.until(lambda: self.store.reading == 2)
        answer = await self.asking.ask("GET", target)
        self.assertEqual((answer.status, answer.code, answer.header("retry-after")), (503, "RESOURCE_LIMIT", "5"))
        self.assertEqual(self.store.reading, 2)
        self.store.slow.open_all()
        self.assertEqual((await others[0].heard()).status, 200)
        self.store.slow.slow = True
        others[0].talk.say(written("GET", target, port=self.asking.port))
        await self.until(lambda: self.store.reading == 3)
        others[0].leave()
        others[1].leave()
        self.store.slow.open_all()
        self.assertEqual((await self.asking.ask("GET", target)).status, 200)

    async def test_gone_client(self) -> None:
        """A body whose client goes away before its end is not kept; it has more time to come than others have."""
        self.asking.talk.say(written("POST", PATH, b"y" * SIZE, port=self.asking.port, content_type="image/png")[:-1])
        await deferLater(IReactorTime(installed), 0.05)
        self.asking.leave()
        await deferLater(IReactorTime(installed), 0.05)
        self.assertEqual(self.store.kept, [])
        self.assertEqual({one.body.seconds for one in routes(self.store, SIZE) if one.body}, {UPLOAD_TIME})
