# -*- test-case-name: tests.test_config -*-
"""Every setting with its default and its bounds, checked once.

The later of these wins: the default, the file (`--config`), the environment (`PA_…`), the command line.
`conf/pocketagent.toml` shows them all; durations are seconds, sizes are bytes.
"""

import ipaddress
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from attrs import frozen

from pocketagent.domain.agent import PASS_ENVIRONMENT, PermissionMode
from pocketagent.domain.attachment import MAX_TOGETHER
from pocketagent.settings import (
    PREFIX,
    Choice,
    Levels,
    Number,
    Path,
    Several,
    Switch,
    Tables,
    Text,
    Whole,
    setting,
    settings,
)
from pocketagent.sources import ConfigError, Given, from_environment, from_file, from_options
from pocketagent.whereabouts import Address, Hook, Hooks, HostName, LoopbackPort, Network, Origin

KiB = 1024
MiB = 1024 * KiB
GiB = 1024 * MiB
DAY = 86400
YEAR = 366 * DAY
TiB = 1024 * GiB

CONFIG_VARIABLE = PREFIX + "CONFIG"
"""The environment's way to name the file."""

DENIED = (
    "~/.ssh",
    "~/.gnupg",
    "~/.claude",
    "~/.config/pocketagent",
    "/proc",
    "/sys",
    "/dev",
    "/etc",
    "/boot",
)
"""Where no project may be (protocol section 7, INVALID_PATH); the data directory joins them at every start."""

PLACES, NETWORK, BOUNDS = "Places", "Network", "Bounds of a connection"
TELLING = "Who is told"
AGENT, CHILD, JOURNAL, SERVER = "The agent", "Its processes", "What is kept", "The server"

LOG_LEVELS = ("debug", "info", "warn", "error", "critical")

VARIABLE_NAME = Text("names of variables, a * at the end for all that begin so", r"[A-Za-z_][A-Za-z0-9_]*\*?")
MODEL = Text("the name of a model", r"[A-Za-z0-9][A-Za-z0-9._:/@\[\]-]{0,127}")


