# -*- test-case-name: tests.services.test_audit -*-
"""Who did what is written down: every command that changes something, once, with what became of it.

A command is begun only when a record could be kept; its record is kept before the asker is answered. Where that fails
all the same, the record is owed: it is tried again until it succeeds, and meanwhile nothing else is begun. What
only stops something is begun in any case: nobody should have to watch an agent for want of a record.
"""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TypeVar

import attrs
from attrs import define, evolve, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger, LogLevel

from pocketagent.domain.access import Device, Scope
from pocketagent.domain.agent import Answer, Behavior
from pocketagent.domain.commands import AnswerPermission, Command, CreateProject, Execute, Interrupt, Kill
from pocketagent.domain.deeds import FAILED, OK, UNKNOWN, Deed, Origin
from pocketagent.domain.events import ProjectState
from pocketagent.domain.options import Options
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.domain.replies import Reply
from pocketagent.domain.turn import Core
from pocketagent.ports import IAudit, IConnection, StorageUnavailable
from pocketagent.wire import client
from pocketagent.wire.audit import fingerprint, sha256
from pocketagent.wire.events import as_plain
from pocketagent.wire.orders import allowed_input

RETRY = 1.0
"""Seconds between attempts to keep what is owed."""
QUIET = 10.0
"""Seconds between lines of the log about strangers; in the audit log each has its record."""
MAX_OWED = 1000
"""Records that are owed; then not even what only stops something is begun."""
STRANGERS_OWED = 100
"""Records that are owed; then none of strangers is owed besides: what they send must not keep the owner from stopping
an agent. The log goes on telling how many they are."""

ACTIONS: Mapping[type[Command], str] = {kind: name for name, kind in client.COMMANDS.items()}
"""How a command is called: as clients call it; one that they have no name for, by its own."""

_STOPPING = (Interrupt, Kill)
_ASIDE = frozenset({"project_id", "execution_id", "permission_id", "device_id"})
"""Fields of a command with a place of their own in the record."""

_log = Logger()

T = TypeVar("T")
Work = Callable[[], Coroutine[Deferred[object], object, Sequence[Reply]]]


def changes(command: Command) -> bool:
    """Whether it does more than look."""
    return command.scope is not Scope.READ


def asked(
    action: str,
    asker: IConnection,
    *,
    project_id: str | None = None,
    device_id: str | None = None,
    details: Mapping[str, object],
) -> Deed:
    """What a device asks for."""
    return Deed(
        action=action,
        origin=Origin.DEVICE,
        actor_id=asker.device.id,
        actor_name=asker.device.name,
        address=asker.address,
        project_id=project_id,
        device_id=device_id,
        details=details,
    )


