"""A File-set that nothing is wrong with, spoiled in one thing at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediastation.conformance.load import find_profile
from mediastation.errors import CancelledError, MediaError
from mediastation.model.manifest import DIGEST_LIST_NAME, Manifest, write_digest_list
from mediastation.reading.contract import Extent, Span, VolumeFile
from mediastation.reading.volume import IsoVolume, MemoryVolume
from mediastation.verify import VerifyReport, verify_medium, verify_volume
from tests.support.envelopes import make_envelope
from tests.support.file_sets import (
    DIRECTORY,
    FILE_SET_UID,
    PATHS,
    SECTOR,
    dicomdir,
    element,
    file_meta,
    good_file_set,
    image,
    instance,
    manifest_of,
    records,
    uid_of,
    write_folder,
    write_image,
)

FILES = good_file_set()


def verify(files: dict[str, bytes], manifest: Manifest | None = None) -> VerifyReport:
    return verify_volume(MemoryVolume(files), manifest)


def found(report: VerifyReport) -> list[tuple[str, str]]:
    return [(finding.rule, finding.subject) for finding in report.findings]


class TestWhatIsRight:
    def test_without_a_manifest_the_structure_is_proved_and_no_more(self) -> None:
        report = verify(FILES)

        assert (report.ok, report.findings) == (True, [])
        assert report.manifest == "structure only"
        assert "content of 8 files is not proved" in report.proved
        assert (report.files, report.instances) == (8, 6)
        assert report.bytes == sum(map(len, FILES.values()))
        assert (report.file_set_uid, report.file_set_id) == (FILE_SET_UID, "TESTSET")

    def test_with_the_jobs_manifest_every_file_is_proved(self) -> None:
        report = verify(FILES, manifest_of(FILES))

        assert report.findings == []
        assert report.manifest == "job"
        assert report.proved.startswith("8 of 8 files equal the manifest (job)")

    def test_with_the_list_on_the_medium_its_files_are_proved(self) -> None:
        listing = write_digest_list(manifest_of(FILES).files).encode()

        report = verify({**FILES, DIGEST_LIST_NAME: listing})

        assert (report.ok, report.manifest) == (True, "medium")
        assert [f.severity.value for f in report.findings] == ["note"]
        assert report.proved.startswith("8 of 9 files equal")

    def test_what_the_caller_calls_the_manifest_is_repeated(self) -> None:
        report = verify_volume(MemoryVolume(FILES), manifest_of(FILES), manifest_name="backup.json")

        assert report.manifest == "backup.json"

    def test_a_file_set_of_a_directory_alone_is_valid(self) -> None:
        assert verify({"DICOMDIR": dicomdir([])}).ok


class TestDigests:
    @settings(max_examples=100, deadline=None)
    @given(st.data())
    def test_one_flipped_bit_names_that_file_and_no_other(self, data: st.DataObject) -> None:
        path = data.draw(st.sampled_from(sorted(FILES)))
        bit = data.draw(st.integers(0, len(FILES[path]) * 8 - 1))
        spoiled = bytearray(FILES[path])
        spoiled[bit // 8] ^= 1 << bit % 8

        report = verify(FILES | {path: bytes(spoiled)}, manifest_of(FILES))

        assert not report.ok
        assert [subject for rule, subject in found(report) if rule == "differs"] == [path]

    def test_a_file_of_another_length_is_told_by_its_length(self) -> None:
        report = verify(FILES | {"README.TXT": b"longer now"}, manifest_of(FILES))

        (finding,) = report.findings
        assert (finding.rule, finding.subject) == ("differs", "README.TXT")
        assert "has 10 bytes, 14 were written" in finding.message

    def test_missing_and_extra_files_are_named(self) -> None:
        files = {path: content for path, content in FILES.items() if path != "README.TXT"}

        report = verify({**files, "VIRUS.EXE": b"MZ"}, manifest_of(FILES))

        assert sorted(found(report)) == [
            ("extra-file", "VIRUS.EXE"),
            ("missing-file", "README.TXT"),
        ]
        assert not report.ok

    def test_beyond_the_list_on_the_medium_is_only_a_warning(self) -> None:
        listing = write_digest_list(manifest_of(FILES).files).encode()

        report = verify({**FILES, "MORE.TXT": b"more", DIGEST_LIST_NAME: listing})

        assert report.ok
        assert ("extra-file", "MORE.TXT") in found(report)
        assert "1 are not listed" in report.proved

    @pytest.mark.parametrize("listing", [b"no digests", b"\xff\xfe", b"a" * 64 + b"  \n"])
    def test_a_spoiled_list_is_an_error_and_proves_nothing(self, listing: bytes) -> None:
        report = verify({**FILES, DIGEST_LIST_NAME: listing})

        assert found(report) == [("digest-list", DIGEST_LIST_NAME)]
        assert (report.ok, report.manifest) == (False, "structure only")

    def test_a_digest_list_given_as_manifest_need_not_list_itself(self) -> None:
        manifest = manifest_of(FILES)
        listing = write_digest_list(manifest.files).encode()

        report = verify({**FILES, DIGEST_LIST_NAME: listing}, manifest)

        assert report.findings == []

    def test_a_list_that_the_job_did_not_write_is_an_extra_file(self) -> None:
        manifest = manifest_of(FILES, profile="STD-GEN-CD", file_set_uid=FILE_SET_UID)

        report = verify({**FILES, DIGEST_LIST_NAME: b""}, manifest)

        assert found(report) == [("extra-file", DIGEST_LIST_NAME)]

    def test_names_spelled_otherwise_still_meet_their_digest(self) -> None:
        lower = {path.lower(): content for path, content in FILES.items()}

        report = verify(lower, manifest_of(FILES))

        assert report.ok
        assert {rule for rule, _ in found(report)} == {"name-differs"}


class TestLinks:
    def test_an_instance_that_no_record_references_is_named(self) -> None:
        report = verify({**FILES, "DICOM/S1/I9": instance("1.2.9", series="1.2.3.1")})

        assert found(report) == [("unreferenced", "DICOM/S1/I9")]
        assert not report.ok

    def test_a_reference_to_nothing_is_named(self) -> None:
        files = {path: content for path, content in FILES.items() if path != "DICOM/S2/I2"}

        assert found(verify(files)) == [("missing-file", "DICOM/S2/I2")]

    def test_two_files_exchanged_are_both_wrong_links(self) -> None:
        first, second = "DICOM/S1/I1", "DICOM/S1/I2"
        swapped = FILES | {first: FILES[second], second: FILES[first]}

        assert sorted(found(verify(swapped))) == [("wrong-link", first), ("wrong-link", second)]

    @pytest.mark.parametrize("spoil", ["sop_class", "syntax"])
    def test_a_record_that_disagrees_with_the_file_meta_is_named(self, spoil: str) -> None:
        roots = records()
        leaf = roots[0].children[0].children[1].children[2]
        setattr(leaf, spoil, "1.2.840.10008.1.2")

        report = verify(FILES | {"DICOMDIR": dicomdir(roots)})

        assert found(report) == [("meta-disagrees", "DICOM/S2/I3")]

    def test_a_file_under_another_patient_is_named(self) -> None:
        path = "DICOM/S1/I1"
        files = FILES | {path: instance(uid_of(path), series="1.2.3.1", patient_id="PID2")}

        (finding,) = verify(files).findings

        assert (finding.rule, finding.subject) == ("wrong-branch", path)
        assert "Patient ID PID1, the file has PID2" in finding.message

    @pytest.mark.parametrize("written", ["pid1", "Pid1"])
    def test_a_patient_id_in_another_spelling_is_warned_about(self, written: str) -> None:
        """The file-set writer joins one person's spellings; the proof must not fail on it."""
        path = "DICOM/S1/I1"
        files = FILES | {path: instance(uid_of(path), series="1.2.3.1", patient_id=written)}
        report = verify(files)

        (finding,) = report.findings
        assert (finding.rule, finding.severity, report.ok) == ("identity-spelling", "warning", True)

    @pytest.mark.parametrize("confirmed", [("PID1", "PID2"), ("pid2", "PID1", "PID3")])
    def test_a_patient_id_that_was_confirmed_to_be_the_same_persons_is_warned_about(
        self, confirmed: tuple[str, ...]
    ) -> None:
        path = "DICOM/S1/I1"
        files = FILES | {path: instance(uid_of(path), series="1.2.3.1", patient_id="PID2")}
        manifest = replace(manifest_of(files), confirmed_ids=(("PID8", "PID9"), confirmed))

        report = verify(files, manifest)

        assert [(f.rule, f.severity) for f in report.findings] == [
            ("identity-confirmed", "warning")
        ]
        assert report.ok

    @pytest.mark.parametrize("confirmed", [(), ("PID1", "PID3"), ("PID2", "PID3")])
    def test_a_confirmation_of_others_excuses_nothing(self, confirmed: tuple[str, ...]) -> None:
        path = "DICOM/S1/I1"
        files = FILES | {path: instance(uid_of(path), series="1.2.3.1", patient_id="PID2")}
        manifest = replace(manifest_of(files), confirmed_ids=(confirmed,))

        assert found(verify(files, manifest)) == [("wrong-branch", path)]

    @pytest.mark.parametrize(
        "spoil", [{"study": "1.2.4", "series": "1.2.3.1"}, {"series": "1.2.3.2"}]
    )
    def test_a_file_under_another_study_or_series_is_named(self, spoil: dict[str, str]) -> None:
        path = "DICOM/S1/I1"

        assert found(verify(FILES | {path: instance(uid_of(path), **spoil)})) == [  # type: ignore[arg-type]
            ("wrong-branch", path)
        ]

    def test_identifiers_in_other_character_sets_are_not_compared(self) -> None:
        """The directory may hold the same name in another set than the file."""
        path = "DICOM/S1/I1"
        files = FILES | {path: instance(uid_of(path), series="1.2.3.1", patient_id="PID\xfc")}

        assert verify(files).findings == []

    def test_a_data_set_that_disagrees_with_its_meta_is_named(self) -> None:
        path = "DICOM/S1/I1"
        content = FILES[path]
        at = content.index(element(0x00080018, "UI", uid_of(path)))
        spoiled = content[:at] + element(0x00080018, "UI", "1.2.3.9") + content[at + 18 :]

        assert ("meta-disagrees", path) in found(verify(FILES | {path: spoiled}))

    def test_a_referenced_file_that_is_no_dicom_is_named(self) -> None:
        assert found(verify(FILES | {"DICOM/S1/I1": b"not DICOM at all"})) == [
            ("not-dicom", "DICOM/S1/I1")
        ]

    def test_a_reference_out_of_the_set_is_refused_and_not_followed(self) -> None:
        roots = records()
        roots[0].children[0].children[0].children[0].file_id = "..\\SECRET"

        report = verify(FILES | {"DICOMDIR": dicomdir(roots)})

        assert sorted(found(report)) == [
            ("escaping-file-id", "../SECRET"),
            ("unreferenced", "DICOM/S1/I1"),
        ]

    def test_a_record_out_of_reach_references_nothing(self) -> None:
        roots = records()
        leaves = roots[0].children[0].children[0].children
        lost = leaves.pop()

        report = verify(FILES | {"DICOMDIR": dicomdir(roots, extra=(lost,))})

        assert found(report) == [("orphan-record", "DICOM/S1/I3"), ("unreferenced", "DICOM/S1/I3")]

    def test_incomplete_file_meta_is_named(self) -> None:
        path = "DICOM/S1/I1"
        spoiled = FILES[path].replace(element(0x00020012, "UI", "1.2.3.4"), b"", 1)

        messages = [f.message for f in verify(FILES | {path: spoiled}).findings]

        assert messages[0] == "(0002,0012) is missing or empty"
        assert messages[1].startswith("group length says")

    def test_a_medium_without_dicomdir_says_so(self) -> None:
        files = {path: content for path, content in FILES.items() if path != "DICOMDIR"}

        report = verify(files)

        assert found(report) == [("no-dicomdir", "DICOMDIR")]
        assert report.instances == 6

    def test_a_dicomdir_in_an_envelope_leaves_the_digests(self) -> None:
        files = {path: make_envelope(content, passwords=["x"]) for path, content in FILES.items()}

        report = verify(files, manifest_of(files))

        assert found(report) == [("enveloped", "DICOMDIR")]
        assert report.ok
        assert (report.envelopes, report.opened) == (len(files), 0)
        assert "secure envelopes" in report.proved

    def test_on_our_own_media_no_warning_is_forgiven(self) -> None:
        lower = {path.lower(): content for path, content in FILES.items()}
        manifest = manifest_of(lower, profile="STD-GEN-USB-JPEG", file_set_uid=FILE_SET_UID)

        assert not verify(lower, manifest).ok
        assert verify(lower, replace(manifest, profile="")).ok

    def test_masses_of_findings_are_counted(self) -> None:
        extra = {f"X/F{n}": file_meta("1.2", f"1.3.{n}") for n in range(250)}

        report = verify(FILES | extra)

        unreferenced = [f for f in report.findings if f.rule == "unreferenced"]
        assert len(unreferenced) == 101
        assert unreferenced[-1].message == "150 more findings of this kind"


