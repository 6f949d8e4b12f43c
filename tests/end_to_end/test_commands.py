"""`pocketagent connect`, `projects`, `create`, `delete`, `log`, `interrupt`, `kill`, `stats` and `health`, each as a
process of its own, against a real server."""

import json
import os
import signal
import time
from pathlib import Path

from attrs import evolve

from pocketagent.client.profiles import Profiles
from pocketagent.outbound.files import DeviceFiles
from tests.end_to_end.client import wait_until
from tests.end_to_end.desk import Desk, DeskTestCase, Relay
from tests.end_to_end.house import House, reserved
from tests.end_to_end.shared_house import SharedHouse
from tests.end_to_end.test_turns import data_of


class ConnectTests(DeskTestCase):
    def setUp(self) -> None:
        self.inhabited = SharedHouse.lent(self).house
        self.desk_ = self.desk()
        self.token = self.inhabited.token("laptop", "execute")
        self.desk_.secrets.append(self.token)
        self.url = f"wss://127.0.0.1:{self.inhabited.port}"

    def met(self, *options: str, given: str = "") -> str:
        """It succeeds; what was told."""
        ran = self.desk_.run("connect", *(options or (self.url,)), given=given or self.token)
        self.assertEqual((ran.code, ran.out), (0, ""), ran.err)
        return ran.err

    def refused(self, *options: str, code: int, given: str = "") -> str:
        return self.failed(self.desk_.run("connect", *options, given=given or self.token), code)

    def test_fingerprint(self) -> None:
        """With the fingerprint nothing is asked; it is told who one is, what that may, and what to do next."""
        said = self.met(self.url, "--fingerprint", self.inhabited.fingerprint)
        for part in ("'laptop'", "read, execute", "pocketagent chat", "pocketagent run"):
            self.assertIn(part, said)
        (name,) = Profiles(self.desk_.config).names()
        profile = Profiles(self.desk_.config).get(name)
        self.assertEqual((name, profile.fingerprint), ("127.0.0.1", self.inhabited.fingerprint))
        self.done(self.desk_.run("projects"))

    def test_asked(self) -> None:
        """At a terminal the fingerprint is shown as the server printed it, and asked for; the token is not shown."""
        running = self.desk_.start("connect", self.url, terminal=True)
        running.wait_for("[y/N] ")
        self.assertIn(f"    {self.inhabited.fingerprint}\r\n", running.err)
        running.type("y\n")
        running.wait_for("Token")
        running.type(f"{self.token}\n")
        self.done(running.ended())

    def test_a_no(self) -> None:
        """Without a yes nothing is sent and nothing kept."""
        running = self.desk_.start("connect", self.url, terminal=True)
        running.wait_for("[y/N] ")
        running.type("\n")
        self.assertIn("not taken for yours", self.failed(running.ended(), 1))
        self.assertEqual(Profiles(self.desk_.config).names(), ())

    def test_nobody(self) -> None:
        """A script has to say whom it trusts."""
        self.assertIn("--fingerprint", self.refused(self.url, code=1))
        self.assertIn(self.inhabited.fingerprint, self.met(self.url, "--yes"))
        self.assertIn("key that you know", self.met(self.url))

    def test_another_key(self) -> None:
        """A key that is not the one that was named, or is not the one that was known, is told as that."""
        wrong = "A" * 43 + "="
        self.assertIn("key", self.refused(self.url, "--fingerprint", wrong, code=3))
        self.met(self.url, "--yes")
        file = self.desk_.config / "profiles" / "127.0.0.1.json"
        file.write_text(file.read_text().replace(self.inhabited.fingerprint, wrong))
        sentence = self.failed(self.desk_.run("projects"), 3)
        self.assertIn(self.inhabited.fingerprint, sentence)
        self.assertIn("pocketagent connect", sentence)
        self.refused(self.url, code=1)
        self.assertIn("CHANGED", self.met(self.url, "--yes"))
        self.done(self.desk_.run("projects"))

    def test_authority(self) -> None:
        """With --ca the certificate must be good for that file, and nothing is pinned."""
        ca = str(self.inhabited.data_dir / "certificates" / "authority.pem")
        self.met(self.url, "--ca", ca)
        self.assertIn(ca, self.done(self.desk_.run("profiles")))
        nothing = self.desk_.directory / "nothing.pem"
        nothing.write_text("no certificates")
        for file in (str(nothing), "gone.pem", "."):
            self.assertIn("CA", self.refused(self.url, "--ca", file, code=2))
        Path(self.desk_.directory, "kept.pem").write_bytes(Path(ca).read_bytes())
        self.met(self.url, "--ca", "kept.pem")
        (self.desk_.directory / "kept.pem").unlink()
        self.assertIn("kept.pem", self.failed(self.desk_.run("projects"), 3))

    def test_trusted_by_the_system(self) -> None:
        """A certificate that the system's authorities vouch for is told as such, and not pinned unasked."""
        ca = str(self.inhabited.data_dir / "certificates" / "authority.pem")
        running = self.desk_.start("connect", self.url, given=self.token, more={"SSL_CERT_FILE": ca})
        self.assertIn("vouches", running.ended().err)
        self.assertIsNone(Profiles(self.desk_.config).get(None).fingerprint)
        running = self.desk_.start("projects", given="", more={"SSL_CERT_FILE": ca})
        self.done(running.ended())
        self.failed(self.desk_.run("projects"), 3)

    def test_tokens(self) -> None:
        """A token that is none, is unknown, or has expired, is told as that; nothing is kept of it."""
        pin = (self.url, "--fingerprint", self.inhabited.fingerprint)
        self.assertIn("no token", self.refused(*pin, code=1, given="\n"))
        self.assertIn("no token", self.refused(*pin, code=1, given="hunter2"))
        self.assertIn("does not know", self.refused(*pin, code=3, given=f"pa_{'0' * 16}_{'0' * 64}"))
        self.assertEqual(Profiles(self.desk_.config).names(), ())
        self.met(*pin)
        files = DeviceFiles(f"{self.inhabited.data_dir}/devices")
        (device,) = [one for one in files.all() if one.name == "laptop"]
        files.save(evolve(device, expires_at=time.time()))
        wait_until(lambda: self.desk_.run("projects").code, "the server has noticed")
        self.assertIn("has expired", self.failed(self.desk_.run("projects"), 3))
        files.save(device)
        wait_until(lambda: not self.desk_.run("projects").code, "the server has noticed")
        self.inhabited.command("token", "revoke", "laptop")
        wait_until(lambda: self.desk_.run("projects").code, "the server has noticed")
        self.assertIn("token create", self.failed(self.desk_.run("projects"), 3))

    def test_addresses(self) -> None:
        """An address that makes no sense, or leads nowhere, is told in one sentence."""
        for url in ("ftp://x", "wss://localhost:99999", "ws://far.example", "wss://localhost/other"):
            self.refused(url, code=2)
        with reserved() as free:
            url = f"wss://127.0.0.1:{free.getsockname()[1]}"
            self.assertIn("Nothing listens", self.refused(url, "--yes", code=3))
        self.assertIn("no host", self.refused("wss://nowhere.invalid", "--yes", code=3))
        self.refused(self.url, "--profile", "../x", "--yes", code=2)
        self.refused(self.url, "--fingerprint", "short", code=2)

    def test_plain(self) -> None:
        """A server without TLS on this machine has no key to compare."""
        house = self.house(plaintext=True)
        token = house.token()
        self.met(f"ws://127.0.0.1:{house.port}", given=token)
        self.done(self.desk_.run("projects"))

    def test_profiles(self) -> None:
        """Several servers are kept by name: the first is the default, until another one is made it."""
        pin = (self.url, "--fingerprint", self.inhabited.fingerprint)
        self.met(*pin)
        self.met(*pin, "--profile", "work")
        self.assertIn("127.0.0.1  *", self.done(self.desk_.run("profiles")))
        self.done(self.desk_.run("profiles", "default", "work"))
        found = json.loads(self.done(self.desk_.run("profiles", "--json")))
        self.assertEqual([(one["name"], one["default"]) for one in found], [("127.0.0.1", False), ("work", True)])
        self.done(self.desk_.run("profiles", "remove", "work"))
        self.assertIn("no profile 'work'", self.failed(self.desk_.run("projects", "--profile", "work"), 3))
        self.failed(self.desk_.run("profiles", "remove", "work"), 1)

    def test_bad_profiles(self) -> None:
        """No profile, a broken one, and one that others may read are each told with what to do."""
        self.assertIn("pocketagent connect", self.failed(self.desk_.run("projects"), 3))
        self.met(self.url, "--yes")
        file = self.desk_.config / "profiles" / "127.0.0.1.json"
        file.chmod(0o644)
        self.assertIn(f"chmod 600 {file}", self.failed(self.desk_.run("projects"), 3))
        file.chmod(0o600)
        file.write_text("{")
        self.assertIn(str(file), self.failed(self.desk_.run("projects"), 3))
        shown = self.desk_.run("profiles")
        self.assertIn("(cannot be used)", self.done(shown))
        self.assertIn("broken", shown.err)
        self.met(self.url, "--yes")


