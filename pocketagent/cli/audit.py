# -*- test-case-name: tests.cli.test_audit -*-
"""`pocketagent audit`: who did what, and whether anything of that was changed."""

import argparse
from collections.abc import Iterator, Sequence

from attrs import define, field

from pocketagent.cli.console import Console, Problem
from pocketagent.cli.data_directory import existing, told
from pocketagent.cli.moments import local, moment
from pocketagent.cli.recording import audit_of
from pocketagent.cli.remote import MISUNDERSTOOD
from pocketagent.cli.table import table
from pocketagent.domain.deeds import Origin, Record
from pocketagent.outbound.audit import AuditFiles
from pocketagent.wire.audit import Broken, Chain, decode

HEAD = ("TIME", "WHO", "FROM", "ACTION", "WHAT", "RESULT")
SHOWN_FAULTS = 20
PAGE = 1000
"""Records that are laid out together."""


@define
class _Found:
    """What was found wrong, the first few in words."""

    count: int = 0
    faults: list[str] = field(factory=list)

    def add(self, fault: str) -> None:
        self.count += 1
        if self.count <= SHOWN_FAULTS:
            self.faults.append(fault)


@told()
def verify(chosen: argparse.Namespace, console: Console) -> None:
    files = audit_of(existing(chosen, console), console)
    known = _known(chosen.head)
    # Before the records: what is written meanwhile is then at most too much.
    head, chain, found = files.head(), Chain(), _Found()
    first: int | None = None
    seen: set[tuple[int, str]] = set()
    count = 0
    for name, number, line in files.lines():
        if not line.endswith(b"\n"):
            console.tell(f"{name}: a crash has torn the last line; it is mended with the next record.")
            continue
        try:
            record = chain.take(line[:-1])
        except Broken as fault:
            found.add(f"{name}, line {number} {fault}")
        else:
            count += 1
            first = first or record.seq
        newest = chain.head
        if newest is not None and newest.seq in {each[0] for each in (head, known) if each}:
            seen.add((newest.seq, newest.hash))
    if head is not None and head not in seen:
        found.add(f"record {head[0]}, which was the newest, is gone or another one")
    if known is not None and known not in seen:
        found.add(f"record {known[0]} is gone, or is not the one that you know")
    for sentence in found.faults:
        print(sentence, file=console.out)
    if found.count:
        raise Problem(f"the audit log is not as it was written: {found.count} faults.")
    if chain.head is None:
        print("The audit log has no records.", file=console.out)
        return
    newest = chain.head
    print(f"{count} records, {first} to {newest.seq}, as they were written. The newest:", file=console.out)
    print(f"{newest.seq}:{newest.hash}", file=console.out)
    if first != 1:
        console.tell(f"What was before record {first} is not there.")


@told()
def show(chosen: argparse.Namespace, console: Console) -> None:
    files = audit_of(existing(chosen, console), console)
    since = moment(chosen.since, console.now()) if chosen.since else ""
    if chosen.json:
        for line, _ in _records(files, since):
            print(line.decode("ascii"), file=console.out)
        return
    rows: list[Sequence[str]] = []
    is_first = True
    for _, record in _records(files, since):
        rows.append(_row(record))
        if len(rows) == PAGE:
            _print(rows, is_first, console)
            rows, is_first = [], False
    if rows or is_first:
        _print(rows, is_first, console)


def _records(files: AuditFiles, since: str) -> Iterator[tuple[bytes, Record]]:
    """Those that can be read: `verify` complains of the others."""
    for _, _, line in files.lines():
        try:
            record = decode(line.removesuffix(b"\n"))
        except Broken:
            continue
        if record.timestamp >= since:
            yield line.rstrip(b"\n"), record


def _print(rows: Sequence[Sequence[str]], with_head: bool, console: Console) -> None:
    lines = table(HEAD, rows)
    print("\n".join(lines if with_head else lines[1:]), file=console.out)


def _row(record: Record) -> Sequence[str]:
    deed = record.deed
    who = deed.actor_name or deed.actor_id or deed.origin.value
    where = deed.address or ("this machine" if deed.origin is Origin.MACHINE else "")
    about = [deed.project_id, deed.execution_id, deed.permission_id, deed.device_id]
    what = " ".join(each for each in about if each)
    reason = deed.details.get("reason")
    result = f"{deed.outcome} ({reason})" if reason else deed.outcome
    return local(record.timestamp, "seconds"), who, where, deed.action, what, result


def _known(text: str | None) -> tuple[int, str] | None:
    """A record that somebody has noted, as `verify` prints it. Raises Problem."""
    if text is None:
        return None
    seq, _, digest = text.partition(":")
    if not seq.isdecimal() or len(digest) != 64:
        raise Problem("--head takes a record as `verify` prints it: its number, a colon, its hash.", MISUNDERSTOOD)
    return int(seq), digest
