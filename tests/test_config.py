# -*- test-case-name: tests.test_config -*-
"""Settings: three sources, one table, and every wrong one told in one line."""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.config import TABLE, Config, read
from pocketagent.domain.notices import Event
from pocketagent.sources import MAX_FILE, ConfigError
from pocketagent.whereabouts import MAX_HOOKS, MAX_URL, Hook

EXAMPLE = Path(__file__).parent.parent / "conf" / "pocketagent.toml"


class ExampleTests(SynchronousTestCase):
    """`conf/pocketagent.toml` is the table, for people to read."""

    def test_defaults(self) -> None:
        """It says what is so without it."""
        self.assertEqual(read({}, file=str(EXAMPLE)), Config())

    def test_complete(self) -> None:
        """It has every setting, nothing else, in the order of the table."""
        written = list(tomllib.loads(EXAMPLE.read_text()))
        self.assertEqual(sorted(written), sorted(one.key for one in TABLE))
        self.assertEqual(written[:-1], [one.key for one in TABLE if one.key != "mcp_configs"])

    def test_explained(self) -> None:
        """Above every setting stands the line that explains it, the same as in --help."""
        lines = EXAMPLE.read_text().splitlines()
        for one in TABLE:
            starts = f"{one.key} = ", f"[{one.key}]"
            (at,) = [number for number, line in enumerate(lines) if line.startswith(starts)]
            self.assertEqual(lines[at - 1], f"# {one.words}")


