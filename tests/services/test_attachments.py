"""Tests of `pocketagent.services.attachments`, and of prompts that name some."""

import json
from collections.abc import Sequence

from pocketagent.domain.attachment import MAX_ATTACHED, MAX_TOGETHER, Attached, Attachment, Enclosure, MediaType
from pocketagent.domain.commands import DeleteProject, Execute, GetMessages, Interrupt
from pocketagent.domain.deeds import OK
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.domain.replies import ExecutionAccepted, MessagesFound, Status
from pocketagent.services.attachments import Attachments, Room
from tests.services.workshop import Workshop, WorkshopCase, done, new_id

PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 32
PROMPT_ID = "e4b2a1c0-6d3f-4e8a-b7c5-0f9d8e7a6b54"


class AttachmentCase(WorkshopCase):
    def setUp(self) -> None:
        super().setUp()
        self.project_id = self.project()

    @property
    def attachments(self) -> Attachments:
        return self.shop.services.attachments

    def add(
        self, content: bytes = PNG, media_type: MediaType = MediaType.PNG, name: str = "a.png", project_id: str = ""
    ) -> Attachment:
        return self.successResultOf(
            done(self.attachments.add(project_id or self.project_id, name, media_type, content, self.asker))
        )

    def not_added(self, content: bytes = PNG, media_type: MediaType = MediaType.PNG, project_id: str = "") -> Refusal:
        adding = done(self.attachments.add(project_id or self.project_id, "a", media_type, content, self.asker))
        failure = self.failureResultOf(adding, Refusal)
        assert isinstance(failure.value, Refusal)
        return failure.value

    def all(self) -> Sequence[Attachment]:
        return self.successResultOf(done(self.attachments.all(self.project_id)))

    def remove(self, attachment_id: str) -> None:
        self.successResultOf(done(self.attachments.remove(self.project_id, attachment_id, self.asker)))

    def not_removed(self, attachment_id: str) -> Refusal:
        failure = self.failureResultOf(
            done(self.attachments.remove(self.project_id, attachment_id, self.asker)), Refusal
        )
        assert isinstance(failure.value, Refusal)
        return failure.value


class KeepingTests(AttachmentCase):
    def test_kept(self) -> None:
        """What was added is listed, the oldest first, and given back as it was."""
        first = self.add(name="../one.png")
        self.shop.clock.advance(1)
        second = self.add(b"text", MediaType.TEXT, "")
        self.assertEqual(list(self.all()), [first, second])
        self.assertEqual((first.name, first.size, second.name), ("one.png", len(PNG), "attachment.txt"))
        self.assertEqual(self.successResultOf(done(self.attachments.find(self.project_id, first.id))), first)
        self.assertEqual(self.successResultOf(done(self.attachments.read(self.project_id, first))), PNG)

    def test_content(self) -> None:
        """What is not of its type, or is nothing at all, is refused and not kept."""
        for content, media_type in ((PNG, MediaType.PDF), (b"<svg/>", MediaType.PNG), (b"a\0", MediaType.TEXT), (b"", MediaType.TEXT)):  # fmt: skip  # noqa: E501
            self.assertEqual(self.not_added(content, media_type).code, Code.INVALID_MESSAGE)
        self.assertEqual(list(self.all()), [])

    def test_room(self) -> None:
        """Each bound holds at its value: the size of one, their number, and their bytes together."""
        self.add(b"x" * 100, MediaType.TEXT)
        over = self.not_added(b"x" * 101, MediaType.TEXT)
        self.assertEqual((over.code, over.details["limit"]), (Code.MESSAGE_TOO_LARGE, 100))
        self.add(b"x" * 50, MediaType.TEXT)
        over = self.not_added(b"x" * 51, MediaType.TEXT)
        self.assertEqual((over.code, over.details["limit"]), (Code.RESOURCE_LIMIT, 200))
        self.add(b"x" * 50, MediaType.TEXT)
        over = self.not_added(b"x", MediaType.TEXT)
        self.assertEqual((over.code, over.details["limit"]), (Code.RESOURCE_LIMIT, 3))
        self.remove(self.all()[0].id)
        self.add(b"x", MediaType.TEXT)
        self.add(project_id=self.project("/home/me/other"))

    def test_full_disk(self) -> None:
        """On a full disk nothing is kept, and that is said; afterwards all goes on."""
        self.shop.attachments.fails = True
        self.assertEqual(self.not_added().code, Code.STORAGE_UNAVAILABLE)
        self.shop.attachments.fails = False
        self.assertEqual(list(self.all()), [])
        self.add()

    def test_no_project(self) -> None:
        """Without its project there is none, and it can be neither added nor asked for."""
        kept = self.add()
        self.ask(DeleteProject(project_id=self.project_id))
        self.assertEqual(self.not_added().code, Code.PROJECT_NOT_FOUND)
        self.assertEqual(self.not_removed(kept.id).code, Code.PROJECT_NOT_FOUND)
        self.failureResultOf(done(self.attachments.find(self.project_id, kept.id)), Refusal)

    def test_not_found(self) -> None:
        """What is not there is said not to be, whatever is asked."""
        for attachment_id in (new_id(), "../x", ""):
            self.assertEqual(self.not_removed(attachment_id).code, Code.ATTACHMENT_NOT_FOUND)
            self.failureResultOf(done(self.attachments.find(self.project_id, attachment_id)), Refusal)

    def test_audit(self) -> None:
        """Who added and removed what stands in the audit log, refused or done, with the hash of the bytes."""
        self.shop.audit.records.clear()
        kept = self.add()
        self.not_added(b"", MediaType.TEXT)
        self.remove(kept.id)
        deeds = [record.deed for record in self.shop.audit.records]
        self.assertEqual(
            [(deed.action, deed.outcome) for deed in deeds],
            [("attachment_add", OK), ("attachment_add", "INVALID_MESSAGE"), ("attachment_remove", OK)],
        )
        self.assertEqual(
            deeds[0].details,
            {"attachment_id": kept.id, "media_type": "image/png", "size": len(PNG), "sha256": kept.sha256},
        )
        self.assertEqual((deeds[0].actor_id, deeds[0].project_id), (self.asker.device.id, self.project_id))

    def test_no_record_no_attachment(self) -> None:
        """While the audit log cannot be written, none is added."""
        self.shop.audit.fails = True
        self.assertEqual(self.not_added().code, Code.STORAGE_UNAVAILABLE)
        self.assertEqual(list(self.all()), [])


