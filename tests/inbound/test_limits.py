"""Tests of `pocketagent.inbound.limits`: what one may have, and that it is given back."""

from collections import Counter

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.measures import Measures
from pocketagent.domain.refusals import Code, Refusal
from pocketagent.inbound import limits as module
from pocketagent.inbound.limits import LARGE_BODIES, Bounds, Limits, Place

ADDRESSES, DEVICES = ("192.0.2.7", "192.0.2.8", "127.0.0.1"), ("phone", "tablet")
SMALL = Bounds(connections=5, connections_per_address=3, connections_per_device=2)


class LimitsCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()

    def limits(self, **bounds: float) -> Limits:
        return Limits(self.clock.seconds, Bounds(**bounds))  # type: ignore[arg-type]  # a test's own

    def code(self, limits: Limits, address: str) -> Code | None:
        try:
            limits.ask(address)
        except Refusal as refusal:
            return refusal.code
        return None


class PlacesTests(LimitsCase):
    def test_machine(self) -> None:
        """However connections come and go: nobody has more than it may, and what is given back is given back once."""
        run_state_machine_as_test(Places)

    def test_refusals(self) -> None:
        """Too many at all is RESOURCE_LIMIT; too many of one address or device RATE_LIMITED, with the time to wait."""
        limits = Limits(self.clock.seconds, SMALL)
        places = [limits.take(ADDRESSES[0]) for _ in range(3)]
        refusal = self.assertRaises(Refusal, limits.take, ADDRESSES[0])
        self.assertEqual((refusal.code, refusal.details["limit"]), (Code.RATE_LIMITED, 3))
        self.assertGreater(float(str(refusal.details["retry_after"])), 0)
        for place in places[:2]:
            place.claim("phone")
        self.assertIs(self.assertRaises(Refusal, places[2].claim, "phone").code, Code.RATE_LIMITED)
        places += [limits.take(ADDRESSES[1]) for _ in range(2)]
        self.assertIs(self.assertRaises(Refusal, limits.take, ADDRESSES[2]).code, Code.RESOURCE_LIMIT)
        for place in places:
            place.leave()
        limits.take(ADDRESSES[0]).claim("phone")


class Places(RuleBasedStateMachine):
    """Connections, as they come, are known and go, in any order and more than once."""

    def __init__(self) -> None:
        super().__init__()
        self.limits = Limits(Clock().seconds, SMALL)
        self.there: list[tuple[Place, str, list[str]]] = []
        self.gone: list[Place] = []

    @rule(address=st.sampled_from(ADDRESSES))
    def come(self, address: str) -> None:
        mine = sum(one[1] == address for one in self.there)
        try:
            self.there.append((self.limits.take(address), address, []))
        except Refusal:
            assert len(self.there) >= 5 or mine >= 3
        else:
            assert len(self.there) <= 5
            assert mine < 3

    @rule(which=st.integers(0, 9), device=st.sampled_from(DEVICES))
    def become_known(self, which: int, device: str) -> None:
        if self.there:
            place, _, known = self.there[which % len(self.there)]
            mine = sum(device in one[2] for one in self.there)
            try:
                place.claim(device)
            except Refusal:
                assert mine >= 2
            else:
                if not known:
                    assert mine < 2
                    known.append(device)

    @rule(which=st.integers(0, 9))
    def leave(self, which: int) -> None:
        if self.there:
            place = self.there.pop(which % len(self.there))[0]
            place.leave()
            self.gone.append(place)

    @rule(which=st.integers(0, 9))
    def leave_again(self, which: int) -> None:
        if self.gone:
            self.gone[which % len(self.gone)].leave()
            self.gone[which % len(self.gone)].claim(DEVICES[0])

    @invariant()
    def counts(self) -> None:
        assert self.limits.taken == len(self.there)
        assert self.limits._addresses == Counter(one[1] for one in self.there)
        assert self.limits._devices == Counter(device for one in self.there for device in one[2])