class CommandTests(DeskTestCase):
    def setUp(self) -> None:
        self.inhabited: House = SharedHouse.lent(self).house
        self.desk_: Desk = self.desk(self.inhabited)

    def ok(self, *words: str) -> str:
        return self.done(self.desk_.run(*words))


class ProjectTests(CommandTests):
    def test_create_and_delete(self) -> None:
        """A project is made of a directory, listed, and deleted after a yes; the directory stays."""
        self.assertIn("no project yet", self.desk_.run("projects").err)
        path = self.inhabited.project("one")
        project_id = self.ok("create", str(path), "--name", "First").strip()
        row = self.ok("projects").splitlines()[1]
        for part in ("First", "IDLE", str(path), project_id):
            self.assertIn(part, row)
        self.assertEqual(json.loads(self.ok("projects", "--json"))[0]["id"], project_id)
        self.assertIn("nothing was deleted", self.failed(self.desk_.run("delete", "First"), 1))
        self.assertEqual(self.done(self.desk_.run("delete", "First", given="y\n")), "")
        self.assertEqual(json.loads(self.ok("projects", "--json")), [])
        self.assertTrue(path.is_dir())

    def test_refused(self) -> None:
        """What the server does not want is told with its own words, and exit code 4."""
        gone = self.failed(self.desk_.run("create", str(self.inhabited.home / "gone")), 4)
        self.assertIn("directory", gone)
        path = str(self.inhabited.project("one"))
        self.ok("create", path)
        self.assertIn("project already", self.failed(self.desk_.run("create", path), 4))
        reader = self.desk(self.inhabited, scope="read")
        self.assertIn("admin", self.failed(reader.run("create", path), 4))
        self.assertIn("admin", self.failed(reader.run("delete", "one", "--yes"), 4))

    def test_trust(self) -> None:
        """What would run by itself is named when a project is made, with the two ways to approve it."""
        path = self.inhabited.project("hooked")
        (path / ".mcp.json").write_text('{"mcpServers": {"x": {"command": "true"}}}')
        ran = self.desk_.run("create", str(path))
        self.done(ran)
        self.assertIn(".mcp.json", ran.err)
        fingerprint = ran.err.rpartition("--trust ")[2].strip()
        self.ok("delete", "hooked", "--yes")
        ran = self.desk_.run("create", str(path), "--trust", fingerprint)
        self.assertEqual((ran.code, ran.err), (0, ""))

    def test_harmless(self) -> None:
        """On a terminal the list is coloured, and no name of a directory acts on it."""
        path = self.inhabited.project("x\u202ey")
        self.ok("create", str(path), "--name", "one")
        running = self.desk_.start("projects", terminal=True, out=None)
        seen = running.ended().err
        self.assertIn("\x1b[32m", seen)
        self.assertNotIn("\u202e", seen)

    def test_stopping(self) -> None:
        """What runs is interrupted or killed from elsewhere; where nothing runs, that is told."""
        self.create(self.inhabited, "app")
        for command in ("interrupt", "kill"):
            self.assertIn("No execution runs", self.failed(self.desk_.run(command, "app"), 4))
            running = self.desk_.start("run", "app", "say: busy\nforever:")
            running.wait_for("busy")
            self.ok(command, "app")
            self.assertEqual(running.ended().code, 5)
        self.assertEqual(json.loads(self.ok("projects", "--json"))[0]["state"], "IDLE")

    def test_nearest(self) -> None:
        """Every command that takes a project suggests the nearest one."""
        self.create(self.inhabited, "application")
        for words in (("log", "aplication"), ("kill", "Applicatio"), ("delete", "applicationn", "--yes")):
            self.assertIn("Did you mean 'application'?", self.failed(self.desk_.run(*words), 4))


