"""What is to be said of a medium's envelopes as a whole: who signed, and what is not sealed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from mediastation.importing.look import FileKind
from mediastation.importing.survey import Survey
from mediastation.model.finding import Finding, note, warning
from mediastation.model.importing import OpenedEnvelope
from mediastation.model.secrecy import Signature
from mediastation.reading.findings import FindingLog

_MOST_SIGNERS = 20
_DICOM = (FileKind.INSTANCE, FileKind.DIRECTORY)


def check_envelopes(survey: Survey) -> Iterator[Finding]:
    """Say of all files together what their signatures are worth, and if plain ones lie among them.

    Returns
    -------
    iterator of Finding
        ``"signature"`` and ``"signature-unknown"`` of each signer, for all that he
        signed, and ``"signature-missing"`` of what nobody did; ``"mixed-security"``
        where a File-set is sealed in part.
    """
    yield from _signers(survey)
    sealed = survey.count_opened() + survey.count(FileKind.SEALED)
    plain = survey.count(*_DICOM) - survey.count_opened(*_DICOM)
    if sealed and plain:
        yield warning(
            "mixed-security",
            survey.first_plain(),
            f"{_files(plain)} in no envelope beside {sealed:,} in envelopes: of a File-set all "
            "DICOM files are sealed, or none.",
            "Ask the sender whether all of it is theirs.",
            "PS3.11 D.3.5",
        )


def _signers(survey: Survey) -> Iterator[Finding]:
    counts: Counter[OpenedEnvelope] = Counter()
    first: dict[OpenedEnvelope, str] = {}
    unsigned, first_unsigned = 0, ""
    for envelope, number, path in survey.envelopes():
        if not envelope.signature:
            unsigned += number
            first_unsigned = first_unsigned or path
            continue
        alike = replace(envelope, opened_by="", cipher="", digest="")
        counts[alike] += number
        first.setdefault(alike, path)
    log = FindingLog(_MOST_SIGNERS)
    for one, number in counts.most_common():
        path, who = first[one], " and ".join(one.signers)
        if one.signature == Signature.TRUSTED:
            said = f"{_files(number)} intact and signed by {who}, whom this site trusts."
            log.add(note("signature", path, said, "", "PS3.15 D.1"))
        else:
            log.add(
                warning(
                    "signature-unknown",
                    path,
                    f"{_files(number)} intact and signed by {who}; {one.reason}.",
                    "Ask the sender by another way if it is theirs; then put the certificate "
                    "into the list named by `trust` of [secure].",
                    "PS3.15 D.1",
                )
            )
    if counts and unsigned:
        log.add(
            warning(
                "signature-missing",
                first_unsigned,
                f"{_files(unsigned)} not signed, and others are: whoever has the password, or a "
                "certificate that it was sealed for, can put such a file in the place of a signed "
                "one.",
                "Ask the sender by another way if it is theirs.",
                "PS3.15 D.1",
            )
        )
    yield from log


def _files(number: int) -> str:
    return "1 file is" if number == 1 else f"{number:,} files are"
