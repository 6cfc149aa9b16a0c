"""Whose signatures are believed: the site's own list of authorities and senders.

PS3.15 leaves open how certificates are trusted. Here a certificate is trusted
if it is in the list, or if a chain of valid certificates leads from it to an
authority in the list (RFC 5280, without policies, name constraints and
revocation: a certificate that needs these is not trusted).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from mediastation.errors import ConfigError
from mediastation.secure.opening.ber import BerError
from mediastation.secure.opening.certificates import Certificate, iter_pem, read_certificate

MAX_TRUSTED = 2000
MAX_FILE_BYTES = 4 << 20
MAX_CHAIN = 8
MAX_STEPS = 128
"""Signatures that are checked to find one chain: strangers may send many that fit together."""
LEAST_RSA_BITS = 1024
"""Keys below can be computed from their certificates."""

_SUFFIXES = frozenset({".pem", ".crt", ".cer", ".der"})
_PEM = b"-----BEGIN "
_HINT = "Name a PEM file, or a folder of such, in `trust` of [secure]."


class TrustStore:
    """The certificates of a site's list; nothing of them is secret.

    Parameters
    ----------
    certificates : iterable of Certificate
        Authorities, whose word is taken for others, and single senders.
    """

    def __init__(self, certificates: Iterable[Certificate]) -> None:
        self._all = {certificate.der: certificate for certificate in certificates}
        self._authorities: dict[bytes, list[Certificate]] = defaultdict(list)
        for certificate in self._all.values():
            if certificate.may_issue:
                self._authorities[certificate.subject].append(certificate)

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Certificate]:
        return iter(self._all.values())

    def doubt(self, signer: Certificate, others: Sequence[Certificate], moment: datetime) -> str:
        """Return why `signer` is not trusted at `moment`, in words; empty if it is.

        Parameters
        ----------
        signer : Certificate
            Whose key made a signature that is intact.
        others : sequence of Certificate
            What came with the signature: they may lead to an authority of the list.
        moment : datetime
            When, with its zone.
        """
        if moment < signer.valid_from:
            return f"its certificate is valid from {signer.valid_from:%Y-%m-%d} only"
        if moment > signer.valid_until:
            return f"its certificate expired on {signer.valid_until:%Y-%m-%d}"
        if not signer.may_sign:
            return "its certificate is not for signatures"
        if signer.rsa_key is None or signer.rsa_key.key_size < LEAST_RSA_BITS:
            return "its key is too short to prove anything"
        if signer.der in self._all:
            return ""
        if signer.puzzles:
            return f"its certificate has a rule that is not understood here ({signer.puzzles[0]})"
        return self._doubt_chain(signer, others, moment)

    def _doubt_chain(
        self, signer: Certificate, others: Sequence[Certificate], moment: datetime
    ) -> str:
        known: dict[bytes, list[Certificate]] = defaultdict(list)
        for other in others:
            if other.may_issue and other.is_valid(moment) and not other.puzzles:
                known[other.subject].append(other)
        steps = 0
        why_not = "nobody whom this site trusts vouches for it"
        waiting: list[tuple[Certificate, ...]] = [(signer,)]
        while waiting:
            chain = waiting.pop()
            below = len(chain) - 1
            ends = self._authorities.get(chain[-1].issuer, [])
            for issuer in [*ends, *known.get(chain[-1].issuer, [])]:
                is_end = issuer.der in self._all
                if (
                    issuer in chain
                    or not issuer.is_valid(moment)
                    or (issuer.path_length is not None and issuer.path_length < below)
                ):
                    continue
                steps += 1
                if steps > MAX_STEPS:
                    return "too many certificates came with it to find out who vouches for it"
                if not chain[-1].was_issued_by(issuer):
                    continue
                if issuer.puzzles:
                    # The list vouches for it, not for those whom its own rule keeps out.
                    why_not = (
                        "who vouches for it is bound by a rule that is not understood here "
                        f"({issuer.puzzles[0]})"
                    )
                    continue
                if is_end:
                    return ""
                if len(chain) < MAX_CHAIN:
                    waiting.append((*chain, issuer))
        return why_not


def read_trust(path: Path) -> TrustStore:
    """Read the site's list: a PEM or DER file, or a folder of such (``.pem .crt .cer .der``).

    Raises
    ------
    ConfigError
        If it cannot be read, holds no certificate, or one that is damaged: a
        list that silently lacks one would call honest senders unknown.
    """
    files = [path]
    if path.is_dir():
        try:
            files = sorted(file for file in path.iterdir() if file.suffix.lower() in _SUFFIXES)
        except OSError as fault:
            raise ConfigError(f"{path} cannot be listed: {fault.strerror}.", _HINT) from fault
    found: list[Certificate] = []
    for file in files:
        found += _read_file(file)
        if len(found) > MAX_TRUSTED:
            raise ConfigError(f"{path} holds more than {MAX_TRUSTED:,} certificates.", _HINT)
    if not found:
        raise ConfigError(f"{path} holds no certificate.", _HINT)
    return TrustStore(found)


def _read_file(path: Path) -> list[Certificate]:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as fault:
        raise ConfigError(f"{path} cannot be read: {fault.strerror}.", _HINT) from fault
    if len(data) > MAX_FILE_BYTES:
        raise ConfigError(f"{path} is too large for certificates.", _HINT)
    try:
        if _PEM in data:
            return [read_certificate(der) for der in iter_pem(data)]
        return [read_certificate(data)]
    except BerError as fault:
        raise ConfigError(
            f"{path} holds a certificate that cannot be understood: {fault}.", _HINT
        ) from fault