class PromptTests(AttachmentCase):
    def messages(self) -> Sequence[bytes]:
        found = self.ask(GetMessages(project_id=self.project_id, types=("client_message",)))
        assert isinstance(found, MessagesFound)
        return [entry.message for entry in found.messages]

    def test_handed_over(self) -> None:
        """The agent is handed the bytes, in the order in which they were named; everybody is told all but those."""
        picture, text = self.add(), self.add(b"text", MediaType.TEXT, "notes.txt")
        self.execute(self.project_id, attachments=(text.id.upper(), picture.id))
        self.assertEqual(
            list(self.run_.enclosed[0]),
            [Enclosure("notes.txt", MediaType.TEXT, b"text"), Enclosure("a.png", MediaType.PNG, PNG)],
        )
        (message,) = self.messages()
        told = json.loads(message)["attachments"]
        self.assertEqual(told[0], {"id": text.id, "name": "notes.txt", "media_type": "text/plain", "size": 4})
        self.assertEqual([one["id"] for one in told], [text.id, picture.id])
        self.assertNotIn(b"PNG\\r", message)
        self.assertEqual(self.shop.audit.records[-1].deed.details["attachments"], [text.id.upper(), picture.id])

    def test_unknown(self) -> None:
        """One that is not there, or is another project's, is named, and nothing is begun."""
        other = self.add(project_id=self.project("/home/me/other"))
        for attachment_id in (new_id(), other.id):
            refusal = self.refusal(Execute(project_id=self.project_id, prompt="x", attachments=(attachment_id,)))
            self.assertEqual((refusal.code, refusal.details["field"]), (Code.INVALID_MESSAGE, "data.attachments"))
            self.assertEqual(refusal.details["attachment_id"], attachment_id)
        self.assertEqual((list(self.messages()), self.shop.agent.runs), ([], []))

    def test_how_many(self) -> None:
        """A prompt has up to 16, each once."""
        ids = tuple(new_id() for _ in range(MAX_ATTACHED + 1))
        Execute(project_id="p", prompt="x", attachments=ids[:-1])
        for wrong in (ids, (ids[0], ids[0].upper()), ("x",)):
            with self.assertRaises(Refusal) as caught:
                Execute(project_id="p", prompt="x", attachments=wrong)
            self.assertEqual(caught.exception.details["field"], "data.attachments")

    def test_together(self) -> None:
        """Those of one prompt have at most so many bytes together."""
        half = MAX_TOGETHER // 2
        self.shop = Workshop(room=Room(size=half + 1, count=3, total=MAX_TOGETHER * 2))
        self.asker = self.shop.connect()
        self.project_id = self.project()
        one, two, three = (self.add(b"x" * size, MediaType.TEXT).id for size in (half, half, half + 1))
        refusal = self.refusal(Execute(project_id=self.project_id, prompt="x", attachments=(one, three)))
        self.assertEqual((refusal.code, refusal.details["limit"]), (Code.MESSAGE_TOO_LARGE, MAX_TOGETHER))
        self.execute(self.project_id, attachments=(one, two))

    def test_sent_again(self) -> None:
        """A `prompt_id` that is sent again is known with the same attachments only, also when those are gone."""
        kept = self.add()
        once = self.execute(self.project_id, prompt_id=PROMPT_ID, attachments=(kept.id,))
        for other in ((), (new_id(),)):
            command = Execute(project_id=self.project_id, prompt="do it", prompt_id=PROMPT_ID, attachments=other)
            self.assertEqual(self.refusal(command).details["field"], "data.prompt_id")
        self.turn()
        self.remove(kept.id)
        again = self.execute(self.project_id, prompt_id=PROMPT_ID, attachments=(kept.id.upper(),))
        self.assertEqual(again, ExecutionAccepted(once.execution_id, 0, Status.DONE, True))

    def test_in_use(self) -> None:
        """One that a prompt names which runs or waits is not removed; after its end it can be."""
        runs, waits, free = self.add(), self.add(b"w", MediaType.TEXT), self.add(b"f", MediaType.TEXT)
        self.execute(self.project_id, attachments=(runs.id,))
        self.execute(self.project_id, queue=True, attachments=(waits.id,))
        for used in (runs, waits):
            self.assertEqual(self.not_removed(used.id).code, Code.PROCESS_ACTIVE)
        self.remove(free.id)
        self.turn()
        self.remove(runs.id)
        self.assertEqual(self.not_removed(waits.id).code, Code.PROCESS_ACTIVE)
        self.turn()
        self.remove(waits.id)
        self.assertEqual(self.run_.enclosed[1], [Enclosure("a.png", MediaType.TEXT, b"w")])

    def test_removed_while_accepted(self) -> None:
        """Of a prompt and a removal at one moment one wins: what a kept prompt names is there."""
        kept = self.add()
        self.shop.journals.writing.slow = True
        executing = self.asking(Execute(project_id=self.project_id, prompt="x", attachments=(kept.id,)))
        removing = done(self.attachments.remove(self.project_id, kept.id, self.asker))
        self.assertNoResult(removing)
        self.shop.journals.writing.open_all()
        self.successResultOf(executing)
        refusal = self.failureResultOf(removing, Refusal).value
        assert isinstance(refusal, Refusal)
        self.assertEqual(refusal.code, Code.PROCESS_ACTIVE)
        self.assertEqual(len(self.run_.enclosed[0]), 1)

    def test_lost(self) -> None:
        """Where the bytes cannot be read when their turn has come, the execution fails, and the project goes on."""
        kept = self.add()
        self.execute(self.project_id)
        self.execute(self.project_id, queue=True, attachments=(kept.id,))
        self.successResultOf(done(self.shop.attachments.remove(self.project_id, kept.id)))
        self.turn()
        error = self.conversation(self.project_id).machine.core.error
        assert error is not None
        self.assertEqual(error.code, Code.EXECUTION_FAILED)
        self.execute(self.project_id, "on it goes")

    def test_interrupted(self) -> None:
        """What was handed over and interrupted is free again."""
        kept = self.add()
        self.execute(self.project_id, attachments=(kept.id,))
        self.ask(Interrupt(project_id=self.project_id))
        self.turn()
        self.remove(kept.id)

    def test_of_old_journals(self) -> None:
        """A prompt that was kept before there were attachments has none."""
        self.assertEqual(Attached.of(self.add()).name, "a.png")
        once = self.execute(self.project_id, prompt_id=PROMPT_ID)
        self.assertEqual(self.execute(self.project_id, prompt_id=PROMPT_ID).execution_id, once.execution_id)


