# -*- test-case-name: tests.services.test_watching -*-
"""Those who watch the list of projects hear of every change of any project, at most once a second each."""

from collections.abc import Callable

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from pocketagent.domain.message import timestamp
from pocketagent.ports import IConnection
from pocketagent.services.conversation import Conversation
from pocketagent.services.subscriptions import Subscriptions
from pocketagent.wire import client

INTERVAL = 1.0
"""Seconds (protocol section 5, `project_list`)."""


@define(eq=False)
class Watching:
    """`project_list` with `subscribe`. Who is behind hears the newest state once there is room again."""

    _clock: IReactorTime
    _now: Callable[[], float]
    _watchers: dict[IConnection, set[Conversation]] = field(factory=dict)
    _told_at: dict[Conversation, float] = field(factory=dict)
    _due: dict[Conversation, IDelayedCall] = field(factory=dict)

    def attach(self, subscriptions: Subscriptions) -> None:
        subscriptions.watch(lambda connection: self.set(connection, False), self._drained)

    def set(self, connection: IConnection, watches: bool) -> None:
        if watches:
            self._watchers.setdefault(connection, set())
        else:
            self._watchers.pop(connection, None)

    def changed(self, conversation: Conversation) -> None:
        if not self._watchers or conversation in self._due:
            return
        wait = self._told_at.get(conversation, -INTERVAL) + INTERVAL - self._clock.seconds()
        self._due[conversation] = self._clock.callLater(max(0.0, wait), self._tell, conversation)

    def forget(self, conversation: Conversation) -> None:
        """The project was deleted."""
        call = self._due.pop(conversation, None)
        if call is not None:
            call.cancel()
        self._told_at.pop(conversation, None)
        for missed in self._watchers.values():
            missed.discard(conversation)

    def stop(self) -> None:
        for call in self._due.values():
            call.cancel()
        self._due.clear()

    def _tell(self, conversation: Conversation) -> None:
        del self._due[conversation]
        self._told_at[conversation] = self._clock.seconds()
        message = self._message(conversation)
        for connection, missed in self._watchers.items():
            if connection.is_behind:
                missed.add(conversation)
            else:
                missed.discard(conversation)
                connection.send(message)

    def _drained(self, connection: IConnection) -> None:
        missed = self._watchers.get(connection, set())
        # What is due anyway is sent with that; what is sent now counts against the next.
        for conversation in missed - self._due.keys():
            if connection.is_behind:
                return
            missed.discard(conversation)
            self._told_at[conversation] = self._clock.seconds()
            connection.send(self._message(conversation))

    def _message(self, conversation: Conversation) -> bytes:
        return client.reply(conversation.project_state(), timestamp(self._now()), conversation.project.id, None)
