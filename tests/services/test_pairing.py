"""A code becomes a device once, and only for whoever has it."""

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.access import COOKIE, MAX_DEVICES, TOKEN, Device, Kind, Scope, hash_of, token
from pocketagent.domain.deeds import Origin
from pocketagent.domain.pairing import LIFETIME, MAX_WRONG, NAMELESS, Pairing, code
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.outbound.memory import MemoryAudit, MemoryDevices, MemoryPairings
from pocketagent.services.audit import Audit
from pocketagent.services.pairing import ANSWER_AFTER, Granted, PairingDesk
from tests.services.workshop import done

NOW = 1_700_000_000.0
SECRET = "5e" * 16
GOOD = code(SECRET)
PAIRING = Pairing("aa" * 8, hash_of(GOOD), Scope.EXECUTE, None, None, NOW)


class DeskCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.now = NOW
        self.pairings = MemoryPairings()
        self.devices = MemoryDevices()
        self.records = MemoryAudit(lambda: self.now)
        self.counter = 0
        self.desk = self.made_desk()
        self.save(PAIRING)

    def made_desk(self) -> PairingDesk:
        audit = Audit(self.records, self.clock, lambda project_id: None)
        return PairingDesk(self.pairings, self.devices, self.clock, lambda: self.now, self.random_hex, audit)

    def random_hex(self, size: int) -> str:
        self.counter += 1
        return f"{self.counter:0{2 * size}x}"

    def save(self, pairing: Pairing) -> None:
        self.successResultOf(done(self.pairings.save(pairing)))

    def exchanging(self, text: str = GOOD, name: object = None, kind: Kind = Kind.PROGRAM) -> "Deferred[Granted]":
        return done(self.desk.exchange(text, name, kind, "192.0.2.7"))

    def granted(self, text: str = GOOD, name: object = None, kind: Kind = Kind.PROGRAM) -> Granted:
        return self.successResultOf(self.exchanging(text, name, kind))

    def refused(self, exchanging: "Deferred[Granted]", wanted: Code = Code.UNAUTHORIZED) -> Refusal:
        refusal = self.failureResultOf(exchanging, Refusal).value
        assert isinstance(refusal, Refusal)
        self.assertIs(refusal.code, wanted)
        return refusal

    def wrong(self, text: str) -> tuple[str, object]:
        """A code that is refused, after the time that it takes; what is said then."""
        exchanging = self.exchanging(text)
        self.clock.advance(ANSWER_AFTER - 0.001)
        self.assertNoResult(exchanging)
        self.clock.advance(0.001)
        refusal = self.refused(exchanging)
        self.assertNotIn(text or "no text", refusal.message)
        return refusal.message, refusal.details

    def all_devices(self) -> list[Device]:
        return list(self.successResultOf(done(self.devices.all())))

    def counted(self) -> list[int]:
        return [pairing.wrong for pairing in self.successResultOf(done(self.pairings.all()))]


