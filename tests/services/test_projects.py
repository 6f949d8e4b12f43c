"""Projects are created, changed and deleted whole or not at all, whoever else does what at the same time."""

from twisted.internet.defer import Deferred

from pocketagent.domain.commands import (
    CreateProject,
    DeleteProject,
    Execute,
    GetMessages,
    JoinProject,
    ListProjects,
    TrustProject,
    UpdateProject,
)
from pocketagent.domain.events import ProjectState, State
from pocketagent.domain.project import Project, Standing
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.domain.replies import ProjectDeleted, ProjectListed
from tests.services.workshop import BUSY, INIT, FakeConnection, Workshop, WorkshopCase, done


class ProjectsCase(WorkshopCase):
    def listed(self) -> list[ProjectState]:
        reply = self.ask(ListProjects())
        assert isinstance(reply, ProjectListed)
        self.assertEqual(reply.total, len(reply.projects))
        return list(reply.projects)

    def code_of(self, asked: "Deferred[object]") -> Refusal:
        problem = self.failureResultOf(asked, Refusal).value
        assert isinstance(problem, Refusal)
        return problem

    def restart(self) -> None:
        self.successResultOf(done(self.shop.restart()))
        self.asker = self.shop.connect()


class CreateTests(ProjectsCase):
    def test_created(self) -> None:
        """A new project is IDLE and empty; its creator gets the reply and everybody else the broadcast."""
        other = self.shop.connect()
        self.shop.directories.make("/home/me/work")
        state = self.ask(CreateProject(path="/home/me/work"))
        assert isinstance(state, ProjectState)
        self.assertEqual((state.name, state.path, state.state, state.head_seq), ("work", "/home/me/work", "IDLE", 0))
        self.assertEqual((state.session_id, state.trust.state), (None, Standing.TRUSTED))
        (told,) = other.sent
        self.assertEqual((told["type"], told["project_id"]), ("project_state", state.id))
        self.assertNotIn("seq", told)
        self.assertEqual(self.asker.sent, [])
        self.assertEqual([one.id for one in self.listed()], [state.id])
        stored = self.stored(state.id)
        assert stored is not None
        self.assertEqual(stored.path, "/home/me/work")

    def test_named(self) -> None:
        """A name is trimmed, and one that cannot be shown is refused."""
        self.shop.directories.make("/a")
        for bad in ("  ", "a\nb", "x" * 129, "\u202e"):
            self.assertEqual(self.refusal(CreateProject(path="/a", name=bad)).details["field"], "data.name")
        state = self.ask(CreateProject(path="/a", name=" Mine "))
        assert isinstance(state, ProjectState)
        self.assertEqual(state.name, "Mine")

    def test_refused(self) -> None:
        """The same directory, one inside and one around are refused, with the project that is in the way."""
        project_id = self.project("/a/b")
        for path, code in (
            ("/a/b", Code.PROJECT_EXISTS),
            ("/a/b/c", Code.PROJECT_NESTING),
            ("/a", Code.PROJECT_NESTING),
        ):
            self.shop.directories.make(path)
            refusal = self.refusal(CreateProject(path=path))
            self.assertEqual((refusal.code, refusal.details["project_id"]), (code, project_id))
        self.assertIs(self.refusal(CreateProject(path="/nowhere")).code, Code.INVALID_PATH)

    def test_two_at_once(self) -> None:
        """Of two creations of one directory, or of one in the other, one wins (PA-07)."""
        for first, second, code in (
            ("/a", "/a", Code.PROJECT_EXISTS),
            ("/b", "/b/c", Code.PROJECT_NESTING),
            ("/d/e", "/d", Code.PROJECT_NESTING),
        ):
            self.shop.directories.make(first)
            self.shop.directories.make(second)
            self.shop.projects.saving.slow = True
            creating = [self.asking(CreateProject(path=path)) for path in (first, second)]
            self.shop.projects.saving.open_all()
            (state,) = self.successResultOf(creating[0])
            assert isinstance(state, ProjectState)
            refusal = self.code_of(creating[1])  # type: ignore[arg-type]  # its result is not looked at
            self.assertEqual((refusal.code, refusal.details["project_id"]), (code, state.id))
        self.assertEqual(len(self.listed()), 3)

    def test_bound(self) -> None:
        """There are no more projects than the bound, also where many are created at once (PA-18)."""
        for number in range(6):
            self.shop.directories.make(f"/p{number}")
        self.shop.projects.saving.slow = True
        creating = [self.asking(CreateProject(path=f"/p{number}")) for number in range(6)]
        self.shop.projects.saving.open_all()
        for one in creating[:4]:
            self.successResultOf(one)
        for one in creating[4:]:
            refusal = self.code_of(one)  # type: ignore[arg-type]  # its result is not looked at
            self.assertEqual((refusal.code, refusal.details["limit"]), (Code.RESOURCE_LIMIT, 4))
        self.ask(DeleteProject(project_id=self.listed()[0].id))
        self.ask(CreateProject(path="/p5"))

    def test_unkept(self) -> None:
        """A project that could not be kept whole is not there, neither now nor after a restart."""
        self.shop.directories.make("/a")
        for broken in (self.shop.projects, self.shop.journals):
            broken.fails = True
            self.assertIs(self.refusal(CreateProject(path="/a")).code, Code.STORAGE_UNAVAILABLE)
            broken.fails = False
            self.assertEqual(self.listed(), [])
        self.restart()
        self.assertEqual(self.listed(), [])
        self.ask(CreateProject(path="/a"))

    def test_trusted_from_the_start(self) -> None:
        """`trust` approves the state that its fingerprint names; another fingerprint is refused with the true one."""
        self.shop.directories.make("/a", {".mcp.json": b"{}"})
        refusal = self.refusal(CreateProject(path="/a", trust="0" * 64))
        fingerprint = refusal.details["fingerprint"]
        self.assertEqual((refusal.code, refusal.details["files"]), (Code.INVALID_MESSAGE, [".mcp.json"]))
        assert isinstance(fingerprint, str)
        state = self.ask(CreateProject(path="/a", trust=fingerprint))
        assert isinstance(state, ProjectState)
        self.assertIs(state.trust.state, Standing.TRUSTED)
        self.restart()
        self.assertIs(self.listed()[0].trust.state, Standing.TRUSTED)


