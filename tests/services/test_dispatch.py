"""Who may do what: the table of protocol section 3.4, and every command finds its service."""

from collections.abc import Mapping
from typing import cast, get_args

from attrs import evolve
from twisted.python.failure import Failure

from pocketagent.domain import commands
from pocketagent.domain.access import Scope
from pocketagent.domain.agent import Behavior
from pocketagent.domain.commands import Command
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.wire import client
from tests.services.workshop import FakeConnection, WorkshopCase, new_id

P = "p"

READ: tuple[Command, ...] = (
    commands.ListProjects(),
    commands.GetProject(project_id=P),
    commands.JoinProject(project_id=P),
    commands.LeaveProject(project_id=P),
    commands.GetMessages(project_id=P),
    commands.AcknowledgeMessages(project_id=P, seq=1),
    commands.GetAgentInfo(),
    commands.GetContext(project_id=P),
    commands.CheckHealth(),
    commands.GetStats(),
)
EXECUTE: tuple[Command, ...] = (
    commands.Execute(project_id=P, prompt="x"),
    commands.RemoveFromQueue(project_id=P, execution_id="e"),
    commands.Interrupt(project_id=P),
    commands.Kill(project_id=P),
    commands.NewSession(project_id=P),
    commands.Configure(project_id=P, model="opus"),
    commands.AnswerPermission(project_id=P, permission_id="q", behavior=Behavior.ALLOW),
    commands.AcknowledgeError(project_id=P),
)
ADMIN: tuple[Command, ...] = (
    commands.CreateProject(path="/a"),
    commands.UpdateProject(project_id=P, name="n"),
    commands.TrustProject(project_id=P, fingerprint="f"),
    commands.DeleteProject(project_id=P),
)
TABLE: Mapping[Scope, tuple[Command, ...]] = {Scope.READ: READ, Scope.EXECUTE: EXECUTE, Scope.ADMIN: ADMIN}
"""Protocol section 3.4, row by row."""

COVERS: Mapping[Scope, tuple[Scope, ...]] = {
    Scope.READ: (Scope.READ,),
    Scope.EXECUTE: (Scope.READ, Scope.EXECUTE),
    Scope.ADMIN: (Scope.READ, Scope.EXECUTE, Scope.ADMIN),
}


class ScopeTests(WorkshopCase):
    def test_every_command_has_its_row(self) -> None:
        """A new command without a row in the table fails here (AU-25)."""
        rows = [type(command) for row in TABLE.values() for command in row]
        self.assertCountEqual(rows, get_args(Command))
        self.assertCountEqual(rows, client.COMMANDS.values())

    def test_matrix(self) -> None:
        """Every scope may do exactly what the table says, and is told what it lacks (AU-25)."""
        for scope, covered in COVERS.items():
            asker = self.shop.connect(scope)
            for needed, row in TABLE.items():
                for command in row:
                    forbidden = self.asked(command, asker)
                    if needed in covered:
                        self.assertIsNot(forbidden, Code.FORBIDDEN, (scope, command))
                    else:
                        self.assertIs(forbidden, Code.FORBIDDEN, (scope, command))
                        self.assertEqual(self.refusal(command, asker).details["needed"], needed)

    def asked(self, command: Command, asker: FakeConnection) -> Code | None:
        """What it is refused with; None when it is done."""
        codes: list[Code | None] = []

        def refused(failure: Failure) -> None:
            assert isinstance(failure.value, Refusal)
            codes.append(failure.value.code)

        self.asking(command, asker).addCallbacks(lambda _: codes.append(None), refused)
        (code,) = codes
        return code

    def test_forbidden_leaves_nothing(self) -> None:
        """What is forbidden is not even begun: whether the project is there is not told either."""
        project_id = self.project()
        reader = self.shop.connect(Scope.READ)
        for command in (*EXECUTE, *ADMIN[1:]):
            for there in (project_id, "x"):
                about = cast(Command, evolve(cast(commands.Kill, command), project_id=there))
                refusal = self.refusal(about, reader)
                self.assertIs(refusal.code, Code.FORBIDDEN)
        self.assertEqual(self.shop.journals.entries(project_id), ())

    def test_every_one_is_done(self) -> None:
        """Every command finds a service: a project that is not there is all that it complains of."""
        for row in TABLE.values():
            for command in row:
                code = self.asked(command, self.asker)
                if getattr(command, "project_id", None) is not None:
                    self.assertIs(code, Code.PROJECT_NOT_FOUND, command)
                else:
                    self.assertIn(code, (None, Code.INVALID_PATH), command)

    def test_disk_that_cannot_be_read(self) -> None:
        """Where a service stumbles over the disk, the asker hears STORAGE_UNAVAILABLE, not an internal error."""
        project_id = self.project()
        self.shop.journals.finding.fails_at = 1
        command = commands.Execute(project_id=project_id, prompt="x", prompt_id=new_id())
        self.assertIs(self.refusal(command).code, Code.STORAGE_UNAVAILABLE)
        self.execute(project_id)
