# -*- test-case-name: tests.test_app -*-
"""The composition root: the only file that names concrete adapters; starts and stops the floors in order."""

import os
import random
import secrets
import shutil
import signal
import time
import uuid
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from pathlib import Path

import attrs
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
from twisted.internet.ssl import optionsForClientTLS
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from pocketagent.config import Config
from pocketagent.domain.addresses import Proxies
from pocketagent.domain.agent import PermissionMode
from pocketagent.domain.measures import Measures, Metric, gauge
from pocketagent.domain.notices import Event, Hook
from pocketagent.domain.sighting import Address
from pocketagent.inbound import (
    attachments,
    authority,
    devices,
    directories,
    mentions,
    metrics_page,
    openapi,
    push,
    rest,
    site,
    web_client,
)
from pocketagent.inbound.connection import Terms as ConnectionTerms
from pocketagent.inbound.door import Door
from pocketagent.inbound.event_stream import EventStreams
from pocketagent.inbound.limits import Bounds as CallerBounds
from pocketagent.inbound.limits import Limits as CallerLimits
from pocketagent.inbound.routes import Route, Routes
from pocketagent.inbound.websocket import WebSockets
from pocketagent.listening import Bound, allow_descriptors, bind
from pocketagent.outbound.attachments import AttachmentFiles, FileAttachments
from pocketagent.outbound.audit import AuditFiles, FileAudit
from pocketagent.outbound.certificates import Certificates, CertificateUnusable
from pocketagent.outbound.child import IChildReactor
from pocketagent.outbound.claude import Claude
from pocketagent.outbound.data_directory import DataDirectory, DataDirectoryUnusable
from pocketagent.outbound.directories import Directories
from pocketagent.outbound.durability import Sync
from pocketagent.outbound.files import DeviceFiles, FileDevices, FileProjects, ProjectFiles
from pocketagent.outbound.host import LinuxHost, tune_memory
from pocketagent.outbound.journal import Rules as JournalRules
from pocketagent.outbound.journals import FileJournals
from pocketagent.outbound.launching import find_claude
from pocketagent.outbound.looks import Looks
from pocketagent.outbound.metrics import Exposition
from pocketagent.outbound.pairings import FilePairings, PairingFiles
from pocketagent.outbound.posting import Post
from pocketagent.outbound.public_addresses import IPublicReactor
from pocketagent.outbound.push import FilePushSubscriptions, KeyUnusable, WebPush, own_key
from pocketagent.outbound.push_encryption import Vapid
from pocketagent.outbound.retention import Retention
from pocketagent.outbound.sightings import FileSightings, SightingsFile
from pocketagent.outbound.threads import Threads
from pocketagent.outbound.web_client import WebClientUnusable
from pocketagent.outbound.web_client import read as read_web_client
from pocketagent.outbound.webhook import SignedWebhook, WebhookUnusable, secret_of
from pocketagent.outbound.working_trees import WorkingTrees
from pocketagent.ports import StorageUnavailable
from pocketagent.services.assembly import Adapters, Rules, Services, assemble
from pocketagent.services.attachments import Room
from pocketagent.services.executions import Bounds
from pocketagent.services.metrics import Metrics
from pocketagent.services.runs import Terms
from pocketagent.sources import CannotStart
from pocketagent.version import VERSION
from pocketagent.whereabouts import endpoint
from pocketagent.wire.schema import Limits

STOP_EXECUTIONS = 11.0
STOP_CONNECTIONS = 2.0
STOP_SENDING = 1.0
"""Seconds; with what the journals need, all ends within 15 (protocol section 6)."""
GOING_AWAY = 1001
HOUR = 3600.0
WEB_CLIENT = Path(__file__).parent / "static"
"""Where its build lies."""
CERTIFICATE_POLL = 5.0
"""Seconds between looks at the files of the certificate."""

_log = Logger()


class IServerReactor(
    IChildReactor, IReactorCore, IReactorFromThreads, IReactorSocket, IReactorPluggableNameResolver, IPublicReactor
):
    """What the server needs of a reactor."""


def build(config: Config, reactor: IServerReactor) -> "Server":
    """The whole server, ready to be started: bound to its port, with its data directory in its hands.

    `config` is settled. Starts no thread and no child: twistd may still fork. Raises CannotStart.
    """
    try:
        data = DataDirectory.open(config.data_dir)
    except DataDirectoryUnusable as problem:
        raise CannotStart(str(problem)) from None
    try:
        certificates = _certificates(config, data)
        ProjectFiles(data.projects).tidy()
        AttachmentFiles(data.projects).tidy()
        DeviceFiles(data.devices).all()
        own_key(data.push_key)
        _hooks(config)
        bound, alone = _bind(config)
    except (CertificateUnusable, KeyUnusable, WebhookUnusable, StorageUnavailable, ValueError) as problem:
        data.close()
        raise CannotStart(str(problem)) from None
    except CannotStart:
        data.close()
        raise
    return Server(config, reactor, data, certificates, bound, alone)


