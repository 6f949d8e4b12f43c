"""Tests of `pocketagent.outbound.audit`: kept, chained, and found whole after whatever happened."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TypeVar

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface import implementer

from pocketagent.domain.deeds import FIRST, Deed, Origin, Record
from pocketagent.outbound import audit
from pocketagent.outbound.audit import AuditFiles, FileAudit
from pocketagent.outbound.memory import MemoryAudit
from pocketagent.ports import IAudit, IThreads, StorageUnavailable
from pocketagent.wire.audit import Broken, Chain
from tests.contracts import AuditContract, Here
from tests.outbound.disks import mode
from tests.outbound.faulty_disk import Crash, FaultyDisk

DEED = Deed(action="execute", origin=Origin.DEVICE, actor_id="0123456789abcdef", actor_name="phone")
T = TypeVar("T")

NOW = 1767268800.0


def free(path: str) -> AbstractContextManager[None]:
    """The lock of a disk in memory."""
    return nullcontext()


def on(disk: FaultyDisk, size: int = audit.FILE_SIZE) -> AuditFiles:
    return AuditFiles("/audit", lambda: NOW, disk, free, size)


def faults(files: AuditFiles) -> list[str]:
    """What is wrong with the chain as it lies there."""
    chain, found = Chain(), []
    for name, _, line in files.lines():
        try:
            chain.take(line.removesuffix(b"\n"))
        except Broken as fault:
            found.append(f"{name} {fault}")
    head = files.head()
    if head is not None and (chain.head is None or (chain.head.seq, chain.head.hash) != head):
        found.append(f"the head is record {head[0]}")
    return found


class MemoryAuditTests(AuditContract, TestCase):
    def make_audit(self) -> MemoryAudit:
        return MemoryAudit(lambda: NOW)


class FileAuditTests(AuditContract, TestCase):
    def make_audit(self) -> IAudit:
        self.root = Path(self.mktemp()).absolute()
        return FileAudit(Here(), AuditFiles(str(self.root), lambda: NOW))

    async def test_private(self) -> None:
        """Whatever the umask, the log is this user's alone."""
        log = self.make_audit()
        self.addCleanup(os.umask, os.umask(0))
        await log.check()
        await log.append(DEED)
        self.assertEqual(mode(self.root), 0o700)
        self.assertEqual({mode(path) for path in self.root.iterdir()}, {0o600})

    async def test_together(self) -> None:
        """What comes while the disk is busy is written with one sync, in the order in which it came."""
        threads = Steered()
        files = AuditFiles(str(Path(self.mktemp()).absolute()), lambda: NOW)
        log = FileAudit(threads, files)
        waiting = [Deferred.fromCoroutine(log.append(evolve(DEED, execution_id=str(number)))) for number in range(5)]
        threads.go()
        self.assertTrue(waiting[0].called and not waiting[1].called)
        threads.go()
        self.assertEqual([self.successResultOf(one).seq for one in waiting], [1, 2, 3, 4, 5])
        self.assertEqual(faults(files), [])

    async def test_looks_together(self) -> None:
        """Who asks during a look shares the next one, which sees what is true then."""
        threads = Steered()
        root = Path(self.mktemp()).absolute()
        log = FileAudit(threads, AuditFiles(str(root), lambda: NOW))
        asking = [Deferred.fromCoroutine(log.check()) for _ in range(5)]
        threads.go()
        self.successResultOf(asking[0])
        self.assertEqual([one.called for one in asking[1:]], [False] * 4)
        shutil.rmtree(root)
        root.write_text("in the way")
        threads.go()
        for one in asking[1:]:
            self.failureResultOf(one, StorageUnavailable)

    async def test_given_up(self) -> None:
        """Who gives up waiting takes nobody else's record away, and its own is kept."""
        threads = Steered()
        files = AuditFiles(str(Path(self.mktemp()).absolute()), lambda: NOW)
        log = FileAudit(threads, files)
        first, second = (Deferred.fromCoroutine(log.append(DEED)) for _ in range(2))
        first.cancel()
        self.failureResultOf(first, CancelledError)
        threads.go()
        threads.go()
        self.assertEqual(self.successResultOf(second).seq, 2)
        self.assertEqual(len(list(files.lines())), 2)