class CompletionTests(CommandTests):
    def offered(self, prefix: str) -> list[str]:
        """What a shell is offered for a project that begins so."""
        line = f"pocketagent log {prefix}"
        answer = self.desk_.directory / "answer"
        variables = {
            "_ARGCOMPLETE": "1", "COMP_LINE": line, "COMP_POINT": str(len(line)), "_ARGCOMPLETE_IFS": "\n",
            "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
        }  # fmt: skip
        ran = self.desk_.start(given="", more=variables).ended()
        self.assertEqual((ran.code, ran.out, ran.err), (0, "", ""))
        return sorted(answer.read_text().split())

    def test_projects(self) -> None:
        """Tab offers the server's projects, by name and by id; without the server nothing, and no word of it."""
        ids = [self.create(self.inhabited, name) for name in ("apple", "apricot", "pear")]
        self.assertEqual(self.offered("ap"), ["apple", "apricot"])
        self.assertEqual(self.offered(ids[2][:8]), [ids[2]])
        self.inhabited.stop()
        self.assertEqual(self.offered("ap"), [])


class FiguresTests(CommandTests):
    def test_stats(self) -> None:
        """The figures are shown, as JSON too, and again and again with --watch."""
        self.assertIn("connections", self.ok("stats"))
        self.assertIn("uptime", json.loads(self.ok("stats", "--json")))
        running = self.desk_.start("stats", "--watch", "--json")
        running.wait_until(lambda: running.out.count("\n") >= 2)
        running.press_ctrl_c()
        ran = running.ended()
        self.assertEqual((ran.code, ran.err), (1, ""))
        self.assertTrue(all("uptime" in json.loads(line) for line in ran.out.splitlines()))

    def test_health(self) -> None:
        """A server that works is 0, and one that does with what is not well about it."""
        self.assertTrue(self.ok("health").startswith("healthy\n"))
        self.assertEqual(json.loads(self.ok("health", "--json"))["status"], "healthy")
        ill = self.house(claude=Path("/nonexistent/claude"), start=False)
        ill.start(ready=False)
        self.connect(self.desk_, ill, "ill")
        ran = self.desk_.run("health")
        self.assertEqual((ran.code, ran.out.splitlines()[0]), (0, "degraded"))
        self.assertRegex(ran.out, r"claude +degraded +\w")


