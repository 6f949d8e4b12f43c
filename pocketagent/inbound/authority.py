# -*- test-case-name: tests.inbound.test_authority -*-
"""The certificate of the server's own authority, for devices that are to trust it: public, unlike its key."""

import plistlib
import uuid
from collections.abc import Callable, Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from pocketagent.inbound.answer import Answer
from pocketagent.inbound.routes import Route, Visit
from pocketagent.inbound.turned_away import nothing_here

CERTIFICATE = "application/x-x509-ca-cert"
"""PEM, which Android, iOS and desktops take under this type, and the tools of Linux besides."""
PROFILE = "application/x-apple-aspen-config"
IDENTIFIER = "io.github.pocketagent.authority"


def routes(authority: Callable[[], x509.Certificate | None]) -> Sequence[Route]:
    """`/ca.crt`, and the same as a profile for Apple's devices; for everybody.

    `authority`: the one in use, None where the certificate is somebody else's, or there is none: then nothing is there.
    """

    def own() -> x509.Certificate:
        found = authority()
        if found is None:
            raise nothing_here()
        return found

    async def give(visit: Visit) -> Answer:
        return Answer(200, own().public_bytes(Encoding.PEM), content_type=CERTIFICATE)

    async def give_profile(visit: Visit) -> Answer:
        return Answer(200, profile(own()), content_type=PROFILE)

    return [
        Route(method="GET", path="/ca.crt", answer=give, scope=None),
        Route(method="GET", path="/ca.mobileconfig", answer=give_profile, scope=None),
    ]


def profile(authority: x509.Certificate) -> bytes:
    """A configuration profile, unsigned, that makes an Apple device know the authority.

    Of one authority it is always the same, so that a second download takes the first one's place.
    """
    fingerprint = authority.fingerprint(hashes.SHA256()).hex()
    name = str(authority.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value)
    root = {
        "PayloadType": "com.apple.security.root",
        "PayloadVersion": 1,
        "PayloadIdentifier": f"{IDENTIFIER}.{fingerprint[:16]}.root",
        "PayloadUUID": _uuid(fingerprint, "root"),
        "PayloadDisplayName": name,
        "PayloadCertificateFileName": "ca.cer",
        "PayloadContent": authority.public_bytes(Encoding.DER),
    }
    return plistlib.dumps(
        {
            "PayloadType": "Configuration",
            "PayloadVersion": 1,
            "PayloadIdentifier": f"{IDENTIFIER}.{fingerprint[:16]}",
            "PayloadUUID": _uuid(fingerprint, "profile"),
            "PayloadDisplayName": name,
            "PayloadDescription": "Lets this device trust your own server, under that server's names only.",
            "PayloadContent": [root],
        }
    )


def _uuid(fingerprint: str, part: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{fingerprint} {part}")).upper()
