"""What is told, which device wants it, and what a push subscription may look like."""

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.notices import (
    AUTH_SIZE,
    MAX_ENDPOINT,
    P256DH_SIZE,
    Notice,
    Occasion,
    Rules,
    check_endpoint,
    check_keys,
    occasion_of,
)
from pocketagent.domain.outcome import Outcome


def notice(occasion: Occasion = Occasion.FINISHED, seconds: float | None = 10.0) -> Notice:
    return Notice(occasion=occasion, project_id="p", project_name="app", seq=7, seconds=seconds)


class RulesTests(SynchronousTestCase):
    def test_everything(self) -> None:
        """A device that says nothing wants everything."""
        for occasion in Occasion:
            self.assertTrue(Rules().want(notice(occasion, 0.0)))

    def test_occasions(self) -> None:
        """A device hears of the occasions that it names, and of no other."""
        rules = Rules(occasions=(Occasion.FAILED,))
        self.assertEqual([one for one in Occasion if rules.want(notice(one))], [Occasion.FAILED])

    def test_seconds(self) -> None:
        """Of executions it hears of those that took at least so long; a permission has no duration, and one that
        nobody knows counts as long."""
        rules = Rules(seconds=10.0)
        self.assertTrue(rules.want(notice(seconds=10.0)))
        self.assertFalse(rules.want(notice(seconds=9.9)))
        self.assertTrue(rules.want(notice(Occasion.PERMISSION, None)))

    def test_ends(self) -> None:
        """What a person has ended is no news."""
        told = {ended: occasion_of(ended) for ended in Outcome}
        self.assertEqual([ended for ended in Outcome if told[ended] is None], [Outcome.INTERRUPTED, Outcome.KILLED])
        self.assertIs(told[Outcome.TIMEOUT], Occasion.FAILED)

    def test_title(self) -> None:
        """The title names the project and what has happened, and nothing that was said."""
        self.assertEqual(notice(Occasion.FAILED).title, "app: failed")


class SubscriptionTests(SynchronousTestCase):
    def test_endpoint(self) -> None:
        """An endpoint is an https URL of a host."""
        for good in ("https://push.example.net/send/1?a=b", "https://[2001:db8::1]:8443/x"):
            self.assertEqual(check_endpoint(good), good)
        for bad in (
            "", "http://push.example.net/", "https://", "https:///x", "https://user:pass@push.example.net/", "ftp://x/",
            "https://push.example.net/ x", "https://push.example.net/\r\nHost: x", "https://push.example.net:0/",
            "https://push.example.net:99999/", "https://push.example.net/#x", "https://bücher.example/",
            "https://good.example\\@evil.example/", "https://[::1/",
        ):  # fmt: skip
            self.assertRaises(ValueError, check_endpoint, bad)

    def test_length(self) -> None:
        """It is bounded."""
        longest = "https://push.example.net/".ljust(MAX_ENDPOINT, "x")
        self.assertEqual(check_endpoint(longest), longest)
        self.assertRaises(ValueError, check_endpoint, longest + "x")

    def test_keys(self) -> None:
        """The keys have their sizes."""
        check_keys(b"\x04" + bytes(P256DH_SIZE - 1), bytes(AUTH_SIZE))
        for p256dh, auth in (
            (b"\x04" + bytes(P256DH_SIZE), bytes(AUTH_SIZE)),
            (b"\x02" + bytes(P256DH_SIZE - 1), bytes(AUTH_SIZE)),
            (b"\x04" + bytes(P256DH_SIZE - 1), bytes(AUTH_SIZE - 1)),
            (b"", b""),
        ):
            self.assertRaises(ValueError, check_keys, p256dh, auth)
