"""Sealed File-sets: what envelopes tell by themselves, and what is in them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from mediastation.conformance.load import find_profile
from mediastation.errors import CancelledError
from mediastation.model.finding import Severity
from mediastation.model.manifest import Manifest, ManifestFile
from mediastation.model.secrecy import Password
from mediastation.reading.memory import MemoryVolume
from mediastation.secure.opening.errors import WrongKeyError
from mediastation.secure.opening.keys import KeyRing
from mediastation.secure.opening.opener import Opener
from mediastation.verify import VerifyReport, verify_volume
from mediastation.verify.envelopes import Opening, require_right_key
from tests.support.certificates import MOMENT, issue
from tests.support.file_sets import (
    FILE_SET_UID,
    PATHS,
    good_file_set,
    instance,
    uid_of,
)
from tests.support.sealed_media import WORDS, sealed, sealed_tree

FILES = good_file_set()
SEALED = sealed_tree(FILES)
SECURE, PLAIN = find_profile("STD-GEN-SEC-USB-JPEG"), find_profile("STD-GEN-USB-JPEG")


def opener(words: str = WORDS) -> Opener:
    return Opener(KeyRing((Password(words),)), moment=MOMENT)


def verify(files: Mapping[str, bytes], scratch: Path | None = None, **more: object) -> VerifyReport:
    """Reread `files`; with a private folder, their envelopes are opened."""
    opening = Opening(opener(), scratch) if scratch else None
    return verify_volume(MemoryVolume(files), opening=opening, **more)  # type: ignore[arg-type]


def manifest(files: Mapping[str, bytes], **more: object) -> Manifest:
    """The manifest of the envelopes `files` around `FILES`."""

    def digest(content: bytes) -> str:
        return hashlib.sha256(content).hexdigest()

    return Manifest(
        tuple(
            ManifestFile(
                path,
                len(content),
                digest(content),
                content_sha256="" if content == FILES[path] else digest(FILES[path]),
            )
            for path, content in files.items()
        ),
        **more,  # type: ignore[arg-type]
    )


def found(report: VerifyReport) -> list[tuple[str, str]]:
    return [(finding.rule, finding.subject) for finding in report.findings]


class TestInside:
    def test_with_the_password_the_file_set_is_checked_as_a_plain_one(self, tmp_path: Path) -> None:
        report = verify(SEALED, tmp_path)

        assert (report.ok, report.findings) == (True, [])
        assert (report.envelopes, report.opened, report.instances) == (7, 7, 6)
        assert report.file_set_uid == FILE_SET_UID
        assert "all 7 envelopes were opened, and what is inside is whole" in report.proved
        assert list(tmp_path.iterdir()) == []

    def test_content_is_held_against_what_was_sealed(self, tmp_path: Path) -> None:
        report = verify(SEALED, tmp_path, manifest=manifest(SEALED, file_set_uid=FILE_SET_UID))

        assert report.findings == []
        assert "what is inside holds what was sealed" in report.proved
        assert report.proved.startswith("8 of 8 files equal the manifest")

    def test_an_envelope_with_other_content_is_found_out_by_the_content(
        self, tmp_path: Path
    ) -> None:
        """Somebody with the password sealed another image, and mended the list of digests."""
        other = instance(uid_of(PATHS[0]), series="1.2.3.1", pixels=800)
        files = SEALED | {PATHS[0]: sealed(other)}

        report = verify(files, tmp_path, manifest=manifest(files))

        assert found(report) == [("differs", PATHS[0])]
        assert "was sealed" in report.findings[0].message
        assert not report.ok

    def test_each_file_inside_is_held_against_its_record(self, tmp_path: Path) -> None:
        wrong = instance("1.2.3.99", series="1.2.3.1")

        report = verify(SEALED | {PATHS[0]: sealed(wrong)}, tmp_path)

        assert found(report) == [("wrong-link", PATHS[0])]

    def test_a_file_that_the_directory_inside_leads_to_is_missed(self, tmp_path: Path) -> None:
        files = {path: content for path, content in SEALED.items() if path != PATHS[5]}

        assert found(verify(files, tmp_path)) == [("missing-file", PATHS[5])]

    def test_a_file_that_no_record_leads_to_is_told(self, tmp_path: Path) -> None:
        report = verify(SEALED | {"DICOM/MORE": sealed(instance("1.2.3.99"))}, tmp_path)

        assert found(report) == [("unreferenced", "DICOM/MORE")]

    def test_the_directory_inside_answers_to_the_profile(self, tmp_path: Path) -> None:
        with_key = verify(SEALED, tmp_path, profile=SECURE)

        assert "profile-key" in {rule for rule, _ in found(with_key)}
        assert found(verify(SEALED, profile=SECURE)) == [("enveloped", "DICOMDIR")]

    def test_what_is_no_dicom_inside_is_told(self, tmp_path: Path) -> None:
        report = verify(SEALED | {PATHS[1]: sealed(b"a letter")}, tmp_path)

        assert found(report) == [("not-dicom", PATHS[1])]

    def test_a_damaged_envelope_is_that_and_no_more(self, tmp_path: Path) -> None:
        report = verify(SEALED | {PATHS[2]: SEALED[PATHS[2]][:-100]}, tmp_path)

        assert found(report) == [("bad-envelope", PATHS[2])]
        assert (report.envelopes, report.opened, report.ok) == (7, 6, False)

    def test_a_damaged_directory_leaves_the_digests(self, tmp_path: Path) -> None:
        files = SEALED | {"DICOMDIR": SEALED["DICOMDIR"][:-100]}

        report = verify(files, tmp_path, manifest=manifest(files))

        assert found(report) == [("bad-envelope", "DICOMDIR")]
        assert report.opened == 6

    def test_one_for_somebody_else_is_named(self, tmp_path: Path) -> None:
        files = SEALED | {PATHS[2]: sealed(FILES[PATHS[2]], password="another")}  # noqa: S106

        assert ("wrong-key", PATHS[2]) in found(verify(files, tmp_path))

    def test_signatures_are_counted_and_a_broken_one_is_an_error(self, tmp_path: Path) -> None:
        sender = issue("Sender", number=1)
        signer = (sender.key, sender.certificate, ())
        files = sealed_tree(FILES, signer=signer)
        files[PATHS[0]] = sealed(FILES[PATHS[0]], signer=signer, wrong_signature=True)

        report = verify(files, tmp_path)

        assert report.signatures == {"unknown signer": 6}
        told = {finding.rule: finding.severity for finding in report.findings}
        assert told["signature-unknown"] is Severity.WARNING
        assert told["signature-broken"] is Severity.ERROR
        assert sum(finding.rule == "signature-unknown" for finding in report.findings) == 1
        assert not report.ok

    def test_one_that_nobody_signed_is_told_among_those_that_somebody_did(
        self, tmp_path: Path
    ) -> None:
        """Who has the password alone can make such a file, and put it in the place of another."""
        sender = issue("Sender", number=1)
        files = sealed_tree(FILES, signer=(sender.key, sender.certificate, ()))
        files[PATHS[0]] = sealed(FILES[PATHS[0]])

        report = verify(files, tmp_path)

        assert report.signatures == {"unknown signer": 6}
        told = {finding.rule: finding for finding in report.findings}
        assert told["signature-missing"].severity is Severity.WARNING
        assert told["signature-missing"].subject == PATHS[0]

    def test_progress_covers_both_readings_and_may_stop_it(self, tmp_path: Path) -> None:
        told: list[tuple[int, int]] = []
        report = verify(SEALED, tmp_path, progress=lambda *now: told.append(now))
        total = 2 * sum(map(len, SEALED.values()))

        def stop(done: int, _: int) -> None:
            if done > report.bytes:
                raise CancelledError("stopped")

        assert told == sorted(told)
        assert {one[1] for one in told} == {total}
        with pytest.raises(CancelledError):
            verify(SEALED, tmp_path, progress=stop)


class TestTheRightKey:
    def test_a_wrong_password_is_told_before_anything_is_reread(self) -> None:
        with pytest.raises(WrongKeyError, match="sealed for a password"):
            require_right_key(MemoryVolume(SEALED), opener("wrong"))

    def test_one_that_opens_something_is_right(self) -> None:
        others = sealed_tree(FILES, password="another")  # noqa: S106
        require_right_key(MemoryVolume(others | {PATHS[4]: SEALED[PATHS[4]]}), opener())

    @pytest.mark.parametrize("files", [FILES, {"DICOMDIR": SEALED["DICOMDIR"][:-50]}, {}])
    def test_where_nothing_is_sealed_or_whole_it_is_not_to_blame(
        self, files: dict[str, bytes]
    ) -> None:
        require_right_key(MemoryVolume(files), opener("wrong"))


class TestWithoutAKey:
    @pytest.mark.parametrize("path", ["DICOMDIR", PATHS[3]])
    def test_a_secure_profile_wants_every_dicom_file_sealed(self, path: str) -> None:
        report = verify(SEALED | {path: FILES[path]}, profile=SECURE)

        assert ("not-sealed", path) in found(report)
        told = next(finding for finding in report.findings if finding.rule == "not-sealed")
        assert (told.severity, "PS3.15 D.1" in told.reference) == (Severity.ERROR, True)
        assert not report.ok

    def test_all_sealed_it_is_right(self) -> None:
        assert verify(SEALED, profile=SECURE).ok

    def test_a_plain_profile_has_no_envelopes(self) -> None:
        report = verify(FILES | {PATHS[3]: SEALED[PATHS[3]]}, profile=PLAIN)

        (told,) = [finding for finding in report.findings if finding.rule == "sealed"]
        assert (told.subject, told.severity) == (PATHS[3], Severity.ERROR)

    def test_where_no_profile_is_known_a_mixture_is_told(self) -> None:
        report = verify(SEALED | {PATHS[3]: FILES[PATHS[3]]})

        assert ("mixed-security", PATHS[3]) in found(report)

    def test_what_was_left_unsealed_on_purpose_is_a_warning(self) -> None:
        """Its manifest says so; of anything else it is an error."""
        made = replace(manifest(FILES), profile=SECURE.name, inherited=True)

        report = verify(FILES, manifest=made, profile=SECURE)

        assert ("unsealed", "DICOMDIR") in found(report)
        assert "not-sealed" not in {rule for rule, _ in found(report)}

    def test_files_for_different_people_are_noted(self) -> None:
        ann = issue("Ann")
        files = SEALED | {PATHS[0]: sealed(FILES[PATHS[0]], certificates=[ann.certificate])}

        report = verify(files)

        told = next(finding for finding in report.findings if finding.rule == "recipients-differ")
        assert "6 files are for a password" in told.message
        assert "1 file is for certificate" in told.message
        assert told.severity is Severity.NOTE

    def test_an_envelope_whose_head_is_damaged_is_told(self) -> None:
        spoiled = SEALED[PATHS[0]][:60]

        report = verify(SEALED | {PATHS[0]: spoiled})

        assert ("bad-envelope", PATHS[0]) in found(report)
