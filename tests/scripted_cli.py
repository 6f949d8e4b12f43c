#!/usr/bin/env python3
"""A scripted stand-in of the Claude CLI: it speaks stream-json, and does what the real one will not.

What it does stands in the prompt, a step a line, `verb: rest`; the steps are the methods of `Steps`, and their
docstrings say what each does. A prompt without any step is echoed. `say`, `think`, `tool`, `fill`, `pause`, `hold`,
`error` mean what they mean to the stand-in of the Messages API (`tests/messages_api.py`), so that one prompt serves
both.

What must go wrong before there is a prompt stands in the file `.scripted_cli` of the directory that it is started in.
It needs nothing but Python's standard library, and no environment. Conversations are remembered by their names only,
in `.claude/scripted_cli` below HOME: a known one can be resumed, an unknown one not.
"""

import contextlib
import json
import os
import queue
import re
import resource
import signal
import sys
import threading
import time
import uuid
from collections import deque
from pathlib import Path

VERSION = "2.1.330"
STEP = re.compile(r"^[ \t]*([a-z][a-z0-9_]*):[ \t]?(.*)$", re.MULTILINE)
WORD_LETTERS = ("abcdefghij", "klmnopqrst", "ABCDEFGHIJ", "KLMNOPQRST", "0123456789")
STARTING = Path(".scripted_cli")
REFUSED_MODE = {"error": "Cannot set permission mode to bypassPermissions", "error_code": "bypass_not_launched"}
UNSUPPORTED = {"error": "Unsupported control request", "error_code": "unsupported_request"}

Json = dict[str, object]


class Interrupted(Exception):
    """The host has asked for the end of the turn."""


def flag(name: str) -> str | None:
    return next((word.removeprefix(f"--{name}=") for word in sys.argv if word.startswith(f"--{name}=")), None)


def put(data: bytes, fd: int = 1) -> None:
    """Write all of it, however slowly it is read."""
    while data:
        data = data[os.write(fd, data) :]


def tell(message: Json) -> None:
    put(json.dumps(message, separators=(",", ":")).encode() + b"\n")