class TestAnnexF:
    @pytest.mark.parametrize(
        ("options", "rules"),
        [
            (("-iso-level", "1", "-V", "TESTSET"), {"system-identifier"}),
            (("-iso-level", "1", "-sysid", "", "-V", "OTHER"), {"volume-identifier"}),
            (("-iso-level", "1", "-sysid", "", "-V", "TESTSET", "-R"), {"system-use", "not-zero"}),
            (
                ("-iso-level", "1", "-sysid", "", "-V", "TESTSET", "-J"),
                {"supplementary-descriptor"},
            ),
            (("-iso-level", "1", "-sysid", "", "-V", "TESTSET"), set()),
        ],
    )
    def test_is_the_law_on_a_cd_of_ours(
        self, tmp_path: Path, options: tuple[str, ...], rules: set[str]
    ) -> None:
        path = write_image(FILES, tmp_path, *options)

        report = verify_medium(path, manifest_of(FILES, profile="STD-GEN-CD"))

        assert {f.rule for f in report.findings if f.severity == "error"} == rules
        assert report.ok is not bool(rules)

    @pytest.mark.parametrize(
        ("name", "is_law"), [("STD-US-ID-SF-CDR", True), ("STD-GEN-DVD-JPEG", False)]
    )
    @pytest.mark.parametrize("known", [True, False])
    def test_is_the_law_where_the_profile_names_it(
        self, tmp_path: Path, name: str, is_law: bool, known: bool
    ) -> None:
        """Known or by now unknown, a CD-R for ultrasound is one; Annex P lets a DVD have more."""
        path = write_image(FILES, tmp_path, "-iso-level", "1", "-sysid", "", "-V", "TESTSET", "-R")
        profile = find_profile(name) if known else None

        report = verify_medium(path, manifest_of(FILES, profile=name), profile=profile)

        told = {f.rule for f in report.findings if f.severity == "error"}
        assert ("system-use" in told) is is_law

    def test_long_names_and_hidden_files_are_named(self, tmp_path: Path) -> None:
        files = {**FILES, "a-much-longer.name": b"x", "HIDDEN.TXT": b"y"}
        path = write_image(
            files, tmp_path, "-iso-level", "3", "-sysid", "", "-V", "TESTSET",
            "-allow-lowercase", "-hidden", "HIDDEN.TXT",
        )  # fmt: skip

        report = verify_medium(path)

        assert report.ok
        rules = {f.rule: f.subject for f in report.findings if f.severity == "warning"}
        assert rules.keys() == {"level-1-name", "file-flags"}
        assert rules["file-flags"] == "HIDDEN.TXT;1"