@define(eq=False)
class Audit:
    """See the module. `core_of` is what a project's machine knows, None where there is no such project."""

    _store: IAudit
    _clock: IReactorTime
    _core_of: Callable[[str], Core | None]
    _owed: list[Deed] = field(factory=list)
    _fault: str = ""
    _is_paying: bool = False
    # Of strangers, whom the log does not need to name one by one.
    _strangers_at: float | None = None
    _strangers: int = 0

    @property
    def fault(self) -> str:
        """Why nothing is begun that changes something; empty when all is well."""
        return self._fault

    async def start(self) -> None:
        """Say where the log stands: what is told here can be held against it later. Raises StorageUnavailable."""
        await self._store.check()
        head = await self._store.head()
        if head is not None:
            _log.info("The audit log stands at record {seq}, {hash}", seq=head[0], hash=head[1])

    async def finish(self) -> None:
        """The server stops: what is owed is tried once more, and what cannot be kept is at least said."""
        if self._owed:
            await self._pay()
        for deed in self._owed:
            _log.error("This does not stand in the audit log: {deed}", deed=str(deed))

    async def witness(self, command: Command, asker: IConnection, work: Work) -> Sequence[Reply]:
        """Have a command carried out, and write down who asked for it and what became of it.

        Raises what `work` raises; and Refusal(STORAGE_UNAVAILABLE), with nothing done, when nothing can be written.
        """
        if not changes(command):
            return await work()
        return await self.record(self._begun(command, asker), work, _done, isinstance(command, _STOPPING))

    async def record(
        self,
        deed: Deed,
        work: Callable[[], Coroutine[Deferred[object], object, T]],
        done: Callable[[Deed, T], Deed] = lambda deed, result: deed,
        takes_away: bool = False,
    ) -> T:
        """Have something done, and write it down with what became of it. `done` adds what is known only then;
        `takes_away`: what only stops something, or takes somebody's right, is done in any case. Raises as `witness`.
        """
        await self._check(takes_away)
        try:
            result = await work()
        except Refusal as refusal:
            await self.keep(evolve(deed, outcome=refusal.code.value))
            raise
        except StorageUnavailable:
            await self.keep(evolve(deed, outcome=Code.STORAGE_UNAVAILABLE.value))
            raise
        except CancelledError:
            self.note(evolve(deed, outcome=UNKNOWN))
            raise
        except Exception:
            await self.keep(evolve(deed, outcome=FAILED))
            raise
        await self.keep(done(deed, result))
        return result

    async def keep(self, deed: Deed) -> None:
        """Write it down before anything is answered; where that fails it is owed."""
        self._tell(deed)
        if self._owed:
            self._owe(deed)
            return
        try:
            await self._store.append(deed)
        except StorageUnavailable as problem:
            self._failed(problem)
            self._owe(deed)

    def note(self, deed: Deed) -> None:
        """Write it down; nobody waits for that."""
        Deferred.fromCoroutine(self.keep(deed)).addErrback(
            lambda failure: _log.failure("while writing the audit log", failure)
        )

    def turned_away(self, claimed: str | None, address: str, reason: str) -> None:
        """Somebody has shown a credential that is not good. How often that is, the limits say who call this."""
        self.note(
            Deed(
                action="admission",
                origin=Origin.STRANGER,
                outcome=Code.UNAUTHORIZED.value,
                actor_id=claimed,
                address=address,
                details={"reason": reason},
            )
        )

    def expired(self, device: Device) -> None:
        """A device's time is over."""
        details = {"name": device.name}
        self.note(Deed(action="device_expire", origin=Origin.SERVER, device_id=device.id, details=details))

    def shut_out(self, connection: IConnection, reason: str) -> None:
        """A connection was closed, since its device may not come in any more, or not so."""
        device = connection.device
        self.note(
            Deed(
                action="connection_close",
                origin=Origin.SERVER,
                address=connection.address,
                device_id=device.id,
                details={"name": device.name, "reason": reason},
            )
        )

    # -- what a command says --------------------------------------------------------------------------------

    def _begun(self, command: Command, asker: IConnection) -> Deed:
        project_id = getattr(command, "project_id", None)
        core = self._core_of(project_id) if project_id else None
        running = core.execution if core is not None else None
        return evolve(
            asked(
                ACTIONS.get(type(command), type(command).__name__),
                asker,
                project_id=project_id,
                device_id=getattr(command, "device_id", None),
                details=_details(command, core),
            ),
            execution_id=getattr(command, "execution_id", None) or _concerned(command, running.id if running else None),
            permission_id=getattr(command, "permission_id", None),
        )

    async def _check(self, is_stopping: bool) -> None:
        if is_stopping and len(self._owed) < MAX_OWED:
            return
        if not self._owed:
            try:
                await self._store.check()
            except StorageUnavailable as problem:
                self._failed(problem)
            else:
                self._fault = ""
                return
        raise Refusal(
            Code.STORAGE_UNAVAILABLE,
            "The server cannot write its audit log, so it does nothing that would belong there: look at its disk.",
        )

    def _tell(self, deed: Deed) -> None:
        """The same for the log: of strangers the first at once, and then how many, every `QUIET` seconds at most."""
        if deed.origin is not Origin.STRANGER:
            _tell(deed)
            return
        now = self._clock.seconds()
        if self._strangers_at is not None and 0 <= now - self._strangers_at < QUIET:
            self._strangers += 1
            return
        if self._strangers:
            _log.warn("{count} more credentials were turned away", count=self._strangers, action=deed.action)
        self._strangers_at, self._strangers = now, 0
        _tell(deed)

    # -- what is owed ---------------------------------------------------------------------------------------

    def _failed(self, problem: StorageUnavailable) -> None:
        if not self._fault:
            _log.error("The audit log cannot be written: {problem}", problem=str(problem))
        self._fault = str(problem) or "The audit log cannot be written."

    def _owe(self, deed: Deed) -> None:
        if deed.origin is Origin.STRANGER and len(self._owed) >= STRANGERS_OWED:
            return
        self._owed.append(deed)
        if not self._is_paying:
            self._is_paying = True
            self._clock.callLater(RETRY, self._pay_later)

    def _pay_later(self) -> None:
        Deferred.fromCoroutine(self._pay()).addErrback(lambda failure: _log.failure("while owing records", failure))

    async def _pay(self) -> None:
        self._is_paying = False
        try:
            while self._owed:
                await self._store.append(self._owed[0])
                del self._owed[0]
        except StorageUnavailable as problem:
            self._failed(problem)
            self._is_paying = True
            self._clock.callLater(RETRY, self._pay_later)
        else:
            self._fault = ""
            _log.info("The audit log is written again.")


