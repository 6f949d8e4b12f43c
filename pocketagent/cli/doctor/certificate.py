# -*- test-case-name: tests.cli.doctor.test_certificate -*-
"""The certificate, given or made: whether the server can use it, for how long, and for the names it goes by."""

import ipaddress
import shlex
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from attrs import frozen
from cryptography import x509

from pocketagent.cli.doctor.finding import Finding, ok, problem, warning
from pocketagent.cli.doctor.running import Running
from pocketagent.outbound import authority
from pocketagent.outbound.certificates import CertificateUnusable, fingerprint, load, read_chain, read_key

DAY = 86400.0
SOON = 14 * DAY
"""Before its end a certificate of somebody else's should have been renewed, or in the last quarter of a short life."""

LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""Names for which nobody else gives certificates."""

NONE = ok("certificate", "none: without TLS the server is for this machine only")

SHOWN = 6
"""Names that are told of many."""


@frozen
class Shown:
    """The certificate in a file."""

    fingerprint: str
    begins: float
    ends: float
    names: Sequence[str]

    @classmethod
    def read(cls, path: str) -> "Shown | None":
        """None where there is none that could be used."""
        try:
            first = read_chain(path)[0]
        except CertificateUnusable:
            return None
        begins, ends = first.not_valid_before_utc.timestamp(), first.not_valid_after_utc.timestamp()
        return cls(fingerprint(first), begins, ends, _names(first))

    def covers(self, name: str) -> bool:
        form = _one_form(name)
        return any(one in (form, f"*.{form.partition('.')[2]}") for one in self.names)


def files(data_dir: str) -> tuple[str, str]:
    """Those of the certificate that the server makes: the certificate and its key."""
    place = f"{data_dir}/certificates"
    return f"{place}/{authority.CERTIFICATE}", f"{place}/{authority.PRIVATE_KEY}"


# -- given by somebody else ---------------------------------------------------------------------------------


def examine_given(
    certificate: str, private_key: str, names: Sequence[str], are_chosen: bool, now: float
) -> Iterator[Finding]:
    """`names` are those that the server goes by, `are_chosen` whether they were set or are this machine's."""
    try:
        load(certificate, private_key, now)
    except CertificateUnusable as fault:
        yield problem("certificate", str(fault).rstrip("."), _advice(certificate, private_key, str(fault), now))
        return
    shown = Shown.read(certificate)
    assert shown is not None
    left = shown.ends - now
    if left < min(SOON, (shown.ends - shown.begins) / 4):
        yield warning("certificate", f"{certificate} ends {_when(shown.ends, now)}", _renew(certificate))
    else:
        yield ok("certificate", f"{certificate}, good until {_when(shown.ends, now)}, for {_listed(shown.names)}")
    yield from _given_names(shown, names, are_chosen)


def _given_names(shown: Shown, names: Sequence[str], are_chosen: bool) -> Iterator[Finding]:
    ours = [name for name in names if name not in LOOPBACK]
    missing = [name for name in ours if not shown.covers(name)]
    if not any(shown.covers(name) for name in names):
        advice = " ".join(f"--name {name}" for name in shown.names if "*" not in name) or "--name NAME"
        yield warning("names", f"the server goes by none of the certificate's names ({_listed(shown.names)})", advice)
    elif missing and are_chosen:
        yield warning(
            "names",
            f"the certificate is not for {_listed(missing)}: clients cannot verify it there",
            "have it issued for these names as well, or leave them out of `names`",
        )


def _advice(certificate: str, private_key: str, fault: str, now: float) -> str:
    shown = Shown.read(certificate)
    if "chmod" in fault:
        return f"chmod 600 {shlex.quote(private_key)}"
    if shown is not None and now < shown.begins:
        return "date    (is the clock right?)"
    if shown is not None and now >= shown.ends:
        return _renew(certificate)
    if "cannot be read" in fault:
        return f"ls -l {shlex.quote(certificate)} {shlex.quote(private_key)}    (as the server's user)"
    return "put another pair there, or leave `certificate` and `private_key` out: the server makes its own"


def _renew(certificate: str) -> str:
    return f"certbot renew    (or whatever renews {shlex.quote(certificate)}; the server takes it up by itself)"


# -- made by the server -------------------------------------------------------------------------------------


def examine_made(data_dir: str, names: Sequence[str], running: Running | None, now: float) -> Iterator[Finding]:
    """The server makes what is missing, due or for other names when it starts; its key it never replaces."""
    certificate, private_key = files(data_dir)
    if not Path(private_key).exists():
        yield ok("certificate", "the server makes its own at its first start")
        return
    try:
        read_key(private_key)
    except CertificateUnusable as fault:
        yield problem("certificate", str(fault).rstrip("."), _key_advice(private_key, str(fault)))
        return
    fault_words = _fault_of_made(certificate, private_key, names, now)
    if not fault_words:
        shown = Shown.read(certificate)
        assert shown is not None
        yield ok("certificate", f"the server's own, good until {_when(shown.ends, now)}, for {_listed(shown.names)}")
    elif running is None:
        yield ok("certificate", f"the server makes another at its next start: {fault_words}")
    else:
        yield warning(
            "certificate", fault_words, "systemctl restart pocketagent    (it makes another, with the same key)"
        )


def _fault_of_made(certificate: str, private_key: str, names: Sequence[str], now: float) -> str:
    try:
        load(certificate, private_key, now)
    except CertificateUnusable as fault:
        return str(fault).rstrip(".")
    shown = Shown.read(certificate)
    assert shown is not None
    if shown.ends - now < authority.RENEWED.total_seconds():
        return f"it ends {_when(shown.ends, now)}"
    missing = [name for name in names if not shown.covers(name)]
    return f"it is not for {_listed(missing)}" if missing else ""


def _key_advice(private_key: str, fault: str) -> str:
    name = shlex.quote(private_key)
    if "chmod" in fault:
        return f"chmod 600 {name}"
    return f"mv {name} {name}.broken    (the server makes another key: clients must learn its fingerprint)"


# -- words --------------------------------------------------------------------------------------------------


def _names(certificate: x509.Certificate) -> Sequence[str]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    return [_one_form(str(one.value)) for one in found if isinstance(one, x509.DNSName | x509.IPAddress)]


def _one_form(name: str) -> str:
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name.lower()


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return (", ".join(names[:SHOWN]) or "no name") + more


def _when(moment: float, now: float) -> str:
    date = datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d")
    days = int((moment - now) // DAY)
    return f"{date} ({days} day{'' if days == 1 else 's'})"
