"""Every file of the corpus under every one of the 82 profiles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from mediastation.conformance import fits
from mediastation.conformance.check import InstanceCheck, InstanceVerdict
from mediastation.conformance.check_set import SetMember
from mediastation.conformance.fits import check_profiles
from mediastation.conformance.load import load_profiles, load_retired_profiles
from mediastation.dicom.header import NotDicom, read_header
from mediastation.model.profile import Role
from tests.support.corpus import CORPUS, corpus_files, corpus_id

PROFILES = load_profiles()

# Of the 337 readable files 11 are DICOMDIRs. Accepted, re-encoded of these, and refused,
# recorded when each difference between two rows had been looked into:
# D refuses what nobody can place (no class, no UIDs, cut); H, J and M also images without
# Rows; E all but CT, MR, gray and palette captures; I and N all but films of their syntax.
# One file bears the name of JPEG Lossless and holds a frame of JPEG Baseline: it is decoded.
COUNTS = {
    "STD-XABC-CD": (1, 1, 325),
    "STD-XA1K-CD": (17, 2, 309),
    "STD-XA1K-DVD": (17, 1, 309),
    "STD-US-ID-SF-CDR": (6, 2, 320),
    "STD-US-ID-MF-DVD": (13, 5, 313),
    "STD-US-SC-SF-DVD-RAM": (4, 1, 322),
    "STD-US-SC-MF-MOD23-90": (10, 4, 316),
    "STD-US-CC-MF-CDR": (0, 0, 326),
    "STD-GEN-CD": (300, 105, 26),
    "STD-GEN-SEC-BD": (300, 105, 26),
    "STD-CTMR-CD": (180, 49, 146),
    "STD-GEN-MIME": (300, 1, 26),
    "STD-GEN-DVD-JPEG": (294, 91, 32),
    "STD-GEN-SEC-USB-J2K": (294, 92, 32),
    "STD-DVD-MPEG2-MPML": (0, 0, 326),
    "STD-DEN-CD": (2, 0, 324),
    "STD-GEN-SEC-ZIP-MAIL": (300, 1, 26),
    "STD-DTL-SEC-ZIP-MAIL": (0, 0, 326),
    "STD-GEN-BD-MPEG4-HPLV41": (294, 105, 32),
    "STD-GEN-BD-MPEG4-SHPLV42": (0, 0, 326),
}


@pytest.fixture(scope="module")
def members() -> list[SetMember]:
    """Return every file of the corpus that is DICOM."""
    if not CORPUS.exists():
        pytest.skip("the corpus is not here")
    found = []
    for path in corpus_files():
        try:
            header = read_header(path)
        except NotDicom:
            continue
        found.append(SetMember(corpus_id(path), header, corpus_id(path), path.stat().st_size))
    return found


def verdicts(members: list[SetMember], name: str, role: Role) -> Iterator[InstanceVerdict]:
    profile = PROFILES.get(name) or load_retired_profiles()[name]
    check = InstanceCheck(profile, role=role)
    for member in members:
        yield check.verdict(member.header, subject=member.subject, size_bytes=member.size_bytes)


@pytest.mark.parametrize("name", COUNTS)
def test_each_profile_takes_what_its_tables_let_it(name: str, members: list[SetMember]) -> None:
    found = list(verdicts(members, name, Role.CREATOR))

    outcomes = Counter(verdict.outcome for verdict in found)
    prepared = sum(verdict.preparation.touches_dataset for verdict in found)
    assert (outcomes["accepted"], prepared, outcomes["refused"]) == COUNTS[name]
    assert outcomes["ignored"] == 11


@pytest.mark.parametrize("role", [Role.CREATOR, Role.READER])
@pytest.mark.parametrize("name", [*PROFILES, *load_retired_profiles()])
def test_every_verdict_is_whole(name: str, role: Role, members: list[SetMember]) -> None:
    for verdict in verdicts(members, name, role):
        refused = any(finding.severity == "error" for finding in verdict.findings)
        assert refused == (verdict.outcome == "refused")
        assert bool(verdict.transfer_syntax_uid) == (verdict.outcome == "accepted")
        for finding in verdict.findings:
            assert finding.subject
            assert finding.message
            assert finding.reference


def test_all_together_are_asked_once_for_each_kind(
    members: list[SetMember], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Linear in the files, whatever the number of profiles."""
    asked = 0
    real = fits.form_opinion

    def counting(*arguments: Any) -> Any:
        nonlocal asked
        asked += 1
        return real(*arguments)

    monkeypatch.setattr(fits, "form_opinion", counting)
    sound = [
        member
        for member in members
        if PROFILES["STD-GEN-CD"].transfer_syntaxes(member.header.sop_class_uid)
    ][:120]

    found = check_profiles(sound, list(PROFILES.values()), several_patients=True)
    once, asked = asked, 0
    check_profiles(sound * 5, list(PROFILES.values()), several_patients=True)

    assert len(found) == 82
    assert asked == once
    assert once < len(sound) * 82