def _bind(config: Config) -> tuple[Bound, Bound | None]:
    """The one port; and the one for metrics alone, where it is wanted. Raises CannotStart."""
    bound = bind(config.host, config.port)
    if not config.metrics_listen:
        return bound, None
    where, port = endpoint(config.metrics_listen)
    try:
        return bound, bind([where], port)
    except CannotStart:
        bound.close()
        raise CannotStart(f"metrics_listen: {config.metrics_listen} is taken, or no address of this machine.") from None


def _certificates(config: Config, data: DataDirectory) -> Certificates | None:
    if config.plaintext:
        return None
    if config.certificate:
        return Certificates.given(config.certificate, config.private_key, time.time)
    return Certificates.made(data.certificates, config.names, time.time)


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


def erect(
    config: Config, reactor: IServerReactor, data: DataDirectory, certificates: Certificates | None, scratch: str
) -> Floors:
    """Put the floors together. Nothing runs yet."""
    measures = Measures()
    pool = ThreadPool(0, config.threads, "pocketagent")
    threads = Threads(reactor, pool)
    claude = Claude(
        reactor=reactor,
        threads=threads,
        path=find_claude(config.claude, os.environ),
        ours=os.environ,
        scratch=scratch,
        pass_environment=config.pass_environment,
        limits=_limits(config),
        no_new_privileges=config.no_new_privileges,
    )
    post = Post(reactor, reactor.nameResolver, optionsForClientTLS)
    adapters = Adapters(
        threads=threads,
        attachments=FileAttachments(threads, AttachmentFiles(data.projects)),
        projects=FileProjects(threads, ProjectFiles(data.projects)),
        journals=_journals(config, data, threads, reactor, measures),
        devices=FileDevices(threads, DeviceFiles(data.devices)),
        directories=Directories(
            Looks(threads, reactor), roots=config.roots, denied=config.denied, home=str(Path.home())
        ),
        trees=WorkingTrees(Looks(threads, reactor), reactor, git=shutil.which("git")),
        agent=claude,
        audit=FileAudit(threads, AuditFiles(data.audit, time.time)),
        host=LinuxHost(data.path, threads, reactor),
        pairings=FilePairings(threads, PairingFiles(data.pairings)),
        sightings=FileSightings(threads, SightingsFile(data.sightings)),
        push_subscriptions=FilePushSubscriptions(threads, data.push_subscriptions),
        push=WebPush(
            post,
            Vapid(own_key(data.push_key), config.push_contact),
            time.time,
            secrets.token_bytes,
            config.push_allow_private,
        ),
        webhook=SignedWebhook(post, time.time, f"pocketagent/{VERSION}"),
    )
    faults = {} if certificates is None else {"certificate": lambda: certificates.fault}
    services = assemble(
        adapters, _rules(config), reactor, time.time, _new_id, faults, measures, VERSION, secrets.token_hex
    )
    if certificates is not None:
        services.metrics.include(lambda: [_lifetime(certificates)])
        services.health.details["certificate"] = lambda: f"{(certificates.ends - time.time()) // 86400:.0f} days left"
    read = partial(_exposed, services.metrics)
    door = _door(config, reactor, certificates, services, measures, read)
    services.metrics.include(door.metrics)
    return Floors(pool, threads, claude, services, door, _alone(config, reactor, services, read))


async def _exposed(metrics: Metrics, accept: str) -> tuple[str, bytes]:
    return Exposition(await metrics.read()).written(accept)


def _journals(
    config: Config, data: DataDirectory, threads: Threads, reactor: IServerReactor, measures: Measures
) -> FileJournals:
    rules = JournalRules(
        segment_size=config.segment_size,
        segment_messages=config.segment_messages,
        sync=Sync(config.sync),
        retention=Retention(days=config.retention_days, size=config.retention_size),
    )
    return FileJournals(
        root=data.projects,
        threads=threads,
        reactor=reactor,
        now=time.time,
        new_id=_new_id,
        boot_id=_boot_id(),
        rules=rules,
        measures=measures,
    )


def _rules(config: Config) -> Rules:
    bounds = Bounds(
        prompt_size=config.prompt_size,
        executions=config.executions,
        timeout=config.execution_timeout,
        timeout_max=config.execution_timeout_max,
        allow_bypass=config.allow_bypass,
        mcp_configs=config.mcp_configs,
    )
    return Rules(
        bounds=bounds,
        room=Room(
            size=config.attachment_size,
            count=config.attachments,
            total=config.attachments_size,
            days=config.retention_days,
        ),
        terms=Terms(config.model or None, PermissionMode(config.permission_mode)),
        projects=config.projects,
        queue=config.queue,
        permission_timeout=config.permission_timeout,
        warm_processes=config.warm_processes,
        warm_time=config.warm_time,
        push_after=config.push_after,
        hooks=_hooks(config),
    )


def _hooks(config: Config) -> Sequence[Hook]:
    """Raises WebhookUnusable."""
    return [Hook(url=one.url, secret=secret_of(one.secret_file), events=one.events) for one in config.webhooks]