@frozen(kw_only=True)
class Config:
    """Every setting. The table that the file, the environment and the command line are read by is this class."""

    # -- Places
    data_dir: str = setting(Path(), "./data", "Where the server keeps what it knows: projects, devices, keys.", PLACES)
    roots: Sequence[str] = setting(
        Several(Path()),
        (),
        "Projects may lie in these directories only. Empty: your home directory.",
        PLACES,
        option="root",
    )
    denied: Sequence[str] = setting(
        Several(Path()),
        DENIED,
        "No project may lie in or around one of these; the data directory is always one.",
        PLACES,
    )
    claude: str = setting(
        Path(), "", "The Claude CLI. Empty: the one on PATH, else the one inside claude-agent-sdk.", PLACES
    )

    # -- Network
    host: Sequence[str] = setting(
        Several(Address()), (), "Listen on these addresses of this machine only. Empty: on all.", NETWORK
    )
    port: int = setting(Whole(0, 65535), 8443, "The port; 0 takes a free one and tells which.", NETWORK)
    names: Sequence[str] = setting(
        Several(HostName()),
        (),
        "The names and addresses under which clients come. Empty: localhost, this machine's name and addresses.",
        NETWORK,
        option="name",
    )
    certificate: str = setting(
        Path(),
        "",
        "A certificate with its chain (PEM), read again when it changes. Empty: one is made and kept.",
        NETWORK,
    )
    private_key: str = setting(
        Path(), "", "The key of the certificate (PEM), for the owner's eyes only (mode 0600).", NETWORK
    )
    allowed_origins: Sequence[str] = setting(
        Several(Origin()),
        (),
        "Pages of these other origins may use the REST API, with a token. Empty: none.",
        NETWORK,
        option="allowed-origin",
    )
    plaintext: bool = setting(
        Switch(), False, "No TLS: only with a loopback host, for a proxy or a test on this machine.", NETWORK
    )

    metrics_listen: str = setting(
        LoopbackPort(),
        "",
        "Also answer /metrics here, without a token, to this machine alone: 127.0.0.1:9464. Empty: nowhere.",
        NETWORK,
    )

    trusted_proxies: Sequence[str] = setting(
        Several(Network()),
        (),
        "Proxies whose X-Forwarded-For and X-Forwarded-Proto are believed. Empty: nobody's word is taken.",
        NETWORK,
        option="trusted-proxy",
    )

    # -- Bounds of a connection
    connections: int = setting(Whole(1, 100_000), 4096, "Connections at a time.", BOUNDS)
    connections_per_address: int = setting(
        Whole(1, 100_000), 1024, "Connections of one address at a time; IPv6 counts by its /64.", BOUNDS
    )
    connections_per_device: int = setting(Whole(1, 100_000), 512, "Connections of one device at a time.", BOUNDS)
    handshakes: int = setting(Whole(1, 10_000), 64, "Connections that have not shown a credential, at a time.", BOUNDS)
    handshake_timeout: float = setting(
        Number(0.1, 300), 10, "How long a connection may take until it has shown its credential.", BOUNDS
    )
    message_size: int = setting(Whole(4 * KiB, 64 * MiB), 2 * MiB, "The longest message of a client, in bytes.", BOUNDS)
    body_size: int = setting(Whole(4 * KiB, 64 * MiB), MiB, "The longest body of a request of HTTP, in bytes.", BOUNDS)
    attachment_size: int = setting(
        Whole(KiB, MAX_TOGETHER), 5 * MiB, "The largest attachment of a prompt, in bytes.", BOUNDS
    )
    prompt_size: int = setting(Whole(1, 16 * MiB), 100_000, "The longest prompt, in characters.", BOUNDS)
    requests_per_second: float = setting(
        Number(0.1, 1_000_000), 50, "Requests a second of one connection, over time.", BOUNDS
    )
    request_burst: int = setting(Whole(1, 1_000_000), 100, "Requests that one connection may send at once.", BOUNDS)
    device_requests_per_second: float = setting(
        Number(0.1, 1_000_000), 500, "Requests a second of one device, all its connections together, over time.", BOUNDS
    )
    device_request_burst: int = setting(Whole(1, 1_000_000), 1000, "Requests that one device may send at once.", BOUNDS)
    address_requests_per_second: float = setting(
        Number(0.1, 1_000_000), 1000, "Requests a second from one address, over time.", BOUNDS
    )
    address_request_burst: int = setting(
        Whole(1, 1_000_000), 2000, "Requests that may come from one address at once.", BOUNDS
    )
    wrong_credentials_per_address: int = setting(
        Whole(1, 1_000_000), 20, "Wrong credentials from one address, at once and a minute; more get a 429.", BOUNDS
    )
    wrong_credentials: int = setting(
        Whole(1, 1_000_000), 200, "Wrong credentials from everywhere, at once and a minute.", BOUNDS
    )
    unsent: int = setting(
        Whole(16 * KiB, GiB), MiB, "Bytes that wait for a slow reader; then it catches up from the journal.", BOUNDS
    )
    ping_interval: float = setting(
        Number(1, DAY), 30, "Ask a silent connection for a sign of life after so long.", BOUNDS
    )
    pong_timeout: float = setting(Number(1, DAY), 30, "Drop it when none came for so long.", BOUNDS)
    idle_timeout: float = setting(
        Number(0, YEAR), 0, "Close a connection without requests and subscriptions after so long. 0: never.", BOUNDS
    )

    # -- The agent
    projects: int = setting(Whole(1, 100_000), 100, "Projects at most.", AGENT)
    executions: int = setting(Whole(1, 10_000), 8, "Projects that may be at work at a time.", AGENT)
    queue: int = setting(Whole(0, 1000), 16, "Prompts that may wait in one project.", AGENT)
    execution_timeout: float = setting(
        Number(1, YEAR), 300, "How long a prompt may take, the wait for a person not counted.", AGENT
    )
    execution_timeout_max: float = setting(Number(1, YEAR), 3600, "The longest time that a request may ask for.", AGENT)
    permission_timeout: float = setting(
        Number(1, YEAR), DAY, "A permission that nobody answers is denied after so long.", AGENT
    )
    warm_processes: int = setting(
        Whole(0, 1000), 4, "Idle processes of the CLI kept for the next prompt, about 210 MB each. 0: none.", AGENT
    )
    warm_time: float = setting(Number(0, YEAR), 600, "How long an idle process is kept. 0: not at all.", AGENT)
    model: str = setting(MODEL, "", "The model where a request names none. Empty: the CLI's own choice.", AGENT)
    permission_mode: str = setting(
        Choice([mode.value for mode in PermissionMode]),
        PermissionMode.DEFAULT.value,
        "How much the agent asks where a request does not say.",
        AGENT,
    )
    allow_bypass: bool = setting(Switch(), False, "Whether an admin may switch all permission questions off.", AGENT)
    mcp_configs: Mapping[str, str] = setting(
        Tables(),
        MappingProxyType({}),
        "MCP configurations that a request may name, each as the CLI takes it.",
        AGENT,
        secret=True,
    )

    # -- Its processes
    pass_environment: Sequence[str] = setting(
        Several(VARIABLE_NAME), PASS_ENVIRONMENT, "Variables that reach the CLI, and nothing else does.", CHILD
    )
    no_new_privileges: bool = setting(
        Switch(), True, "sudo and other setuid programs do not work below the CLI.", CHILD
    )
    open_files: int = setting(Whole(64, 1_048_576), 4096, "Open files of each process (RLIMIT_NOFILE).", CHILD)
    process_limit: int = setting(
        Whole(0, 4_194_304), 0, "Processes of this user, all programs counted (RLIMIT_NPROC). 0: no bound.", CHILD
    )
    file_size_limit: int = setting(
        Whole(0, 1024 * TiB), 0, "Bytes of a file that it writes (RLIMIT_FSIZE). 0: no bound.", CHILD
    )
    address_space: int = setting(
        Whole(0, 1024 * TiB),
        0,
        "Bytes of address space of a process (RLIMIT_AS). 0: no bound; JavaScript needs it.",
        CHILD,
    )

    # -- What is kept
    segment_size: int = setting(
        Whole(64 * KiB, 16 * GiB), 100_000_000, "A journal goes on in a new file after so many bytes.", JOURNAL
    )
    segment_messages: int = setting(
        Whole(10, 10_000_000), 10_000, "A journal goes on in a new file after so many messages.", JOURNAL
    )
    retention_days: int = setting(
        Whole(0, 36_500), 0, "Files of a journal older than so many days are removed. 0: none are.", JOURNAL
    )
    retention_size: int = setting(
        Whole(0, 1024 * TiB),
        0,
        "The oldest files of a project go when its journal has more bytes. 0: none do.",
        JOURNAL,
    )
    attachments: int = setting(Whole(0, 10_000), 100, "Attachments kept for a project. 0: none can be sent.", JOURNAL)
    attachments_size: int = setting(
        Whole(0, TiB),
        256 * MiB,
        "Bytes of all attachments kept for a project; retention_days removes old ones.",
        JOURNAL,
    )
    sync: str = setting(
        Choice(("turn", "always", "never")),
        "turn",
        "What survives a power loss: accepted prompts, ends of turns and all but the last second; all; or chance.",
        JOURNAL,
    )

    # -- Who is told
    push_after: float = setting(
        Number(0, YEAR), 5, "An end is pushed to devices when the execution took at least so long.", TELLING
    )
    push_contact: str = setting(
        Text("mailto: and an address, or an https: URL", r"(mailto:[^@ ]+@[^@ ]+|https://[!-~]+)"),
        "",
        "Whom the push services of browsers may ask, mailto:you@example.org. Empty: nobody; Apple's wants one.",
        TELLING,
    )
    push_allow_private: bool = setting(
        Switch(), False, "Whether push messages may go to private addresses, such as those of tests.", TELLING
    )
    webhooks: Sequence[Hook] = setting(
        Hooks(), (), "Programs of yours that are told what happens: { url, secret_file, events }.", TELLING, secret=True
    )

    # -- The server
    log_format: str = setting(Choice(("text", "json")), "text", "One line a message, or one JSON object.", SERVER)
    log_level: str = setting(Choice(LOG_LEVELS), "info", "The least that is logged.", SERVER)
    log_levels: Mapping[str, str] = setting(
        Levels(LOG_LEVELS), MappingProxyType({}), "Another least for parts of the program, by their names.", SERVER
    )
    log_file: str = setting(
        Path(), "", "Log to this file. Empty: to the terminal, or where twistd's --logfile says.", SERVER
    )
    log_file_size: int = setting(
        Whole(0, TiB), 10_000_000, "A new log file is begun after so many bytes. 0: never; others rotate it.", SERVER
    )
    log_files: int = setting(Whole(0, 10_000), 10, "Old log files that are kept.", SERVER)
    threads: int = setting(Whole(1, 256), 8, "Threads for what would block: disks and paths.", SERVER)
    allow_root: bool = setting(
        Switch(), False, "Whether the server may run as root: then every prompt may, too.", SERVER
    )


