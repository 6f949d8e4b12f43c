"""Push messages: the example of RFC 8291, and whatever else only the right browser reads; who sent them (RFC 8292)."""

from twisted.trial.unittest import SynchronousTestCase

from pocketagent.outbound.push_encryption import LIFETIME, MAX_MESSAGE, RECORD, Vapid, encrypt, point
from tests.receiver import Browser, claims, decoded, private_key

P256DH = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
SENDER = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
SALT = "DGv6ra1nlYgDCS1FRnbzlw"
BODY = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7"
    "A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)
"""Appendix A of RFC 8291."""


class EncryptionTests(SynchronousTestCase):
    def test_the_example(self) -> None:
        """The example of the RFC comes out, byte by byte."""
        ours = private_key(int.from_bytes(decoded(SENDER), "big"))
        message = b"When I grow up, I want to be a watermelon"
        body = encrypt(message, decoded(P256DH), decoded(AUTH), ours, decoded(SALT))
        self.assertEqual(body, decoded(BODY))

    def test_longest(self) -> None:
        """The longest message fits into what push services take, and its browser reads it."""
        browser = Browser()
        message = b'{"x":"' + b"x" * (MAX_MESSAGE - 8) + b'"}'
        self.assertEqual(len(message), MAX_MESSAGE)
        body = encrypt(message, browser.p256dh, browser.auth, private_key(7), bytes(16))
        self.assertLessEqual(len(body), RECORD)
        self.assertEqual(len(str(browser.read(body)["x"])), MAX_MESSAGE - 8)

    def test_no_point(self) -> None:
        """A key that is no point of the curve is refused."""
        self.assertRaises(ValueError, point, b"\x04" + bytes(64))


class VapidTests(SynchronousTestCase):
    def test_claims(self) -> None:
        """The header says to whom, until when and, if there is one, who may be asked; signed with the key it names."""
        for contact, more in (("mailto:me@example.org", {"sub": "mailto:me@example.org"}), ("", {})):
            vapid = Vapid(private_key(5), contact)
            header = vapid.authorization("https://push.example.net:444/send/secret?x=1", 1000.9)
            expected = {"aud": "https://push.example.net:444", "exp": 1000 + LIFETIME, **more}
            self.assertEqual(claims(header, vapid.public_key), expected)
            self.assertNotIn("secret", header)
