"""What pages of others can do in a browser that has been paired (threats OR): nothing. What a page of ours may do."""

import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from playwright.sync_api import Page

from tests.end_to_end.browser import BrowserTestCase
from tests.end_to_end.house import House
from tests.end_to_end.shared_house import SharedHouse

TRIES = """async (target) => {
    const told = {};
    for (const [name, options] of [
        ["read", {credentials: "include"}],
        ["blind", {credentials: "include", mode: "no-cors"}],
        ["write", {credentials: "include", mode: "no-cors", method: "POST", body: "{}"}],
    ]) {
        const asked = fetch(`https://${target}/api/v1/projects`, options);
        told[name] = await asked.then(answer => answer.type, () => "refused");
    }
    told.socket = await new Promise(resolve => {
        const socket = new WebSocket(`wss://${target}/ws`);
        socket.onopen = () => resolve("open");
        socket.onerror = () => resolve("refused");
    });
    told.frame = await new Promise(resolve => {
        const frame = document.createElement("iframe");
        frame.onload = () => resolve(frame.contentDocument ? "empty" : "foreign");
        frame.src = `https://${target}/`;
        document.body.append(frame);
    });
    return told;
}"""
"""What a page may try against a server, and how it went."""


class Neighbour(BaseHTTPRequestHandler):
    """Gives an empty page to everybody."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<body>")

    def log_message(self, format: str, *args: object) -> None:
        pass


class OriginTests(BrowserTestCase):
    expected = (
        "blocked by CORS",
        "Failed to load",
        "WebSocket connection",
        "Content Security Policy",
        "TrustedScript",
        "TrustedHTML",
    )

    def test_pages_of_other_origins_reach_nothing(self) -> None:
        """Neither another site nor another port of the same host, to which the browser does send the cookie, reads the
        API, changes anything, opens a WebSocket or shows the client in a frame."""
        house = SharedHouse.lent(self, real=True).house
        page = self.paired(house)
        for origin in ("https://evil.example", f"https://localhost:{self.neighbour(house)}"):
            foreign = page.context.new_page()
            foreign.route("https://evil.example/**", lambda route: route.fulfill(body="<body>"))
            foreign.goto(f"{origin}/")
            told = foreign.evaluate(TRIES, f"localhost:{house.port}")
            self.assertEqual({told.pop(name) for name in ("read", "blind", "write", "socket")}, {"refused"}, origin)
            self.assertEqual(told, {"frame": "foreign"})
            self.assertNotIn("Pocket Agent", self._framed(foreign))
            foreign.close()

    def neighbour(self, house: House) -> int:
        """The port of another server on the same host, whose pages the browser trusts as much."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), Neighbour)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        keys = house.data_dir / "certificates"
        context.load_cert_chain(keys / "certificate.pem", keys / "private_key.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return server.server_port

    def test_the_page_runs_nothing_that_it_did_not_come_with(self) -> None:
        """Inline scripts, handlers, eval, scripts of others and connections elsewhere are refused by the policy; no
        credential can be read by scripts."""
        page = self.paired(SharedHouse.lent(self, real=True).house)
        told = page.evaluate(
            """async () => {
                const refused = [];
                document.addEventListener("securitypolicyviolation", found => refused.push(found.effectiveDirective));
                const script = document.createElement("script");
                const button = document.createElement("button");
                document.body.append(script, button);
                const tries = [
                    () => script.append("window.ran = true"),
                    () => button.setAttribute("onclick", "window.ran = true"),
                    () => button.click(),
                    () => (0, eval)("window.ran = true"),
                    () => document.body.insertAdjacentHTML("beforeend", "<img src=x onerror='window.ran = true'>"),
                    () => document.body.append(Object.assign(new Image(), {src: "https://evil.example/pixel.png"})),
                ];
                // Later: what the debugger itself evaluates may evaluate, too.
                const done = await new Promise(resolve => setTimeout(() => resolve(
                    tries.map(attempt => { try { attempt(); return true; } catch { return false; } })
                )));
                const elsewhere = await fetch("https://evil.example/").then(() => true, () => false);
                // Violations are told a moment later.
                for (let tries = 0; tries < 600 && !refused.includes("img-src"); tries++)
                    await new Promise(resolve => setTimeout(resolve, 50));
                return {ran: window.ran === true, done, elsewhere, cookie: document.cookie, refused,
                        kept: JSON.stringify({...localStorage, ...sessionStorage})};
            }"""
        )
        self.assertFalse(told["ran"] or told["elsewhere"], told)
        self.assertEqual(told["done"][3:5], [False, False], "neither eval nor markup")
        self.assertIn("img-src", told["refused"])
        self.assertEqual(told["cookie"], "")
        self.assertNotIn("pa_", told["kept"])

    def _framed(self, page: Page) -> str:
        """What stands in the frames of a page."""
        return "".join(frame.locator("html").inner_text() for frame in page.frames[1:] if frame.url != "about:blank")
