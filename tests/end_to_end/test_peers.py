"""Clients on libraries that are not ours: the same scenario through each, the same events for all."""

import json
import shutil
import subprocess
from collections.abc import Callable, Sequence

from wsproto import ConnectionType, WSConnection
from wsproto.events import CloseConnection, Ping, RejectConnection, Request, TextMessage

from tests.end_to_end.client import DEADLINE, Message, Pinned
from tests.end_to_end.house import ROOT, House, HouseTestCase
from tests.end_to_end.shared_house import SharedHouse
from tests.end_to_end.test_turns import begin, data_of

MODULES = ROOT / "benchmarks" / "node" / "node_modules"
FRAME = 12
"""Characters of each frame that the patient client sends: a message in many frames."""

NODE = """
const { createHash, X509Certificate } = require('node:crypto');
const WebSocket = require('ws');
const [url, token, fingerprint, projectId] = process.argv.slice(1);
const headers = { Authorization: `Bearer ${token}` };
const ws = new WebSocket(url, 'pocketagent.v1', { rejectUnauthorized: false, headers });
const events = [];
ws.on('upgrade', (response) => {
  const key = new X509Certificate(response.socket.getPeerCertificate().raw).publicKey;
  const seen = createHash('sha256').update(key.export({ type: 'spki', format: 'der' })).digest('base64');
  if (seen !== fingerprint) { console.error('another key'); process.exit(1); }
});
const send = (type, data) => {
  ws.send(JSON.stringify({ type, request_id: type, data: { project_id: projectId, ...data } }));
};
ws.on('message', (data) => {
  const message = JSON.parse(data);
  if (message.type === 'connection_established') send('project_join', { after_seq: 0 });
  if (message.type === 'project_joined') send('execute', { prompt: process.env.PROMPT });
  if (message.type === 'error') { console.error(String(data)); process.exit(1); }
  if (message.seq) {
    events.push(message);
    if (message.type === 'project_state' && message.data.state === 'IDLE' && events.length > 3) ws.close(1000);
  }
});
ws.on('close', (code) => {
  console.log(JSON.stringify({ events, code, protocol: ws.protocol, extensions: ws.extensions }));
});
"""


def done(events: Sequence[Message]) -> bool:
    """Whether the turn is over, as these events tell it."""
    return len(events) > 3 and events[-1]["type"] == "project_state" and data_of(events[-1])["state"] == "IDLE"


class PeerTests(HouseTestCase):
    def setUp(self) -> None:
        self.inhabited = SharedHouse.lent(self).house
        self.token = self.inhabited.token()

    def check(self, peer: Callable[[House, str, str, str], Sequence[Message]]) -> None:
        """The peer joins from the beginning, executes, and hears what an observer and the log have."""
        observer = self.client(self.inhabited, self.token)
        project_id = begin(observer, self.inhabited, "one")
        prompt = "say: größer als \N{WOMAN}\nfill: 3000000\nlines: 200 300\nsay: end"
        heard = peer(self.inhabited, self.token, project_id, prompt)
        observer.wait_for_state(project_id, "EXECUTING")
        observer.wait_for_state(project_id, "IDLE")
        seen = observer.events(project_id)
        self.assertEqual(heard[-len(seen) :], seen)
        kept = [(one["seq"], one["message"]) for one in observer.history(project_id)]
        self.assertEqual([(one["seq"], one["data"]) for one in heard], kept)

    def test_wsproto(self) -> None:
        """wsproto, byte by byte: its messages come in many frames, with pings between them."""
        self.check(by_wsproto)

    def test_node(self) -> None:
        """Node's ws, which offers compression and a subprotocol."""
        if shutil.which("node") is None:
            self.skipTest("node is not installed")
        if not (MODULES / "ws").exists():
            self.skipTest("the npm package ws is not installed (`make test` installs it where there is npm)")
        self.check(by_node)


def by_node(house: House, token: str, project_id: str, prompt: str) -> Sequence[Message]:
    run = subprocess.run(
        ["node", "-e", NODE, f"wss://127.0.0.1:{house.port}/ws", token, house.fingerprint, project_id],
        env={"PATH": house.environment["PATH"], "NODE_PATH": str(MODULES), "PROMPT": prompt},
        capture_output=True, text=True, timeout=DEADLINE, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    assert (told["code"], told["protocol"], told["extensions"]) == (1000, "pocketagent.v1", ""), told
    return list(told["events"])


def by_wsproto(house: House, token: str, project_id: str, prompt: str) -> Sequence[Message]:
    stream = Pinned(house.fingerprint).wrap_socket(house.dial(), server_hostname="127.0.0.1")
    peer = WSConnection(ConnectionType.CLIENT)
    upgrade = Request(host=f"127.0.0.1:{house.port}", target="/ws")
    upgrade.extra_headers.append((b"Authorization", f"Bearer {token}".encode()))
    stream.sendall(peer.send(upgrade))
    events: list[Message] = []
    text = ""

    def send(type: str, **data: object) -> None:
        words = json.dumps({"type": type, "request_id": type, "data": {"project_id": project_id, **data}})
        for at in range(0, len(words), FRAME):
            is_last = at + FRAME >= len(words)
            stream.sendall(peer.send(TextMessage(data=words[at : at + FRAME], message_finished=is_last)))
            stream.sendall(peer.send(Ping(b"between")))

    def hear(message: Message) -> None:
        if message["type"] == "connection_established":
            send("project_join", after_seq=0)
        elif message["type"] == "project_joined":
            send("execute", prompt=prompt)
        elif message["type"] == "error":
            raise AssertionError(message)
        elif "seq" in message:
            events.append(message)

    with stream:
        while not done(events):
            peer.receive_data(stream.recv(65536) or None)
            for event in peer.events():
                assert not isinstance(event, CloseConnection | RejectConnection), event
                if isinstance(event, TextMessage):
                    text += event.data
                    if event.message_finished:
                        hear(json.loads(text))
                        text = ""
        stream.sendall(peer.send(CloseConnection(1000)))
        codes: list[object] = []
        while not codes:
            peer.receive_data(stream.recv(65536) or None)
            codes = [event.code for event in peer.events() if isinstance(event, CloseConnection)]
        assert codes == [1000], codes
        return events