class Faulty(IsoVolume):
    """A disc that a drive cannot read in places."""

    bad: tuple[tuple[int, int], ...] = ()

    def read_at(self, offset: int, length: int) -> bytes:
        if any(start < offset + length and offset < end for start, end in self.bad):
            raise OSError(5, "Input/output error")
        return super().read_at(offset, length)


class TestDrives:
    def test_unreadable_sectors_are_named_and_the_rest_is_read(self, tmp_path: Path) -> None:
        path = write_image(FILES, tmp_path)
        with Faulty(path) as volume:
            (file,) = (file for file in volume.iter_files() if file.path == "DICOM/S2/I2")
            start = file.extents[0].offset
            volume.bad = ((start, start + SECTOR),)

            report = verify_volume(volume, manifest_of(FILES))

        assert sorted(found(report)) == [
            ("unreadable", "DICOM/S2/I2"),
            ("unreadable-file", "DICOM/S2/I2"),
        ]
        assert report.image_sha256 == ""
        assert report.files == 8

    def test_the_hash_is_that_of_the_image(self, tmp_path: Path) -> None:
        path = write_image({**FILES, "BIG.BIN": bytes(range(256)) * 20_000}, tmp_path)
        progress: list[tuple[int, int]] = []

        report = verify_medium(path, progress=lambda done, total: progress.append((done, total)))

        size = path.stat().st_size
        assert report.image_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert report.bytes == size
        assert progress[-1] == (size, size)
        assert len(progress) == -(-size // (1 << 20)) > 4

    def test_progress_may_stop_the_work(self, tmp_path: Path) -> None:
        path = write_image(FILES, tmp_path)

        def stop(done: int, total: int) -> None:
            raise CancelledError("stopped")

        for medium in (path, write_folder(FILES, tmp_path / "folder")):
            with pytest.raises(CancelledError):
                verify_medium(medium, progress=stop)

    def test_a_file_that_vanishes_is_named(self, tmp_path: Path) -> None:
        root = write_folder(FILES, tmp_path / "folder")

        def vanish(done: int, total: int) -> None:
            (root / "README.TXT").unlink(missing_ok=True)

        report = verify_medium(root, progress=vanish)

        assert ("unreadable-file", "README.TXT") in found(report)

    def test_what_is_no_medium_raises(self, tmp_path: Path) -> None:
        with pytest.raises(MediaError):
            verify_medium(tmp_path / "nothing")


class Overlapping(MemoryVolume):
    """An image of one sector where two files share their bytes, for the spans' sake."""

    size_bytes = volume_bytes = SECTOR
    is_device, is_pure = False, True

    def read_at(self, offset: int, length: int) -> bytes:
        return (b"ab" * 1024)[offset : offset + length]

    def iter_files(self) -> Iterator[VolumeFile]:
        yield VolumeFile("A", 1000, (Extent(0, 1000),))
        yield VolumeFile("B", 1000, (Extent(0, 1000),))

    def iter_spans(self) -> Iterator[Span]:
        yield Span(0, 1000, "A", VolumeFile("A", 1000, (Extent(0, 1000),)))
        yield Span(1000, 1048, "padding after A")


def test_files_that_share_bytes_are_each_compared(tmp_path: Path) -> None:
    content = b"ab" * 500
    volume = Overlapping({"A": content, "B": content})

    report = verify_volume(volume, manifest_of({"A": content, "B": content}))

    assert report.files == 2
    assert {rule for rule, _ in found(report)} == {"no-dicomdir", "not-zero"}


def test_the_fixture_has_the_directory_class_it_should() -> None:
    assert DIRECTORY.encode() in FILES["DICOMDIR"]
    assert len(PATHS) == len({uid_of(path) for path in PATHS})
    assert image("A/B", "1.2").file_id == "A\\B"