def _concerned(command: Command, running: str | None) -> str | None:
    """The execution that runs, for what is about that one."""
    return None if isinstance(command, Execute) else running


def _details(command: Command, core: Core | None) -> Mapping[str, object]:
    """What else is said, without what people have written: of that stands the hash."""
    if isinstance(command, Execute):
        return {
            "prompt_sha256": sha256(command.prompt),
            "prompt_id": command.prompt_id,
            "queue": command.queue,
            "options": _options(command.options),
            **({"attachments": list(command.attachments)} if command.attachments else {}),
        }
    if isinstance(command, AnswerPermission):
        return {"behavior": command.behavior.value, **_answer(command, core)}
    if isinstance(command, CreateProject):
        return {"path": command.path, "name": command.name, "trust": command.trust}
    said = {each.name: getattr(command, each.name) for each in attrs.fields(type(command)) if each.name not in _ASIDE}
    return {name: value for name, value in said.items() if value is None or isinstance(value, str | int | float)}


def _options(options: Options) -> Mapping[str, object]:
    """Those that are not at their defaults."""
    said: dict[str, object] = {}
    for each in attrs.fields(Options):
        value = getattr(options, each.name)
        if value != each.default:
            said[each.name] = value
    if options.append_system_prompt is not None:
        del said["append_system_prompt"]
        said["append_system_prompt_sha256"] = sha256(options.append_system_prompt)
    return said


def _answer(command: AnswerPermission, core: Core | None) -> Mapping[str, object]:
    """What was allowed, exactly: the hash of the input as it goes to the agent."""
    said: dict[str, object] = {}
    asked = core.permissions if core is not None else ()
    for request in asked:
        if request.permission_id == command.permission_id and command.behavior is Behavior.ALLOW:
            answer = Answer(command.behavior, command.updated_input, [], command.message, command.interrupt)
            said["input_sha256"] = sha256(allowed_input(request.request, answer))
            said["input_was_changed"] = command.updated_input is not None
    if command.updated_permissions:
        said["permissions"] = [f"{each.type} {each.destination}" for each in command.updated_permissions]
        said["permissions_sha256"] = fingerprint([as_plain(each) for each in command.updated_permissions])
    if command.message:
        said["message_sha256"] = sha256(command.message)
    if command.interrupt:
        said["interrupt"] = True
    return said


def _done(deed: Deed, replies: Sequence[Reply]) -> Deed:
    """With what became clear only by doing it."""
    for reply in replies:
        execution_id = getattr(reply, "execution_id", None)
        if isinstance(execution_id, str) and deed.execution_id is None:
            deed = evolve(deed, execution_id=execution_id)
        if isinstance(reply, ProjectState) and deed.project_id is None:
            deed = evolve(deed, project_id=reply.id)
    return deed


def _tell(deed: Deed) -> None:
    """The same for the log, without the hashes."""
    _log.emit(
        LogLevel.info if deed.outcome == OK else LogLevel.warn,
        "{who} from {where}: {action}: {result}",
        who=deed.actor_name or deed.actor_id or deed.origin.value,
        device=deed.actor_id,
        where=deed.address or "this machine",
        address=deed.address or None,
        action=deed.action,
        outcome="success" if deed.outcome == OK else "failure",
        code=None if deed.outcome == OK else deed.outcome,
        result=deed.outcome,
        project_id=deed.project_id,
        execution_id=deed.execution_id,
        permission_id=deed.permission_id,
    )
