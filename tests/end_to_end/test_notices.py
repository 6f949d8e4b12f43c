"""A real server tells a real push endpoint and a real webhook, and neither its keys nor its secrets come to light."""

import hashlib
import hmac
import http.client
import json
import queue
from collections.abc import Mapping
from pathlib import Path

from pocketagent.version import VERSION
from tests.end_to_end.client import Pinned, wait_until
from tests.end_to_end.house import House, HouseTestCase
from tests.end_to_end.test_turns import begin
from tests.receiver import Browser, Received, Receiver, claims

SECRET = "canary-of-the-webhook-0123456789"
PLACE = "canary-of-the-endpoint"


class NoticesTests(HouseTestCase):
    def setUp(self) -> None:
        self.service = self.receiver(tls=True)
        self.hook = self.receiver(tls=False)
        directory = Path(self.mktemp()).absolute()
        directory.mkdir()
        (directory / "authority.pem").write_bytes(self.service.pem)
        (directory / "secret").write_text(SECRET + "\n")
        (directory / "secret").chmod(0o600)
        settings = directory / "settings.toml"
        settings.write_text(
            "push_after = 0\npush_allow_private = true\nlog_level = 'debug'\n"
            f"[[webhooks]]\nurl = 'http://127.0.0.1:{self.hook.port}/{PLACE}'\nsecret_file = '{directory}/secret'\n"
        )
        environment = {"SSL_CERT_FILE": str(directory / "authority.pem")}
        self.settings, self.environment = settings, environment
        self.started = self.house(f"--config={settings}", environment=environment)
        self.browser = Browser()

    def receiver(self, tls: bool) -> Receiver:
        receiver = Receiver.start(Path(self.mktemp()), 201, tls=tls)
        self.addCleanup(receiver.stop)
        return receiver

    def ask(self, house: House, token: str, method: str, path: str, body: object = None) -> tuple[int, str]:
        talk = http.client.HTTPSConnection("127.0.0.1", house.port, timeout=20, context=Pinned(house.fingerprint))
        headers = {"Authorization": f"Bearer {token}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            talk.request(method, path, None if body is None else json.dumps(body), headers)
            answer = talk.getresponse()
            return answer.status, answer.read().decode()
        finally:
            talk.close()

    def register(self, token: str) -> None:
        endpoint = f"https://localhost:{self.service.port}/{PLACE}"
        status, answer = self.ask(
            self.started, token, "PUT", "/api/v1/push/subscription", {"endpoint": endpoint, "keys": self.browser.keys}
        )
        self.assertEqual((status, answer), (204, ""))

    def hooked(self, event: str) -> Mapping[str, object]:
        """The next message of the webhook with that event, checked."""
        while True:
            came = self.hook.next()
            expected = hmac.new(
                SECRET.encode(), came.headers["pocketagent-timestamp"].encode() + b"." + came.body, hashlib.sha256
            )
            self.assertEqual(came.headers["pocketagent-signature"], f"sha256={expected.hexdigest()}")
            body: Mapping[str, object] = json.loads(came.body)
            if body["event"] == event:
                return body

    def pushed(self) -> Mapping[str, object]:
        came: Received = self.service.next()
        claims(came.headers["authorization"], self.public_key)
        return self.browser.read(came.body)

    def test_told(self) -> None:
        """An execution fails, a permission is asked: the device that does not look and the webhook hear of both."""
        phone = self.started.token("phone", "read")
        state = json.loads(self.ask(self.started, phone, "GET", "/api/v1/push")[1])
        self.public_key = state["public_key"]
        self.assertFalse(state["works"])
        self.assertIn("authority", state["why"])
        self.register(phone)
        desk = self.started.token("desk")
        one = self.client(self.started, desk)
        project_id = begin(one, self.started, "one")
        self.assertEqual(self.hooked("server_started")["data"], {"version": VERSION})
        self.assertEqual(self.hooked("project_created")["data"], {"project_id": project_id, "project_name": "one"})

        one.request("execute", project_id=project_id, prompt="exit: 3")
        one.wait_for_state(project_id, "ERROR")
        told = self.pushed()
        self.assertEqual((told["kind"], told["project_id"], told["title"]), ("failed", project_id, "one: failed"))
        self.assertEqual(_data(self.hooked("execution_failed"))["project_id"], project_id)

        one.request("error_acknowledge", project_id=project_id)
        one.request("execute", project_id=project_id, prompt='tool: Bash {"command": "make"}')
        asked = one.wait_for(lambda message: message["type"] == "permission_request")
        told = self.pushed()
        self.assertEqual((told["kind"], told["seq"]), ("permission", asked["seq"]))
        self.assertEqual(_data(self.hooked("permission_request"))["seq"], asked["seq"])

        # Who looks is not pushed to: the phone joins, the question is answered, and the end is told to nobody there.
        looking = self.client(self.started, phone)
        looking.join(project_id)
        one.request("agent_kill", project_id=project_id)
        one.wait_for_state(project_id, "IDLE")
        self.hooked("execution_finished")
        self.assertEqual(self.service.count, 0)

        self.started.command("token", "revoke", "phone")
        self.assertEqual(_data(self.hooked("device_revoked"))["device_name"], "phone")
        wait_until(lambda: PLACE not in self.kept(), "its subscription is gone")
        self.started.stop()
        self.hooked("server_stopped")
        with self.assertRaises(queue.Empty):
            self.service.next(0)
        self.check_secrets()

    def test_gone(self) -> None:
        """A push service that answers 410 hears nothing more."""
        self.service.statuses[:] = [410]
        self.register(self.started.token("phone", "read"))
        self.assertIn(PLACE, self.kept())
        one = self.client(self.started)
        project_id = begin(one, self.started, "one")
        one.request("execute", project_id=project_id, prompt="exit: 3")
        self.service.next()
        wait_until(lambda: PLACE not in self.kept(), "its subscription is gone")

    def test_private(self) -> None:
        """SSRF: unless the setting allows it nothing is sent to this machine, whatever it is called."""
        strict = self.house(environment=self.environment)
        token = strict.token("phone", "read")
        path, port = "/api/v1/push/subscription", self.service.port
        for host in ("127.0.0.1", "[::1]", "10.0.0.1", "169.254.169.254"):
            body = {"endpoint": f"https://{host}:{port}/", "keys": self.browser.keys}
            self.assertEqual(self.ask(strict, token, "PUT", path, body)[0], 400)
        body = {"endpoint": f"https://localhost:{port}/", "keys": self.browser.keys}
        self.assertEqual(self.ask(strict, token, "PUT", path, body)[0], 204)
        one = self.client(strict)
        project_id = begin(one, strict, "one")
        one.request("execute", project_id=project_id, prompt='tool: Bash {"command": "make"}')
        wait_until(lambda: "one that is not public" in strict.log, "it was refused")
        self.assertEqual(self.service.count, 0)

    def kept(self) -> str:
        path = self.started.data_dir / "push.json"
        return path.read_text() if path.exists() else ""

    def check_secrets(self) -> None:
        """AD-02: neither the key, the secret, the endpoint nor the webhook's URL stands in the log."""
        key = self.started.data_dir / "push_key.pem"
        self.assertEqual(key.stat().st_mode & 0o777, 0o600)
        lines = key.read_text().splitlines()[1:-1]
        self.assertIn("debug", self.started.log)
        for canary in (SECRET, PLACE, *lines, *self.browser.keys.values()):
            self.assertNotIn(canary, self.started.log)


def _data(body: Mapping[str, object]) -> Mapping[str, object]:
    data = body["data"]
    assert isinstance(data, dict)
    return data
