# -*- test-case-name: tests.cli.doctor.test_agent -*-
"""The Claude CLI: whether the server would find and start it, which one it is, and whether somebody is signed in."""

import json
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence

from pocketagent.cli.doctor.asking import ask
from pocketagent.cli.doctor.finding import Finding, Verdict, ok, problem, warning
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.outbound.agent.child import MARK
from pocketagent.outbound.agent.claude import FLOOR, NUMBER, PROBE_WAIT, WARNED
from pocketagent.outbound.agent.launching import check_program, environment, exposed, find_claude

SHOWN = 100
"""Characters of what it says instead of a version."""


def examine(
    configured: str, ours: Mapping[str, str], patterns: Sequence[str], wait: float = PROBE_WAIT
) -> Iterator[Finding]:
    """`configured` is the setting `claude`, `ours` the server's environment, of which `patterns` reach the CLI, and
    `wait` how many seconds each answer of it may take."""
    path = find_claude(configured, ours)
    if path is None:
        yield problem("claude", "the Claude CLI was not found", _install())
        return
    try:
        check_program(path)
    except Refusal as refusal:
        yield _not_started(path, refusal)
        return
    theirs = environment(ours, patterns, "")
    del theirs[MARK]
    found = _version(path, theirs, wait)
    yield found
    if found.verdict is not Verdict.PROBLEM:
        yield _login(path, theirs, wait)


def _install() -> str:
    return f"npm install -g @anthropic-ai/claude-code    (or: {sys.executable} -m pip install claude-agent-sdk)"


def _update(path: str) -> str:
    if "claude_agent_sdk" in path:
        return f"{sys.executable} -m pip install --upgrade claude-agent-sdk"
    return f"{shlex.quote(path)} update"


def _not_started(path: str, refusal: Refusal) -> Finding:
    if refusal.code is Code.CLAUDE_NOT_FOUND:
        return problem("claude", f"{path} is no program that can be started", _install())
    place = exposed(path)
    return problem(
        "claude",
        f"the server does not start {path}: through {place} another user could change it",
        f"chmod go-w {shlex.quote(str(place))}    (and it must be root's or your own: ls -ld)",
    )


def _version(path: str, theirs: Mapping[str, str], wait: float) -> Finding:
    try:
        said = ask([path, "--version"], theirs, wait, subprocess.STDOUT)
    except OSError as error:
        return problem("claude", f"{path} cannot be started: {error.strerror}", _install())
    if said.code is None:
        return problem("claude", f"{path} --version did not end within {wait:g} s", f"{shlex.quote(path)} --version")
    number = NUMBER.search(said.text)
    if said.code != 0 or number is None:
        first = said.text.decode(errors="replace").strip().partition("\n")[0][:SHOWN]
        words = f"{path} does not say which version it is (exit code {said.code}): {first or 'nothing'}"
        return problem("claude", words, _install())
    version = tuple(int(part) for part in number.groups())
    words = f"{number.group().decode(errors='replace')}, {path}"
    if version < FLOOR:
        return problem("claude", f"{words}: older than {_dotted(FLOOR)}, which the server needs", _update(path))
    if version < WARNED:
        return warning("claude", f"{words}: older than {_dotted(WARNED)}, with known faults", _update(path))
    return ok("claude", words)


def _dotted(version: Sequence[int]) -> str:
    return ".".join(map(str, version))


def _login(path: str, theirs: Mapping[str, str], wait: float) -> Finding:
    """By what the CLI says of itself: whether the service accepts it is not tried, for that costs money."""
    program = shlex.quote(path)
    try:
        said = ask([path, "auth", "status", "--json"], theirs, wait)
        status = json.loads(said.text) if said.code is not None else None
    except (OSError, ValueError, RecursionError):
        status = None
    if not isinstance(status, dict) or not isinstance(status.get("loggedIn"), bool):
        words = "the Claude CLI does not say whether anybody is signed in"
        return warning("login", words, f"{program} -p hello    (whether it answers)")
    if status["loggedIn"]:
        how, provider = status.get("authMethod"), status.get("apiProvider")
        return ok("login", f"signed in ({how}{'' if provider in (None, 'firstParty') else f', {provider}'})")
    return problem(
        "login",
        "nobody is signed in to the Claude CLI",
        f"{program} auth login    (or ANTHROPIC_API_KEY=… in the server's environment)",
    )
