# -*- test-case-name: tests.outbound.agent.test_launching -*-
"""What is settled before a CLI is started: its arguments, its environment, and whether program and directory are right.

The functions that look at the disk block; they are for the pool of threads.
"""

import errno
import grp
import os
import pwd
import shutil
import stat
import sys
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from pocketagent.domain.agent import Launch
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.outbound.agent.child import MARK

INSTALL = (
    "On the server run `npm install -g @anthropic-ai/claude-code`, or `pip install claude-agent-sdk`, which brings one "
    "along, and start the server again."
)
NOT_FOUND = f"The Claude CLI was not found. {INSTALL}"

FIXED = (
    "--output-format=stream-json",
    "--input-format=stream-json",
    "--verbose",
    "--include-partial-messages",
    "--permission-prompt-tool=stdio",
)
NO_ROOM = frozenset({errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE})
UNTRUSTED = ("--setting-sources=user", "--strict-mcp-config")
"""With these nothing of the project's own files runs by itself (protocol section 5, Trust)."""


def arguments(program: str, launch: Launch, mcp_config: str | None) -> list[str]:
    """The command line: fixed flags, then one `--flag=value` for each choice. `mcp_config`: a file's path."""
    options = launch.options
    name = "resume" if launch.resume else "session-id"
    argv = [program, *FIXED, f"--{name}={launch.session_id}"]
    if not launch.trusted:
        argv += UNTRUSTED
    elif options.strict_mcp_config:
        argv.append("--strict-mcp-config")
    chosen: Sequence[tuple[str, object]] = (
        ("fallback-model", options.fallback_model),
        *(("allowedTools", tool) for tool in options.allowed_tools),
        *(("disallowedTools", tool) for tool in options.disallowed_tools),
        *(("add-dir", directory) for directory in options.add_dirs),
        ("mcp-config", mcp_config),
        ("effort", options.effort),
        ("max-budget-usd", options.max_budget_usd),
    )
    argv += [f"--{flag}={value}" for flag, value in chosen if value is not None]
    if options.bypass_permissions:
        argv.append("--dangerously-skip-permissions")
    return argv


def environment(ours: Mapping[str, str], patterns: Sequence[str], run_id: str) -> dict[str, str]:
    """What the CLI gets of our environment, and nothing else. `patterns`: names, or `PREFIX*`."""
    theirs = {name: value for name, value in ours.items() if any(fnmatchcase(name, each) for each in patterns)}
    if "PATH" in theirs:
        # A relative entry would be looked up in the project, which is a stranger's.
        entries = [entry for entry in theirs.pop("PATH").split(":") if entry.startswith("/")]
        if entries:  # An empty one means the directory one is in, too.
            theirs["PATH"] = ":".join(entries)
    return {**theirs, "CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS": "1", MARK: run_id}


def find_claude(configured: str, environment: Mapping[str, str]) -> str | None:
    """The CLI of the settings, else the one on PATH, else the one inside `claude-agent-sdk`; absolute."""
    if configured:
        return configured
    found = shutil.which("claude", path=environment.get("PATH"))
    if found is not None:
        return str(Path(found).absolute())
    for folder in sys.path:
        bundled = Path(folder, "claude_agent_sdk", "_bundled", "claude")
        if bundled.is_file():
            return str(bundled.absolute())
    return None


def check_program(path: str) -> None:
    """Whether nobody but its owner could have put another program in its place.

    The file that a link leads to, and every directory on the way to both, must be root's or ours and writable by
    nobody else. Raises Refusal(CLAUDE_NOT_FOUND or EXECUTION_FAILED).
    """
    real = Path(path).resolve()
    try:
        found = real.stat()
    except OSError:
        raise Refusal(Code.CLAUDE_NOT_FOUND, NOT_FOUND) from None
    if not stat.S_ISREG(found.st_mode) or not os.access(real, os.X_OK):
        raise Refusal(Code.CLAUDE_NOT_FOUND, f"What stands in the place of the Claude CLI is no program. {INSTALL}")
    if exposed(path) is not None:
        raise Refusal(
            Code.EXECUTION_FAILED,
            "The Claude CLI is not started: another user could have changed it. Its file and the directories that "
            "lead there must belong to root or to the server's user, and be writable by nobody else.",
        )


def exposed(path: str) -> Path | None:
    """The file or the directory by which another user could put another program in the place of this one, if any."""
    real = Path(path).resolve()
    return next((one for one in (real, *real.parents, *Path(path).parents) if not _is_ours_alone(one.stat())), None)


def _is_ours_alone(found: os.stat_result) -> bool:
    mode = found.st_mode
    if stat.S_ISDIR(mode) and mode & stat.S_ISVTX:
        return found.st_uid in (0, os.getuid())  # Others may add to it, but not replace what is there.
    if mode & stat.S_IWOTH or found.st_uid not in (0, os.getuid()):
        return False
    return not mode & stat.S_IWGRP or _is_private(found.st_gid)


def _is_private(group: int) -> bool:
    """Whether it is root's, or the group of our user alone that most distributions give each user."""
    if group == 0:
        return True
    try:
        user, found = pwd.getpwuid(os.getuid()), grp.getgrgid(group)
    except KeyError:
        return False
    return found.gr_gid == user.pw_gid and found.gr_name == user.pw_name and set(found.gr_mem) <= {user.pw_name}


class Directory:
    """An open directory; closed by `close`, or at the latest when nobody has it any more."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def close(self) -> None:
        if self.descriptor != -1:
            os.close(self.descriptor)
            self.descriptor = -1

    __del__ = close


def open_directory(path: str, identity: tuple[int, int] | None = None) -> Directory:
    """Open a directory without following a link anywhere, and see that it is still the one that was checked.

    Raises Refusal(EXECUTION_FAILED), OSError where there is no room for a descriptor.
    """
    flags = os.O_PATH | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC
    directory = Directory(os.open("/", flags))
    try:
        for part in PurePosixPath(path).parts[1:]:
            inner = os.open(part, flags, dir_fd=directory.descriptor)
            directory.close()
            directory = Directory(inner)
        found = os.fstat(directory.descriptor)
        if identity is not None and (found.st_dev, found.st_ino) != identity:
            raise _moved("another directory stands in its place")
    except OSError as error:
        directory.close()
        if error.errno in NO_ROOM:
            raise
        raise _moved(error.strerror or "it cannot be opened") from None
    except Refusal:
        directory.close()
        raise
    return directory


def _moved(why: str) -> Refusal:
    return Refusal(
        Code.EXECUTION_FAILED,
        f"The project's directory is not what it was ({why}). Put it back, or delete the project and create it anew.",
    )


def not_started(step: str, number: int) -> Refusal:
    """Why there is no process: what the system said (`number` of errno) at which step."""
    if number in NO_ROOM:
        message = "The machine has no room for another process now. Try again later, or raise its limits."
        return Refusal(Code.RESOURCE_LIMIT, message, limit=errno.errorcode[number])
    message = f"The Claude CLI could not be started ({step}: {os.strerror(number)}). Installing it anew may help."
    return Refusal(Code.EXECUTION_FAILED, message)


def write_secret(path: Path, text: str) -> None:
    """Write a new file for our user alone, in a directory for our user alone."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w") as file:  # noqa: PTH123
        file.write(text)