class UpdateTests(ProjectsCase):
    def setUp(self) -> None:
        super().setUp()
        self.project_id = self.project()

    def test_told_and_kept(self) -> None:
        """A change is an event with its own number, answered with the new state, and still there after a restart."""
        listener = self.join(self.project_id)
        state = self.ask(UpdateProject(project_id=self.project_id, name="other", archived=True))
        assert isinstance(state, ProjectState)
        self.assertEqual((state.name, state.archived, state.head_seq), ("other", True, 1))
        self.assertEqual((listener.heard(), listener.seqs()), (["project_state"], [1]))
        self.restart()
        self.assertEqual([(one.name, one.archived) for one in self.listed()], [("other", True)])

    def test_nothing_to_change(self) -> None:
        """Saying nothing is a mistake."""
        self.assertIs(self.refusal(UpdateProject(project_id=self.project_id)).code, Code.INVALID_MESSAGE)

    def test_unkept_one_of_two(self) -> None:
        """A change that could not be kept takes nothing of another one back."""
        conversation = self.conversation(self.project_id)
        self.shop.journals.writing.slow = True
        self.shop.journals.writing.fails_at = 2
        changing = [
            done(conversation.update({"archived": True})),
            done(conversation.update({"name": "other"})),
        ]
        self.shop.journals.writing.open_all()
        self.successResultOf(changing[0])
        self.failureResultOf(changing[1], Refusal)
        self.assertEqual((conversation.project.name, conversation.project.archived), ("work", True))

    def test_trust(self) -> None:
        """An approval holds for the state that it names: another state makes the project untrusted again."""
        self.shop.directories.make("/home/me/work", {".mcp.json": b"{}"})
        refusal = self.refusal(TrustProject(project_id=self.project_id, fingerprint="x"))
        fingerprint = refusal.details["fingerprint"]
        assert isinstance(fingerprint, str)
        state = self.ask(TrustProject(project_id=self.project_id, fingerprint=fingerprint))
        assert isinstance(state, ProjectState)
        self.assertIs(state.trust.state, Standing.TRUSTED)
        self.shop.directories.make("/home/me/work", {".mcp.json": b"{} "})
        listener = self.join(self.project_id)
        self.execute(self.project_id)
        self.assertFalse(self.run_.launch.trusted)
        self.assertEqual(listener.heard(), ["client_message", "project_state", "project_state"])
        self.assertIs(self.listed()[0].trust.state, Standing.UNTRUSTED)