class RequestsTests(LimitsCase):
    def test_address(self) -> None:
        """Requests of one address are bounded, at the bound, over time, and not those of others; loopback counts."""
        limits = self.limits(address_requests_per_second=2, address_request_burst=3)
        for address in "127.0.0.1", "192.0.2.7":
            self.assertEqual([self.code(limits, address) for _ in range(4)], [None] * 3 + [Code.RATE_LIMITED])
        self.clock.advance(0.5)
        self.assertEqual([self.code(limits, "127.0.0.1") for _ in range(2)], [None, Code.RATE_LIMITED])

    def test_counted(self) -> None:
        """What is refused for its number is counted, of whatever kind it is."""
        measures = Measures()
        bounds = Bounds(address_request_burst=1, device_request_burst=1, connections_per_address=1)
        limits = Limits(self.clock.seconds, bounds, measures)
        for _ in range(2):
            self.code(limits, "192.0.2.7")
        limits.ask_as("phone")
        self.assertRaises(Refusal, limits.ask_as, "phone")
        limits.take("192.0.2.7")
        self.assertRaises(Refusal, limits.take, "192.0.2.7")
        self.assertEqual(measures.rate_limited, 3)

    def test_one_network(self) -> None:
        """AU-18: rotating inside a /64 wins nothing."""
        limits = self.limits(address_requests_per_second=1, address_request_burst=3)
        codes = [self.code(limits, f"2001:db8::{number:x}") for number in range(1, 5)]
        self.assertEqual(codes, [None] * 3 + [Code.RATE_LIMITED])

    def test_device(self) -> None:
        """So are those of one device, wherever it is."""
        limits = self.limits(device_requests_per_second=1, device_request_burst=2)
        limits.ask_as("phone")
        self.assertTrue(limits.shared("192.0.2.7", "phone")[1].take())
        self.assertIs(self.assertRaises(Refusal, limits.ask_as, "phone").code, Code.RATE_LIMITED)
        limits.ask_as("tablet")

    def test_memory(self) -> None:
        """AU-18: a million different addresses cost no more memory than the last of them."""
        self.patch(module, "REMEMBERED", 100)
        limits = self.limits()
        for number in range(1000):
            limits.ask(f"10.0.{number // 256}.{number % 256}")
            limits.wrong(f"10.0.{number // 256}.{number % 256}")
            limits.ask_as(str(number))
        self.assertEqual(limits.remembered, 300)


class LargeBodyTests(LimitsCase):
    def test_together(self) -> None:
        """Large bodies that are in memory at a time have a bound together; each makes room again, whatever becomes of
        it."""
        limits = self.limits()
        with limits.uploads.holding(LARGE_BODIES - 1), limits.uploads.holding(1), limits.uploads.holding(0):
            refusal = self.assertRaises(Refusal, limits.uploads.holding(1).__enter__)
            self.assertIs(refusal.code, Code.RESOURCE_LIMIT)
        try:
            with limits.uploads.holding(LARGE_BODIES):
                raise ValueError
        except ValueError:
            pass
        self.assertEqual(limits.uploads.held, 0)


class WrongTests(LimitsCase):
    def test_address(self) -> None:
        """AU-18: after so many wrong credentials an address waits, and only that one; a minute brings as many again."""
        limits = self.limits(wrong_credentials_per_address=3, wrong_credentials=100)
        for _ in range(3):
            self.assertEqual(limits.wait_for("192.0.2.7"), 0)
            limits.wrong("192.0.2.7")
        self.assertGreater(limits.wait_for("192.0.2.7"), 0)
        self.assertEqual(limits.wait_for("192.0.2.8"), 0)
        self.clock.advance(20)
        self.assertEqual(limits.wait_for("192.0.2.7"), 0)

    def test_good_after_all(self) -> None:
        """What turned out to be good is not counted."""
        limits = self.limits(wrong_credentials_per_address=1, wrong_credentials=1)
        for _ in range(10):
            self.assertEqual(limits.wait_for("192.0.2.7"), 0)
            limits.wrong("192.0.2.7")
            self.assertGreater(limits.wait_for("192.0.2.7"), 0)
            limits.right("192.0.2.7")

    def test_everywhere(self) -> None:
        """AU-18: from a million addresses no more come through than in total are allowed."""
        limits = self.limits(wrong_credentials_per_address=3, wrong_credentials=5)
        judged = 0
        for number in range(1000):
            if not limits.wait_for(f"10.0.{number // 256}.{number % 256}"):
                limits.wrong(f"10.0.{number // 256}.{number % 256}")
                judged += 1
        self.assertEqual(judged, 5)