class Host:
    """The other end of stdin and stdout: its requests are answered whenever the script waits."""

    def __init__(self) -> None:
        self.session_id = flag("resume") or flag("session-id") or str(uuid.uuid4())
        self.mode = flag("permission-mode") or "default"
        self.model = flag("model") or "claude-scripted-1"
        self.partial = "--include-partial-messages" in sys.argv
        self.states = os.environ.get("CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS") == "1"
        self.mute = self.deaf = self.stubborn = self.busy = False
        self.open = True
        self.prompts: deque[Json] = deque()
        self.seen: set[object] = set()
        self.answers: dict[str, Json] = {}
        self._inbox: queue.Queue[bytes | None] = queue.Queue()

    def listen(self) -> None:
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        for line in sys.stdin.buffer:
            if self.deaf:
                threading.Event().wait()
            self._inbox.put(line)
        self._inbox.put(None)

    def wait(self, seconds: float | None = 0) -> None:
        """Serve the host for so long (None: until it says something). Raises Interrupted."""
        end = None if seconds is None else time.monotonic() + seconds
        while self.open:
            left = None if end is None else end - time.monotonic()
            try:
                line = self._inbox.get(left is None or left > 0, left)
            except queue.Empty:
                return
            if line is None:
                self.open = False
            else:
                self._hear(line)
            if end is None:
                return
        if seconds:
            time.sleep(seconds)

    def _hear(self, line: bytes) -> None:
        try:
            message = json.loads(line)
        except ValueError:
            put(b"Error parsing streaming input line\n", 2)
            os._exit(1)
        match message:
            case {"type": "control_request", "request_id": str(request_id), "request": dict(request)}:
                self._serve(request_id, request)
            case {"type": "control_response", "response": {"request_id": str(request_id)}}:
                self.answers[request_id] = message["response"]
            case {"type": "user", "uuid": str(known)} if known in self.seen:
                self.lifecycle(message, "completed")
            case {"type": "user"}:
                message["heard"] = time.monotonic_ns()
                self.prompts.append(message)
                self.seen.add(message.get("uuid"))
                self.begin()
                self.lifecycle(message, "queued")

    def _serve(self, request_id: str, request: Json) -> None:
        answer: Json = {"subtype": "success", "request_id": request_id, "response": {}}
        match request:
            case {"subtype": "initialize"}:
                if self.mute:
                    return
                answer["response"] = {
                    "commands": [{"name": "compact", "description": "Make it short", "argumentHint": ""}],
                    "models": [{"value": "default", "displayName": "Scripted", "description": "Does as it is told"}],
                    "claude_code_version": VERSION,
                    "pid": os.getpid(),
                }
            case {"subtype": "set_model", "model": model}:
                self.model = str(model or "claude-scripted-1")
                answer["response"] = {"model": self.model}
            case {"subtype": "set_permission_mode", "mode": "bypassPermissions"}:
                answer = {"subtype": "error", "request_id": request_id, **REFUSED_MODE}
            case {"subtype": "set_permission_mode", "mode": str(mode)}:
                self.mode = mode
                answer["response"] = {"mode": mode}
            case {"subtype": "get_context_usage"}:
                answer["response"] = {"totalTokens": 1000, "maxTokens": 200000, "percentage": 1}
            case {"subtype": "interrupt"}:
                answer["response"] = {"still_queued": [prompt.get("uuid") for prompt in self.prompts]}
            case _:
                answer = {"subtype": "error", "request_id": request_id, **UNSUPPORTED}
        tell({"type": "control_response", "response": answer})
        if request.get("subtype") == "interrupt":
            raise Interrupted

    def ask(self, tool: str, given: Json, tool_use_id: str) -> Json:
        """Ask for permission; the host's answer. Raises Interrupted after taking the question back."""
        request_id = str(uuid.uuid4())
        request: Json = {"subtype": "can_use_tool", "tool_name": tool, "display_name": tool, "input": given}
        request |= {"tool_use_id": tool_use_id, "description": f"Use {tool}", "permission_suggestions": []}
        self.state("requires_action")
        tell({"type": "control_request", "request_id": request_id, "request": request})
        try:
            while request_id not in self.answers and self.open:
                self.wait(None)
        except Interrupted:
            tell({"type": "control_cancel_request", "request_id": request_id})
            raise
        self.state("running")
        answer = self.answers.pop(request_id, {}).get("response")
        return answer if isinstance(answer, dict) else {"behavior": "deny", "message": "No answer."}

    def begin(self) -> None:
        if not self.busy:
            self.busy = True
            self.state("running")

    def rest(self) -> None:
        self.busy = False
        self.state("idle")

    def remind(self, prompt: Json) -> None:
        """Take up a prompt as if it had come by itself; any thread may call."""
        self.prompts.append(prompt)
        self._inbox.put(b"{}")

    def state(self, state: str) -> None:
        if self.states:
            self.system("session_state_changed", state=state)

    def lifecycle(self, prompt: Json, state: str) -> None:
        if prompt.get("uuid"):
            self.say("command_lifecycle", command_uuid=prompt["uuid"], state=state)

    def system(self, subtype: str, **more: object) -> None:
        self.say("system", subtype=subtype, **more)

    def say(self, type: str, **more: object) -> None:
        tell({"type": type, **more, "session_id": self.session_id, "uuid": str(uuid.uuid4())})


