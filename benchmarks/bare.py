"""Bare servers of HTTP over TLS that answer every request with the same bytes: twisted.web, and aiohttp.

    python -m benchmarks.bare twisted|aiohttp CERTIFICATE KEY ANSWERS

ANSWERS is a JSON file: by method, the status and the body. The port is printed; the end of stdin is the end.
"""

import asyncio
import json
import ssl
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

Answers = Mapping[str, tuple[int, bytes]]


def on_twisted(certificate: str, key: str, answers: Answers) -> None:
    from twisted.internet import reactor as installed
    from twisted.internet import stdio
    from twisted.internet.protocol import Protocol
    from twisted.internet.ssl import DefaultOpenSSLContextFactory
    from twisted.web.http import Request
    from twisted.web.resource import Resource
    from twisted.web.server import Site

    reactor: Any = installed

    class Page(Resource):
        isLeaf = True

        def render(self, request: Request) -> bytes:
            assert request.content is not None
            request.content.read()
            status, body = answers[request.method.decode()]
            request.setResponseCode(status)
            request.setHeader(b"content-type", b"application/json")
            return body

    class Stdin(Protocol):
        def connectionLost(self, reason: object = None) -> None:
            reactor.stop()

    context = DefaultOpenSSLContextFactory(key, certificate)
    port = reactor.listenSSL(0, Site(Page()), context, interface="127.0.0.1")
    tell(port.getHost().port)
    stdio.StandardIO(Stdin())
    reactor.run()


def on_aiohttp(certificate: str, key: str, answers: Answers) -> None:
    from aiohttp import web

    async def page(request: web.Request) -> web.Response:
        await request.read()
        status, body = answers[request.method]
        return web.Response(status=status, body=body, content_type="application/json")

    async def serve() -> None:
        app = web.Application()
        app.router.add_route("*", "/{anything:.*}", page)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        tell(runner.addresses[0][1])
        await asyncio.to_thread(sys.stdin.read)
        await runner.cleanup()

    asyncio.run(serve())


def tell(port: int) -> None:
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()


def main() -> None:
    _, kind, certificate, key, path = sys.argv
    found = json.loads(Path(path).read_text())
    answers = {method: (status, body.encode()) for method, (status, body) in found.items()}
    {"twisted": on_twisted, "aiohttp": on_aiohttp}[kind](certificate, key, answers)


if __name__ == "__main__":
    main()