class RetentionTests(AttachmentCase):
    def forget(self) -> None:
        self.successResultOf(done(self.attachments.forget_old()))

    def test_old(self) -> None:
        """Those that are older than what is kept go; at the bound they stay, and so does what is in use."""
        old, used = self.add(), self.add(b"u", MediaType.TEXT)
        self.shop.clock.advance(7 * 86400)
        self.forget()
        self.assertEqual(len(self.all()), 2)
        new = self.add(b"n", MediaType.TEXT)
        self.execute(self.project_id, attachments=(used.id,))
        self.shop.clock.advance(1)
        self.forget()
        self.assertEqual([one.id for one in self.all()], [used.id, new.id])
        self.turn()
        self.forget()
        self.assertEqual([one.id for one in self.all()], [new.id])
        self.assertNotEqual(old.id, new.id)

    def test_without_end(self) -> None:
        """Without retention none goes."""
        self.shop = Workshop(room=Room(size=100, count=3, total=200))
        self.asker = self.shop.connect()
        self.project_id = self.project()
        self.add()
        self.shop.clock.advance(10**8)
        self.forget()
        self.assertEqual(len(self.all()), 1)

    def test_broken_disk(self) -> None:
        """A disk that fails is no reason to stop: the next look is in an hour."""
        self.add()
        self.shop.clock.advance(8 * 86400)
        self.shop.attachments.fails = True
        self.forget()
        self.shop.attachments.fails = False
        self.forget()
        self.assertEqual(list(self.all()), [])