class DeleteTests(ProjectsCase):
    def setUp(self) -> None:
        super().setUp()
        self.project_id = self.project()
        self.command = DeleteProject(project_id=self.project_id)

    def deleting(self, asker: FakeConnection | None = None) -> "Deferred[object]":
        return self.asking(self.command, asker)  # type: ignore[return-value]  # a sequence of replies

    def test_deleted(self) -> None:
        """The project is gone for everyone; `project_deleted` is the last message of each subscription."""
        listener = self.join(self.project_id)
        bystander = self.shop.connect()
        self.assertEqual(self.ask(self.command), ProjectDeleted(self.project_id))
        for one in (listener, bystander, self.asker):
            self.assertEqual(one.sent[-1]["type"], "project_deleted")
        self.assertEqual((self.listed(), self.stored(self.project_id)), ([], None))
        self.assertEqual(len(self.shop.services.subscriptions), 0)
        for command in (self.command, JoinProject(project_id=self.project_id), GetMessages(project_id=self.project_id)):
            self.assertIs(self.refusal(command).code, Code.PROJECT_NOT_FOUND)
        self.project()

    def test_while_executing(self) -> None:
        """A project at work is not deleted (PA-16)."""
        self.execute(self.project_id)
        self.assertIs(self.refusal(self.command).code, Code.PROCESS_ACTIVE)
        self.run_.dies()
        self.ask(self.command)

    def test_waits_for_the_process(self) -> None:
        """A warm process is dead before its project is gone; meanwhile nothing begins in it (PA-16)."""
        self.execute(self.project_id)
        self.turn()
        deleting = self.deleting()
        self.assertTrue(self.run_.stopped)
        self.assertNoResult(deleting)
        refusal = self.refusal(Execute(project_id=self.project_id, prompt="x"))
        self.assertIs(refusal.code, Code.PROJECT_NOT_FOUND)
        self.assertIsNotNone(self.stored(self.project_id))
        self.run_.says(BUSY, INIT)
        self.run_.dies()
        self.successResultOf(deleting)
        self.assertEqual(len(self.shop.agent.runs), 1)

    def test_execute_at_once(self) -> None:
        """Of an execution and a deletion at the same moment the first wins, and the other is refused (PA-16)."""
        self.shop.journals.writing.slow = True
        executing = self.asking(Execute(project_id=self.project_id, prompt="x"))
        deleting = self.deleting()
        self.shop.journals.writing.open_all()
        self.successResultOf(executing)
        self.assertIs(self.code_of(deleting).code, Code.PROCESS_ACTIVE)

    def test_twice(self) -> None:
        """Of two deletions one is carried out, and the other hears that there is no such project (PA-16)."""
        self.shop.projects.removing.slow = True
        both = [self.deleting(), self.deleting(self.shop.connect())]
        self.shop.projects.removing.open_all()
        self.successResultOf(both[0])
        self.assertIs(self.code_of(both[1]).code, Code.PROJECT_NOT_FOUND)
        self.assertEqual([message["type"] for message in self.asker.sent].count("project_deleted"), 1)

    def test_same_directory_meanwhile(self) -> None:
        """Until a project is gone from the disk its directory is taken."""
        self.shop.projects.removing.slow = True
        deleting = self.deleting()
        self.assertIs(self.refusal(CreateProject(path="/home/me/work")).code, Code.PROJECT_EXISTS)
        self.shop.projects.removing.open_all()
        self.successResultOf(deleting)
        self.ask(CreateProject(path="/home/me/work"))

    def test_unkept(self) -> None:
        """A project that cannot be removed goes on, and who had joined goes on hearing of it."""
        listener = self.join(self.project_id)
        self.shop.projects.removing.fails_at = 1
        self.assertIs(self.refusal(self.command).code, Code.STORAGE_UNAVAILABLE)
        self.execute(self.project_id)
        self.assertEqual(listener.seqs(), [1, 2])
        self.assertEqual(listener.sent, [])
        late = self.join(self.project_id, after_seq=0)
        self.assertEqual(late.seqs(), [1, 2])
        self.run_.dies()
        self.ask(self.command)

    def test_unkept_and_unreadable(self) -> None:
        """Where the journal cannot be opened again either, the project is shown with its fault."""
        self.shop.projects.removing.fails_at = 1
        self.shop.journals.fails = True
        self.assertIs(self.refusal(self.command).code, Code.STORAGE_UNAVAILABLE)
        (state,) = self.listed()
        assert state.error is not None
        self.assertEqual((state.state, state.error.code), (State.ERROR, Code.STORAGE_UNAVAILABLE))

    def test_journal_cannot_be_closed(self) -> None:
        """A journal that cannot be closed well is removed all the same."""
        self.shop.journals.closing.fails_at = 1
        self.ask(self.command)
        self.assertEqual((self.listed(), self.stored(self.project_id)), ([], None))

    def test_directory_stays(self) -> None:
        """The directory itself is not touched: it can become a project again, and begins anew."""
        self.execute(self.project_id)
        self.turn()
        self.run_.dies()
        self.ask(self.command)
        state = self.ask(CreateProject(path="/home/me/work"))
        assert isinstance(state, ProjectState)
        self.assertNotEqual(state.id, self.project_id)
        self.assertEqual((state.head_seq, state.session_id), (0, None))


