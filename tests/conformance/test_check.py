"""One instance against STD-GEN-CD. The profile is typed from PS3.11 Annex D, not loaded."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mediastation.conformance.check import InstanceVerdict, check_instance, is_about_nobody
from mediastation.model.finding import note
from mediastation.model.instance import Element, PixelEncoding, Preamble
from mediastation.model.preparation import Preparation
from mediastation.model.profile import ApplicationProfile, ObjectRule, Requirement, Role, Security
from tests.support.headers import CT, EXPLICIT_LE, header

IMPLICIT_LE = "1.2.840.10008.1.2"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
JPEG_LOSSLESS_SV1 = "1.2.840.10008.1.2.4.70"
JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
JPEG_LS = "1.2.840.10008.1.2.4.80"
J2K_LOSSLESS = "1.2.840.10008.1.2.4.90"
RLE = "1.2.840.10008.1.2.5"
HTJ2K = "1.2.840.10008.1.2.4.203"
MPEG2 = "1.2.840.10008.1.2.4.100"
H264 = "1.2.840.10008.1.2.4.102"
HEVC = "1.2.840.10008.1.2.4.107"
JPIP = "1.2.840.10008.1.2.4.94"

SR = "1.2.840.10008.5.1.4.1.1.88.11"
US_RETIRED = "1.2.840.10008.5.1.4.1.1.6"
PROTOCOL = "1.2.840.10008.5.1.4.1.1.200.1"
HANGING_PROTOCOL = "1.2.840.10008.5.1.4.38.1"
DIRECTORY = "1.2.840.10008.1.3.10"
VIDEO = "1.2.840.10008.5.1.4.1.1.77.1.1.1"

GEN_CD = ApplicationProfile(
    name="STD-GEN-CD",
    profile_class="STD-GEN",
    annex="D",
    title="General Purpose CD-R",
    clinical_use="",
    roles=(Role.CREATOR, Role.READER, Role.UPDATER),
    media=("CD-80",),
    medium_format="PS3.12 Annex F",
    objects=(
        ObjectRule(
            frozenset({CT, SR, US_RETIRED, HANGING_PROTOCOL, VIDEO}),
            (EXPLICIT_LE,),
            Requirement.DECLARED,
            Requirement.DECLARED,
            Requirement.OPTIONAL,
        ),
    ),
    keys=(),
    security=Security.NONE,
    edition="2024c",
    source="PS3.11 Annex D",
    objects_table="PS3.11 Table D.3-1",
)
BD_MPEG = replace(
    GEN_CD,
    name="STD-GEN-BD-MPEG2-MPML",
    objects=(replace(GEN_CD.objects[0], transfer_syntaxes=(EXPLICIT_LE, MPEG2)),),
)
# PS3.11 Table A.3-1: nothing but JPEG Lossless.
COMPRESSED_ONLY = replace(
    GEN_CD,
    name="STD-XABC-CD",
    objects=(replace(GEN_CD.objects[0], transfer_syntaxes=(JPEG_LOSSLESS_SV1,)),),
)


def check(profile: ApplicationProfile = GEN_CD, **spoilt: object) -> InstanceVerdict:
    """Check the good CT image after one thing in it was spoilt."""
    return check_instance(header(**spoilt), profile)  # type: ignore[arg-type]


def said(verdict: InstanceVerdict) -> list[tuple[str, str]]:
    """Return rules and severities in their order."""
    return [(finding.rule, str(finding.severity)) for finding in verdict.findings]


def test_a_good_instance_goes_out_as_it_is() -> None:
    verdict = check()

    assert verdict == InstanceVerdict("1.2.3.4", "accepted", Preparation.NONE, EXPLICIT_LE, ())


def test_what_reading_tolerated_is_carried_along() -> None:
    tolerated = note("trailing-bytes", "1.2.3.4", "zeros after the data set")

    assert check(findings=(tolerated,)).findings == (tolerated,)


class TestSopClass:
    @pytest.mark.parametrize(
        ("uid", "word"),
        [
            ("", "does not say"),
            ("1.3.12.2.1107.5.9.1", "private"),
            ("1.2.840.10008.5.1.4.31", "standard"),  # Modality Worklist: a query, no object
            (PROTOCOL, "no Directory Record type"),
        ],
    )
    def test_what_no_directory_can_hold_is_refused_for_its_class_alone(
        self, uid: str, word: str
    ) -> None:
        """Nor does it matter then that the syntax and the UIDs are wrong as well."""
        verdict = check(sop_class=uid, encoding=JPIP, uid="x")

        assert said(verdict) == [("sop-class", "error")]
        assert verdict.outcome == "refused"
        assert word in verdict.findings[0].message
        assert verdict.findings[0].hint

    def test_a_class_that_this_profile_leaves_out_is_refused_with_those_that_take_it(self) -> None:
        mr = "1.2.840.10008.5.1.4.1.1.4"
        ctmr = replace(
            GEN_CD,
            name="STD-CTMR-CD",
            objects=(replace(GEN_CD.objects[0], sop_classes=frozenset({mr})),),
        )

        verdict = check_instance(header(mr), GEN_CD, alternatives=[GEN_CD, ctmr])

        assert said(verdict) == [("sop-class", "error")]
        assert verdict.findings[0].hint.endswith("STD-CTMR-CD.")
        assert verdict.findings[0].reference == "PS3.11 Table D.3-1"

    def test_a_retired_class_goes_out_with_a_warning(self) -> None:
        verdict = check(sop_class=US_RETIRED)

        assert said(verdict) == [("sop-class-retired", "warning")]
        assert verdict.outcome == "accepted"

    def test_a_dicomdir_is_no_instance_of_the_set(self) -> None:
        verdict = check(sop_class=DIRECTORY, encoding=IMPLICIT_LE, complete=False)

        assert said(verdict) == [("dicomdir", "note")]
        assert verdict.outcome == "ignored"


class TestTransferSyntax:
    @pytest.mark.parametrize("encoding", [IMPLICIT_LE, BIG_ENDIAN, DEFLATED])
    def test_other_uncompressed_forms_are_encoded_anew(self, encoding: str) -> None:
        verdict = check(encoding=encoding)

        assert verdict.outcome == "accepted"
        assert verdict.preparation == Preparation.VR | Preparation.FILE_META
        assert verdict.transfer_syntax_uid == EXPLICIT_LE
        assert said(verdict) == [("transfer-syntax", "note")]

    @pytest.mark.parametrize(
        "encoding", [JPEG_LOSSLESS_SV1, JPEG_BASELINE, JPEG_LS, J2K_LOSSLESS, RLE, HTJ2K]
    )
    def test_compressed_pixels_are_decoded(self, encoding: str) -> None:
        verdict = check(encoding=encoding, pixels=PixelEncoding.ENCAPSULATED)

        assert verdict.preparation == Preparation.DECODE | Preparation.FILE_META
        assert verdict.transfer_syntax_uid == EXPLICIT_LE
        assert said(verdict) == [("transfer-syntax", "note")]

    def test_a_lossy_source_is_told_to_stay_lossy(self) -> None:
        lossy = check(encoding=JPEG_BASELINE, pixels=PixelEncoding.ENCAPSULATED)
        lossless = check(encoding=JPEG_LS, pixels=PixelEncoding.ENCAPSULATED)

        assert "lost" in lossy.findings[0].message
        assert "lost" not in lossless.findings[0].message

    def test_a_compressed_syntax_without_pixels_needs_no_decoder(self) -> None:
        verdict = check(sop_class=SR, encoding=JPEG_BASELINE, pixels=PixelEncoding.ABSENT)

        assert Preparation.DECODE not in verdict.preparation

    @pytest.mark.parametrize("encoding", [MPEG2, H264, HEVC, JPIP, "1.2.3", ""])
    def test_video_and_the_unknown_are_refused(self, encoding: str) -> None:
        verdict = check(encoding=encoding, pixels=PixelEncoding.ENCAPSULATED)

        assert said(verdict) == [("transfer-syntax", "error")]
        assert (verdict.outcome, verdict.preparation) == ("refused", Preparation.NONE)
        assert "--drop-refused" in verdict.findings[0].hint

    def test_a_profile_that_carries_the_video_is_named(self) -> None:
        film = header(VIDEO, MPEG2, pixels=PixelEncoding.ENCAPSULATED)

        verdict = check_instance(film, GEN_CD, alternatives=[GEN_CD, BD_MPEG])

        assert "STD-GEN-BD-MPEG2-MPML" in verdict.findings[-1].hint

    def test_a_syntax_of_the_profile_is_kept_compressed(self) -> None:
        verdict = check(BD_MPEG, sop_class=VIDEO, encoding=MPEG2, pixels=PixelEncoding.ENCAPSULATED)

        assert (verdict.preparation, verdict.transfer_syntax_uid) == (Preparation.NONE, MPEG2)

    def test_nothing_is_decoded_for_a_profile_without_uncompressed_objects(self) -> None:
        assert said(check(COMPRESSED_ONLY, encoding=RLE)) == [("transfer-syntax", "error")]

    def test_compressed_pixels_under_an_uncompressed_name_are_refused(self) -> None:
        """Nobody can tell which codec; a reader would show noise."""
        verdict = check(pixels=PixelEncoding.ENCAPSULATED)

        assert said(verdict) == [("pixel-encoding", "error")]

    def test_a_signature_breaks_only_where_something_is_encoded_anew(self) -> None:
        assert said(check(signed=True)) == []
        assert ("signature", "warning") in said(check(signed=True, encoding=IMPLICIT_LE))


class TestFileMeta:
    @pytest.mark.parametrize("has_file_meta", [False, True])
    def test_a_deficient_file_meta_is_replaced(self, has_file_meta: bool) -> None:
        verdict = check(has_file_meta=has_file_meta, file_meta_conformant=False)

        assert verdict.preparation is Preparation.FILE_META
        assert said(verdict) == [("file-meta", "note")]
        assert not verdict.preparation.touches_dataset

    def test_foreign_content_in_the_preamble_is_cleared(self) -> None:
        """PS3.10, 7.5: it may be a program."""
        verdict = check(preamble=Preamble.FOREIGN, file_meta_conformant=False)

        assert verdict.preparation is Preparation.FILE_META
        assert said(verdict) == [("preamble-cleared", "note")]

    def test_a_tiff_preamble_stays_only_by_policy(self) -> None:
        dual = header(preamble=Preamble.TIFF)

        kept = check_instance(dual, GEN_CD, keep_tiff_preamble=True)
        cleared = check_instance(dual, GEN_CD)

        assert kept.preparation is Preparation.NONE
        assert cleared.preparation is Preparation.FILE_META
        assert said(cleared) == [("preamble-cleared", "note")]

    @pytest.mark.parametrize("moved", [{"encoding": IMPLICIT_LE}, {"file_meta_conformant": False}])
    def test_a_tiff_header_whose_offsets_would_move_is_cleared(
        self, moved: dict[str, object]
    ) -> None:
        verdict = check_instance(
            header(preamble=Preamble.TIFF, **moved),  # type: ignore[arg-type]
            GEN_CD,
            keep_tiff_preamble=True,
        )

        assert Preparation.FILE_META in verdict.preparation
        assert ("preamble-cleared", "note") in said(verdict)


class TestIdentifiers:
    @pytest.mark.parametrize("tag", [0x0020000D, 0x0020000E])
    @pytest.mark.parametrize(
        "value", [b"", b" \0", b"1.2.x", b"1..2", b"1.2." + b"3" * 61, b"\xff"]
    )
    def test_an_instance_that_no_record_can_hold_is_refused(self, tag: int, value: bytes) -> None:
        verdict = check(elements={tag: Element("UI", value)})

        assert said(verdict) == [("uid", "error")]
        assert verdict.outcome == "refused"

    def test_an_instance_without_uid_is_refused_under_the_name_of_its_file(self) -> None:
        verdict = check_instance(header(uid=""), GEN_CD, subject="disc/IM1")

        assert said(verdict) == [("uid", "error")]
        assert verdict.findings[0].subject == "disc/IM1"

    def test_a_leading_zero_is_tolerated_with_a_warning(self) -> None:
        verdict = check(elements={0x0020000D: Element("UI", b"1.2.03\0")})

        assert said(verdict) == [("uid", "warning")]
        assert verdict.outcome == "accepted"

    def test_a_hanging_protocol_needs_no_study(self) -> None:
        rootless = header(
            HANGING_PROTOCOL,
            without=(0x0020000D, 0x0020000E, 0x00100020),
            pixels=PixelEncoding.ABSENT,
        )

        verdict = check_instance(rootless, GEN_CD)

        assert verdict.outcome == "accepted"
        assert {rule for rule, _ in said(verdict)} == {"directory-keys"}
        assert is_about_nobody(HANGING_PROTOCOL)
        assert not is_about_nobody(CT)


class TestCompleteness:
    def test_a_truncated_file_is_refused(self) -> None:
        verdict = check(complete=False, encoding=IMPLICIT_LE)

        assert said(verdict) == [("incomplete", "error")]
        assert verdict.preparation is Preparation.NONE

    def test_an_image_without_pixels_is_warned_of(self) -> None:
        verdict = check(pixels=PixelEncoding.ABSENT)

        assert said(verdict) == [("pixel-data", "warning")]
        assert verdict.outcome == "accepted"

    @pytest.mark.parametrize(
        ("bits", "frames", "photometric", "due"),
        [
            (16, b"", b"MONOCHROME2", 512),
            (1, b"", b"MONOCHROME2", 32),
            (8, b"10", b"MONOCHROME2", 2560),
            (8, b"1A", b"MONOCHROME2", 256),
            (8, b"", b"RGB", 768),
            (8, b"", b"YBR_FULL_422", 512),
        ],
    )
    def test_a_file_smaller_than_its_native_pixels_is_refused(
        self, bits: int, frames: bytes, photometric: bytes, due: int
    ) -> None:
        """16 rows of 16 columns; a reader that believes the attributes reads past the end."""
        colour = photometric[0] in b"RY"
        image = header(
            elements={
                0x00280002: Element("US", b"\x03\0" if colour else b"\x01\0"),
                0x00280004: Element("CS", photometric),
                0x00280008: Element("IS", frames),
                0x00280100: Element("US", bytes([bits, 0])),
            }
        )

        assert said(check_instance(image, GEN_CD, size_bytes=due)) == []
        assert said(check_instance(image, GEN_CD, size_bytes=due - 1)) == [("incomplete", "error")]

    def test_a_compressed_or_deflated_file_may_be_smaller_than_its_pixels(self) -> None:
        allocated = {0x00280100: Element("US", b"\x10\0")}
        deflated = header(encoding=DEFLATED, elements=allocated)
        compressed = header(encoding=RLE, elements=allocated, pixels=PixelEncoding.ENCAPSULATED)

        for small in (deflated, compressed):
            assert check_instance(small, GEN_CD, size_bytes=300).outcome == "accepted"

    def test_a_report_needs_no_pixels(self) -> None:
        verdict = check(sop_class=SR, pixels=PixelEncoding.ABSENT)

        assert "pixel-data" not in {rule for rule, _ in said(verdict)}

    @pytest.mark.parametrize(
        ("tag", "keyword"),
        [
            (0x00080020, "StudyDate"),
            (0x00080030, "StudyTime"),
            (0x00200010, "StudyID"),
            (0x00080060, "Modality"),
            (0x00200011, "SeriesNumber"),
            (0x00200013, "InstanceNumber"),
        ],
    )
    @pytest.mark.parametrize("empty", [False, True])
    def test_a_key_that_the_directory_has_to_supply_is_noted(
        self, tag: int, keyword: str, empty: bool
    ) -> None:
        """Type 1 in PS3.3 F.5.2 to F.5.4, type 2 in the objects."""
        verdict = check(elements={tag: Element("LO", b"  ")}) if empty else check(without=(tag,))

        assert said(verdict) == [("directory-keys", "note")]
        assert keyword in verdict.findings[0].message

    def test_a_missing_patient_id_asks_for_a_look(self) -> None:
        assert said(check(without=(0x00100020,))) == [("no-patient-id", "warning")]