class LogTests(CommandTests):
    def setUp(self) -> None:
        super().setUp()
        self.project_id = self.create(self.inhabited, "app")

    def test_log(self) -> None:
        """Who said what, and when, in order: prompts, words, tools, answers, errors."""
        self.ok("run", "app", 'say: one\ntool: Bash {"command": "make"}\nsay: two', "--permission", "allow")
        self.desk_.run("run", "app", "error: 529")
        log = self.ok("log", "app")
        order = [("desk", "> say: one"), ("agent", "one\n"), ("agent", "Bash make"), ("agent", "may I? Bash make")]
        order += [("desk", "yes"), ("agent", "two\n"), ("desk", "> error"), ("server", "EXECUTION_FAILED")]
        places = [log.index(f"  {who:12}  {what}") for who, what in order]
        self.assertEqual(places, sorted(places))
        self.assertEqual(len(self.ok("log", "app", "--limit", "3").splitlines()), 3)
        self.assertTrue(log.endswith(self.ok("log", "app", "--limit", "3")))

    def test_since(self) -> None:
        """--since takes times, days and durations; what is none is misunderstood."""
        self.ok("run", "app", "say: now")
        for since in ("1h", "today", "yesterday", "2020-01-01", "2020-01-01T00:00:00Z"):
            self.assertIn("now", self.ok("log", "app", "--since", since))
        self.assertEqual(self.ok("log", "app", "--since", "2999-01-01"), "")
        self.assertIn("2h", self.failed(self.desk_.run("log", "app", "--since", "soon"), 2))

    def test_all_pages(self) -> None:
        """A long history is shown whole, in order, however many pages it takes."""
        self.ok("run", "app", "lines: 5000 300", "--quiet")
        events = [json.loads(line) for line in self.ok("log", "app", "--json").splitlines()]
        self.assertEqual([event["seq"] for event in events], list(range(1, len(events) + 1)))
        self.assertGreater(len(events), 5000)
        self.assertEqual(self.ok("log", "app", "--json", "--limit", "2500").splitlines()[0], json_line(events[-2500]))

    def test_follow(self) -> None:
        """Two who follow, one over a connection that is lost, one over a server that is killed, hear every event once,
        the same in both."""
        relay = Relay.to(self.inhabited.port)
        self.addCleanup(relay.cut)
        self.ok("run", "app", "say: before", "--quiet")
        shaky = self.desk(self.inhabited)
        self.connect(shaky, self.inhabited, "shaky", port=relay.port)
        followers = [desk.start("log", "app", "--follow", "--json") for desk in (self.desk_, shaky)]
        for one in followers:
            one.wait_for("before")
        running = self.desk_.start("run", "app", "lines: 3000 300 1500\nsay: middle", "--quiet")
        for _ in range(3):
            time.sleep(0.4)
            relay.cut()
            time.sleep(0.3)
            relay.mend()
        self.done(running.ended())
        self.inhabited.stop(signal.SIGKILL)
        self.inhabited.start()
        self.ok("run", "app", "say: at last", "--quiet")
        logs = []
        for one in followers:
            one.wait_until(lambda one=one: '"result":"at last"' in one.out, "the last words")  # type: ignore[misc]
        expected = self.ok("log", "app", "--json").splitlines()
        for one in followers:
            one.wait_until(lambda one=one: one.out.count("\n") >= len(expected), "the end")  # type: ignore[misc]
            one.press_ctrl_c()
            logs.append([json.loads(line)["seq"] for line in one.ended().out.splitlines()])
        self.assertEqual(logs[0], [json.loads(line)["seq"] for line in expected])
        self.assertEqual(logs[0], logs[1])

    def test_follow_from_now(self) -> None:
        """With --limit 0 only what is new is shown; the end of the project ends it."""
        self.ok("run", "app", "say: old", "--quiet")
        running = self.desk_.start("log", "app", "--follow", "--limit", "0")
        watching = self.client(self.inhabited)
        wait_until(lambda: data_of(watching.request("server_stats"))["subscriptions"] == 1, "it follows")
        self.ok("run", "app", "say: new", "--quiet")
        running.wait_for("new")
        wait_until(lambda: self.desk_.run("delete", "app", "--yes").code == 0, "deleted")
        ran = running.ended()
        self.assertNotIn("old", ran.out)
        self.assertEqual(ran.code, 0)

    def test_nobody_reads(self) -> None:
        """Who stops reading ends it, without a word."""
        self.ok("run", "app", "lines: 3000 300", "--quiet")
        reader, writer = os.pipe()
        running = self.desk_.start("log", "app", out=writer)
        os.close(writer)
        os.read(reader, 100)
        os.close(reader)
        self.assertEqual((running.ended().code, running.err), (1, ""))


def json_line(event: object) -> str:
    return json.dumps(event, separators=(",", ":"))