class ExchangeTests(DeskCase):
    def test_program(self) -> None:
        """A program gets the token of its new device; of that only a hash is kept."""
        granted = self.granted(name="Pixel")
        found = TOKEN.fullmatch(granted.credential)
        assert found is not None
        (device,) = self.all_devices()
        self.assertEqual(granted.device, device)
        self.assertEqual((device.id, device.name, device.scope), (PAIRING.id, "Pixel", Scope.EXECUTE))
        self.assertEqual((device.created_at, device.expires_at, device.kind), (NOW, None, Kind.PROGRAM))
        self.assertEqual(found["id"], device.id)
        self.assertTrue(device.proves(found["secret"]))
        self.assertNotIn(granted.credential, repr(granted))

    def test_browser(self) -> None:
        """A browser gets a cookie, which is no token."""
        granted = self.granted(kind=Kind.BROWSER)
        self.assertIsNotNone(COOKIE.fullmatch(granted.credential))
        self.assertEqual((granted.device.kind, granted.device.name), (Kind.BROWSER, NAMELESS))

    def test_as_the_person_said(self) -> None:
        """Name, scope and end are those of the pairing, whatever the device says of itself (AU-17)."""
        self.successResultOf(done(self.pairings.take(PAIRING.id)))
        self.save(evolve(PAIRING, name="Ada's", scope=Scope.READ, device_lifetime=3600.0))
        self.now += 10
        device = self.granted(name="root").device
        self.assertEqual((device.name, device.scope, device.expires_at), ("Ada's", Scope.READ, NOW + 3610))

    def test_once(self) -> None:
        """A code is good once."""
        self.granted()
        self.wrong(GOOD)
        self.assertEqual(len(self.all_devices()), 1)

    def test_two_at_once(self) -> None:
        """Of two that send the right code at once exactly one is let in, in a thousand rounds (AU-14)."""
        for number in range(1000):
            one = evolve(PAIRING, id=f"{number:016x}", code_hash=hash_of(code(f"{number:032x}")))
            self.successResultOf(done(self.pairings.take(PAIRING.id)))
            self.save(one)
            both = [self.exchanging(code(f"{number:032x}")) for _ in range(2)]
            outcomes: list[object] = []
            for exchanging in both:
                exchanging.addBoth(outcomes.append)
            self.clock.advance(ANSWER_AFTER)
            self.assertEqual([isinstance(outcome, Granted) for outcome in outcomes].count(True), 1)
            self.successResultOf(done(self.devices.remove(one.id)))
        self.assertEqual(self.all_devices(), [])

    def test_over(self) -> None:
        """After five minutes it is worth nothing, and removed; also when the clock was set back before its making
        (AU-11, AU-06)."""
        for moment in (NOW + LIFETIME, NOW - 1):
            self.save(PAIRING)
            self.now = moment
            self.wrong(GOOD)
            self.assertEqual(self.counted(), [])
            self.now = NOW
            self.wrong(GOOD)

    def test_in_time(self) -> None:
        """Up to then it is good."""
        self.now = NOW + LIFETIME - 0.001
        self.granted()

    def test_nobody_is_let_in_without(self) -> None:
        """No address and no circumstance makes a device without the code (AU-16)."""
        for text in ("", "localhost", "127.0.0.1", PAIRING.id, PAIRING.code_hash):
            self.successResultOf(done(self.pairings.take(PAIRING.id)))
            self.save(PAIRING)
            self.wrong(text)
        self.assertEqual(self.all_devices(), [])

    def test_kinds_of_secrets(self) -> None:
        """The token or the cookie of a device, or a code without its beginning, is no code (AU-33)."""
        for text in (token("0" * 16, "5" * 64), SECRET, f"pac_{'0' * 16}_{'5' * 64}"):
            self.wrong(text)
        self.assertEqual(self.all_devices(), [])

    def test_full(self) -> None:
        """Where there are as many devices as there may be, that is said, and the code stays good."""
        for number in range(MAX_DEVICES):
            device = Device(f"{number:016x}", "x", Scope.READ, hash_of(""), NOW)
            self.successResultOf(done(self.devices.save(device)))
        self.assertEqual(self.refused(self.exchanging(), Code.RESOURCE_LIMIT).details, {"limit": MAX_DEVICES})
        self.successResultOf(done(self.devices.remove(f"{0:016x}")))
        self.granted()

    def test_bad_name(self) -> None:
        """A name that is none is told before the code is looked at: it costs neither the code nor a try."""
        for name in ("", "a\nb", 5):
            refusal = self.refused(self.exchanging(name=name), Code.INVALID_MESSAGE)
            self.assertEqual(refusal.details, {"field": "data.name"})
        self.assertEqual(self.counted(), [0])
        self.granted(name="Pixel")