def _door(
    config: Config,
    reactor: IServerReactor,
    certificates: Certificates | None,
    services: Services,
    measures: Measures,
    read: metrics_page.Read,
) -> Door:
    terms = ConnectionTerms(
        server_version=VERSION,
        limits={
            "message_size": config.message_size,
            "prompt_size": config.prompt_size,
            "attachment_size": config.attachment_size,
            "projects": config.projects,
        },
        message_size=config.message_size,
        requests_per_second=config.requests_per_second,
        request_burst=config.request_burst,
        unsent=config.unsent,
        ping_interval=config.ping_interval,
        pong_timeout=config.pong_timeout,
        idle_timeout=config.idle_timeout,
        measures=measures,
    )
    limits = CallerLimits(reactor.seconds, _bounds(config), measures)
    websockets = WebSockets(reactor, services.dispatch, services.subscriptions, terms, _new_id, limits.shared)
    front = [
        *site.front(services.health, websockets),
        *web_client.routes(_web_client()),
        *authority.routes(lambda: None if certificates is None else certificates.authority),
    ]
    return site.factory(
        clock=reactor,
        names=config.names,
        tls=certificates,
        access=services.access,
        subscriptions=services.subscriptions,
        routes=Routes.of([*front, *api(config, reactor, certificates, services, measures), metrics_page.route(read)]),
        new_id=_new_id,
        random=random.SystemRandom().random,
        limits=limits,
        witness=services.audit,
        proxies=Proxies.of(config.trusted_proxies),
        measures=measures,
        handshakes=config.handshakes,
        handshake_timeout=config.handshake_timeout,
        origins=config.allowed_origins,
    )


def _web_client() -> Mapping[str, bytes]:
    """Its files; none where it was not built, or cannot be read."""
    try:
        return read_web_client(str(WEB_CLIENT))
    except WebClientUnusable as problem:
        _log.warn("The web client is not served: {problem}.", problem=str(problem))
        return {}


def api(
    config: Config,
    reactor: IServerReactor,
    certificates: Certificates | None,
    services: Services,
    measures: Measures,
) -> Sequence[Route]:
    """What stands at `/api/v1`, described."""
    routes = [
        *rest.routes(services.dispatch, config.body_size),
        *attachments.routes(services.attachments, config.attachment_size),
        *EventStreams(services.dispatch, services.subscriptions, reactor, config.unsent, measures).routes(),
        *devices.routes(services.pairing, services.devices, time.time),
        *directories.routes(services.browsing),
        *mentions.routes(services.mentions),
        *push.routes(services.pushing, lambda: _why_no_push(config)),
    ]
    return [*routes, openapi.route(routes, VERSION, described(config))]


def described(config: Config) -> Limits:
    """What of the settings stands in the description of the API."""
    return Limits(
        prompt_size=config.prompt_size,
        timeout_max=config.execution_timeout_max,
        mcp_configs=tuple(config.mcp_configs),
    )


def _alone(config: Config, reactor: IServerReactor, services: Services, read: metrics_page.Read) -> Door:
    where = [endpoint(config.metrics_listen)[0]] if config.metrics_listen else []
    return site.factory(
        clock=reactor,
        names=(*metrics_page.LOOPBACK, *where),
        tls=None,
        access=services.access,
        subscriptions=services.subscriptions,
        routes=Routes.of([metrics_page.route(read, scope=None)]),
        new_id=_new_id,
        random=random.SystemRandom().random,
        limits=CallerLimits(reactor.seconds, _bounds(config)),
        witness=services.audit,
        handshakes=config.handshakes,
        handshake_timeout=config.handshake_timeout,
    )


def _why_no_push(config: Config) -> str:
    """Browsers have push only on pages whose certificate they trust: to accept a warning is not enough."""
    if config.plaintext:
        return "The server has no TLS: push needs a proxy before it, with a certificate that the browser trusts."
    if not config.certificate:
        return (
            "The server's certificate is of its own authority. Push works in browsers where that authority is installed"
            " (authority.pem), or with a certificate that every browser trusts (settings certificate, private_key)."
        )
    return ""


def _bounds(config: Config) -> CallerBounds:
    return CallerBounds(**{each.name: getattr(config, each.name) for each in attrs.fields(CallerBounds)})


def _lifetime(certificates: Certificates) -> Metric:
    return gauge("certificate_expires_timestamp_seconds", "When the certificate expires.", certificates.ends)


def _limits(config: Config) -> Mapping[str, int]:
    wanted = {
        "nofile": config.open_files,
        "nproc": config.process_limit,
        "fsize": config.file_size_limit,
        "as": config.address_space,
    }
    return {"core": 0} | {name: limit for name, limit in wanted.items() if limit}


def _new_id() -> str:
    return str(uuid.uuid4())


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


@define(eq=False, slots=False)
class Server(Service):
    """The running server: the floors are taken up in order, and laid down in the other."""

    _config: Config
    _reactor: IServerReactor
    _data: DataDirectory
    _certificates: Certificates | None
    _bound: Bound
    _bound_alone: Bound | None = None
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
        self._floors = erect(self._config, self._reactor, self._data, self._certificates, self._scratch)
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
        for name in self._config.names:
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