TABLE = settings(Config)


def read(
    environment: Mapping[str, str], options: Mapping[str, object] | None = None, file: str | None = None
) -> Config:
    """The settings from all sources, as they were written (`surroundings.settled` makes them whole).

    `options` holds what the command line says, by key. Raises ConfigError, with one line for a person.
    """
    path = file or environment.get(CONFIG_VARIABLE)
    given = from_file(path, TABLE) if path else {}
    given |= from_environment(environment, TABLE, ignored=(CONFIG_VARIABLE,))
    given |= from_options(options or {}, TABLE)
    config = Config(**{key: each.value for key, each in given.items()})  # type: ignore[arg-type]
    _check_together(config, given)
    return config


def _check_together(config: Config, given: Mapping[str, Given]) -> None:
    """What is right alone and wrong together. Raises ConfigError."""

    def said(key: str) -> str:
        return given[key].origin if key in given else f"{key} (its default)"

    if config.private_key and not config.certificate:
        raise ConfigError(f"{said('private_key')}: a key needs its certificate: set certificate, too.")
    if config.certificate and not config.private_key:
        raise ConfigError(f"{said('certificate')}: a certificate needs its key: set private_key, too.")
    if config.plaintext and config.certificate:
        raise ConfigError(f"{said('plaintext')} and {said('certificate')} contradict each other: choose one.")
    if config.plaintext and not (
        config.host and all(ipaddress.ip_address(address).is_loopback for address in config.host)
    ):
        raise ConfigError(
            f"{said('plaintext')}: without TLS the server listens on this machine only: set host to 127.0.0.1 or ::1."
        )
    if config.permission_mode == PermissionMode.BYPASS and not config.allow_bypass:
        raise ConfigError(f"{said('permission_mode')}: bypassPermissions needs allow_bypass to be true.")
    if config.execution_timeout > config.execution_timeout_max:
        raise ConfigError(
            f"{said('execution_timeout')}: it must not be longer than {said('execution_timeout_max')}"
            f" ({config.execution_timeout_max:g})."
        )
    if config.prompt_size > config.message_size:
        raise ConfigError(
            f"{said('prompt_size')}: a prompt must fit into a message: {said('message_size')} is {config.message_size}."
        )