class LoadTests(ProjectsCase):
    def test_faulty(self) -> None:
        """A project whose data is broken is shown with its fault, refused, left on the disk, and can be deleted."""
        project_id = self.project()
        broken = Project(id="b", name="?", path="?", identity=(0, 0), created_at="", fault="It is broken.")
        self.shop.projects._projects["b"] = broken
        self.restart()
        states = {state.id: state for state in self.listed()}
        self.assertEqual(set(states), {project_id, "b"})
        error = states["b"].error
        assert error is not None
        self.assertEqual((states["b"].state, error.message), (State.ERROR, "It is broken."))
        self.assertIs(self.refusal(Execute(project_id="b", prompt="x")).code, Code.STORAGE_UNAVAILABLE)
        self.shop.projects.removing.slow = True
        both = [self.asking(DeleteProject(project_id="b")) for _ in range(2)]
        codes: list[object] = []
        for one in both:
            one.addCallbacks(lambda _: codes.append(None), lambda failure: codes.append(failure.value.code))
        self.shop.projects.removing.open_all()
        self.assertCountEqual(codes, [None, Code.PROJECT_NOT_FOUND])
        self.assertEqual([state.id for state in self.listed()], [project_id])

    def test_journal_cannot_be_read(self) -> None:
        """One journal that cannot be opened does not keep the server from starting with the others."""
        first, second = self.project("/a"), self.project("/b")
        self.shop.journals._journals[first]._is_open = True
        shop = Workshop(projects=self.shop.projects, directories=self.shop.directories)
        shop.journals.fails = True
        self.successResultOf(done(shop.services.projects.load()))
        self.shop = shop
        self.asker = shop.connect()
        self.assertEqual({state.id for state in self.listed()}, {first, second})
        self.assertIs(self.refusal(Execute(project_id=first, prompt="x")).code, Code.STORAGE_UNAVAILABLE)
        self.assertIs(self.refusal(CreateProject(path="/a")).code, Code.PROJECT_EXISTS)

    def test_directory_is_gone(self) -> None:
        """A project whose directory is away, for now perhaps, keeps its journal and its place."""
        project_id = self.project()
        self.execute(project_id)
        self.turn()
        self.shop.directories = type(self.shop.directories)()
        self.restart()
        (state,) = self.listed()
        self.assertEqual((state.id, state.state, state.head_seq > 0), (project_id, State.IDLE, True))

    def test_forget_old(self) -> None:
        """Retention removes the oldest of every journal; the projects go on."""
        project_id = self.project()
        self.execute(project_id)
        self.turn()
        self.shop.journals._journals[project_id].retained = 2
        self.successResultOf(done(self.shop.services.projects.forget_old()))
        journal = self.conversation(project_id).journal
        self.assertEqual((journal.first_seq, journal.head_seq), (6, 7))
