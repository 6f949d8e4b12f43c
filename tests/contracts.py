"""What every adapter of a port must do. A test case of an adapter inherits the contract and says how to make one."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from attrs import evolve
from twisted.internet.task import Clock
from zope.interface import implementer
from zope.interface.verify import verifyObject

from pocketagent.domain.access import Device, Kind, Scope
from pocketagent.domain.attachment import Attachment, MediaType
from pocketagent.domain.browsing import MAX_DIRECTORIES
from pocketagent.domain.deeds import FIRST, Deed, Origin
from pocketagent.domain.mentions import Mention, Mentions
from pocketagent.domain.message import Direction, Draft, Entry, timestamp
from pocketagent.domain.notices import Occasion, PushSubscription, Rules
from pocketagent.domain.pairing import Pairing
from pocketagent.domain.project import MAX_PATH, Project, Standing
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.domain.searching import OPEN, Sieve
from pocketagent.domain.sighting import Sighting
from pocketagent.domain.usage import DAYS, Spending, Usage
from pocketagent.ports import (
    IAttachments,
    IAudit,
    IDevices,
    IDirectories,
    IJournal,
    IJournals,
    IPairings,
    IProjects,
    IPushSubscriptions,
    ISightings,
    IThreads,
    IWorkingTrees,
)
from pocketagent.services.history import MAX_ACKS
from pocketagent.wire import records

if TYPE_CHECKING:
    from twisted.trial.unittest import TestCase as Mixin
else:
    Mixin = object

PLENTY = 1 << 30

T = TypeVar("T")


@implementer(IThreads)
class Here:
    """Threads that are none: the work is done at once."""

    async def run(self, work: Callable[[], T]) -> T:
        return work()


class JournalContract(Mixin):
    """For `IJournals` and `IJournal`."""

    def make_journals(self, clock: Clock) -> IJournals:
        """New journals with nothing in them, that take the time from the clock."""
        raise NotImplementedError

    async def opened(self) -> IJournal:
        self.clock = Clock()
        self.clock.rightNow = 1767268800.0
        self.journals = self.make_journals(self.clock)
        self.journal = await self.journals.open("project")
        self.addCleanup(self.closed)
        return self.journal

    async def reopened(self) -> IJournal:
        await self.journal.close()
        self.journal = await self.journals.open("project")
        return self.journal

    async def closed(self) -> None:
        await self.journal.close()

    async def test_provides(self) -> None:
        """Both objects provide what they claim."""
        journal = await self.opened()
        verifyObject(IJournals, self.journals)
        verifyObject(IJournal, journal)

    async def test_sifted(self) -> None:
        """Looked through from the end, in steps of about so many bytes, what a sieve lets through is found."""
        journal = await self.opened()
        self.assertEqual(await journal.sifted(Sieve([b"x"]), 5, 1000), ([], 1))
        texts = ["Apple", "pear", "APPLE \u00fc", "plum", "nothing", "pineapple"]
        for text in texts:
            message = f'{{"text":"{text}","more":"{"-" * 300}"}}'.encode()
            await journal.append([Draft(Direction.CLAUDE, "agent_message", message)])

        async def found(sieve: Sieve, before: int, size: int) -> tuple[list[int], int]:
            """What is found all the way down, and in how many steps."""
            seqs: list[int] = []
            steps = 0
            while before > journal.first_seq:
                entries, looked = await journal.sifted(sieve, before, size)
                self.assertLess(looked, before)
                seqs += numbers(entries)
                before, steps = looked, steps + 1
            return seqs, steps

        fold = bytes(range(256)).lower()
        self.assertEqual(await found(Sieve([b"apple"], fold), 7, 1), ([6, 3, 1], 6))
        for sieve, before, seqs in (
            (Sieve([b"apple"], fold), 7, [6, 3, 1]),
            (Sieve([b"apple"], fold), 6, [3, 1]),
            (Sieve([b"apple"]), 7, [6]),
            (Sieve(["\u00fc".encode()]), 7, [3]),
            (Sieve([b"plum", b"pear"]), 7, [4, 2]),
            (Sieve([b"plum"]), 4, []),
            (OPEN, 3, [2, 1]),
            (Sieve([b"pear"]), 10**9, [2]),
        ):
            for size in (1000, 10**9):
                self.assertEqual((await found(sieve, before, size))[0], seqs)

    async def test_begins_empty(self) -> None:
        """A new journal has nothing, and the number of the oldest entry is one after the newest."""
        journal = await self.opened()
        self.assertEqual((journal.head_seq, journal.first_seq, journal.size), (0, 1, 0))
        self.assertEqual(await journal.since(0, 10, PLENTY), [])
        self.assertEqual(await journal.before(1, 10, PLENTY), [])
        self.assertEqual(await journal.at(timestamp(0)), 1)
        self.assertIsNone(await journal.find(records.STATE))

    async def test_append_numbers(self) -> None:
        """Entries are numbered 1, 2, 3 … over all batches, and each batch has one timestamp."""
        journal = await self.opened()
        first = await journal.append([said(1), said(2)])
        self.clock.advance(1.5)
        second = await journal.append([said(3)], durable=True)
        self.assertEqual([entry.seq for entry in (*first, *second)], [1, 2, 3])
        self.assertEqual({entry.timestamp for entry in first}, {"2026-01-01T12:00:00.000000Z"})
        self.assertEqual(second[0].timestamp, "2026-01-01T12:00:01.500000Z")
        self.assertEqual((journal.head_seq, journal.first_seq), (3, 1))
        self.assertEqual(journal.size, sum(len(records.record(entry)) for entry in (*first, *second)))

    async def test_append_nothing(self) -> None:
        """An empty batch changes nothing."""
        journal = await self.opened()
        self.assertEqual(list(await journal.append([])), [])
        self.assertEqual(list(await journal.append([], durable=True)), [])
        self.assertEqual((journal.head_seq, journal.size), (0, 0))

    async def test_read_back(self) -> None:
        """What is read is what `append` returned, byte by byte."""
        journal = await self.opened()
        told = [*await journal.append([said(1), Draft(Direction.SERVER, "session_reset", ODD)])]
        told += await journal.append([said(3)], durable=True)
        self.assertEqual(list(await journal.since(0, 10, PLENTY)), told)
        self.assertEqual(list(await journal.before(4, 10, PLENTY)), told[::-1])

    async def test_since(self) -> None:
        """`since` gives what comes after a number, in rising order, up to the limit."""
        journal = await self.filled(9)
        self.assertEqual(numbers(await journal.since(4, 3, PLENTY)), [5, 6, 7])
        self.assertEqual(numbers(await journal.since(7, 3, PLENTY)), [8, 9])
        self.assertEqual(numbers(await journal.since(9, 3, PLENTY)), [])
        self.assertEqual(numbers(await journal.since(99, 3, PLENTY)), [])

    async def test_before(self) -> None:
        """`before` gives what comes below a number, newest first, up to the limit."""
        journal = await self.filled(9)
        self.assertEqual(numbers(await journal.before(5, 3, PLENTY)), [4, 3, 2])
        self.assertEqual(numbers(await journal.before(3, 3, PLENTY)), [2, 1])
        self.assertEqual(numbers(await journal.before(1, 3, PLENTY)), [])
        self.assertEqual(numbers(await journal.before(99, 3, PLENTY)), [9, 8, 7])

    async def test_size_bounds_a_page(self) -> None:
        """A page ends before it is larger than its size, and has one entry even when that is larger."""
        journal = await self.filled(9)
        each = journal.size // 9
        self.assertEqual(numbers(await journal.since(0, 9, 3 * each)), [1, 2, 3])
        self.assertEqual(numbers(await journal.before(10, 9, 3 * each)), [9, 8, 7])
        self.assertEqual(numbers(await journal.since(0, 9, 1)), [1])
        self.assertEqual(numbers(await journal.before(10, 9, 1)), [9])

    async def test_at(self) -> None:
        """`at` finds the first entry at or after a moment."""
        journal = await self.filled(9)
        start = 1767268800.0
        self.assertEqual(await journal.at(timestamp(start - 1)), 1)
        self.assertEqual(await journal.at(timestamp(start + 4)), 5)
        self.assertEqual(await journal.at(timestamp(start + 4.000001)), 6)
        self.assertEqual(await journal.at(timestamp(start + 99)), 10)

    async def test_at_with_a_clock_set_back(self) -> None:
        """With a clock that was set back, `at` still means the first entry by number whose time is late enough."""
        journal = await self.opened()
        start = self.clock.rightNow
        for second in (0, 3600, 1, 2, 7200):
            self.clock.rightNow = start + second
            await journal.append([said(second)])
        self.assertEqual(await journal.at(timestamp(start + 2)), 2)
        self.assertEqual(await journal.at(timestamp(start + 3601)), 5)
        self.assertEqual(await journal.at(timestamp(start + 2), after=2), 4)
        self.assertEqual(await journal.at(timestamp(start + 2), after=4), 5)
        self.assertEqual(await journal.at(timestamp(start + 2), after=5), 6)

    async def test_find(self) -> None:
        """The newest entry is found under each of its keys, and none under others."""
        journal = await self.opened()
        await journal.append([prompt("e1", "p1"), state("EXECUTING"), said(3), prompt("e2", "p2"), state("IDLE")])
        await journal.append([Draft(Direction.SERVER, "prompt_dropped", b'{"execution_id":"e2","reason":"killed"}')])
        await journal.append([Draft(Direction.SERVER, "error", b'{"code":"EXECUTION_FAILED","execution_id":"e1"}')])
        found = {key: await journal.find(key) for key in KEYS}
        self.assertEqual(
            {key: entry and entry.seq for key, entry in found.items()},
            dict(zip(KEYS, (1, 1, 4, 4, 5, 6, 7, None, None), strict=True)),
        )
        newest = found[records.STATE]
        self.assertEqual(newest and newest.message, b'{"state":"IDLE"}')

    async def test_lives_on(self) -> None:
        """A journal that is opened again has everything, and goes on where it was."""
        journal = await self.filled(3)
        await journal.append([prompt("e1", "p1")])
        before = (journal.journal_id, journal.head_seq, journal.first_seq, journal.size)
        everything = list(await journal.since(0, 10, PLENTY))
        journal = await self.reopened()
        self.assertEqual((journal.journal_id, journal.head_seq, journal.first_seq, journal.size), before)
        self.assertEqual(list(await journal.since(0, 10, PLENTY)), everything)
        found = await journal.find("prompt:p1")
        self.assertEqual(found and found.seq, 4)
        self.assertEqual(numbers(await journal.append([said(5)])), [5])
        self.assertEqual(numbers(await journal.before(6, 10, PLENTY)), [5, 4, 3, 2, 1])
        self.assertEqual(await journal.at(timestamp(1767268802.0)), 3)

    async def test_one_at_a_time(self) -> None:
        """A journal that is open is not opened a second time; projects do not share one."""
        journal = await self.filled(2)
        with self.assertRaises(ValueError):
            await self.journals.open("project")
        other = await self.journals.open("other")
        self.assertEqual(other.head_seq, 0)
        self.assertNotEqual(other.journal_id, journal.journal_id)
        await other.close()

    async def test_forget_without_retention(self) -> None:
        """Where retention is off, nothing is forgotten."""
        journal = await self.filled(5)
        self.clock.advance(400 * 86400)
        await journal.forget()
        self.assertEqual((journal.first_seq, len(await journal.since(0, 10, PLENTY))), (1, 5))

    async def filled(self, count: int) -> IJournal:
        """A journal with so many entries of one size, a second apart."""
        journal = await self.opened()
        for number in range(count):
            await journal.append([said(number)])
            self.clock.advance(1)
        return journal


ODD = r'{"prompt":"one\ntwo\u0000\u2028 four","cut":"\ud83d","x":"Grüße 😀"}'.encode()
KEYS = (
    "prompt:p1",
    "accepted:e1",
    "prompt:p2",
    "accepted:e2",
    records.STATE,
    "dropped:e2",
    "failed:e1",
    "failed:e2",
    "prompt:e1",
)


def said(number: int) -> Draft:
    return Draft(Direction.CLAUDE, "agent_message", b'{"type":"assistant","number":"%08d"}' % number)


def prompt(execution_id: str, prompt_id: str) -> Draft:
    text = f'{{"execution_id":"{execution_id}","prompt_id":"{prompt_id}","prompt":"go"}}'
    return Draft(Direction.CLIENT, "client_message", text.encode())


def state(name: str) -> Draft:
    return Draft(Direction.SERVER, "project_state", f'{{"state":"{name}"}}'.encode())


def numbers(entries: Sequence[Entry]) -> list[int]:
    return [entry.seq for entry in entries]


PROJECT = Project(
    id="0d9a6f0e-8a51-4f1e-9d5e-2f6f5f1b7c11",
    name="Garden",
    path="/home/dev/garden",
    identity=(2049, 77),
    created_at="2026-01-01T12:00:00.000001Z",
    approved="ab" * 32,
    acked={"00112233445566ff": 7},
    usage=Usage({"2026-01-31": Spending(cost_usd=0.5, turns=2, input_tokens=7)}, 2.25, 1.25, 42),
)
OTHER_PROJECT = evolve(
    PROJECT, id="0d9a6f0e-8a51-4f1e-9d5e-2f6f5f1b7c12", path="/home/dev/house", acked={}, approved=""
)


class ProjectsContract(Mixin):
    """For `IProjects`."""

    def make_projects(self) -> IProjects:
        """New ones, with nothing in them."""
        raise NotImplementedError

    async def test_provides(self) -> None:
        """The object provides what it claims."""
        verifyObject(IProjects, self.make_projects())

    async def test_saved(self) -> None:
        """What was saved comes back equal, in `all` and in `get`."""
        projects = self.make_projects()
        self.assertEqual(list(await projects.all()), [])
        await projects.save(PROJECT)
        await projects.save(OTHER_PROJECT)
        self.assertCountEqual(await projects.all(), [PROJECT, OTHER_PROJECT])
        self.assertEqual(await projects.get(OTHER_PROJECT.id), OTHER_PROJECT)

    async def test_saved_again(self) -> None:
        """A second save replaces the first."""
        projects = self.make_projects()
        await projects.save(PROJECT)
        changed = evolve(PROJECT, name="Forest", archived=True)
        await projects.save(changed)
        self.assertEqual(list(await projects.all()), [changed])

    async def test_largest(self) -> None:
        """A project that was used on every day of a year, and read by every device that there may be, is saved, too."""
        projects = self.make_projects()
        much = Spending(
            cost_usd=1234.0 / 7,
            turns=10**4,
            input_tokens=10**12,
            output_tokens=10**12,
            cache_read_tokens=10**12,
            cache_creation_tokens=10**12,
        )
        days = {f"2026-{day // 31 + 1:02}-{day % 31 + 1:02}": much for day in range(DAYS)}
        acked = {f"{device:016x}": 10**12 for device in range(MAX_ACKS)}
        full = evolve(PROJECT, path="/" + "\U0001f600" * (MAX_PATH // 4 - 1), acked=acked, usage=Usage(days=days))
        await projects.save(full)
        self.assertEqual(await projects.get(PROJECT.id), full)

    async def test_removed(self) -> None:
        """What was removed is gone, and can come again; the others stay; removing what is not there is no error."""
        projects = self.make_projects()
        await projects.save(PROJECT)
        await projects.save(OTHER_PROJECT)
        for _ in range(2):
            await projects.remove(PROJECT.id)
            self.assertEqual(list(await projects.all()), [OTHER_PROJECT])
            self.assertIsNone(await projects.get(PROJECT.id))
        await projects.save(PROJECT)
        self.assertEqual(await projects.get(PROJECT.id), PROJECT)

    async def test_faulty(self) -> None:
        """A project with a fault is never saved."""
        projects = self.make_projects()
        with self.assertRaises(ValueError):
            await projects.save(evolve(PROJECT, fault="It is broken."))
        self.assertEqual(list(await projects.all()), [])


DEVICE = Device(
    id="00112233445566ff",
    name="My phone",
    scope=Scope.EXECUTE,
    secret_hash="0f" * 32,
    created_at=1767268800.5,
    expires_at=1770000000.0,
)
OTHER_DEVICE = evolve(DEVICE, id="00112233445566aa", name="Tablet", expires_at=None)


ATTACHMENT = Attachment(
    id="aa112233-4455-4677-8899-aabbccddeeff",
    name="a picture – ü.png",
    media_type=MediaType.PNG,
    size=5,
    sha256="0e" * 32,
    created_at="2026-01-01T12:00:00.000000Z",
)
OTHER_ATTACHMENT = evolve(
    ATTACHMENT,
    id="00112233-4455-4677-8899-aabbccddeeff",
    media_type=MediaType.TEXT,
    size=0,
    created_at="2026-01-01T12:00:01.000000Z",
)


class AttachmentsContract(Mixin):
    """For `IAttachments`."""

    project = PROJECT.id

    def make_attachments(self) -> IAttachments:
        """New ones, with nothing in them; `project` is there."""
        raise NotImplementedError

    async def test_provides(self) -> None:
        """The object provides what it claims."""
        verifyObject(IAttachments, self.make_attachments())

    async def test_saved(self) -> None:
        """What was saved comes back, the oldest first; the bytes as they were, line ends and all."""
        attachments = self.make_attachments()
        self.assertEqual(list(await attachments.all(self.project)), [])
        await attachments.save(self.project, OTHER_ATTACHMENT, b"")
        await attachments.save(self.project, ATTACHMENT, b"a\n\0\r\xff")
        self.assertEqual(list(await attachments.all(self.project)), [ATTACHMENT, OTHER_ATTACHMENT])
        self.assertEqual(await attachments.read(self.project, ATTACHMENT.id), b"a\n\0\r\xff")
        self.assertEqual(await attachments.read(self.project, OTHER_ATTACHMENT.id), b"")

    async def test_saved_once_in_memory(self) -> None:
        """The body of a request may be handed over as it was read, as a bytearray."""
        attachments = self.make_attachments()
        await attachments.save(self.project, ATTACHMENT, bytearray(b"12345"))
        self.assertEqual(await attachments.read(self.project, ATTACHMENT.id), b"12345")

    async def test_removed(self) -> None:
        """What is removed is gone, once; the others stay."""
        attachments = self.make_attachments()
        await attachments.save(self.project, ATTACHMENT, b"12345")
        await attachments.save(self.project, OTHER_ATTACHMENT, b"")
        asked = [ATTACHMENT.id, ATTACHMENT.id, ATTACHMENT.id.upper(), "../../metadata.json", ""]
        self.assertEqual([await attachments.remove(self.project, each) for each in asked], [True, *[False] * 4])
        self.assertIsNone(await attachments.read(self.project, ATTACHMENT.id))
        self.assertEqual(list(await attachments.all(self.project)), [OTHER_ATTACHMENT])

    async def test_of_one_project(self) -> None:
        """Another project has none of them, nor has what is no project."""
        attachments = self.make_attachments()
        await attachments.save(self.project, ATTACHMENT, b"12345")
        for other in (OTHER_PROJECT.id, "..", ""):
            self.assertEqual(list(await attachments.all(other)), [])
            self.assertIsNone(await attachments.read(other, ATTACHMENT.id))
            self.assertFalse(await attachments.remove(other, ATTACHMENT.id))


class DevicesContract(Mixin):
    """For `IDevices`."""

    def make_devices(self) -> IDevices:
        """New ones, with nothing in them."""
        raise NotImplementedError

    async def test_provides(self) -> None:
        """The object provides what it claims."""
        verifyObject(IDevices, self.make_devices())

    async def test_saved(self) -> None:
        """What was saved comes back equal; a second save replaces the first."""
        devices = self.make_devices()
        self.assertEqual(list(await devices.all()), [])
        await devices.save(DEVICE)
        await devices.save(OTHER_DEVICE)
        await devices.save(DEVICE.ended())
        self.assertCountEqual(await devices.all(), [DEVICE.ended(), OTHER_DEVICE])

    async def test_removed(self) -> None:
        """Removing tells whether there was one, and leaves the others."""
        devices = self.make_devices()
        await devices.save(DEVICE)
        await devices.save(OTHER_DEVICE)
        self.assertTrue(await devices.remove(DEVICE.id))
        self.assertFalse(await devices.remove(DEVICE.id))
        self.assertFalse(await devices.remove("../lock"))
        self.assertEqual(list(await devices.all()), [OTHER_DEVICE])

    async def test_changed(self) -> None:
        """A change replaces what is there; what was removed meanwhile does not come back by it, and says so."""
        devices = self.make_devices()
        await devices.save(DEVICE)
        await devices.save(OTHER_DEVICE)
        renamed = evolve(DEVICE, name="Renamed", kind=Kind.BROWSER)
        self.assertTrue(await devices.change(renamed))
        self.assertCountEqual(await devices.all(), [renamed, OTHER_DEVICE])
        await devices.remove(DEVICE.id)
        version = await devices.version()
        self.assertFalse(await devices.change(renamed))
        self.assertEqual(list(await devices.all()), [OTHER_DEVICE])
        self.assertEqual(await devices.version(), version)

    async def test_version(self) -> None:
        """The version stays while nothing changes, and is another after each save and removal."""
        devices = self.make_devices()
        seen = [await devices.version()]
        for change in (
            lambda: devices.save(DEVICE),
            lambda: devices.save(OTHER_DEVICE),
            lambda: devices.save(DEVICE.ended()),
            lambda: devices.remove(OTHER_DEVICE.id),
        ):
            await change()
            version = await devices.version()
            self.assertNotIn(version, seen)
            self.assertEqual(await devices.version(), version)
            seen.append(version)


class AuditContract(Mixin):
    """For `IAudit`."""

    def make_audit(self) -> IAudit:
        """A new log, with nothing in it."""
        raise NotImplementedError

    async def test_provides(self) -> None:
        """The object provides what it claims."""
        verifyObject(IAudit, self.make_audit())

    async def test_begins_empty(self) -> None:
        """A new log has no head; to look whether it can be written changes nothing."""
        log = self.make_audit()
        self.assertIsNone(await log.head())
        await log.check()
        self.assertIsNone(await log.head())

    async def test_chained(self) -> None:
        """Records are numbered 1, 2, 3 …, and each has the hash of the one before; the head is the newest."""
        log = self.make_audit()
        records = [await log.append(Deed(action="execute", origin=Origin.DEVICE)) for _ in range(3)]
        self.assertEqual([record.seq for record in records], [1, 2, 3])
        self.assertEqual([record.previous for record in records], [FIRST, records[0].hash, records[1].hash])
        self.assertEqual(await log.head(), (3, records[-1].hash))

    async def test_deed(self) -> None:
        """What was done is kept as it was said, without a credential that was put in the wrong place."""
        log = self.make_audit()
        deed = Deed(action="execute", origin=Origin.DEVICE, actor_name="Ada's phone", details={"queue": True})
        self.assertEqual((await log.append(deed)).deed, deed)
        record = await log.append(evolve(deed, project_id="pa_0123456789abcdef_" + "d" * 64))
        self.assertNotIn("ddd", str(record))


PAIRING = Pairing(
    id="aa112233445566ff",
    code_hash="0e" * 32,
    scope=Scope.READ,
    name="Tablet",
    device_lifetime=3600.0,
    created_at=1767268800.5,
)
OTHER_PAIRING = evolve(PAIRING, id="bb112233445566ff", code_hash="0f" * 32, name=None, device_lifetime=None)


class PairingsContract(Mixin):
    """For `IPairings`."""

    def make_pairings(self) -> IPairings:
        """New ones, with nothing in them."""
        raise NotImplementedError

    async def test_provides(self) -> None:
        """The object provides what it claims."""
        verifyObject(IPairings, self.make_pairings())

    async def test_saved(self) -> None:
        """What was saved comes back equal."""
        pairings = self.make_pairings()
        self.assertEqual(list(await pairings.all()), [])
        await pairings.save(PAIRING)
        await pairings.save(OTHER_PAIRING)
        self.assertCountEqual(await pairings.all(), [PAIRING, OTHER_PAIRING])

    async def test_counted(self) -> None:
        """Wrong codes are counted, for each pairing by itself."""
        pairings = self.make_pairings()
        await pairings.save(PAIRING)
        await pairings.save(OTHER_PAIRING)
        for _ in range(3):
            await pairings.count_wrong(PAIRING.id)
        self.assertCountEqual(await pairings.all(), [evolve(PAIRING, wrong=3), OTHER_PAIRING])

    async def test_taken(self) -> None:
        """Of all who take one, the first is told that it had it; the others stay."""
        pairings = self.make_pairings()
        await pairings.save(PAIRING)
        await pairings.save(OTHER_PAIRING)
        taken = [await pairings.take(each) for each in (PAIRING.id, PAIRING.id, "../version", "")]
        self.assertEqual(taken, [True, False, False, False])
        self.assertEqual(list(await pairings.all()), [OTHER_PAIRING])

    async def test_counted_too_late(self) -> None:
        """A wrong code that is counted when the pairing is gone brings nothing back, and does not count for a later
        one."""
        pairings = self.make_pairings()
        await pairings.save(PAIRING)
        await pairings.take(PAIRING.id)
        await pairings.count_wrong(PAIRING.id)
        self.assertEqual(list(await pairings.all()), [])
        await pairings.save(PAIRING)
        self.assertEqual(list(await pairings.all()), [PAIRING])


class SightingsContract(Mixin):
    """For `ISightings`."""

    def make_sightings(self) -> ISightings:
        """New ones, with nothing in them."""
        raise NotImplementedError

    async def test_provides(self) -> None:
        """The object provides what it claims."""
        verifyObject(ISightings, self.make_sightings())

    async def test_saved(self) -> None:
        """What was saved comes back equal, and each time in the place of all."""
        sightings = self.make_sightings()
        self.assertEqual(dict(await sightings.all()), {})
        for seen in (
            {DEVICE.id: Sighting(1767268800.5, "browser"), OTHER_DEVICE.id: Sighting(0.0, "curl")},
            {OTHER_DEVICE.id: Sighting(5.0, "unknown")},
            {},
        ):
            await sightings.save(seen)
            self.assertEqual(dict(await sightings.all()), seen)


class PushSubscriptionsContract(Mixin):
    """For `IPushSubscriptions`."""

    def make_subscriptions(self) -> IPushSubscriptions:
        """New ones, with nothing in them."""
        raise NotImplementedError

    async def test_provides(self) -> None:
        """The object provides what it claims."""
        verifyObject(IPushSubscriptions, self.make_subscriptions())

    async def test_saved(self) -> None:
        """What was saved comes back equal, and each time in the place of all."""
        subscriptions = self.make_subscriptions()
        self.assertEqual(list(await subscriptions.all()), [])
        one = PushSubscription(
            device_id=DEVICE.id,
            endpoint="https://push.example.net/send/1",
            p256dh=b"\x04" + bytes(range(64)),
            auth=bytes(range(16)),
        )
        rules = Rules(occasions=(Occasion.FAILED,), seconds=2.5, quiet=True)
        other = evolve(one, device_id=OTHER_DEVICE.id, rules=rules)
        for kept in ([one, other], [other], []):
            await subscriptions.save(kept)
            self.assertEqual(list(await subscriptions.all()), kept)


class DirectoriesContract(Mixin):
    """For `IDirectories`."""

    def make_directories(self) -> IDirectories:
        """New ones, with nothing in them."""
        raise NotImplementedError

    def make_directory(self, name: str) -> str:
        """Make a directory (and those above it), named relative to some place that is allowed. Returns its path."""
        raise NotImplementedError

    def make_part(self, path: str) -> None:
        """Let the directory have a part that runs code; each time another one, or the same in another state."""
        raise NotImplementedError

    async def refused(self, directories: IDirectories, path: str) -> Refusal:
        with self.assertRaises(Refusal) as caught:
            await directories.look(path)
        refusal: Refusal = caught.exception
        self.assertEqual((refusal.code, refusal.details["field"]), (Code.INVALID_PATH, "data.path"))
        return refusal

    async def test_provides(self) -> None:
        """The object provides what it claims."""
        verifyObject(IDirectories, self.make_directories())

    async def test_place(self) -> None:
        """A directory is told with its path, and the pairs of all above it tell what lies in what."""
        directories = self.make_directories()
        inner, outer, beside = (self.make_directory(name) for name in ("a/b", "a", "ab"))
        place = await directories.look(inner)
        self.assertEqual(place.path, inner)
        self.assertEqual(len(place.chain), len(inner.split("/")))
        self.assertEqual(place, await directories.look(inner + "/"))
        self.assertTrue(place.lies_in(await directories.look(outer)))
        self.assertFalse(place.lies_in(await directories.look(beside)))
        self.assertFalse((await directories.look(outer)).lies_in(place))

    async def test_not_there(self) -> None:
        """What is not there, and what no client may name, is an INVALID_PATH."""
        directories = self.make_directories()
        there = self.make_directory("there")
        for path in (
            there + "/not",
            there + "/../there",
            "~/there",
            "there",
            "",
            there + "\n",
            there + "\x00",
            "/\ud800",
        ):
            await self.refused(directories, path)

    async def test_inside(self) -> None:
        """The directories in one are told by name, with where each is; hidden ones only to those who want them."""
        directories = self.make_directories()
        for name in ("a/c/deep", "a/b", "a/.hidden", "ab"):
            self.make_directory(name)
        path = self.make_directory("a")
        found = await directories.inside(path + "/", False)
        self.assertEqual((found.path, found.parent, found.truncated), (path, path[: path.rindex("/")], False))
        self.assertEqual([one.name for one in found.directories], ["b", "c"])
        for one in found.directories:
            self.assertEqual(one.place, await directories.look(f"{path}/{one.name}"))
        found = await directories.inside(path, True)
        self.assertEqual([one.name for one in found.directories], [".hidden", "b", "c"])
        self.assertEqual((await directories.inside(path + "/b", True)).directories, [])
        for bad in (path + "/not", path + "/../a", "a", "", path + "\n"):
            with self.assertRaises(Refusal) as caught:
                await directories.inside(bad, False)
            self.assertEqual(caught.exception.code, Code.INVALID_PATH)

    async def test_most_inside(self) -> None:
        """So many directories are told of one, and that there are more."""
        directories = self.make_directories()
        for number in range(MAX_DIRECTORIES):
            path = self.make_directory(f"many/{number:04}")
        parent = path[: path.rindex("/")]
        found = await directories.inside(parent, False)
        self.assertEqual((len(found.directories), found.truncated), (MAX_DIRECTORIES, False))
        self.make_directory(f"many/{MAX_DIRECTORIES:04}")
        found = await directories.inside(parent, False)
        self.assertEqual((len(found.directories), found.truncated), (MAX_DIRECTORIES, True))
        self.assertEqual(found.directories[0].name, "0000")

    async def test_roots(self) -> None:
        """The roots are told as directories that may be looked into, and nothing above them may."""
        directories = self.make_directories()
        self.make_directory("a")
        found = await directories.roots()
        self.assertEqual((found.path, found.parent, found.truncated), (None, None, False))
        self.assertNotEqual(found.directories, [])
        for one in found.directories:
            self.assertIsNone((await directories.inside(one.place.path, False)).parent)

    async def test_trust(self) -> None:
        """Without parts that run code a directory is trusted; with them only in the very state that was approved."""
        directories = self.make_directories()
        path = self.make_directory("project")
        trust = await directories.trust(path, "")
        self.assertEqual((trust.state, trust.fingerprint, trust.files), (Standing.TRUSTED, "", ()))
        self.make_part(path)
        first = await directories.trust(path, "")
        self.assertEqual(first.state, Standing.UNTRUSTED)
        self.assertEqual(len(first.files), 1)
        self.assertRegex(first.fingerprint, "^[0-9a-f]{64}$")
        self.assertEqual((await directories.trust(path, first.fingerprint)).state, Standing.TRUSTED)
        self.make_part(path)
        second = await directories.trust(path, first.fingerprint)
        self.assertEqual(second.state, Standing.UNTRUSTED)
        self.assertNotEqual(second.fingerprint, first.fingerprint)


class WorkingTreesContract(Mixin):
    """For `IWorkingTrees`."""

    def make_trees(self) -> IWorkingTrees:
        raise NotImplementedError

    def make_tree(self, *files: str) -> str:
        """A directory with these files in it. Returns its path."""
        raise NotImplementedError

    async def test_provides(self) -> None:
        """The object provides what it claims."""
        verifyObject(IWorkingTrees, self.make_trees())

    async def test_find(self) -> None:
        """Files and directories are found by what fits, at most so many, and it is said that there are more."""
        trees, path = self.make_trees(), self.make_tree("src/app.py", "src/wrapper.py", "README.md")
        found = await trees.find(path, "APP", 5)
        self.assertEqual(found, Mentions([Mention("src/app.py", False), Mention("src/wrapper.py", False)], False))
        self.assertEqual(await trees.find(path, "src", 1), Mentions([Mention("src", True)], True))
        self.assertEqual((await trees.find(path, "nothing", 5)).files, [])
        self.assertEqual(len((await trees.find(path, "", 5)).files), 4)

    async def test_gone(self) -> None:
        """A directory that is not there is an INVALID_PATH."""
        with self.assertRaises(Refusal) as caught:
            await self.make_trees().find(self.make_tree() + "/not", "", 5)
        self.assertEqual(caught.exception.code, Code.INVALID_PATH)
