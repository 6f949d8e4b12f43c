# -*- test-case-name: tests.test_app -*-
"""The composition root: the only file that makes adapters, and puts the floors together."""

import os
import random
import secrets
import shutil
import time
import uuid
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from twisted.internet.ssl import optionsForClientTLS
from twisted.logger import Logger
from twisted.python.threadpool import ThreadPool

from pocketagent import terms
from pocketagent.config import Config
from pocketagent.domain.addresses import Proxies
from pocketagent.domain.measures import Measures, Metric, gauge
from pocketagent.domain.notices import Hook
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
    searching,
    site,
    usage,
    web_client,
)
from pocketagent.inbound.door import Door
from pocketagent.inbound.event_stream import EventStreams
from pocketagent.inbound.limits import Limits as CallerLimits
from pocketagent.inbound.routes import Route, Routes
from pocketagent.inbound.websocket import WebSockets
from pocketagent.listening import Bound, bind
from pocketagent.outbound.agent.claude import Claude
from pocketagent.outbound.agent.launching import find_claude
from pocketagent.outbound.attachments import AttachmentFiles, FileAttachments
from pocketagent.outbound.audit import AuditFiles, FileAudit
from pocketagent.outbound.certificates import Certificates, CertificateUnusable
from pocketagent.outbound.data_directory import DataDirectory, DataDirectoryUnusable
from pocketagent.outbound.directories.directories import Directories
from pocketagent.outbound.directories.looks import Looks
from pocketagent.outbound.directories.working_trees import WorkingTrees
from pocketagent.outbound.files import DeviceFiles, FileDevices, FileProjects, ProjectFiles
from pocketagent.outbound.host import LinuxHost
from pocketagent.outbound.journal.journals import FileJournals
from pocketagent.outbound.metrics import Exposition
from pocketagent.outbound.pairings import FilePairings, PairingFiles
from pocketagent.outbound.posting import Post
from pocketagent.outbound.push import FilePushSubscriptions, KeyUnusable, WebPush, own_key
from pocketagent.outbound.push_encryption import Vapid
from pocketagent.outbound.sightings import FileSightings, SightingsFile
from pocketagent.outbound.threads import Threads
from pocketagent.outbound.web_client import WebClientUnusable
from pocketagent.outbound.web_client import read as read_web_client
from pocketagent.outbound.webhook import SignedWebhook, WebhookUnusable, secret_of
from pocketagent.ports import StorageUnavailable
from pocketagent.server import Floors, IServerReactor, Server
from pocketagent.services.assembly import Adapters, Services, assemble
from pocketagent.services.metrics import Metrics
from pocketagent.sources import CannotStart
from pocketagent.version import VERSION
from pocketagent.whereabouts import endpoint

WEB_CLIENT = Path(__file__).parent / "static"
"""Where its build lies."""

_log = Logger()


def build(config: Config, reactor: IServerReactor) -> Server:
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
    return Server(
        config, reactor, data, certificates, bound, alone, partial(erect, config, reactor, data, certificates)
    )


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
        limits=terms.of_processes(config),
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
        trees=WorkingTrees(threads, reactor, git=shutil.which("git")),
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
    rules = terms.of_services(config, _hooks(config))
    services = assemble(adapters, rules, reactor, time.time, _new_id, faults, measures, VERSION, secrets.token_hex)
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
    return FileJournals(
        root=data.projects,
        threads=threads,
        reactor=reactor,
        now=time.time,
        new_id=_new_id,
        boot_id=_boot_id(),
        rules=terms.of_journals(config),
        measures=measures,
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
    limits = CallerLimits(reactor.seconds, terms.of_callers(config), measures)
    spoken = terms.of_connections(config, measures)
    websockets = WebSockets(reactor, services.dispatch, services.subscriptions, spoken, _new_id, limits.shared)
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
        *searching.routes(services.searching),
        *usage.routes(services.usage),
        *push.routes(services.pushing, lambda: _why_no_push(config)),
    ]
    return [*routes, openapi.route(routes, VERSION, terms.described(config))]


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
        limits=CallerLimits(reactor.seconds, terms.of_callers(config)),
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


def _lifetime(certificates: Certificates) -> Metric:
    return gauge("certificate_expires_timestamp_seconds", "When the certificate expires.", certificates.ends)


def _new_id() -> str:
    return str(uuid.uuid4())


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
