"""One medium in a drill: which of its envelopes open, for whom they are, what is weak in them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from mediastation.errors import MediaError, SecrecyError
from mediastation.model.finding import Finding, error, note, warning
from mediastation.model.manifest import Manifest
from mediastation.model.secrecy import CertificateName, ContentCipher, Digest
from mediastation.reading.contract import Volume, VolumeFile
from mediastation.reading.findings import FindingLog
from mediastation.secure.opening.envelope import read_envelope
from mediastation.secure.opening.errors import WrongKeyError
from mediastation.secure.opening.opener import Opened, Opener
from mediastation.secure.opening.recipients import RecipientFacts
from mediastation.verify.openings import BAD_ENVELOPE, REFERENCE, unreadable_file

NOT_FOR_THIS_KEY = "not-for-this-key"
_CHUNK_BYTES = 1 << 20
LEAST_ITERATIONS = 100_000
"""Fewer make a password that people choose worth guessing."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """For whom every envelope should be; nobody in particular where no name is known."""

    names: Sequence[CertificateName]
    is_escrow: bool

    @property
    def text(self) -> str:
        """Who that is, in words."""
        who = " and ".join(name.subject for name in self.names)
        return f"the escrow certificate ({who})" if self.is_escrow else who

    def are_in(self, recipients: Sequence[RecipientFacts]) -> bool:
        """Tell whether an envelope names one of them."""
        named = {(one.issuer, one.serial) for one in recipients if one.serial is not None}
        # An entry may name the key itself; whose that is, the certificate's name does not tell.
        by_key = any(one.key_identifier for one in recipients)
        return (
            not self.names
            or by_key
            or any((name.issuer, name.serial) in named for name in self.names)
        )


class MediumDrill:
    """Opens envelopes of one medium, one after the other, and counts.

    Parameters
    ----------
    subject : str
        What the medium is called.
    opener : Opener
        With the key at hand.
    manifest : Manifest or None
        What was sealed on it, if it was made here.
    wanted : Wanted
        For whom its envelopes should be.
    """

    def __init__(
        self, subject: str, opener: Opener, manifest: Manifest | None, wanted: Wanted
    ) -> None:
        self.opened = self.equal = 0
        self._tried = 0
        self._subject = subject
        self._opener = opener
        self._wanted = wanted
        self._files = {file.path: file for file in (manifest.files if manifest else ())}
        self._log = FindingLog()
        self._wrong: list[str] = []
        self._others: list[str] = []
        self._weak: Counter[str] = Counter()

    def take(self, volume: Volume, file: VolumeFile, count: Callable[[int], object]) -> None:
        """Try one envelope; its content goes nowhere, and `count` is told of its bytes."""
        self._tried += 1
        done = 0

        def passes(data: bytes) -> None:
            nonlocal done
            done += len(data)
            count(min(done, file.size_bytes))

        try:
            with volume.open(file.path) as stream:
                opened = self._opener.open(stream, file.size_bytes, passes, file.path)
        except WrongKeyError:
            self._wrong.append(file.path)
            self._look(volume, file)
        except SecrecyError as fault:
            self._log.add(error(BAD_ENVELOPE, file.path, fault.message, fault.hint, REFERENCE))
        except (OSError, MediaError) as fault:
            self._log.add(unreadable_file(file.path, fault))
        else:
            self._compare(file, opened)

    def take_mail(self, mail: Volume, opened: Opened, report: Callable[[int, int], object]) -> None:
        """Take an e-mail that opened as a whole: what it carries is held against the manifest."""
        self._tried = self.opened = 1
        files = list(mail.iter_files())
        total, done, same = sum(file.size_bytes for file in files), 0, True
        for file in files:
            report(done, total)
            stated = self._files.get(file.path)
            digest = hashlib.sha256()
            with mail.open(file.path) as stream:
                while data := stream.read(_CHUNK_BYTES):
                    digest.update(data)
            sha256 = digest.hexdigest()
            if stated is not None and stated.sha256 != sha256:
                same = False
                self._log.add(_differs(file.path, sha256, stated.sha256))
            done += file.size_bytes
        report(total, total)
        self.equal = bool(self._files) and same
        self._judge(mail.name, opened)

    def findings(self, envelopes: int) -> Iterator[Finding]:
        """Yield what is to be said of the medium, which has so many envelopes in all."""
        of_all = f" of {envelopes:,} on it" if envelopes > self._tried else ""
        said = f"{self.opened:,} of {self._tried:,} envelopes that were tried{of_all} opened"
        if self._files:
            said += f"; {self.equal:,} hold what was sealed"
        yield note("drilled", self._subject, f"{said}.")
        yield from self._log
        if self._wrong:
            yield error(
                NOT_FOR_THIS_KEY,
                self._subject,
                f"{_count(self._wrong)} not be opened with what was given, such as "
                f"{self._wrong[0]}.",
                "Try the other keys and passwords it was made for; if none is left, what is on it "
                "is lost.",
                REFERENCE,
            )
        if self._others:
            when = ": it was made before that was configured" if self._wanted.is_escrow else ""
            yield error(
                "not-for-escrow",
                self._subject,
                f"{len(self._others):,} of its envelopes are not for {self._wanted.text}, such as "
                f"{self._others[0]}{when}.",
                "Make it again while its studies are here, or somebody can still open it.",
                REFERENCE,
            )
        for words, number in self._weak.items():
            yield warning(
                "weak-envelope",
                self._subject,
                f"{number:,} of its envelopes: {words}.",
                "Make it again with today's settings.",
                REFERENCE,
            )

    def _compare(self, file: VolumeFile, opened: Opened) -> None:
        self.opened += 1
        listed = self._files.get(file.path)
        stated = listed.content_sha256 if listed else ""
        self.equal += bool(stated) and stated == opened.sha256
        if stated and stated != opened.sha256:
            self._log.add(_differs(file.path, opened.sha256, stated))
        self._judge(file.path, opened)

    def _judge(self, path: str, opened: Opened) -> None:
        if opened.cipher is ContentCipher.TRIPLE_DES:
            self._weak["encrypted with Triple-DES"] += 1
        if opened.digest is Digest.SHA_1:
            self._weak["protected by a SHA-1 digest"] += 1
        self._recipients(path, opened.recipients)

    def _look(self, volume: Volume, file: VolumeFile) -> None:
        """See for whom an envelope is that did not open."""
        try:
            with volume.open(file.path) as stream:
                envelope = read_envelope(stream, file.size_bytes, file.path)
        except (OSError, MediaError, SecrecyError):
            return
        self._recipients(file.path, envelope.recipients)

    def _recipients(self, path: str, recipients: Sequence[RecipientFacts]) -> None:
        if not self._wanted.are_in(recipients):
            self._others.append(path)
        few = [one for one in recipients if one.is_password and one.iterations < LEAST_ITERATIONS]
        if few and not few[0].unsupported:
            self._weak[f"a password stretched {few[0].iterations:,} times only"] += 1


def _count(paths: Sequence[str]) -> str:
    return "1 envelope could" if len(paths) == 1 else f"{len(paths):,} envelopes could"


def _differs(path: str, sha256: str, sealed: str) -> Finding:
    return error(
        "differs",
        path,
        f"What came out has the SHA-256 {sha256}, {sealed} was sealed.",
        "Make the medium again from the store.",
    )
