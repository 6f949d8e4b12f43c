"""What is kept of a project is what was said of it last, whoever else writes at the same time, and never comes back."""

from attrs import define, evolve, field

from pocketagent.domain.commands import AcknowledgeMessages, DeleteProject, TrustProject, UpdateProject
from pocketagent.domain.project import Trust
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.outbound.memory import MemoryDirectories
from tests.services.steered import Gate
from tests.services.workshop import Workshop, WorkshopCase, done


@define(eq=False)
class SlowlyRead(MemoryDirectories):
    """What a directory would run by itself is found once `reading` is open."""

    reading: Gate = field(factory=Gate)

    def __attrs_pre_init__(self) -> None:
        super().__init__()

    async def trust(self, path: str, approved: str) -> Trust:
        await self.reading.through()
        return await super().trust(path, approved)


class SavingTests(WorkshopCase):
    def setUp(self) -> None:
        self.directories = SlowlyRead()
        self.shop = Workshop(directories=self.directories)
        self.asker = self.shop.connect()
        self.project_id = self.project()

    def test_two_at_once(self) -> None:
        """Of two changes at once neither undoes the other, in memory or on the disk."""
        self.shop.projects.saving.slow = True
        self.shop.journals.writing.slow = True
        changing = [
            self.asking(UpdateProject(project_id=self.project_id, name="other")),
            self.asking(UpdateProject(project_id=self.project_id, archived=True), self.shop.connect()),
        ]
        while len(self.shop.projects.saving) or len(self.shop.journals.writing):
            for gate in (self.shop.projects.saving, self.shop.journals.writing):
                gate.open(len(gate))
        for one in changing:
            self.successResultOf(one)
        self.shop.projects.saving.open_all()
        project = self.conversation(self.project_id).project
        self.assertEqual((project.name, project.archived), ("other", True))
        self.assertEqual(self.stored(self.project_id), project)

    def test_not_beyond_the_end(self) -> None:
        """A change that is being saved while the project is deleted does not bring it back."""
        self.shop.projects.saving.slow = True
        changing = self.asking(UpdateProject(project_id=self.project_id, name="other"))
        deleting = self.asking(DeleteProject(project_id=self.project_id), self.shop.connect())
        self.shop.projects.saving.open_all()
        self.successResultOf(deleting)
        self.failureResultOf(changing, Refusal)
        self.assertIsNone(self.stored(self.project_id))

    def test_approval_not_beyond_the_end(self) -> None:
        """Nor does an approval that was being looked into meanwhile: it is told that the project was deleted."""
        self.directories.reading.slow = True
        trusting = self.asking(TrustProject(project_id=self.project_id, fingerprint=""))
        self.ask(DeleteProject(project_id=self.project_id), self.shop.connect())
        self.directories.reading.open_all()
        problem = self.failureResultOf(trusting, Refusal).value
        assert isinstance(problem, Refusal)
        self.assertIs(problem.code, Code.PROJECT_NOT_FOUND)
        self.assertIsNone(self.stored(self.project_id))

    def test_acknowledgement_not_beyond_the_end(self) -> None:
        """Nor does what is saved late."""
        self.execute(self.project_id)
        self.turn()
        self.run_.dies()
        self.ask_all(AcknowledgeMessages(project_id=self.project_id, seq=3))
        self.shop.projects.saving.slow = True
        self.shop.clock.advance(2)
        deleting = self.asking(DeleteProject(project_id=self.project_id))
        self.shop.projects.saving.open_all()
        self.successResultOf(deleting)
        self.assertIsNone(self.stored(self.project_id))

    def test_unkept_is_taken_back(self) -> None:
        """A change, or an approval, that could not be told is not on the disk either."""
        self.shop.directories.make("/home/me/work", {".mcp.json": b"{}"})
        refusal = self.refusal(TrustProject(project_id=self.project_id, fingerprint="x"))
        fingerprint = refusal.details["fingerprint"]
        assert isinstance(fingerprint, str)
        self.shop.journals.fails = True
        self.refusal(UpdateProject(project_id=self.project_id, name="other"))
        self.refusal(TrustProject(project_id=self.project_id, fingerprint=fingerprint))
        self.shop.journals.fails = False
        stored = self.stored(self.project_id)
        assert stored is not None
        self.assertEqual((stored.name, stored.approved), ("work", ""))

    def test_costs(self) -> None:
        """What a conversation has cost is saved soon after, once, and at the end of the server."""
        self.execute(self.project_id)
        self.turn()
        saved = self.shop.projects.saving.passed
        self.shop.clock.advance(2)
        self.assertEqual(self.shop.projects.saving.passed, saved + 1)
        self.ask_all(AcknowledgeMessages(project_id=self.project_id, seq=3))
        self.successResultOf(done(self.shop.services.projects.close()))
        stored = self.stored(self.project_id)
        assert stored is not None
        self.assertEqual((stored.usage.total_usd, stored.acked), (0.5, {self.asker.device.id: 3}))

    def test_approved_meanwhile(self) -> None:
        """What `pocketagent trust` has approved while the server runs is not overwritten, and holds at once."""
        project_id = self.project(self.shop.directories.make("/repo", {".mcp.json": b"{}"}))
        fingerprint = self.conversation(project_id).trust.fingerprint
        stored = self.stored(project_id)
        assert stored is not None
        self.shop.projects._projects[project_id] = evolve(stored, approved=fingerprint)
        self.ask(UpdateProject(project_id=project_id, name="other"))
        kept = self.stored(project_id)
        assert kept is not None
        self.assertEqual((kept.name, kept.approved), ("other", fingerprint))
        self.execute(project_id)
        self.assertTrue(self.run_.launch.trusted)
