"""A local stand-in of the Messages API, for driving the real Claude CLI without an account.

It answers `POST /v1/messages` (Server-Sent Events, or whole when `stream` is not asked for),
`POST /v1/messages/count_tokens`, and says 404 to everything else. It keeps no state between requests but a log:
what it says stands in the prompt, so that a retried request is answered alike. A prompt is a script, a step a line:

    say: some words             a text block, streamed word by word
    json: "cut \\ud83d"          a text block given as a JSON string: escapes pass as they stand, one delta
    think: hm, let me see       a thinking block
    tool: Bash {"command": …}   a tool call; several in one answer are parallel calls
    fill: 16000000 [1000]       a text block of so many bytes [in deltas of so many bytes, default 16384]
    pause: 0.5                  wait so many seconds
    hold: NAME                  wait until somebody releases NAME (`MessagesApi.release`)
    error: 529 [2]              say no with this status [only to the first 2 tries]; in mid-answer an `error` event
    cut:                        close the connection, wherever the answer stands
    stop: max_tokens            end the answer with this stop_reason (default end_turn, or tool_use after a tool)
    then:                       what follows is the next answer, given when the tool results of this one are in

Answers beyond the last one of the script say "Done."; a prompt without any step is echoed. Answers put into
`MessagesApi.queue` (same language) go before all that, one for each request.

In a test:      api = MessagesApi(reactor); port = api.listen(); … environment["ANTHROPIC_BASE_URL"] = api.url
As a program:   python -m tests.messages_api      prints its URL, ends when its stdin does; then over HTTP
                GET /_log (the requests), POST /_queue (an answer as the body), POST /_release/NAME, POST /_forget
"""

import json
import re
import sys
from collections import Counter, deque
from collections.abc import AsyncIterator, Mapping, Sequence
from itertools import count

from attrs import define, field, frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IListeningPort, IReactorTCP, IReactorTime
from twisted.internet.task import deferLater
from twisted.web.http import Request
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site
from zope.interface import Interface

STEP = re.compile(r"^[ \t]*(say|json|think|tool|fill|pause|hold|error|cut|stop|then):[ \t]?(.*)$", re.MULTILINE)

SECRETS = (b"x-api-key", b"authorization")

ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    529: "overloaded_error",
}

DELTA = 16384

Json = dict[str, object]
Script = Sequence[tuple[str, str]]


class IReactor(IReactorTCP, IReactorTime, Interface):
    """What the stand-in needs of a reactor."""


class Fault(Exception):
    """The answer is an error with this HTTP status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status
        self.body: Json = {
            "type": "error",
            "error": {"type": ERRORS.get(status, "api_error"), "message": f"The stand-in was told to say {status}."},
            "request_id": "req_stand_in",
        }


class Cut(Exception):
    """The connection is to be lost here."""


@frozen
class Asked:
    """A request that came. `headers` has lower-case names and no key."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: Json

    @property
    def prompt(self) -> str:
        """What the person wrote last."""
        return prompt_of(self.body)[0]


def prompt_of(body: Json) -> tuple[str, int]:
    """A request's body -> (what the person wrote last, how often the model has answered since)."""
    answered = 0
    messages = body.get("messages")
    for message in reversed(messages if isinstance(messages, list) else []):
        if message["role"] == "assistant":
            answered += 1
        if message["role"] != "user":
            continue  # The CLI says its environment in messages of the role "system".
        content = message["content"]
        texts = [content] if isinstance(content, str) else [block["text"] for block in content if "text" in block]
        written = [text for text in texts if not text.lstrip().startswith("<system-reminder>")]
        if written:
            return written[-1], answered  # After an error the CLI sends the failed prompt and the next one together.
    return "", answered


def script_of(text: str, answered: int = 0) -> Script:
    """The steps of the answer with this number."""
    steps = STEP.findall(text)
    if not steps:
        return [("say", f"You said: {text[:200]}")]
    for _ in range(answered):
        then = next((at for at, (verb, _) in enumerate(steps) if verb == "then"), None)
        if then is None:
            return [("say", "Done.")]
        steps = steps[then + 1 :]
    end = next((at for at, (verb, _) in enumerate(steps) if verb == "then"), len(steps))
    return steps[:end]