class GuessingTests(DeskCase):
    def test_five_in_total(self) -> None:
        """After five wrong codes, whoever sent them, the right one is worth nothing (AU-12)."""
        for number in range(MAX_WRONG):
            self.wrong(code(f"{number:032x}"))
        self.wrong(GOOD)
        self.assertEqual((self.counted(), self.all_devices()), ([MAX_WRONG], []))

    def test_four(self) -> None:
        """After four it is still good."""
        for number in range(MAX_WRONG - 1):
            self.wrong(code(f"{number:032x}"))
        self.granted()

    def test_all_at_once(self) -> None:
        """Many at a time are judged one after the other: not one more is tried than that."""
        guesses = [self.exchanging(code(f"{number:032x}")) for number in range(MAX_WRONG)]
        right = self.exchanging()
        self.clock.advance(ANSWER_AFTER)
        for guess in (*guesses, right):
            self.refused(guess)
        self.assertEqual(self.all_devices(), [])

    def test_restart(self) -> None:
        """A server that starts anew gives nobody more tries."""
        for number in range(MAX_WRONG - 1):
            self.wrong(code(f"{number:032x}"))
        self.desk = self.made_desk()
        self.wrong(code("f" * 32))
        self.wrong(GOOD)

    def test_cannot_be_counted(self) -> None:
        """Where the disk takes no count, this server counts all the same."""

        class Uncounted(MemoryPairings):
            async def count_wrong(self, pairing_id: str) -> None:
                self.fails = True
                try:
                    await super().count_wrong(pairing_id)
                finally:
                    self.fails = False

        self.pairings = Uncounted()
        self.save(PAIRING)
        self.desk = self.made_desk()
        for number in range(MAX_WRONG):
            self.refused(self.exchanging(code(f"{number:032x}")), Code.STORAGE_UNAVAILABLE)
        self.wrong(GOOD)

    def test_same_answer(self) -> None:
        """Wrong, used up, over, of another server, no pairing at all: the same answer after the same time (AU-13)."""
        answers = [self.wrong(code("0" * 32)), self.wrong("x"), self.wrong("")]
        self.granted()
        answers += [self.wrong(GOOD), self.wrong(code("0" * 32))]
        self.save(evolve(PAIRING, created_at=NOW - LIFETIME))
        answers.append(self.wrong(GOOD))
        self.assertEqual(answers, [answers[0]] * 6)
        self.assertEqual(answers[0][1], {"reason": "pairing"})

    def test_withdrawn_meanwhile(self) -> None:
        """A code that is withdrawn at the moment of its use is worth nothing, and that is all that is told."""

        class Withdrawn(MemoryPairings):
            async def take(self, pairing_id: str) -> bool:
                await super().take(pairing_id)
                return False

        self.pairings = Withdrawn()
        self.save(PAIRING)
        self.desk = self.made_desk()
        self.wrong(GOOD)
        self.assertEqual(self.all_devices(), [])


class WrittenDownTests(DeskCase):
    """What stands of it in the audit log."""

    def test_written_down(self) -> None:
        """Who came in by a code, from where, and as what; and wrong codes as long as they count. No code, no token."""
        self.wrong(code("0" * 32))
        granted = self.granted(name="Pixel")
        self.wrong(code("0" * 32))
        deeds = [record.deed for record in self.records.records]
        self.assertEqual(
            [(deed.action, deed.address, deed.device_id, deed.outcome) for deed in deeds],
            [
                ("device_pair", "192.0.2.7", None, "UNAUTHORIZED"),
                ("device_pair", "192.0.2.7", PAIRING.id, "ok"),
            ],
        )
        self.assertEqual(deeds[1].details, {"name": "Pixel", "scope": "execute", "kind": "program", "expires_at": None})
        for secret in (SECRET, "0" * 32, granted.credential[-64:]):
            self.assertNotIn(secret, repr(deeds))

    def test_over(self) -> None:
        """A pairing whose time is over is removed with one record, which says whether somebody was guessing."""
        for wrong, reason in ((0, "expired"), (MAX_WRONG, "wrong_codes")):
            self.save(PAIRING)
            for _ in range(wrong):
                self.wrong(code("0" * 32))
            self.records.records.clear()
            self.now = NOW + LIFETIME
            self.wrong(code("0" * 32))
            self.wrong(code("0" * 32))
            (record,) = self.records.records
            self.assertEqual((record.deed.action, record.deed.device_id), ("pairing_end", PAIRING.id))
            self.assertEqual((record.deed.origin, record.deed.details), (Origin.SERVER, {"reason": reason}))
            self.now = NOW

    def test_cannot_be_written_down(self) -> None:
        """Where it cannot be written nobody is let in, and the code stays good."""
        self.records.fails = True
        self.refused(self.exchanging(), Code.STORAGE_UNAVAILABLE)
        self.records.fails = False
        self.granted()


class BrokenTests(DeskCase):
    def test_pairings_away(self) -> None:
        """A store that does not answer is told as that, and the next one is judged."""
        self.pairings.fails = True
        self.refused(self.exchanging(), Code.STORAGE_UNAVAILABLE)
        self.pairings.fails = False
        self.granted()

    def test_devices_broken(self) -> None:
        """Devices that cannot be read let nobody new in; the code is not used up by it."""
        self.devices.broken = True
        self.refused(self.exchanging(), Code.STORAGE_UNAVAILABLE)
        self.devices.broken = False
        self.granted()

    def test_device_cannot_be_kept(self) -> None:
        """A device that could not be kept is none, and its code is gone: it is never good twice."""
        self.devices.fails = True
        self.refused(self.exchanging(), Code.STORAGE_UNAVAILABLE)
        self.devices.fails = False
        self.wrong(GOOD)
        self.assertEqual(self.all_devices(), [])