class Steps:
    """What a script can say. Each method is a step; `rest` is what stands behind its colon."""

    def __init__(self, host: Host, prompt: Json) -> None:
        self.host = host
        self.prompt = prompt
        self.message_id = f"msg_{uuid.uuid4().hex}"
        self.result: Json | None = {"subtype": "success", "is_error": False, "terminal_reason": "completed"}

    # -- a well-behaved agent

    def say(self, rest: str) -> None:
        """A text, streamed word by word where partial output is wanted."""
        deltas: list[Json] = [{"type": "text_delta", "text": word} for word in re.findall(r"\s*\S+\s*?", rest)]
        self._block({"type": "text", "text": rest}, deltas)
        if self.result is not None:
            self.result["result"] = rest

    def think(self, rest: str) -> None:
        """A thinking block."""
        self._block({"type": "thinking", "thinking": rest}, [{"type": "thinking_delta", "thinking": rest}])

    def fill(self, rest: str) -> None:
        """A text of so many bytes, as one message: the line is a little longer."""
        self._assistant({"type": "text", "text": "x" * int(rest.split()[0])})

    def tool(self, rest: str) -> None:
        """`tool: NAME {input}`: asks for permission unless the mode waives it, and pretends to use the tool."""
        name, _, text = rest.partition(" ")
        given = json.loads(text or "{}")
        tool_use_id = f"toolu_{uuid.uuid4().hex}"
        self._assistant({"type": "tool_use", "id": tool_use_id, "name": name, "input": given})
        answer: Json = {"behavior": "allow"}
        if self.host.mode in ("default", "plan"):
            answer = self.host.ask(name, given, tool_use_id)
        allowed = answer.get("behavior") == "allow"
        text = json.dumps(answer.get("updatedInput", given)) if allowed else str(answer.get("message", "denied"))
        result = {"type": "tool_result", "tool_use_id": tool_use_id, "content": text, "is_error": not allowed}
        self.host.say("user", message={"role": "user", "content": [result]}, parent_tool_use_id=None)
        if not allowed and answer.get("interrupt"):
            raise Interrupted

    def pause(self, rest: str) -> None:
        """Wait so many seconds; an interrupt is heard meanwhile."""
        self.host.wait(float(rest))

    def hold(self, rest: str) -> None:
        """Wait until there is a file of this name in the directory; an interrupt is heard meanwhile."""
        while not Path(rest).exists():
            self.host.wait(0.02)

    def forever(self, rest: str) -> None:
        """Say nothing more, and hear the host."""
        while True:
            self.host.wait(3600)

    def error(self, rest: str) -> None:
        """The turn ends with an error of the API."""
        said = f"API Error: {rest}"
        self.result = {"subtype": "success", "is_error": True, "result": said, "terminal_reason": "api_error"}

    def bound(self, rest: str) -> None:
        """The turn ends at its bound of turns, or `max_budget_usd`."""
        self.result = {"subtype": f"error_{rest or 'max_turns'}", "is_error": True, "errors": []}

    def background(self, rest: str) -> None:
        """So many tasks run on in the background, it says."""
        tasks = [{"task_id": f"b{n}", "task_type": "shell", "description": "sleep"} for n in range(int(rest))]
        self.host.system("background_tasks_changed", tasks=tasks)

    def by_itself(self, rest: str) -> None:
        """After so many seconds another turn begins, which nobody asked for."""
        script: Json = {"message": {"role": "user", "content": "say: by myself"}}
        threading.Timer(float(rest), self.host.remind, [script]).start()

    def stamp(self, rest: str) -> None:
        """Say when the prompt was read (CLOCK_MONOTONIC, nanoseconds)."""
        self.host.say("stamp", heard=self.prompt.get("heard"), now=time.monotonic_ns())

    def dump(self, rest: str) -> None:
        """Tell all that a process can find out about how it was started."""
        kinds = [name for name in dir(resource) if name.startswith("RLIMIT")]
        limits = {name: resource.getrlimit(getattr(resource, name)) for name in kinds}
        descriptors = {}
        for fd in Path("/proc/self/fd").iterdir():
            with contextlib.suppress(OSError):
                descriptors[fd.name] = str(fd.readlink())
        try:
            os.close(os.open("/dev/tty", os.O_RDWR))
            terminal = True
        except OSError:
            terminal = False
        umask = os.umask(0)
        os.umask(umask)
        self.host.say(
            "dump", argv=sys.argv, environ=dict(os.environ), cwd=str(Path.cwd()), fds=descriptors, limits=limits,
            umask=umask, pid=os.getpid(), ppid=os.getppid(), pgid=os.getpgid(0), sid=os.getsid(0), tty=terminal,
            status=Path("/proc/self/status").read_text(), starting=Path("/proc/self/cmdline").read_bytes().decode(),
        )  # fmt: skip

    # -- an agent that says odd things

    def line(self, rest: str) -> None:
        """A line of exactly so many bytes, its newline not counted."""
        head, tail = b'{"type":"assistant","message":{"content":[{"type":"text","text":"', b'"}]}}'
        size = int(rest) - len(head) - len(tail)
        put(head)
        for at in range(0, size, 1 << 20):
            put(b"x" * min(1 << 20, size - at))
        put(tail + b"\n")

    def lines(self, rest: str) -> None:
        """`lines: N SIZE [RATE]`: N numbered lines of SIZE bytes with their newline, RATE a second, or all at once.

        `at` is the time of the write (CLOCK_MONOTONIC, nanoseconds); the last line but the result is numbered N - 1.
        """
        number, size, rate = (int(word) for word in f"{rest} 0".split()[:3])
        head = b'{"type":"assistant","message":{"content":[{"type":"text","text":"'
        tail = b'"}]},"n":%10d,"at":%20d}\n'
        line = head + b"x" * (size - len(head) - len(tail % (0, 0))) + tail
        at_once = 1 if rate else max(1, min(500, (1 << 17) // size))
        began = time.monotonic()
        for first in range(0, number, at_once):
            if rate:
                time.sleep(max(0.0, began + first / rate - time.monotonic()))
            self.host.wait()
            now = time.monotonic_ns()
            put(b"".join([line % (n, now) for n in range(first, min(first + at_once, number))]))

    def words(self, rest: str) -> None:
        """`words: N RATE`: a text that is streamed, N words, RATE a second. Each is the time of its write
        (CLOCK_MONOTONIC, nanoseconds) in 16 letters of one of WORD_LETTERS, so that a terminal which draws one over
        another has to draw all of it."""
        number, rate = (int(word) for word in rest.split())
        self._event(type="message_start", message={"id": self.message_id, "role": "assistant", "content": []})
        self._event(type="content_block_start", index=0, content_block={"type": "text"})
        began, said = time.monotonic(), ""
        for at in range(number):
            time.sleep(max(0.0, began + at / rate - time.monotonic()))
            digits = f"{time.monotonic_ns():016}"
            word = digits.translate(str.maketrans("0123456789", WORD_LETTERS[at % len(WORD_LETTERS)])) + " "
            said += word
            self._event(type="content_block_delta", index=0, delta={"type": "text_delta", "text": word})
        self._assistant({"type": "text", "text": said})

    def raw(self, rest: str) -> None:
        """A JSON string whose characters are the bytes to write: `raw: "\\u00ff\\n"`."""
        put(json.loads(rest).encode("latin-1"))

    def bad_utf8(self, rest: str) -> None:
        """A line that is no UTF-8."""
        put(b'{"type":"assistant","text":"\xff\xfe \xc3("}\n')

    def utf16(self, rest: str) -> None:
        """A line in UTF-16."""
        put('{"type":"assistant"}\n'.encode("utf-16"))

    def split(self, rest: str) -> None:
        """A line whose emoji comes in two halves."""
        data = '{"type":"assistant","text":"\N{WOMAN} split"}\n'.encode()
        for piece in (data[:30], data[30:]):
            put(piece)
            time.sleep(0.1)

    def surrogate(self, rest: str) -> None:
        """A line with half an emoji as JavaScript writes it."""
        put(b'{"type":"assistant","text":"cut \\ud83d"}\n')

    def unknown(self, rest: str) -> None:
        """A message of a type that nobody has heard of, one without any, and one whose type is a number."""
        put(b'{"type":"never_heard_of","value":1}\n{"value":2}\n{"type":3}\n')

    def nan(self, rest: str) -> None:
        """What Python's json writes and JSON has not."""
        put(b'{"type":"assistant","value":NaN,"other":-Infinity}\n')

    def deep(self, rest: str) -> None:
        """A message so deep: 10,000 levels by default."""
        depth = int(rest or 10_000)
        put(b'{"type":"assistant","value":' + b"[" * depth + b"]" * depth + b"}\n")

    def twice(self, rest: str) -> None:
        """A message with the same key twice."""
        put(b'{"type":"assistant","type":"user","value":1,"value":2}\n')

    def not_an_object(self, rest: str) -> None:
        """JSON, but no object; and no JSON at all."""
        put(b'[{"type":"assistant"}]\n"text"\n17\nnull\nplain words\n\n')

    def error_line(self, rest: str) -> None:
        """A message of the type `error`, after which it goes on."""
        put(b'{"type":"error","error":{"message":"not the end"}}\n')

    def forge(self, rest: str) -> None:
        """Claims this session id from now on, and an absurd price."""
        self.host.session_id = rest
        self.host.system("init", model=self.host.model, cwd=str(Path.cwd()))
        if self.result is not None:
            self.result["total_cost_usd"] = 1e300

    def stderr(self, rest: str) -> None:
        """So many bytes on stderr; or the text itself."""
        if not rest.isdigit():
            return put(rest.encode() + b"\n", 2)
        for _ in range(int(rest) // 65536):
            put(b"e" * 65535 + b"\n", 2)
        return put(b"e" * (int(rest) % 65536), 2)

    def no_result(self, rest: str) -> None:
        """The turn comes to rest without a result."""
        self.result = None

    # -- an agent that does odd things

    def stubborn(self, rest: str) -> None:
        """Ignores SIGTERM, SIGINT and the end of its stdin from now on."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.host.stubborn = True

    def child(self, rest: str) -> None:
        """A child that sleeps an hour; its pid is told. It has its own pipes."""
        self._offspring(daemon=False, holds=False)

    def daemon(self, rest: str) -> None:
        """A daemon: forked twice, in its own session, ignores SIGTERM; its pid is told."""
        self._offspring(daemon=True, holds=False)

    def heir(self, rest: str) -> None:
        """A daemon that keeps our stdout and stderr open."""
        self._offspring(daemon=True, holds=True)

    def zombie(self, rest: str) -> None:
        """A dead child that is never waited for."""
        if os.fork() == 0:
            os._exit(0)

    def grow(self, rest: str) -> None:
        """Takes so many bytes of memory."""
        self.memory = bytearray(os.urandom(4096) * (int(rest) // 4096))

    def close_output(self, rest: str) -> None:
        """Closes stdout and stderr and lives on."""
        os.close(1)
        os.close(2)
        time.sleep(3600)

    def half(self, rest: str) -> None:
        """Dies in the middle of a line with this exit code."""
        put(b'{"type":"assistant","message":{"cont')
        os._exit(int(rest or 1))

    def exit(self, rest: str) -> None:
        """Ends at once with this exit code."""
        os._exit(int(rest or 0))

    def signal(self, rest: str) -> None:
        """Dies of this signal."""
        signal.signal(int(rest), signal.SIG_DFL) if int(rest) not in (signal.SIGKILL, signal.SIGSTOP) else None
        os.kill(os.getpid(), int(rest))

    def freeze(self, rest: str) -> None:
        """Stops itself (SIGSTOP)."""
        os.kill(os.getpid(), signal.SIGSTOP)

    def mute(self, rest: str) -> None:
        """Never answers `initialize`."""
        self.host.mute = True

    def deaf(self, rest: str) -> None:
        """Never reads its stdin again."""
        self.host.deaf = True

    def hang(self, rest: str) -> None:
        """Does nothing any more, hears nothing, says nothing."""
        while True:
            time.sleep(3600)

    # -- how it is said

    def _offspring(self, daemon: bool, holds: bool) -> None:
        reading, writing = os.pipe()
        if os.fork() == 0:
            if daemon:
                os.setsid()
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                if os.fork():
                    os._exit(0)
            if not holds:
                null = os.open(os.devnull, os.O_RDWR)
                for fd in (0, 1, 2):
                    os.dup2(null, fd)
            os.write(writing, str(os.getpid()).encode())
            time.sleep(3600)
            os._exit(0)
        self.host.say("offspring", pid=int(os.read(reading, 32)))

    def _assistant(self, block: Json) -> None:
        message = {"id": self.message_id, "type": "message", "role": "assistant", "content": [block]}
        self.host.say("assistant", message=message, parent_tool_use_id=None)

    def _block(self, block: Json, deltas: list[Json]) -> None:
        if self.host.partial:
            self._event(type="message_start", message={"id": self.message_id, "role": "assistant", "content": []})
            self._event(type="content_block_start", index=0, content_block={"type": block["type"]})
            for delta in deltas:
                self._event(type="content_block_delta", index=0, delta=delta)
        self._assistant(block)
        if self.host.partial:
            self._event(type="content_block_stop", index=0)
            self._event(type="message_stop")
        self.host.wait()

    def _event(self, **event: object) -> None:
        self.host.say("stream_event", event=event, parent_tool_use_id=None)


def text_of(prompt: Json) -> str:
    message = prompt.get("message")
    content = message.get("content") if isinstance(message, dict) else ""
    return content if isinstance(content, str) else "\n".join(block.get("text", "") for block in content or ())


VERBS = [name for name, step in vars(Steps).items() if callable(step) and not name.startswith("_")]


def run(steps: Steps, script: str) -> bool:
    """Do what the script says; False when there is no step in it."""
    chosen = [(verb, rest) for verb, rest in STEP.findall(script) if verb in VERBS]
    for verb, rest in chosen:
        getattr(steps, verb)(rest)
    return bool(chosen)


def turn(host: Host, prompt: Json) -> bool:
    """Work on one prompt; whether it ended well."""
    host.begin()
    host.lifecycle(prompt, "started")
    host.system("init", cwd=str(Path.cwd()), model=host.model, permissionMode=host.mode, claude_code_version=VERSION)
    remember(host.session_id)
    steps = Steps(host, prompt)
    text = text_of(prompt)
    try:
        if not run(steps, text):
            steps.say(f"You said: {text[:200]}")
    except Interrupted:
        steps.result = {"subtype": "error_during_execution", "is_error": True, "terminal_reason": "aborted_streaming"}
    if steps.result is not None:
        host.say("result", **({"total_cost_usd": 0.01, "queued_turn_count": 0} | steps.result))
    well = steps.result is None or not steps.result["is_error"]
    host.lifecycle(prompt, "completed" if well else "cancelled")
    if not host.prompts:
        host.rest()
    return well


def remembered(session_id: str) -> Path | None:
    home = os.environ.get("HOME")
    return Path(home, ".claude", "scripted_cli", session_id) if home else None


def remember(session_id: str) -> None:
    path = remembered(session_id)
    if path is not None and re.fullmatch(r"[0-9a-f-]{36}", session_id):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def check_conversation() -> None:
    """End as the real one does when a new conversation exists already, or an old one does not."""
    new, old = flag("session-id"), flag("resume")
    if new and (path := remembered(new)) and path.exists():
        sys.exit(f"Error: Session ID {new} is already in use.")
    if old and (path := remembered(old)) and not path.exists():
        lost = {"is_error": True, "errors": [f"No conversation found with session ID: {old}"], "session_id": old}
        tell({"type": "result", "subtype": "error_during_execution", **lost})
        sys.exit(1)


def main() -> int:
    if "--version" in sys.argv:
        put(f"{VERSION} (Claude Code)\n".encode())
        return 0
    signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
    host = Host()
    if STARTING.exists():
        run(Steps(host, {}), STARTING.read_text())
    check_conversation()
    if not host.deaf:
        host.listen()
    well = True
    while host.open or host.prompts or host.stubborn:
        with contextlib.suppress(Interrupted):
            if host.prompts:
                well = turn(host, host.prompts.popleft())
            else:
                host.wait(None if host.open else 3600)
    return 0 if well else 1


if __name__ == "__main__":
    os._exit(main())
