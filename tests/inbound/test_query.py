"""Tests of `pocketagent.inbound.query`."""

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.domain.refusals import Code, Refusal
from pocketagent.inbound.query import MAX_PARAMETERS, flag, only, parameters, whole


class QueryTests(SynchronousTestCase):
    def test_read(self) -> None:
        """Names and values, decoded; a name may stand several times, and a value may be empty."""
        for target, found in (
            ("/a", {}),
            ("/a?", {}),
            ("/a?x=1&y=2&x=3", {"x": ["1", "3"], "y": ["2"]}),
            ("/a?x=a+b%2Bc%C3%A4=?", {"x": ["a b+c\xe4=?"]}),
            ("/a?x&y=", {"x": [""], "y": [""]}),
            ("/a?%78=1", {"x": ["1"]}),
        ):
            self.assertEqual(parameters(target, ("x", "y")), found)

    def test_refused(self) -> None:
        """What is not known, not well encoded, or no UTF-8; and whatever stands where nothing may."""
        for query in ("z=1", "x=1&&y=2", "&", "x=%", "x=%4", "x=%GG", "x=%FF", "x=%ED%A0%80"):
            refusal = self.assertRaises(Refusal, parameters, "/a?" + query, ("x", "y"))
            self.assertIs(refusal.code, Code.INVALID_MESSAGE, query)
        self.assertRaises(Refusal, parameters, "/a?", ())

    def test_secrets(self) -> None:
        """AU-21: what is refused is not repeated."""
        refusal = self.assertRaises(Refusal, parameters, "/a?pa_secret=pa_secret", ("x",))
        self.assertNotIn("secret", refusal.message + repr(refusal.details))

    def test_bound(self) -> None:
        """RE-15: so many parameters, and no more."""
        self.assertEqual(len(parameters("/a?" + "&".join(["x=1"] * MAX_PARAMETERS), ("x",))["x"]), MAX_PARAMETERS)
        self.assertRaises(Refusal, parameters, "/a?" + "&".join(["x=1"] * (MAX_PARAMETERS + 1)), ("x",))

    def test_values(self) -> None:
        """What is not given has no value; what stands twice, or is not what it should be, is refused."""
        found = parameters("/a?x=&y=true&z=7", ("x", "y", "z"))
        self.assertEqual((only(found, "x"), only(found, "n")), ("", None))
        self.assertEqual((flag(found, "y"), flag(found, "n")), (True, False))
        self.assertEqual((whole(found, "z", 7, 7), whole(found, "n", 1, 2)), (7, None))
        self.assertRaises(Refusal, only, {"x": ["1", "1"]}, "x")
        for word in ("", "True", "1"):
            self.assertRaises(Refusal, flag, {"x": [word]}, "x")
        for word in ("", "6", "9", "-7", "+7", "07", "7.0", "\u0667", "7" * 100):
            self.assertRaises(Refusal, whole, {"x": [word]}, "x", 7, 8)
