"""A project: a directory that an agent works in; and which directories may be one."""

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from pathlib import PurePosixPath

from attrs import field, frozen

from pocketagent.domain.refusals import Code, Refusal
from pocketagent.domain.usage import Usage

MAX_PATH = 4096
"""Bytes: PATH_MAX of Linux."""
MAX_NAME = 128

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@frozen
class Place:
    """A directory as it was found on the disk.

    `path` is the real one (no symbolic link in it). `chain` holds (device, inode) of the root, of every directory
    on the way, and last of the directory itself: two names of one directory have the same last pair, and one
    directory lies inside another when the other's last pair is in its chain, whatever the strings say.
    """

    path: str
    chain: tuple[tuple[int, int], ...]

    @property
    def identity(self) -> tuple[int, int]:
        return self.chain[-1]

    def lies_in(self, other: "Place") -> bool:
        """Whether this is the other directory or lies below it."""
        return other.identity in self.chain


class Standing(StrEnum):
    """Whether the parts of a project's directory that could run code by themselves were approved."""

    TRUSTED = "trusted"
    UNTRUSTED = "untrusted"


@frozen
class Trust:
    """What a directory would run without a question when the CLI starts there (protocol section 5, Trust).

    `fingerprint` covers those parts only; `files` names them, relative to the directory. Both are empty for a
    directory without such parts, which is trusted as it is. An untrusted one whose fingerprint is empty cannot be
    approved: its parts cannot be read, or are too many to.
    """

    state: Standing
    fingerprint: str
    files: tuple[str, ...]


def judged(fingerprint: str, files: tuple[str, ...], approved: str) -> Trust:
    """What such parts, in such a state, are worth against the fingerprint that a person approved last."""
    known = not files or (fingerprint != "" and fingerprint == approved)
    return Trust(Standing.TRUSTED if known else Standing.UNTRUSTED, fingerprint, files)


@frozen(kw_only=True)
class Project:
    """What is kept of a project beside its journal. Saved whole or not at all.

    `approved` is the fingerprint (`Trust.fingerprint`) that a person approved last; `acked` the highest seq that
    each device (by id) has shown; `usage` what its agent has used so far. Times as `message.timestamp` makes them.
    `fault` says why the saved metadata cannot be used; it is never saved.
    """

    id: str
    name: str
    path: str
    identity: tuple[int, int]
    created_at: str
    archived: bool = False
    approved: str = ""
    acked: Mapping[str, int] = field(factory=dict)
    usage: Usage = field(factory=Usage)
    fault: str = ""


def check_path(path: str) -> PurePosixPath:
    """What a client may name at all, judged before anything is looked up on the disk.

    Raises Refusal(INVALID_PATH).
    """
    try:
        size = len(path.encode())
    except UnicodeEncodeError:
        raise invalid_path("The path is not valid text.", "") from None
    if size > MAX_PATH:
        raise invalid_path(f"The path is longer than {MAX_PATH} bytes.", path[:64])
    if _CONTROL.search(path):
        raise invalid_path("The path has a control character.", _CONTROL.sub("?", path))
    if path.startswith("~"):
        raise invalid_path("Write the home directory out: a path begins with '/', not with '~'.", path)
    if not path.startswith("/"):
        raise invalid_path("The path is relative: name the whole path, beginning with '/'.", path)
    if ".." in path.split("/"):
        raise invalid_path("The path has a component '..': name the directory itself.", path)
    return PurePosixPath("/" + path.lstrip("/"))


def is_within(path: PurePosixPath, roots: Iterable[PurePosixPath]) -> bool:
    """Whether the path is one of the roots or below one, judged by components (PA-05)."""
    return any(path == root or root in path.parents for root in roots)


def check_nesting(place: Place, others: Sequence[tuple[str, Place]]) -> None:
    """No project may be, hold or lie in another. `others`: (project id, where it lies).

    Raises Refusal(PROJECT_EXISTS or PROJECT_NESTING) with the other's id and path.
    """
    for project_id, other in others:
        if place.identity == other.identity:
            raise Refusal(
                Code.PROJECT_EXISTS,
                "This directory is a project already: use that one.",
                project_id=project_id,
                path=other.path,
            )
        if place.lies_in(other) or other.lies_in(place):
            where = "inside" if place.lies_in(other) else "around"
            raise Refusal(
                Code.PROJECT_NESTING,
                f"This directory lies {where} a project: choose another, or delete that project first.",
                project_id=project_id,
                path=other.path,
            )


def project_name(text: str) -> str:
    """Return the name, trimmed. Raises Refusal(INVALID_MESSAGE)."""
    text = text.strip()
    if not text or len(text) > MAX_NAME or not text.isprintable():
        raise Refusal(
            Code.INVALID_MESSAGE,
            f"A project's name has 1 to {MAX_NAME} printable characters.",
            field="data.name",
        )
    return text


def invalid_path(message: str, path: str) -> Refusal:
    """An `INVALID_PATH`, with the path as the client named it."""
    return Refusal(Code.INVALID_PATH, message, field="data.path", path=path)
