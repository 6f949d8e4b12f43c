# -*- test-case-name: tests.services.test_subscriptions -*-
"""Who is connected, and in which audiences."""

from collections.abc import Callable, Sequence

from attrs import define, field

from pocketagent.ports import IConnection
from pocketagent.services.audience import Audience


@define(eq=False)
class Subscriptions:
    """Every live connection, and what it is subscribed to."""

    _joined: dict[IConnection, set[Audience]] = field(factory=dict)
    _departed: list[Callable[[IConnection], None]] = field(factory=list)
    _drained: list[Callable[[IConnection], None]] = field(factory=list)

    @property
    def connections(self) -> Sequence[IConnection]:
        return tuple(self._joined)

    def __len__(self) -> int:
        return sum(len(audiences) for audiences in self._joined.values())

    def count(self, connection: IConnection) -> int:
        """How many projects the connection is subscribed to."""
        return len(self._joined.get(connection, ()))

    def watch(self, departed: Callable[[IConnection], None], drained: Callable[[IConnection], None]) -> None:
        """Have these called for every connection that goes, and that has room again."""
        self._departed.append(departed)
        self._drained.append(drained)

    def arrive(self, connection: IConnection) -> None:
        self._joined[connection] = set()

    def depart(self, connection: IConnection) -> None:
        for audience in self._joined.pop(connection, set()):
            audience.leave(connection)
        for departed in self._departed:
            departed(connection)

    def drained(self, connection: IConnection) -> None:
        """It has room again: what is behind reads on."""
        for audience in tuple(self._joined.get(connection, ())):
            audience.drained(connection)
        for drained in self._drained:
            drained(connection)

    def join(self, connection: IConnection, audience: Audience, after_seq: int | None) -> None:
        if connection in self._joined:
            self._joined[connection].add(audience)
            audience.join(connection, after_seq)

    def leave(self, connection: IConnection, audience: Audience) -> None:
        self._joined.get(connection, set()).discard(audience)
        audience.leave(connection)

    def dismiss(self, audience: Audience) -> None:
        """End every subscription of a project."""
        for connection in audience.connections():
            self.leave(connection, audience)

    def broadcast(self, message: bytes, but: IConnection | None = None) -> None:
        """Send one message to every connection."""
        for connection in tuple(self._joined):
            if connection is not but:
                connection.send(message)
