# -*- test-case-name: tests.cli.doctor.test_examination -*-
"""`pocketagent doctor` as a whole, on a machine where all is well but for one thing."""

import argparse
import json
import os
import socket
from collections.abc import Mapping
from pathlib import Path

from pocketagent.cli.parser import parser
from pocketagent.config import TABLE
from pocketagent.outbound.data_directory import prepared
from pocketagent.settings import Several
from tests.cli.doctor.test_agent import GOOD, OUT
from tests.cli.house import CommandTestCase
from tests.outbound.pems import NOW, Pair, write

CHECKS = ["user", "data", "disk", "claude", "login", "certificate", "port", "clock", "files"]


class DoctorTests(CommandTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.machine.now = NOW
        self.directory = Path(self.mktemp()).resolve()
        self.directory.mkdir(mode=0o755)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        prepared(str(self.machine.data_dir))
        self.machine.environment = {
            "PATH": os.defpath.replace(":", ":/nonexistent:"),
            "PA_CLAUDE": str(self.directory / "claude"),
            "PA_HOST": "127.0.0.1",
            "PA_PORT": str(port),
        }
        self.claude(GOOD)

    def claude(self, script: str) -> None:
        program = self.directory / "claude"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    def verdicts(self, *words: str, code: int = 0) -> Mapping[str, str]:
        """What a program is told of each check."""
        run = self.machine.run("doctor", "--json", *words)
        self.assertEqual((run.code, run.err), (code, ""), run.out)
        told = json.loads(run.out)
        self.assertEqual(told["verdict"] == "problem", code == 1)
        return {one["check"]: one["verdict"] for one in told["findings"]}

    def test_well(self) -> None:
        """Where nothing is a problem the exit code is 0; every check has its line."""
        found = self.verdicts()
        self.assertEqual(list(found), CHECKS)
        self.assertNotIn("problem", found.values())
        lines = self.done("doctor").splitlines()
        self.assertEqual([line[9:22].strip() for line in lines if line[9:22].strip() != "do:"][: len(CHECKS)], CHECKS)
        self.assertNotIn("\x1b", "".join(lines))

    def test_problem(self) -> None:
        """One problem makes the exit code 1, and what to do stands below it."""
        self.claude(OUT)
        run = self.machine.run("doctor")
        self.assertEqual((run.code, run.err), (1, ""))
        lines = run.out.splitlines()
        (at,) = [number for number, line in enumerate(lines) if line.startswith("problem  login")]
        self.assertTrue(lines[at + 1].startswith(f"         do:          {self.directory}/claude auth login"))
        self.assertIn("1 problem", lines[-1])

    def test_settings(self) -> None:
        """A file, variables and options say what is looked at, as they say it to the server."""
        file = self.directory / "pocketagent.toml"
        file.write_text('claude = "/nonexistent/a"\n')
        self.machine.environment.pop("PA_CLAUDE")
        self.assertEqual(self.verdicts(f"--config={file}", code=1)["claude"], "problem")
        self.machine.environment["PA_CLAUDE"] = str(self.directory / "claude")
        self.assertEqual(self.verdicts(f"--config={file}")["claude"], "ok")
        self.assertEqual(self.verdicts("--claude=/nonexistent/b", code=1)["claude"], "problem")
        self.assertEqual(self.verdicts("--connections=100000", "--handshakes=10000")["files"], self.allowed(111_024))

    def allowed(self, files: int) -> str:
        hard = os.sysconf("SC_OPEN_MAX")
        return "ok" if hard < 0 or hard >= files else "warning"

    def test_wrong_settings(self) -> None:
        """A setting that would stop the server stops the doctor with the same sentence."""
        file = self.directory / "pocketagent.toml"
        file.write_text("prot = 8443\n")
        self.assertIn("did you mean port?", self.failed("doctor", f"--config={file}"))
        file.write_text("[[\n")
        self.assertIn("TOML", self.failed("doctor", f"--config={file}"))
        self.assertIn("cannot be read", self.failed("doctor", "--config=/nonexistent"))
        self.assertIn("--port", self.failed("doctor", "--port=99999"))
        self.assertIn("--host", self.failed("doctor", "--host=127.0.0.1", "--host=here"))
        self.machine.environment["PA_PROT"] = "1"
        self.assertIn("PA_PROT", self.failed("doctor"))

    def test_options_are_settings(self) -> None:
        """Each option is one of the server's, spelt as there, and may be repeated where it may be there."""
        (commands,) = [each for each in parser()._actions if isinstance(each, argparse._SubParsersAction)]
        table = {one.key: one for one in TABLE}
        for action in commands.choices["doctor"]._actions:
            if action.dest not in ("help", "json", "config"):
                one = table[action.dest]
                self.assertEqual(action.option_strings, [f"--{one.option}"])
                self.assertEqual(isinstance(action, argparse._AppendAction), isinstance(one.kind, Several))

    def test_certificates(self) -> None:
        """A certificate that was given is looked at with the names that were set; without TLS there is none."""
        pair = Pair("pocket.example.org")
        write(self.directory / "certificate.pem", pair.pem)
        write(self.directory / "key.pem", pair.key_pem)
        words = [f"--certificate={self.directory}/certificate.pem", f"--private-key={self.directory}/key.pem"]
        self.assertEqual(self.verdicts(*words, "--name=pocket.example.org").get("names"), None)
        self.assertEqual(self.verdicts(*words, "--name=other.example.org")["names"], "warning")
        self.machine.now = NOW + 1000 * 86400
        self.assertEqual(self.verdicts(*words, code=1)["certificate"], "problem")
        self.assertEqual(self.verdicts("--plaintext")["certificate"], "ok")

    def test_unforeseen(self) -> None:
        """What cannot be looked at is a problem of its own, and the other checks go on."""
        link = self.directory / "data"
        link.symlink_to("nothing")
        found = self.verdicts(f"--data-dir={link}", code=1)
        self.assertEqual((found["data"], found["claude"]), ("problem", "ok"))
        self.assertEqual(list(found)[-1], CHECKS[-1])
