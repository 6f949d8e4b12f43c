# -*- test-case-name: tests.test_app -*-
"""The running server: starts and stops the floors in order, greets, and keeps up what is repeated."""

import os
import shutil
import signal
import time
from collections.abc import Callable, Coroutine

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.interfaces import (
    IListeningPort,
    IReactorCore,
    IReactorFromThreads,
    IReactorPluggableNameResolver,
    IReactorSocket,
)
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from pocketagent.config import Config
from pocketagent.domain.notices import Event
from pocketagent.domain.sighting import Address
from pocketagent.inbound.door import Door
from pocketagent.listening import Bound, allow_descriptors
from pocketagent.outbound.agent.child import IChildReactor
from pocketagent.outbound.agent.claude import Claude
from pocketagent.outbound.certificates import Certificates
from pocketagent.outbound.data_directory import DataDirectory
from pocketagent.outbound.host import tune_memory
from pocketagent.outbound.public_addresses import IPublicReactor
from pocketagent.outbound.threads import Threads
from pocketagent.services.assembly import Services
from pocketagent.version import VERSION

STOP_EXECUTIONS = 11.0
STOP_CONNECTIONS = 2.0
STOP_SENDING = 1.0
"""Seconds; with what the journals need, all ends within 15 (protocol section 6)."""
GOING_AWAY = 1001
HOUR = 3600.0
CERTIFICATE_POLL = 5.0
"""Seconds between looks at the files of the certificate."""

_log = Logger()


class IServerReactor(
    IChildReactor, IReactorCore, IReactorFromThreads, IReactorSocket, IReactorPluggableNameResolver, IPublicReactor
):
    """What the server needs of a reactor."""


@define(eq=False)
class Floors:
    """What `Server` starts and stops."""

    pool: ThreadPool
    threads: Threads
    claude: Claude
    services: Services
    door: Door
    alone: Door
    """Where metrics are read without a token; only opened where it is wanted."""