@implementer(IThreads)
class Steered:
    """Threads that work when they are told."""

    def __init__(self) -> None:
        self._waiting: list[Deferred[None]] = []

    async def run(self, work: Callable[[], T]) -> T:
        may: Deferred[None] = Deferred()
        self._waiting.append(may)
        await may
        return work()

    def go(self) -> None:
        self._waiting.pop(0).callback(None)


class FilesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.root = Path(self.mktemp()).absolute()
        self.files = AuditFiles(str(self.root), lambda: NOW)

    def kept(self) -> list[Path]:
        return sorted(self.root.glob("audit_*.jsonl"))

    def test_rotation(self) -> None:
        """A file that is large enough is followed by another one, named for its first record; the chain goes on."""
        files = AuditFiles(str(self.root), lambda: NOW, os, audit.locked, 1000)
        for _ in range(10):
            files.append([DEED])
        self.assertGreater(len(self.kept()), 2)
        for path in self.kept():
            first = json.loads(path.read_text().splitlines()[0])["seq"]
            self.assertEqual(path.name, f"audit_{first:012}.jsonl")
            self.assertLess(path.stat().st_size, 1000 + 700)
        self.assertEqual(faults(files), [])

    def test_old_files_moved_away(self) -> None:
        """The oldest files may be moved away: what is left holds."""
        files = AuditFiles(str(self.root), lambda: NOW, os, audit.locked, 1000)
        for _ in range(10):
            files.append([DEED])
        self.kept()[0].unlink()
        self.assertEqual(faults(files), [])

    def test_torn(self) -> None:
        """What a crash has torn is cut off, set aside and told by a record; the chain holds."""
        self.files.append([DEED, DEED])
        (path,) = self.kept()
        path.write_bytes(path.read_bytes() + b'{"seq":3,"time')
        (record,) = self.files.append([DEED])
        self.assertEqual(record.seq, 4)
        repaired = json.loads(path.read_text().splitlines()[2])
        self.assertEqual((repaired["action"], repaired["details"]["bytes"]), ("audit_repaired", 14))
        self.assertEqual((self.root / f"{path.name}.torn").read_bytes(), b'{"seq":3,"time')
        self.assertEqual(faults(self.files), [])

    def test_torn_first_line(self) -> None:
        """Where not even a file's first record is whole, the log goes on as if it had not been begun."""
        files = AuditFiles(str(self.root), lambda: NOW, os, audit.locked, 600)
        files.append([DEED, DEED])
        (self.root / "audit_000000000003.jsonl").write_bytes(b'{"seq":3')
        (record,) = files.append([DEED])
        self.assertEqual(record.seq, 4)
        self.assertEqual(faults(files), [])

    def test_cut_off(self) -> None:
        """Records that were taken from the end are missed: the log goes on behind the remembered head, and the gap
        stays to be seen."""
        self.files.append([DEED] * 4)
        (path,) = self.kept()
        path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:2]))
        (first,) = faults(self.files)
        self.assertIn("record 4", first)
        (record,) = self.files.append([DEED])
        self.assertEqual(record.seq, 6)
        (gap,) = faults(self.files)
        self.assertIn("2 are missing", gap)
        self.assertEqual(json.loads(path.read_text().splitlines()[2])["action"], "audit_repaired")

    def test_all_gone(self) -> None:
        """So are all of them."""
        self.files.append([DEED] * 4)
        self.kept()[0].unlink()
        (record,) = self.files.append([DEED])
        self.assertEqual(record.seq, 6)
        self.assertEqual(json.loads(self.kept()[0].read_text().splitlines()[0])["action"], "audit_repaired")

    def test_damaged_end(self) -> None:
        """A last line that is not as it was written stays as it is, and the log goes on in another file."""
        self.files.append([DEED] * 2)
        (path,) = self.kept()
        path.write_bytes(path.read_bytes().replace(b'"phone"', b'"fhone"'))
        (record,) = self.files.append([DEED])
        self.assertEqual(record.seq, 4)
        self.assertIn(b"fhone", path.read_bytes())
        self.assertNotEqual(faults(self.files), [])

    def test_nothing_but_damage(self) -> None:
        """A file without one good record makes way."""
        self.root.mkdir(0o700)
        (self.root / "audit_000000000001.jsonl").write_bytes(b"nonsense\n")
        (record,) = self.files.append([DEED])
        self.assertEqual((record.seq, faults(self.files)), (2, []))
        self.assertTrue((self.root / "audit_000000000001.jsonl.damaged").exists())

    def test_head_is_behind(self) -> None:
        """A crash between a record and its head costs nothing."""
        self.files.append([DEED])
        before = (self.root / "head").read_bytes()
        self.files.append([DEED])
        (self.root / "head").write_bytes(before)
        (record,) = self.files.append([DEED])
        self.assertEqual((record.seq, faults(self.files)), (3, []))

    def test_planted(self) -> None:
        """What others have put there is not written through."""
        target = self.root.with_suffix(".target")
        target.write_text("")
        self.root.mkdir(0o700)
        (self.root / "audit_000000000001.jsonl").symlink_to(target)
        for work in self.files.check, lambda: self.files.append([DEED]):
            self.assertRaises(StorageUnavailable, work)
        self.assertEqual(target.read_text(), "")

    def test_not_writable(self) -> None:
        """AD-03: where nothing can be kept, that is told before anything is done."""
        self.root.write_text("a file where the directory should be")
        self.assertRaises(StorageUnavailable, self.files.check)
        self.assertRaises(StorageUnavailable, self.files.append, [DEED])

    def test_lock(self) -> None:
        """Who does not get the lock in time is told so, and nothing is written."""
        self.files.append([DEED])
        self.patch(audit, "LOCK_TIME", 0.01)
        with audit.locked(str(self.root / "lock")):
            self.assertRaises(StorageUnavailable, self.files.append, [DEED])
        self.assertEqual(len(list(self.files.lines())), 1)

    def test_several_processes(self) -> None:
        """Server and commands write at the same time, and it is one chain."""
        code = (
            "import sys, time; from pocketagent.outbound.audit import AuditFiles\n"
            "from pocketagent.domain.deeds import Deed, Origin\n"
            "files = AuditFiles(sys.argv[1], time.time)\n"
            "for _ in range(25): files.append([Deed(action='token_create', origin=Origin.MACHINE)])"
        )
        others = [subprocess.Popen([sys.executable, "-c", code, str(self.root)]) for _ in range(3)]
        for _ in range(25):
            self.files.append([DEED])
        self.assertEqual([other.wait(60) for other in others], [0, 0, 0])
        self.assertEqual((len(list(self.files.lines())), faults(self.files)), (100, []))


