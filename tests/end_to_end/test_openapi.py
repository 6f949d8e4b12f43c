"""RE-13: schemathesis against a whole server: it reads the description, and looks for what does not keep to it.

What is left out of its checks: `positive_data_acceptance`, since no schema says which paths exist, which project has
which fingerprint, or that a name is printable (`tests.inbound.test_openapi` holds every body against the validators
instead). What is left out of its operations: the event stream, which never ends; and for the admin what would take away
the device that asks.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from tests.end_to_end.asking import BASE, Answer, Asking
from tests.end_to_end.client import DEADLINE
from tests.end_to_end.house import House, HouseTestCase

SCHEMATHESIS = "import sys; sys.argv[0] = 'schemathesis'; from schemathesis.cli import schemathesis; schemathesis()"
GENEROUS = ("--wrong-credentials=100000", "--wrong-credentials-per-address=100000")
SETTINGS = """
[checks]
# Beside the usual ones: what is too long for the head of a request.
negative_data_rejection.expected-statuses = [400, 401, 403, 404, 405, 409, 413, 415, 431]
"""
ROOT = Path(__file__).parents[2]
LEFT_OUT = ("events",)
OF_DEVICES = ("delete_devices_device_id", "patch_devices_device_id", "delete_session")


class OpenApiTests(HouseTestCase):
    def setUp(self) -> None:
        # Many requests are made with no good credential, on purpose.
        self.inhabited: House = self.house(*GENEROUS, plaintext=True)
        self.token = self.inhabited.token()
        for name in ("one", "two"):
            made = self.ask("POST", "/projects", {"path": str(self.inhabited.project(name))})
            self.assertEqual(made.status, 201)
        self.ask("POST", f"/projects/{made.body['id']}/executions", {"prompt": "say: hello"})

    def ask(self, method: str, path: str, body: object = None) -> Answer:
        """On a connection of its own: the last one may be over by now."""
        asking = Asking.of(self.inhabited, self.token)
        try:
            return asking.ask(method, path, body)
        finally:
            asking.close()

    def examine(
        self, token: str | None, phases: str, examples: int, left_out: Sequence[str] = LEFT_OUT
    ) -> Counter[tuple[str, int]]:
        """Run it with a token, or without any; how often which path was asked and answered with which status."""
        directory = Path(self.mktemp())
        directory.mkdir()
        (directory / "schemathesis.toml").write_text(SETTINGS)
        # What is described is told to those who have a token; without one it is looked into all the same.
        (directory / "openapi.json").write_text(json.dumps(self.ask("GET", "/openapi.json").body))
        url = f"http://127.0.0.1:{self.inhabited.port}"
        words = ["run", "openapi.json", "--url", url, "--phases", phases, f"-n{examples}", "--seed=1", "--no-color"]
        words += ["--checks=all", "--exclude-checks=positive_data_acceptance", "--report-har-path=asked.json"]
        words += [] if token is None else ["--header", f"Authorization: Bearer {token}"]
        words += [f"--exclude-operation-id={name}" for name in left_out]
        run = subprocess.run(
            [sys.executable, "-c", SCHEMATHESIS, *words],
            cwd=directory, env={**os.environ, "HOME": str(directory.resolve())},
            capture_output=True, text=True, timeout=5 * DEADLINE, check=False,
        )  # fmt: skip
        self.assertEqual(run.returncode, 0, run.stdout[-6000:] + run.stderr[-2000:])
        for phase in phases.split(","):
            self.assertRegex(run.stdout, rf"✅ +{phase.capitalize()}")
        entries = json.loads((directory / "asked.json").read_text())["log"]["entries"]
        return Counter(
            (urlsplit(one["request"]["url"]).path.removeprefix(BASE), one["response"]["status"]) for one in entries
        )

    def test_admin(self) -> None:
        """Whatever an admin sends, well-formed or not: no 5xx, and nothing that the description does not say."""
        made = self.examine(self.token, "coverage,fuzzing", 3, left_out=(*LEFT_OUT, *OF_DEVICES))
        self.assertGreater(made.total(), 300)
        self.assertEqual(self.ask("GET", "/health").status, 200)

    def test_other_scopes(self) -> None:
        """With a lesser scope it is refused what is not for it, and otherwise told the same."""
        for scope in ("read", "execute"):
            self.examine(self.inhabited.token(scope, scope), "fuzzing", 3)

    def test_without_token(self) -> None:
        """Who shows no token is told nothing, whatever they send: no path but that of pairings looks at it."""
        made = self.examine(None, "fuzzing", 2, left_out=())
        self.assertIn(("/pair", 401), made)
        # Without an id that could be one there is nothing at a path; a head may be too large to be read, a query is
        # read before the credential, and a code comes in a body, which is judged.
        others = {(path, status) for path, status in made if status not in (400, 401, 404, 431)}
        self.assertLessEqual(others, {("/pair", 415)})

    def test_whole(self) -> None:
        """Every path that the server has at /api/v1 is described, as docs/make_openapi.py does without a server."""
        answer = self.ask("GET", "/openapi.json")
        document = answer.body
        paths = document["paths"]
        assert isinstance(paths, dict)
        for path in paths:
            answer = self.ask("TRACE", path.replace("{", "").replace("}", ""))
            allowed = {word for word in answer.headers["allow"].split(", ") if word != "HEAD"}
            self.assertEqual((answer.status, {one.upper() for one in paths[path]}), (405, allowed), path)
        self.assertNotIn(str(self.inhabited.directory), json.dumps(document))
        run = subprocess.run(
            [sys.executable, "docs/make_openapi.py"],
            cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True, timeout=DEADLINE, check=True,
        )  # fmt: skip
        self.assertEqual(json.loads(run.stdout), document)
