"""What a person calls a server, and what there is to know of it."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.client import Problem, Server
from pocketagent.client.server import PORT, address, is_loopback

TOKEN = f"pa_{'1' * 16}_{'2' * 64}"


class AddressTests(SynchronousTestCase):
    def test_spellings(self) -> None:
        """However a person writes the address, it is the URL of a WebSocket; to this machine also without TLS."""
        for text, url in {
            "localhost": f"wss://localhost:{PORT}/ws",
            " LocalHost \n": f"wss://localhost:{PORT}/ws",
            "my.host:9443": "wss://my.host:9443/ws",
            "my.host:9443/ws": "wss://my.host:9443/ws",
            "my_host.": f"wss://my_host.:{PORT}/ws",
            "https://my.host": "wss://my.host:443/ws",
            "https://my.host/": "wss://my.host:443/ws",
            "wss://my.host/ws": "wss://my.host:443/ws",
            "WSS://my.host:1/ws": "wss://my.host:1/ws",
            "192.168.1.2": f"wss://192.168.1.2:{PORT}/ws",
            "::1": f"wss://[::1]:{PORT}/ws",
            "[fe80::2]:99": "wss://[fe80::2]:99/ws",
            "http://localhost": "ws://localhost:80/ws",
            "ws://127.0.0.1:8443": "ws://127.0.0.1:8443/ws",
            "http://[::1]:8080/ws": "ws://[::1]:8080/ws",
            "bücher.example": f"wss://xn--bcher-kva.example:{PORT}/ws",
            "xn--bcher-kva.example": f"wss://xn--bcher-kva.example:{PORT}/ws",
            "localhost:65535": "wss://localhost:65535/ws",
        }.items():
            self.assertEqual(address(text), url)
            self.assertEqual(address(url), url)

    def test_what_is_none(self) -> None:
        """What is no address of a server is told with what is wrong, and how to write it."""
        for text, word in {
            **dict.fromkeys(("", " ", "://", "wss://", "ftp://my.host", "javascript:alert(1)//x", "wss://:1"), ""),
            **dict.fromkeys(("me@my.host", "https://me:secret@my.host", "https://@my.host"), "is not the address"),
            **dict.fromkeys(
                ("my.host?a=b", "https://my.host/ws?token=x", "https://my.host/ws#x"), "is not the address"
            ),
            **dict.fromkeys(("my host", "my.host\\n", "a/../b:c", "-my.host", "my..host", "wss://[::1"), ""),
            **dict.fromkeys((f"{'a' * 64}.example", f"{'a.' * 127}toolong", "wss://[nonsense]", "%41.host"), ""),
            **dict.fromkeys(("localhost:0", "localhost:65536", "localhost:x", "https://my.host:-1"), "good port"),
            **dict.fromkeys(("https://my.host/app", "my.host/ws/", "my.host/WS"), "has a path"),
            **dict.fromkeys(("http://my.host", "ws://192.168.1.2:8443", "http://localhost.example"), "unencrypted"),
        }.items():
            problem = self.assertRaises(Problem, address, text)
            self.assertIn(word, str(problem), text)
            self.assertNotIn("\n", str(problem))

    @given(st.text(max_size=30) | st.from_regex(r"(wss?|https?)://[\[\]:.%@a-z0-9/]{0,20}"))
    def test_anything(self, text: str) -> None:
        """Any text is an address, which stays what it is, or a Problem."""
        with contextlib.suppress(Problem):
            self.assertEqual(address(address(text)), address(text))

    def test_loopback(self) -> None:
        """Only this machine is this machine."""
        for host in ("localhost", "127.0.0.1", "127.9.9.9", "::1"):
            self.assertTrue(is_loopback(host))
        for host in ("localhost.example", "128.0.0.1", "0.0.0.0", "::", "1", ""):
            self.assertFalse(is_loopback(host))


class ServerTests(SynchronousTestCase):
    def test_no_token_is_shown(self) -> None:
        """A server as text has no token in it; its address is checked and complete."""
        server = Server("my.host", f" {TOKEN}\n", "f", "ca.pem")
        self.assertEqual((server.url, server.token), (f"wss://my.host:{PORT}/ws", TOKEN))
        for text in (repr(server), str(server)):
            self.assertNotIn(TOKEN[4:8], text)
            self.assertIn("my.host", text)

    def test_what_is_no_server(self) -> None:
        """Neither an address that would send the token in the clear, nor a token that would be more than one header."""
        self.assertRaises(Problem, Server, "ws://my.host", TOKEN)
        for token in ("a b", "a\r\nX-More: 1", "tök", "a\0", "a\u2028b"):
            problem = self.assertRaises(Problem, Server, "localhost", token)
            self.assertNotIn(token, str(problem))