class DiskTests(SynchronousTestCase):
    """A disk that fails."""

    def test_full(self) -> None:
        """Room is held for the records of what is under way: when the disk is full they are kept, and then no more is
        begun."""
        disk = FaultyDisk()
        files = on(disk)
        files.check()
        files.append([DEED])

        def unlink(path: str, /) -> None:
            FaultyDisk.unlink(disk, path)
            if disk.room is not None and path == "/audit/room":
                disk.room += audit.ROOM

        self.patch(disk, "unlink", unlink)
        disk.room = 0
        (record,) = files.append([DEED])
        self.assertEqual((record.seq, faults(files)), (2, []))
        disk.room = 100
        self.assertRaises(StorageUnavailable, files.check)
        self.assertRaises(StorageUnavailable, files.append, [DEED] * 3)
        disk.heal()
        files.check()
        (record,) = files.append([DEED])
        self.assertEqual((record.seq, faults(files)), (3, []))

    def test_sync_fails(self) -> None:
        """What could not be made durable is not kept."""
        disk = FaultyDisk()
        files = on(disk)
        files.append([DEED])
        disk.fails_to_sync = True
        self.assertRaises(StorageUnavailable, files.append, [DEED])
        disk.heal()
        (record,) = files.append([DEED])
        self.assertEqual((record.seq, faults(files)), (2, []))

    @settings(max_examples=150)
    @given(st.integers(0, 6000), st.integers(1, 6), st.booleans(), st.data())
    def test_crash(self, until: int, batch: int, power: bool, data: st.DataObject) -> None:
        """Whenever the process or the power dies: what was acknowledged is there, and the chain holds."""
        disk = FaultyDisk()
        files = on(disk, 900)
        kept: list[Record] = []
        disk.until_crash = until
        try:
            for _ in range(4):
                kept += files.append([DEED] * batch)
        except Crash:
            pass
        if power:
            disk.lose_power(lambda low, high: data.draw(st.integers(low, high)))
        else:
            disk.kill()
        files = on(disk, 900)
        files.append([DEED])
        self.assertEqual(faults(files), [])
        chain = Chain()
        found = [chain.take(line[:-1]) for _, _, line in files.lines()]
        self.assertEqual(found[: len(kept)], kept)
        self.assertEqual(found[0].previous, FIRST)
