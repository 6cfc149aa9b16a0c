"""What came of opening many envelopes: how many gave their content, who signed, what failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from mediastation.errors import SecrecyError
from mediastation.model.finding import Finding, error, note, warning
from mediastation.model.secrecy import Signature
from mediastation.reading.findings import FindingLog
from mediastation.secure.opening.errors import BadEnvelopeError, WrongKeyError
from mediastation.secure.opening.opener import Opened

REFERENCE = "PS3.15 D.1"
WRONG_KEY = "wrong-key"
BAD_ENVELOPE = "bad-envelope"
_OF_SIGNATURES = frozenset({"signature", "signature-unknown"})
_MOST_SIGNERS = 20


@dataclass(frozen=True, slots=True)
class _Signer:
    """Who signed, what that is worth, and why no more."""

    worth: Signature
    name: str
    reason: str


class OpeningLog:
    """Collects what was opened and what was not; what is as usual is told once for all files.

    `first_fault` is what kept the first envelope shut that was tried in vain.
    """

    def __init__(self) -> None:
        self.count = 0
        self.refused_count = 0
        self.first_fault: SecrecyError | None = None
        self._signers: Counter[_Signer] = Counter()
        self._first: dict[_Signer, str] = {}
        self._unsigned = 0
        self._first_unsigned = ""
        self._log = FindingLog()

    def opened(self, path: str, opened: Opened) -> None:
        """Take what an envelope gave."""
        self.count += 1
        if not opened.signatures:
            self._unsigned += 1
            self._first_unsigned = self._first_unsigned or path
        for one in opened.signatures:
            signer = _Signer(one.signature, one.text, one.reason)
            if len(self._signers) < _MOST_SIGNERS or signer in self._signers:
                self._signers[signer] += 1
                self._first.setdefault(signer, path)
        # Who signed is told once, below.
        self._log.extend(one for one in opened.findings if one.rule not in _OF_SIGNATURES)

    def refused(self, path: str, fault: SecrecyError) -> None:
        """Take an envelope that gave nothing."""
        self.refused_count += 1
        self.first_fault = self.first_fault or fault
        rule = WRONG_KEY if isinstance(fault, WrongKeyError) else BAD_ENVELOPE
        self._log.add(error(rule, path, fault.message, fault.hint, REFERENCE))
        if isinstance(fault, BadEnvelopeError):
            self._log.extend(fault.findings)

    @property
    def signatures(self) -> dict[str, int]:
        """How many signatures there were, by what they are worth."""
        counted: Counter[str] = Counter()
        for signer, number in self._signers.items():
            counted[str(signer.worth)] += number
        return dict(counted)

    def findings(self) -> Iterator[Finding]:
        """Yield what there is to say of single files, and of all of them together."""
        yield from self._log
        for signer, number in self._signers.most_common():
            path, files = (
                self._first[signer],
                "1 file is" if number == 1 else f"{number:,} files are",
            )
            if signer.worth is Signature.TRUSTED:
                said = f"{files} signed by {signer.name}, whom this site trusts"
                yield note("signature", path, said, "", REFERENCE)
            else:
                yield warning(
                    "signature-unknown",
                    path,
                    f"{files} signed by {signer.name}; {signer.reason}",
                    "The content is whole. Ask the sender by another way if it is theirs; then put "
                    "the certificate into the list named by `trust` of [secure].",
                    REFERENCE,
                )
        if self._signers and self._unsigned:
            files = "1 file is" if self._unsigned == 1 else f"{self._unsigned:,} files are"
            yield warning(
                "signature-missing",
                self._first_unsigned,
                f"{files} not signed, and others are: whoever has the password, or a certificate "
                "that it was sealed for, can put such a file in the place of a signed one",
                "Ask the sender by another way if it is theirs.",
                REFERENCE,
            )


def unreadable_file(path: str, fault: Exception) -> Finding:
    """Return the finding of a file that the medium does not give."""
    said = str(getattr(fault, "strerror", None) or fault).rstrip(".")
    return error(
        "unreadable-file",
        path,
        f"cannot be read: {said}",
        "clean the disc, try another drive; if it stays, ask for the medium again",
    )
