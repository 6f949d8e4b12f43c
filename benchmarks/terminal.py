"""The terminal client: how soon one can write, beside the Claude CLI itself; what it adds to a streamed word."""

import json
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

from benchmarks.contenders import LOAD_CORE, Ours, on_core
from benchmarks.figures import ROUNDS, Figure, note
from tests.end_to_end.client import Client
from tests.end_to_end.house import real_cli
from tests.end_to_end.profile import keep_profile
from tests.end_to_end.terminal import Terminal
from tests.scripted_cli import WORD_LETTERS

WORDS, RATE = 400, 50
"""Of a text that is streamed: as many a second as a fast model writes."""
STARTS = 2 * ROUNDS
PAUSE = 2.0
ENOUGH = 0.8
"""The part of the words that has to be found in what the terminal was told: where the screen scrolls, a word may be
drawn in pieces."""

TAIL = 32
"""Bytes of the reading before that are searched, too: a word may have come in two pieces."""
CHAT = (str(Path(sys.executable).with_name("pocketagent")), "chat")

_WORD = re.compile("|".join(f"[{letters}]{{16}}" for letters in WORD_LETTERS).encode())
_ONBOARDED = {
    "hasCompletedOnboarding": True,
    "theme": "dark",
    "customApiKeyResponses": {"approved": ["sk-stand-in"], "rejected": []},
}


def measure() -> Sequence[Figure]:
    ours = Ours.start()
    try:
        keep_profile(ours.house, ours.token)
        return [*_starts(ours), *_words(ours)]
    finally:
        ours.stop()


# -- until one can write ----------------------------------------------------------------------------------------


def _starts(ours: Ours) -> Sequence[Figure]:
    directory = ours.house.home / "bench"
    contenders: dict[str, Callable[[], float]] = {"ours": lambda: _start(CHAT, ours, directory, "›")}
    claude = real_cli()
    if claude is None:
        note("the CLI's own start is skipped: it is not installed (pip install claude-agent-sdk)")
    else:
        trusted = {str(directory): {"hasTrustDialogAccepted": True}}
        (ours.house.home / ".claude.json").write_text(json.dumps({**_ONBOARDED, "projects": trusted}))
        contenders["claude"] = lambda: _start([str(claude)], ours, directory, "❯")
    took: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(STARTS + 1):
        for name, start in contenders.items():
            seconds = start()
            if number:
                took[name].append(seconds)
    theirs = median(took["claude"]) if "claude" in took else None
    name = "`pocketagent chat`, from Enter to the first prompt"
    return [Figure(name, "s", median(took["ours"]), theirs, "claude itself", better="less")]


def _start(command: Sequence[str], ours: Ours, directory: Path, prompt: str) -> float:
    """Seconds until the prompt stands on the terminal."""
    began = time.monotonic()
    terminal = _terminal(command, ours, directory)
    try:
        while prompt.encode() not in terminal.raw and terminal.read(30):
            pass
        took = time.monotonic() - began
        assert prompt.encode() in terminal.raw, terminal.text
        return took
    finally:
        terminal.close()


def _terminal(command: Sequence[str], ours: Ours, directory: Path) -> Terminal:
    environment: Mapping[str, str] = {
        **ours.house.environment,
        "TERM": "xterm-256color",
        # The CLI's own: nobody is asked anything, for nothing is ever said to it.
        "ANTHROPIC_BASE_URL": "http://127.0.0.1:9",
        "ANTHROPIC_API_KEY": "sk-stand-in",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    }
    with on_core(LOAD_CORE):
        return Terminal.start(command, directory, environment)


# -- a word's way -----------------------------------------------------------------------------------------------


def _words(ours: Ours) -> Sequence[Figure]:
    terminal = _terminal(CHAT, ours, ours.house.home / "bench")
    bare = ours.house.connect(ours.token)
    ours.client.join(ours.project_id)
    bare.join(ours.project_id)
    try:
        terminal.wait_for(lambda one: "idle" in one.last_line)
        rounds = [(_shown(ours, terminal), _heard(ours, bare)) for _ in range(ROUNDS + 1)][1:]
    finally:
        bare.close()
        terminal.close()
    shown, heard = (median(median(one[side]) for one in rounds) / 1e6 for side in (0, 1))
    late = median(sorted(one[0])[int(len(one[0]) * 0.99)] for one in rounds) / 1e6
    way = "a streamed word, from the child's write to the terminal"
    return [
        Figure(f"{way}, median", "ms", shown, heard, "a bare client", better="less"),
        Figure(f"{way}, 99th percentile", "ms", late, better="less"),
        Figure("what `pocketagent chat` adds to a streamed word, median", "ms", shown - heard, better="less"),
    ]


def _shown(ours: Ours, terminal: Terminal) -> Sequence[int]:
    """Nanoseconds from the write of each word until the terminal was told it."""
    seen: dict[int, int] = {}
    terminal.rest(PAUSE)  # in which it shows the round that was not looked at
    terminal.raw = b""
    began = _stream(ours)
    tail = b""
    while "✓".encode() not in tail:
        data = terminal.take(30)
        now = time.monotonic_ns()
        if not data:
            raise RuntimeError(f"the terminal client stands still: {terminal.raw[-1000:]!r}")
        tail = tail[-TAIL:] + data
        for written in _written(tail):
            seen.setdefault(written, now)
    ours.client.wait_for_state(ours.project_id, "IDLE")
    latencies = [now - written for written, now in seen.items() if began < written < now]
    if len(latencies) < ENOUGH * WORDS:
        raise RuntimeError(f"only {len(latencies)} of {WORDS} words were found on the terminal")
    return latencies


def _heard(ours: Ours, bare: Client) -> Sequence[int]:
    """The same until a client has read it that does nothing with it."""
    latencies: list[int] = []
    began = _stream(ours)
    while len(latencies) < WORDS:
        message = bare.socket.recv(30, decode=False)
        now = time.monotonic_ns()
        if b"text_delta" in message:
            latencies += [now - written for written in _written(message) if written > began]
    ours.client.wait_for_state(ours.project_id, "IDLE")
    return latencies


def _written(text: bytes) -> Iterator[int]:
    """When the words in it were written."""
    for word in _WORD.findall(text):
        letters = next(letters for letters in WORD_LETTERS if word.decode()[0] in letters)
        yield int(word.decode().translate(str.maketrans(letters, "0123456789")))


def _stream(ours: Ours) -> int:
    """Let the child stream its words; the time before that."""
    began = time.monotonic_ns()
    ours.client.request("execute", project_id=ours.project_id, prompt=f"words: {WORDS} {RATE}")
    ours.client.wait_for_state(ours.project_id, "EXECUTING")
    return began