@define(eq=False)
class Speaker:
    """Says one answer as the events of the API's stream."""

    clock: IReactorTime
    holds: dict[str, Deferred[None]]
    number: int
    model: str
    tries: int
    started: bool = False
    blocks: int = 0
    stop_reason: str = "end_turn"

    async def events(self, script: Script) -> AsyncIterator[Json]:
        for verb, rest in script:
            if verb in ("say", "json", "think", "tool", "fill"):
                if not self.started:
                    yield self._start()
                for event in getattr(self, f"_{verb}")(rest):
                    yield event
            else:
                await getattr(self, f"_{verb}")(rest)
        if not self.started:
            yield self._start()
        yield {
            "type": "message_delta",
            "delta": {"stop_reason": self.stop_reason, "stop_sequence": None},
            "usage": {"output_tokens": 5 * self.blocks + 1},
        }
        yield {"type": "message_stop"}

    def _start(self) -> Json:
        self.started = True
        message: Json = {
            "id": f"msg_{self.number:024d}",
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 100, "output_tokens": 1},
        }
        return {"type": "message_start", "message": message}

    def _block(self, block: Json, deltas: Sequence[Json]) -> Sequence[Json]:
        index = self.blocks
        self.blocks += 1
        return [
            {"type": "content_block_start", "index": index, "content_block": block},
            *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
            {"type": "content_block_stop", "index": index},
        ]

    def _text(self, pieces: Sequence[str]) -> Sequence[Json]:
        return self._block({"type": "text", "text": ""}, [{"type": "text_delta", "text": piece} for piece in pieces])

    def _say(self, rest: str) -> Sequence[Json]:
        return self._text(re.findall(r"\s*\S+\s*?", rest) or [rest])

    def _json(self, rest: str) -> Sequence[Json]:
        return self._text([json.loads(rest)])

    def _fill(self, rest: str) -> Sequence[Json]:
        total, delta = (int(number) for number in f"{rest} {DELTA}".split()[:2])
        piece = ("0123456789abcde\n" * (delta // 16 + 1))[:delta]
        return self._text([piece] * (total // delta) + [piece[: total % delta]])

    def _think(self, rest: str) -> Sequence[Json]:
        return self._block(
            {"type": "thinking", "thinking": "", "signature": ""},
            [{"type": "thinking_delta", "thinking": rest}, {"type": "signature_delta", "signature": "c2lnbmVk"}],
        )

    def _tool(self, rest: str) -> Sequence[Json]:
        name, _, given = rest.partition(" ")
        text = json.dumps(json.loads(given or "{}"))
        middle = len(text) // 2
        self.stop_reason = "tool_use"
        identity = f"toolu_{self.number:020d}{self.blocks:04d}"
        return self._block(
            {"type": "tool_use", "id": identity, "name": name, "input": {}},
            [{"type": "input_json_delta", "partial_json": piece} for piece in (text[:middle], text[middle:])],
        )

    async def _pause(self, rest: str) -> None:
        await deferLater(self.clock, float(rest))

    async def _hold(self, rest: str) -> None:
        if rest not in self.holds:
            self.holds[rest] = Deferred()
        waiting: Deferred[None] = Deferred()
        self.holds[rest].addCallback(lambda _: None if waiting.called else waiting.callback(None))
        await waiting

    async def _error(self, rest: str) -> None:
        status, *times = (int(number) for number in rest.split())
        if not times or self.tries <= times[0]:
            raise Fault(status)

    async def _cut(self, rest: str) -> None:
        raise Cut

    async def _stop(self, rest: str) -> None:
        self.stop_reason = rest


def whole(events: Sequence[Json]) -> Json:
    """The events of a stream -> the message that they make, as it comes without `stream`."""
    message: Json = {}
    content: list[Json] = []
    given = ""
    for event in events:
        match event:
            case {"type": "message_start", "message": dict(start)}:
                message = start
            case {"type": "content_block_start", "content_block": dict(block)}:
                content.append(dict(block))
                given = ""
            case {"type": "content_block_delta", "delta": {"partial_json": str(piece)}}:
                given += piece
            case {"type": "content_block_delta", "delta": dict(delta)}:
                for key in delta.keys() - {"type"}:
                    content[-1][key] = f"{content[-1][key]}{delta[key]}"
            case {"type": "content_block_stop"} if given:
                content[-1]["input"] = json.loads(given)
            case {"type": "message_delta", "delta": dict(delta)}:
                message |= delta
    return message | {"content": content}


class _Root(Resource):
    isLeaf = True

    def __init__(self, api: "MessagesApi") -> None:
        super().__init__()
        self._api = api

    def render(self, request: Request) -> int:
        speaking = Deferred.fromCoroutine(self._api.serve(request))
        gone = request.notifyFinish()
        gone.addErrback(lambda _: speaking.cancel())
        speaking.addErrback(lambda failure: failure.trap(CancelledError) and None)
        return NOT_DONE_YET


@define(eq=False)
class MessagesApi:
    """The stand-in: listens, answers by the script in the prompt, remembers what it was asked."""

    reactor: IReactor
    log: list[Asked] = field(factory=list)
    queue: deque[str] = field(factory=deque)
    url: str = ""
    _holds: dict[str, Deferred[None]] = field(factory=dict)
    _numbers: "count[int]" = field(factory=lambda: count(1))
    _tries: Counter[tuple[str, int]] = field(factory=Counter)

    def listen(self) -> IListeningPort:
        """Listen on a free port of 127.0.0.1; `url` says where. The caller stops what is returned."""
        site = Site(_Root(self), reactor=self.reactor)
        port = self.reactor.listenTCP(0, site, interface="127.0.0.1")  # type: ignore[arg-type]
        self.url = f"http://127.0.0.1:{port.getHost().port}"  # type: ignore[attr-defined]
        return port

    def release(self, name: str) -> None:
        """Let all answers go on that `hold: NAME` stopped, and those that will come to it."""
        held = self._holds.setdefault(name, Deferred())
        if not held.called:
            held.callback(None)

    def forget(self) -> None:
        """Be as at the start: nothing was asked, nothing is released."""
        for remembered in (self.log, self.queue, self._holds, self._tries):
            remembered.clear()

    @property
    def prompts(self) -> Sequence[str]:
        """What the person wrote last, for each request for an answer."""
        return [asked.prompt for asked in self.log if asked.path == "/v1/messages"]

    async def serve(self, request: Request) -> None:
        path = request.path.decode()
        assert request.content is not None
        raw = request.content.read()
        if path.startswith("/_"):
            return self._told(request, path, raw.decode())
        body: Json = json.loads(raw) if raw else {}
        headers = {
            name.decode().lower(): values[0].decode("latin-1")
            for name, values in request.requestHeaders.getAllRawHeaders()
            if name.lower() not in SECRETS
        }
        self.log.append(Asked(request.method.decode(), path, headers, body))
        if path == "/v1/messages/count_tokens":
            return _reply(request, 200, {"input_tokens": max(1, len(raw) // 4)})
        if path != "/v1/messages":
            return _reply(request, 404, Fault(404).body)
        return await self._answer(request, body)

    async def _answer(self, request: Request, body: Json) -> None:
        prompt, answered = prompt_of(body)
        self._tries[prompt, answered] += 1
        script = script_of(self.queue.popleft()) if self.queue else script_of(prompt, answered)
        tries = self._tries[prompt, answered]
        speaker = Speaker(self.reactor, self._holds, next(self._numbers), str(body.get("model")), tries)
        said: list[Json] = []
        try:
            async for event in speaker.events(script):
                if body.get("stream"):
                    await self._stream(request, event)
                else:
                    said.append(event)
        except Fault as fault:
            if not request.startedWriting:
                return _reply(request, fault.status, fault.body)
            _event(request, fault.body)
        except Cut:
            request.loseConnection()
            return None
        if body.get("stream"):
            request.finish()
            return None
        return _reply(request, 200, whole(said))

    async def _stream(self, request: Request, event: Json) -> None:
        if not request.startedWriting:
            request.setHeader(b"content-type", b"text/event-stream; charset=utf-8")
            request.setHeader(b"request-id", b"req_stand_in")
        _event(request, event)
        if event["type"] == "message_start":
            _event(request, {"type": "ping"})
        # A turn of the reactor between the events: they leave one by one, and others are served meanwhile.
        await deferLater(self.reactor, 0)

    def _told(self, request: Request, path: str, body: str) -> None:
        """What the program is told over HTTP, where a test cannot reach into it."""
        if path == "/_queue":
            self.queue.append(body)
        elif path.startswith("/_release/"):
            self.release(path.removeprefix("/_release/"))
        elif path == "/_forget":
            self.forget()
        log = [{"method": one.method, "path": one.path, "headers": one.headers, "body": one.body} for one in self.log]
        _reply(request, 200, {"log": log} if path == "/_log" else {})


def _event(request: Request, event: Json) -> None:
    # ensure_ascii, so that a lone surrogate leaves as the escape that it came as.
    request.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())


def _reply(request: Request, status: int, body: Json) -> None:
    request.setResponseCode(status)
    request.setHeader(b"content-type", b"application/json")
    request.write(json.dumps(body).encode())
    request.finish()


def main() -> None:
    from twisted.internet import reactor, stdio
    from twisted.internet.protocol import Protocol

    class UntilTheEnd(Protocol):
        def connectionLost(self, reason: object = None) -> None:
            reactor.stop()

    api = MessagesApi(reactor)  # type: ignore[arg-type]
    api.listen()
    sys.stdout.write(api.url + "\n")
    sys.stdout.flush()
    stdio.StandardIO(UntilTheEnd())
    reactor.run()


if __name__ == "__main__":
    main()