class ReadTests(SynchronousTestCase):
    def write(self, text: str | bytes) -> str:
        path = Path(self.mktemp())
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return str(path)

    def refused(self, *parts: str, environment: dict[str, str] | None = None, **options: object) -> None:
        """These settings are refused, on one line that has all the parts."""
        error = self.assertRaises(ConfigError, read, environment or {}, options)
        self.one_line(error, *parts)

    def refused_file(self, text: str | bytes, *parts: str) -> None:
        path = self.write(text)
        self.one_line(self.assertRaises(ConfigError, read, {}, {}, path), path, *parts)

    def one_line(self, error: ConfigError, *parts: str) -> None:
        self.assertTrue(str(error).isprintable(), str(error))
        self.assertLess(len(str(error)), 400)
        for part in parts:
            self.assertIn(part, str(error))

    def test_later_wins(self) -> None:
        """The command line comes before the environment, that before the file, that before the default."""
        file = self.write("port = 1\nqueue = 2\nprojects = 3\n")
        config = read({"PA_PORT": "4", "PA_QUEUE": "5"}, {"port": "6"}, file)
        self.assertEqual((config.port, config.queue, config.projects, config.executions), (6, 5, 3, 8))

    def test_file_by_environment(self) -> None:
        """PA_CONFIG names the file, --config another one."""
        first, second = self.write("port = 1"), self.write("port = 2")
        self.assertEqual(read({"PA_CONFIG": first}).port, 1)
        self.assertEqual(read({"PA_CONFIG": first}, {}, second).port, 2)

    def test_every_setting_everywhere(self) -> None:
        """Every setting can be said in the environment, and all but secrets on the command line, with one result."""
        for one in TABLE:
            default = one.default
            if isinstance(default, tuple):
                text = ",".join(default)
            elif isinstance(default, Mapping):
                text = json.dumps(dict(default))
            else:
                text = str(default).lower() if isinstance(default, bool) else str(default)
            self.assertEqual(read({one.variable: text}), Config(), one.variable)
            if one.option:
                value = list(default) if isinstance(default, tuple) else text
                self.assertEqual(read({}, {one.key: value}), Config(), one.option)

    def test_other_variables(self) -> None:
        """Variables that do not begin with PA_ are nobody's business."""
        self.assertEqual(read({"PATH": "/bin", "PAGER": "less", "pa_port": "x"}), Config())

    def test_lists(self) -> None:
        """A list is an array, a repeated option, or has commas in a variable; each value counts once."""
        expected = ("pocket.example.org", "192.0.2.1")
        file = self.write('names = ["Pocket.example.org", "192.0.2.1", "192.0.2.1"]')
        self.assertEqual(read({}, {}, file).names, expected)
        self.assertEqual(read({"PA_NAMES": "pocket.example.org, 192.0.2.1"}).names, expected)
        self.assertEqual(read({}, {"names": ["pocket.example.org", "192.0.2.1"]}).names, expected)
        self.assertEqual(read({"PA_NAMES": ""}).names, ())

    def test_mcp_configs(self) -> None:
        """An MCP configuration is a table or a text with JSON, and is kept as JSON; it never shows in a repr."""
        file = self.write("[mcp_configs.one.mcpServers.files]\ncommand = 'hunter2'\n[mcp_configs.two]\n")
        config = read({}, {}, file)
        self.assertEqual(json.loads(config.mcp_configs["one"]), {"mcpServers": {"files": {"command": "hunter2"}}})
        self.assertNotIn("hunter2", repr(config))
        self.assertEqual(read({"PA_MCP_CONFIGS": '{"two": "{}"}'}).mcp_configs, {"two": "{}"})

    def test_log_levels(self) -> None:
        """Levels of parts are a table in the file, and pairs elsewhere."""
        expected = {"pocketagent.inbound": "debug", "twisted": "error"}
        file = self.write('log_levels = { "pocketagent.inbound" = "debug", twisted = "error" }')
        self.assertEqual(read({}, {}, file).log_levels, expected)
        text = "pocketagent.inbound=debug, twisted=error"
        self.assertEqual(read({"PA_LOG_LEVELS": text}).log_levels, expected)
        self.assertEqual(read({}, {"log_levels": text}).log_levels, expected)
        for wrong in "pocketagent", "a=loud", "=debug", "a b=debug", "{'a'", '{"a": 1}':
            self.refused("--log-levels", "names of parts", log_levels=wrong)

    def test_trusted_proxies(self) -> None:
        """Trusted are addresses and networks, as they are written in full; a name or half a network is not."""
        config = read({}, {"trusted_proxies": ["127.0.0.1", "10.0.0.0/8", "[::1]"]})
        self.assertEqual(config.trusted_proxies, ("127.0.0.1/32", "10.0.0.0/8", "::1/128"))
        for wrong in "proxy.example.org", "10.0.0.1/8", "", "300.1.1.1":
            self.refused("--trusted-proxy", "IP addresses or networks", trusted_proxies=[wrong])

    def test_webhooks(self) -> None:
        """A webhook is a table with a URL, the file of its secret and, perhaps, events; in a variable it is JSON."""
        file = self.write("webhooks = [{url = 'https://x.example/', secret_file = '~/s', events = ['device_paired']}]")
        hook = Hook("https://x.example/", "~/s", (Event.DEVICE_PAIRED,))
        self.assertEqual(read({}, {}, file).webhooks, (hook,))
        near = read({"PA_WEBHOOKS": '[{"url": "http://[::1]:9000/", "secret_file": "s"}]'})
        self.assertEqual(near.webhooks, (Hook("http://[::1]:9000/", "s", tuple(Event)),))
        self.assertNotIn("9000", repr(near))

    def test_wrong_webhooks(self) -> None:
        """One that is wrong is told without what it says: a URL may be a secret."""
        good = {"url": "https://x.example/", "secret_file": "s"}
        cases: tuple[object, ...] = (
            good | {"url": "http://x.example/canary"},
            good | {"url": "http://127.0.0.1.x.example/"},
            good | {"url": "https://u:canary@x.example/"},
            good | {"url": "ftp://x.example/"},
            good | {"url": "https://x.example/ x"},
            good | {"url": "https://x.example:99999/"},
            good | {"url": "https://".ljust(MAX_URL + 1, "x")},
            good | {"secret_file": ""},
            good | {"secret": "canary"},
            good | {"events": []},
            good | {"events": ["everything"]},
            {"url": "https://x.example/"},
            "https://x.example/",
        )
        for wrong in cases:
            given = {"PA_WEBHOOKS": json.dumps([wrong])}
            self.assertNotIn("canary", str(self.assertRaises(ConfigError, read, given)))
        self.assertEqual(len(read({"PA_WEBHOOKS": json.dumps([good] * MAX_HOOKS)}).webhooks), MAX_HOOKS)
        self.refused("PA_WEBHOOKS", environment={"PA_WEBHOOKS": json.dumps([good] * (MAX_HOOKS + 1))})

    def test_push_contact(self) -> None:
        """Whom push services may ask is an address or a page."""
        for good in "mailto:me@example.org", "https://example.org/contact", "":
            self.assertEqual(read({"PA_PUSH_CONTACT": good}).push_contact, good)
        for bad in "me@example.org", "mailto:me", "http://example.org":
            self.refused("PA_PUSH_CONTACT", environment={"PA_PUSH_CONTACT": bad})

    def test_addresses(self) -> None:
        """An IPv6 address may wear brackets, and is written in one way."""
        self.assertEqual(read({}, {"host": ["[::1]", "0:0::1"]}).host, ("::1",))

    # -- refused: LI-05 -------------------------------------------------------------------------------------

    def test_unknown_key(self) -> None:
        """An unknown key stops the start, and the nearest known one is named with the line."""
        self.refused_file("port = 1\n\nplain_text = false\n", "line 3: plain_text", "did you mean plaintext?")
        self.refused_file("[mcp_config.x]\na = 1\n", "line 1: mcp_config", "did you mean mcp_configs?")
        self.refused_file('"a\\nb" = 1', r"'a\nb'")

    def test_unknown_variable(self) -> None:
        """So does an unknown variable of ours."""
        self.refused("PA_PROT", "did you mean PA_PORT?", environment={"PA_PROT": "1"})
        self.refused("PA_", environment={"PA_": "1"})

    def test_wrong_value(self) -> None:
        """A wrong value is told with its setting, its source and what is allowed."""
        self.refused_file("queue = 1\nport = 65536", "line 2: port: 65536", "a whole number from 0 to 65535")
        self.refused("PA_PORT in the environment: '8443x'", "0 to 65535", environment={"PA_PORT": "8443x"})
        self.refused("--port: -1 ", "0 to 65535", port="-1")
        self.refused("--log-format: xml", "text, json", log_format="xml")

    def test_wrong_type(self) -> None:
        """TOML's types are meant: no text for a number, no number for a switch, no switch for a number."""
        for text in "port = '1'", "port = 1.5", "port = true", "plaintext = 1", "host = '::1'", "names = [1]":
            self.refused_file(text, text.split()[0])
        for text in "warm_time = nan", "warm_time = inf", "warm_time = -0.1", "data_dir = 3", "mcp_configs = 1":
            self.refused_file(text, text.split()[0])
        self.refused_file("[mcp_configs.x]\nat = 2026-01-01\n", "mcp_configs")
        self.refused_file("data_dir = 'a\\u0000b'".replace("'", '"'), "data_dir")

    def test_wrong_in_list(self) -> None:
        """One wrong value in a list spoils the list; so does an empty one."""
        for name in "https://example.org", "example.org:8443", "a..b", "-a", "*.example.org", "0.0.0.0", "1.2.3", "":
            self.refused("--name", "host names or IP addresses", names=["localhost", name])
        for address in "localhost", "300.1.1.1", "::1%":
            self.refused("--host", "IP addresses", host=[address])
        self.refused("--pass-environment", pass_environment=["A=B"])

    def test_long_value(self) -> None:
        """A huge value does not make a huge message."""
        self.refused("--log-format", log_format="x" * 10_000)
        self.refused("--port", port="9" * 100_000)

    def test_secret_value(self) -> None:
        """A wrong secret is not repeated."""
        error = self.assertRaises(ConfigError, read, {"PA_MCP_CONFIGS": "{'hunter2"})
        self.assertNotIn("hunter2", str(error))
        self.one_line(error, "PA_MCP_CONFIGS")

    def test_not_toml(self) -> None:
        """A file that is no TOML is told with the line; one that is none at all, too."""
        self.refused_file("port = = 1", "not TOML", "line 1")
        self.refused_file("port = 1\nport = 2", "not TOML")
        self.refused_file(b"\xff", "not UTF-8")
        self.refused_file("#" * (MAX_FILE + 1), "at most")

    def test_no_file(self) -> None:
        """A file that is not there, or a directory, stops the start."""
        for path in "/nonexistent/pocketagent.toml", str(EXAMPLE.parent):
            self.one_line(self.assertRaises(ConfigError, read, {}, {}, path), path, "cannot be read")

    # -- refused together -----------------------------------------------------------------------------------

    def test_key_and_certificate(self) -> None:
        """A key without a certificate is refused, and the reverse."""
        self.refused("--private-key", private_key="k.pem")
        self.refused("PA_CERTIFICATE", environment={"PA_CERTIFICATE": "c.pem"})

    def test_plaintext_and_certificate(self) -> None:
        """A certificate that would not be used is a misunderstanding, and both sources are named."""
        files = {"PA_CERTIFICATE": "c.pem", "PA_PRIVATE_KEY": "k.pem"}
        self.refused("--plaintext", "PA_CERTIFICATE", environment=files, plaintext=True, host=["::1"])

    def test_plaintext_elsewhere(self) -> None:
        """Without TLS the server listens on loopback addresses only, all of them named."""
        self.refused("--plaintext", "127.0.0.1", plaintext=True)
        self.refused("--plaintext", "127.0.0.1", plaintext=True, host=["127.0.0.1", "192.0.2.1"])
        self.assertTrue(read({}, {"plaintext": True, "host": ["127.0.0.1", "::1"]}).plaintext)

    def test_metrics_elsewhere(self) -> None:
        """Metrics without a token are for this machine alone: an address of it that leads nowhere else, and a port."""
        for there in "127.0.0.1:9464", "[::1]:9464", "127.1.2.3:1", "127.0.0.1:65535", "":
            self.assertEqual(read({}, {"metrics_listen": there}).metrics_listen, there)
        for there in (
            "0.0.0.0:9464", "192.0.2.1:9464", "[::]:9464", ":9464", "localhost:9464", "127.0.0.1", "127.0.0.1:",
            "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:9464x", "127.0.0.1: 9464", "::1:9464", "[::1]", "9464",
        ):  # fmt: skip
            self.refused("--metrics-listen", "loopback", metrics_listen=there)

    def test_bypass(self) -> None:
        """A default that bypasses permissions needs the setting that allows it."""
        self.refused("--permission-mode", "allow_bypass", permission_mode="bypassPermissions")
        self.assertTrue(read({}, {"permission_mode": "bypassPermissions", "allow_bypass": True}).allow_bypass)

    def test_timeouts(self) -> None:
        """The default time of an execution lies below the longest one."""
        self.refused("--execution-timeout", "execution_timeout_max", execution_timeout="4000")

    def test_sizes(self) -> None:
        """A prompt must fit into a message."""
        self.refused("prompt_size", "--message-size", message_size="10000")
