# -*- test-case-name: tests.inbound.test_visitor -*-
"""A connection of HTTP, as the services see it: who asks, and nobody that hears anything."""

from collections.abc import Callable
from typing import Protocol as Shape

from attrs import define, field
from zope.interface import implementer

from pocketagent.domain.access import Device
from pocketagent.ports import IBatch, IConnection


class Subscriptions(Shape):
    """Who is there."""

    def arrive(self, connection: IConnection) -> None: ...

    def depart(self, connection: IConnection) -> None: ...


@implementer(IConnection)
@define(eq=False)
class Visitor:
    """See `ports.IConnection`. `device` is that of the last request: proxies send several people's over one connection.

    What is told to everybody is not told here: who wants to hear asks for the events of a project.
    """

    id: str
    device: Device
    address: str
    connected_at: str
    last_active: str
    _subscriptions: Subscriptions
    _close: Callable[[int, str], None]
    state: str = field(init=False, default="AUTHENTICATED")
    is_behind: bool = field(init=False, default=False)
    has_unsent: bool = field(init=False, default=False)
    active: bool = field(init=False, default=True)

    def arrive(self) -> None:
        self._subscriptions.arrive(self)

    def depart(self) -> None:
        self.state = "DISCONNECTING"
        self._subscriptions.depart(self)

    def hear(self, batch: IBatch) -> None:
        """It is subscribed to nothing."""

    def send(self, message: bytes) -> None:
        """Nobody would read it."""

    def close(self, code: int, reason: str) -> None:
        self._close(code, reason)