@define(eq=False, slots=False)
class Server(Service):
    """The floors are taken up in order, and laid down in the other. `erect` puts them together, given the directory for
    what processes are handed in files."""

    _config: Config
    _reactor: IServerReactor
    _data: DataDirectory
    _certificates: Certificates | None
    _bound: Bound
    _bound_alone: Bound | None
    _erect: Callable[[str], Floors]
    _floors: Floors | None = field(init=False, default=None)
    _scratch: str = field(init=False, default="")
    _published: Address | None = field(init=False, default=None)
    _ports: list[IListeningPort] = field(init=False, factory=list)
    _loops: list[LoopingCall] = field(init=False, factory=list)
    _starting: Deferred[None] | None = field(init=False, default=None)
    _began: float = field(init=False, factory=time.monotonic)

    def startService(self) -> None:
        super().startService()
        self._data.sign()
        # In one place for every server of this data: what a killed one has left is found by the next.
        self._scratch = f"{self._data.path}/handed"
        self._floors = self._erect(self._scratch)
        if not allow_descriptors(self._config.connections + self._config.handshakes):
            _log.warn("The system allows fewer open files than `connections` may need: raise its limit (LimitNOFILE).")
        self._floors.pool.start()
        tune_memory()
        signal.signal(signal.SIGHUP, lambda *_: self._reactor.callFromThread(self._reload))
        self._starting = Deferred.fromCoroutine(self._open(self._floors))
        self._starting.addErrback(self._fail)

    async def _open(self, floors: Floors) -> None:
        """From the store up to the port: nobody is let in before everything is ready."""
        services = floors.services
        await services.projects.load()
        await services.access.start()
        await services.sightings.start()
        await services.pushing.start()
        await services.audit.start()
        await floors.claude.probe()
        services.start()
        self._repeat(HOUR, services.projects.forget_old)
        self._repeat(HOUR, services.attachments.forget_old)
        self._listen(self._bound, floors.door)
        if self._bound_alone is not None:
            self._listen(self._bound_alone, floors.alone)
        certificates = self._certificates
        if certificates is not None:
            self._repeat(CERTIFICATE_POLL, lambda: certificates.poll(floors.threads))
            self._repeat(CERTIFICATE_POLL, lambda: floors.threads.run(self._publish))
        self._publish()
        self._greet()
        services.webhooks.tell(Event.SERVER_STARTED, {"version": VERSION})

    def _listen(self, bound: Bound, door: Door) -> None:
        for one in bound.sockets:
            self._ports.append(self._reactor.adoptStreamPort(one.fileno(), one.family, door))
            one.close()

    def _publish(self) -> None:
        """Tell commands on this machine under which names, where, and by which key we are found now."""
        fingerprint = None if self._certificates is None else self._certificates.fingerprint
        address = Address(self._config.names, self._bound.port, fingerprint)
        if address == self._published:
            return
        try:
            self._data.publish(address)
            self._published = address
        except OSError as error:
            _log.warn("`pocketagent pair` will not find this server: {reason}", reason=error.strerror)

    def _greet(self) -> None:
        scheme = "ws" if self._config.plaintext else "wss"
        for host in self._config.host or ("all addresses",):
            _log.info("Listening on {host} port {port}", host=host, port=self._bound.port)
        for name in filter(self._bound.is_reached_by, self._config.names):
            where = f"[{name}]" if ":" in name else name
            _log.info(
                "Clients connect to {scheme}://{where}:{port}/ws", scheme=scheme, where=where, port=self._bound.port
            )
        if self._certificates is not None:
            _log.info("The fingerprint for clients to pin: {fingerprint}", fingerprint=self._certificates.fingerprint)
        _log.info("Ready after {seconds:.2f} s", seconds=time.monotonic() - self._began)

    def _reload(self) -> None:
        """SIGHUP: the certificate is read again."""
        certificates, floors = self._certificates, self._floors
        if certificates is not None and floors is not None:
            self._run(lambda: certificates.reload(floors.threads), "reading the certificate again")

    def _fail(self, failure: Failure) -> None:
        if failure.check(CancelledError):
            return
        _log.failure("The server cannot start", failure)
        # twistd would end with 0 after an orderly stop, and a service manager take the failure for a success.
        self._reactor.addSystemEventTrigger("after", "shutdown", os._exit, 1)
        self._reactor.callLater(0, self._reactor.stop)

    async def stopService(self) -> None:
        """Stop listening; stop what runs, journaled and told; say goodbye; close the journals; end the threads."""
        super().stopService()
        if self._floors is not None:
            await self._close(self._floors)

    async def _close(self, floors: Floors) -> None:
        # Twisted would answer a second Ctrl-C with a traceback, and go on all the same.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self._reactor.callFromThread(_log.info, "The server is stopping already."))
        if self._starting is not None:
            self._starting.cancel()
        for loop in self._loops:
            loop.stop()
        for port in self._ports:
            await maybeDeferred(port.stopListening)
        services = floors.services
        await services.executions.shut_down(STOP_EXECUTIONS)
        await floors.door.close_all(GOING_AWAY, "the server stops", STOP_CONNECTIONS)
        await floors.alone.close_all(GOING_AWAY, "the server stops", STOP_CONNECTIONS)
        services.stop()
        services.webhooks.tell(Event.SERVER_STOPPED, {"version": VERSION})
        await services.stop_sending(STOP_SENDING)
        await services.sightings.keep()
        await services.projects.close()
        await services.audit.finish()
        floors.pool.stop()
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._data.close()

    def _repeat(self, seconds: float, work: Callable[[], Coroutine[Deferred[object], object, None]]) -> None:
        loop = LoopingCall(self._run, work, "a repeated task")
        loop.clock = self._reactor
        loop.start(seconds, now=False)
        self._loops.append(loop)

    def _run(self, work: Callable[[], Coroutine[Deferred[object], object, None]], what: str) -> Deferred[None]:
        done = Deferred.fromCoroutine(work())
        return done.addErrback(lambda failure: _log.failure("while {what}", failure, what=what))
