"""One good object for each annex of PS3.11, and what is said when one thing of it is spoilt.

The expectations are typed from the tables that the classes name, the profiles
are the ones that travel with the program: the two have to agree.
"""

from __future__ import annotations

import pytest

from mediastation.conformance.check import InstanceCheck, InstanceVerdict, check_instance
from mediastation.conformance.load import find_profile
from mediastation.dicom.header_rules import header_finding
from mediastation.model.instance import Element, InstanceHeader, PixelEncoding
from mediastation.model.preparation import Preparation
from mediastation.model.profile import Role
from tests.support.annex_headers import (
    ALLOCATED,
    COLUMNS,
    CT,
    DOSE_SR,
    DX,
    FRAMES,
    GSPS,
    HIGH_BIT,
    IMAGE_TYPE,
    IMPLICIT_LE,
    INTRA_ORAL,
    J2K,
    J2K_LOSSLESS,
    JPEG_BASELINE,
    JPEG_EXTENDED,
    JPEG_LOSSLESS_SV1,
    MODALITY,
    PHOTOMETRIC,
    PLANAR,
    REGIONS,
    REPRESENTATION,
    RLE,
    ROWS,
    SAMPLES,
    STORED,
    US_MULTI,
    Spoilt,
    cs,
    ct,
    dental,
    image,
    mr,
    pixels,
    region,
    sc,
    sequence,
    ultrasound,
    us,
    xa,
)
from tests.support.headers import EXPLICIT_LE, header

MPEG = "1.2.840.10008.1.2.4."
SR = "1.2.840.10008.5.1.4.1.1.88.11"


def check(name: str, instance: InstanceHeader, role: Role = Role.CREATOR) -> InstanceVerdict:
    """Check under the profile called `name`."""
    return check_instance(instance, find_profile(name), role=role)


def faults(verdict: InstanceVerdict) -> set[str]:
    """Return the rules of the errors."""
    return {finding.rule for finding in verdict.findings if finding.severity == "error"}


def assert_goes_out(name: str, instance: InstanceHeader, syntax: str) -> None:
    """Assert that the instance is accepted in this syntax."""
    verdict = check(name, instance)

    assert faults(verdict) == set()
    assert verdict.transfer_syntax_uid == syntax


def assert_refused(name: str, instance: InstanceHeader, rule: str, *, word: str = "") -> None:
    """Assert that the instance is refused for this alone, with the table and a remedy."""
    verdict = check(name, instance)

    assert faults(verdict) == {rule}
    assert (verdict.outcome, verdict.transfer_syntax_uid) == ("refused", "")
    for finding in verdict.findings:
        if finding.severity == "error":
            assert finding.hint
            assert finding.reference.startswith("PS3.")
            assert word in finding.message


class TestAnnexA:
    """Tables A.3-1, A.3-2 and A.3-3: cardiac runs in JPEG Lossless, and nothing else."""

    def test_a_cardiac_run_goes_out_as_it_is_and_gets_an_icon(self) -> None:
        verdict = check("STD-XABC-CD", xa())

        assert (verdict.preparation, verdict.findings) == (Preparation.NONE, ())
        assert verdict.icon is not None
        assert (verdict.icon.rows, verdict.icon.columns) == (128, 128)

    @pytest.mark.parametrize("syntax", [EXPLICIT_LE, IMPLICIT_LE, J2K_LOSSLESS, RLE])
    def test_any_other_encoding_becomes_jpeg_lossless(self, syntax: str) -> None:
        """Uncompressed angiography is not in the table."""
        verdict = check("STD-XABC-CD", xa(syntax))

        assert verdict.transfer_syntax_uid == JPEG_LOSSLESS_SV1
        assert Preparation.ENCODE in verdict.preparation
        assert (Preparation.DECODE in verdict.preparation) == (syntax in (J2K_LOSSLESS, RLE))
        assert (Preparation.VR in verdict.preparation) == (syntax == IMPLICIT_LE)

    @pytest.mark.parametrize(
        ("spoilt", "word"),
        [
            ({MODALITY: cs("RF")}, "Modality (0008,0060)"),
            ({ROWS: us(513)}, "513"),
            ({COLUMNS: us(0)}, "Columns"),
            ({ALLOCATED: us(16)}, "BitsAllocated"),
            ({STORED: us(7)}, "BitsStored"),
            ({0x60020010: us(512), 0x60020100: us(8), 0x60020102: us(7)}, "6002"),
        ],
    )
    def test_a_value_outside_the_table_is_refused(self, spoilt: Spoilt, word: str) -> None:
        assert_refused("STD-XABC-CD", xa(spoilt=spoilt), "attributes", word=word)

    def test_an_overlay_in_its_own_data_goes_out(self) -> None:
        own = {0x60020010: us(512), 0x60020100: us(1), 0x60020102: us(0)}

        assert_goes_out("STD-XABC-CD", xa(spoilt=own), JPEG_LOSSLESS_SV1)

    @pytest.mark.parametrize("rows", [1, 64, 512])
    def test_the_size_of_the_table_is_an_upper_bound(self, rows: int) -> None:
        assert_goes_out("STD-XABC-CD", xa(rows=rows), JPEG_LOSSLESS_SV1)

    def test_other_classes_are_none_of_it(self) -> None:
        for other in (ct(), sc(), header(GSPS, pixels=PixelEncoding.ABSENT)):
            assert_refused("STD-XABC-CD", other, "sop-class")

    def test_a_run_without_image_type_has_no_record(self) -> None:
        without = xa(spoilt={IMAGE_TYPE: None})

        assert_refused("STD-XABC-CD", without, "directory-keys", word="ImageType (0008,0008)")

    def test_a_biplane_run_has_to_name_its_other_plane(self) -> None:
        plane = {IMAGE_TYPE: cs("ORIGINAL\\PRIMARY\\BIPLANE A")}
        other = sequence({0x00081150: Element("UI", b"1.2"), 0x00081155: Element("UI", b"1.3")})
        half = sequence({0x00081150: Element("UI", b"1.2")})

        assert_refused(
            "STD-XABC-CD", xa(spoilt=plane), "directory-keys", word="ReferencedImageSequence"
        )
        assert_refused("STD-XABC-CD", xa(spoilt={**plane, 0x00081140: half}), "directory-keys")
        assert_goes_out("STD-XABC-CD", xa(spoilt={**plane, 0x00081140: other}), JPEG_LOSSLESS_SV1)

    def test_without_pixels_there_is_no_icon(self) -> None:
        verdict = check("STD-XABC-CD", xa(pixels=PixelEncoding.ABSENT))

        assert faults(verdict) == {"icon"}


class TestAnnexB:
    """Tables B.3-1, B.3-2, B.3-3 and B.3-4."""

    @pytest.mark.parametrize("name", ["STD-XA1K-CD", "STD-XA1K-DVD"])
    @pytest.mark.parametrize("stored", [8, 10, 12])
    def test_a_run_of_up_to_12_bits_goes_out(self, name: str, stored: int) -> None:
        run = xa(rows=1024, allocated=8 if stored == 8 else 16, stored=stored)

        assert_goes_out(name, run, JPEG_LOSSLESS_SV1)

    @pytest.mark.parametrize("syntax", [JPEG_BASELINE, JPEG_EXTENDED])
    def test_lossy_runs_stay_as_they_are_on_dvd_alone(self, syntax: str) -> None:
        assert_goes_out("STD-XA1K-DVD", xa(syntax), syntax)
        assert_goes_out("STD-XA1K-CD", xa(syntax), JPEG_LOSSLESS_SV1)

    def test_what_was_lossy_before_is_told_to_stay_so(self) -> None:
        (finding,) = check("STD-XA1K-CD", xa(JPEG_BASELINE)).findings

        assert finding.severity == "note"
        assert "stays lost" in finding.message

    @pytest.mark.parametrize("spoilt", [{STORED: us(14)}, {ROWS: us(1025)}, {MODALITY: cs("RF")}])
    def test_a_value_outside_the_table_is_refused(self, spoilt: Spoilt) -> None:
        assert_refused("STD-XA1K-CD", xa(allocated=16, stored=12, spoilt=spoilt), "attributes")

    def test_a_grayscale_capture_goes_out_uncompressed(self) -> None:
        assert_goes_out("STD-XA1K-CD", sc(), EXPLICIT_LE)

    @pytest.mark.parametrize(
        "spoilt",
        [
            {SAMPLES: us(3)},
            {PHOTOMETRIC: cs("MONOCHROME1")},
            {ALLOCATED: us(16)},
            {HIGH_BIT: us(6)},
            {REPRESENTATION: us(1)},
            {COLUMNS: us(1025)},
            {0x60000010: us(256)},
            {0x601E0010: us(256)},
        ],
    )
    def test_a_capture_of_another_kind_is_refused(self, spoilt: Spoilt) -> None:
        assert_refused("STD-XA1K-CD", sc(spoilt), "attributes")

    def test_image_type_is_asked_of_angiography_alone(self) -> None:
        assert_refused("STD-XA1K-CD", xa(spoilt={IMAGE_TYPE: None}), "directory-keys")
        assert_goes_out("STD-XA1K-CD", sc({IMAGE_TYPE: None}), EXPLICIT_LE)

    def test_a_presentation_state_needs_no_icon(self) -> None:
        state = header(GSPS, pixels=PixelEncoding.ABSENT, without=(ROWS, COLUMNS))

        verdict = check("STD-XA1K-CD", state)

        assert (verdict.outcome, verdict.icon) == ("accepted", None)


# Table C.3-2, row by row: Explicit VR Little Endian, RLE, JPEG Baseline.
PAIRS = {
    "MONOCHROME2": (True, True, False),
    "RGB": (True, True, False),
    "PALETTE COLOR": (True, True, False),
    "YBR_FULL": (False, True, False),
    "YBR_FULL_422": (True, False, True),
}
# What becomes of the pairs that are not allowed: samples of a lossless codec stay
# as they are, a lossy JPEG is decoded to RGB. RLE knows no subsampling, so its last pair is none.
BECOMES = {
    ("MONOCHROME2", JPEG_BASELINE): EXPLICIT_LE,
    ("RGB", JPEG_BASELINE): EXPLICIT_LE,
    ("PALETTE COLOR", JPEG_BASELINE): EXPLICIT_LE,
    ("YBR_FULL", EXPLICIT_LE): RLE,
    ("YBR_FULL", JPEG_BASELINE): EXPLICIT_LE,
    ("YBR_FULL_422", RLE): "",
}


class TestAnnexC:
    """Table C.3-2, PS3.3 C.8.5.6 and C.8.5.5."""

    @pytest.mark.parametrize("place", [0, 1, 2])
    @pytest.mark.parametrize("photometric", PAIRS)
    def test_colours_and_encodings_are_paired(self, photometric: str, place: int) -> None:
        syntax = (EXPLICIT_LE, RLE, JPEG_BASELINE)[place]

        verdict = check("STD-US-ID-SF-CDR", ultrasound(photometric, syntax))

        if PAIRS[photometric][place]:
            assert (verdict.preparation, verdict.transfer_syntax_uid) == (Preparation.NONE, syntax)
        else:
            assert verdict.transfer_syntax_uid == BECOMES[photometric, syntax]
            assert verdict.findings[0].reference.startswith("PS3.11 Table C.3-2")

    @pytest.mark.parametrize(
        ("photometric", "spoilt"),
        [
            ("MONOCHROME2", {ALLOCATED: us(16), STORED: us(16), HIGH_BIT: us(15)}),
            ("RGB", {STORED: us(7)}),
            ("RGB", {HIGH_BIT: us(6)}),
            ("RGB", {REPRESENTATION: us(1)}),
            ("RGB", {PLANAR: us(2)}),
            ("YBR_FULL_422", {PLANAR: us(1)}),
            ("YBR_PARTIAL_422", {}),
        ],
    )
    def test_pixels_of_another_kind_are_refused(self, photometric: str, spoilt: Spoilt) -> None:
        assert_refused("STD-US-ID-SF-DVD", ultrasound(photometric, spoilt=spoilt), "attributes")

    @pytest.mark.parametrize("bits", [8, 16])
    def test_a_palette_may_have_8_or_16_bits(self, bits: int) -> None:
        deep = {ALLOCATED: us(bits), STORED: us(bits), HIGH_BIT: us(bits - 1)}

        assert_goes_out("STD-US-ID-SF-DVD", ultrasound("PALETTE COLOR", spoilt=deep), EXPLICIT_LE)

    def test_several_frames_are_for_the_mf_profiles(self) -> None:
        film = ultrasound("RGB", sop_class=US_MULTI, spoilt={FRAMES: Element("IS", b"2")})

        assert_goes_out("STD-US-ID-MF-MOD23-90", film, EXPLICIT_LE)
        assert_refused("STD-US-ID-SF-MOD23-90", film, "sop-class")

    @pytest.mark.parametrize("name", ["STD-US-SC-SF-CDR", "STD-US-SC-MF-DVD"])
    def test_spatial_calibration_needs_whole_regions(self, name: str) -> None:
        whole = ultrasound("RGB", spoilt={REGIONS: sequence(region(), region())})
        broken = ultrasound("RGB", spoilt={REGIONS: sequence(region(), region(without=0x0018602C))})

        assert_goes_out(name, whole, EXPLICIT_LE)
        assert_refused(name, broken, "attributes", word="PhysicalDeltaX (0018,602C)")
        assert "item 2" in check(name, broken).findings[0].message
        assert_refused(name, ultrasound("RGB"), "attributes", word="SequenceOfUltrasoundRegions")
        assert_refused(name, ultrasound("RGB", spoilt={REGIONS: sequence()}), "attributes")

    def test_component_calibration_is_asked_by_the_cc_profiles_alone(self) -> None:
        spatial = ultrasound("RGB", spoilt={REGIONS: sequence(region())})
        masked = region(components=0)
        masked |= {0x00186046: Element("UL", b"\1\0\0\0"), 0x00186050: Element("UL", b"\2\0\0\0")}
        masked |= {0x00186052: Element("SL", bytes(8)), 0x00186054: Element("FD", bytes(16))}

        assert_refused("STD-US-CC-SF-CDR", spatial, "attributes", word="PixelComponentOrganization")
        assert_goes_out(
            "STD-US-CC-SF-CDR", ultrasound("RGB", spoilt={REGIONS: sequence(masked)}), EXPLICIT_LE
        )
        del masked[0x00186046]
        assert_refused(
            "STD-US-CC-SF-CDR",
            ultrasound("RGB", spoilt={REGIONS: sequence(masked)}),
            "attributes",
            word="PixelComponentMask",
        )

    def test_damaged_regions_are_refused_without_a_fault_of_ours(self) -> None:
        broken = ultrasound("RGB", spoilt={REGIONS: Element("SQ", b"\xfe\xff\x00\xe0\xff\0\0\0ab")})

        assert_refused("STD-US-SC-SF-CDR", broken, "attributes", word="not well-formed")


class TestAnnexE:
    """Tables E.3-1 to E.3-6."""

    @pytest.mark.parametrize(
        "name", ["STD-CTMR-MOD41", "STD-CTMR-CD", "STD-CTMR-DVD-RAM", "STD-CTMR-DVD"]
    )
    @pytest.mark.parametrize("syntax", [EXPLICIT_LE, JPEG_LOSSLESS_SV1])
    def test_a_slice_goes_out_in_either_encoding(self, name: str, syntax: str) -> None:
        verdict = check(name, ct(syntax))

        assert (verdict.outcome, verdict.preparation) == ("accepted", Preparation.NONE)
        assert verdict.icon is None  # optional

    def test_lossy_compression_is_undone(self) -> None:
        assert_goes_out("STD-CTMR-CD", ct(JPEG_BASELINE), EXPLICIT_LE)

    @pytest.mark.parametrize("spoilt", [{MODALITY: cs("PT")}, {PHOTOMETRIC: cs("MONOCHROME1")}])
    def test_a_ct_of_another_kind_is_refused(self, spoilt: Spoilt) -> None:
        assert_refused("STD-CTMR-CD", ct(spoilt=spoilt), "attributes")

    @pytest.mark.parametrize("stored", range(7, 17))
    def test_an_mr_has_8_or_12_to_16_bits(self, stored: int) -> None:
        slice_ = mr(stored, allocated=8 if stored <= 8 else 16)

        if stored in (8, 12, 13, 14, 15, 16):
            assert_goes_out("STD-CTMR-CD", slice_, EXPLICIT_LE)
        else:
            assert_refused("STD-CTMR-CD", slice_, "attributes", word="BitsStored")

    def test_the_high_bit_of_an_mr_is_its_uppermost(self) -> None:
        assert_refused("STD-CTMR-CD", mr(12, {HIGH_BIT: us(15)}), "attributes", word="HighBit")

    @pytest.mark.parametrize(
        ("kind", "bits", "fine"),
        [
            ("MONOCHROME2", 8, True),
            ("MONOCHROME2", 16, True),
            ("MONOCHROME2", 32, False),
            ("MONOCHROME1", 8, False),
            ("PALETTE COLOR", 8, True),
            ("PALETTE COLOR", 16, False),
        ],
    )
    def test_captures_are_gray_or_have_a_palette(self, kind: str, bits: int, fine: bool) -> None:
        of_kind = {PHOTOMETRIC: cs(kind), ALLOCATED: us(bits), STORED: us(bits)}
        capture = sc({**of_kind, HIGH_BIT: us(bits - 1)})

        if fine:
            assert_goes_out("STD-CTMR-CD", capture, EXPLICIT_LE)
        else:
            assert_refused("STD-CTMR-CD", capture, "attributes")

    def test_captures_in_full_colour_are_refused(self) -> None:
        assert_refused("STD-CTMR-CD", sc(pixels(64, 8, photometric="RGB", samples=3)), "attributes")

    def test_rows_and_columns_are_keys_of_the_record(self) -> None:
        """Table E.3-2, Type 1."""
        assert_refused("STD-CTMR-CD", ct(spoilt={ROWS: None}), "directory-keys", word="Rows")

    def test_a_dose_report_has_no_restrictions(self) -> None:
        report = header(DOSE_SR, IMPLICIT_LE, pixels=PixelEncoding.ABSENT)

        assert_goes_out("STD-CTMR-CD", report, EXPLICIT_LE)

    def test_enhanced_objects_are_none_of_it(self) -> None:
        assert_refused("STD-CTMR-CD", header("1.2.840.10008.5.1.4.1.1.2.1"), "sop-class")


class TestAnnexesKAndL:
    """Tables K.3-1, K.3-3, K.3-4, L.4-1 and L.4-2."""

    @pytest.mark.parametrize("name", ["STD-DEN-CD", "STD-DTL-SEC-ZIP-MAIL"])
    @pytest.mark.parametrize("sop_class", [INTRA_ORAL, DX])
    @pytest.mark.parametrize(
        ("stored", "allocated", "fine"),
        [
            (8, 8, True),
            (10, 16, True),
            (12, 16, True),
            (16, 16, True),
            (8, 16, False),
            (14, 16, False),
        ],
    )
    def test_bits_are_those_of_the_table(
        self, name: str, sop_class: str, stored: int, allocated: int, fine: bool
    ) -> None:
        radiograph = dental(stored, allocated=allocated, sop_class=sop_class)

        if fine:
            assert_goes_out(name, radiograph, EXPLICIT_LE)
        else:
            assert_refused(name, radiograph, "attributes", word="Bits")

    @pytest.mark.parametrize("tag", [0x00080080, 0x00081090, 0x0018700A, 0x0018702A, 0x0018702B])
    def test_type_2_elements_have_to_be_there_though_empty(self, tag: int) -> None:
        assert_refused("STD-DEN-CD", dental(spoilt={tag: None}), "attributes", word="not even")

    def test_compressed_radiographs_are_decoded(self) -> None:
        assert_goes_out("STD-DEN-CD", dental(syntax=JPEG_LOSSLESS_SV1), EXPLICIT_LE)

    def test_presentation_states_go_onto_the_disc_and_not_into_the_mail(self) -> None:
        state = header(GSPS, pixels=PixelEncoding.ABSENT, without=(ROWS, COLUMNS))

        assert_goes_out("STD-DEN-CD", state, EXPLICIT_LE)
        assert_refused("STD-DTL-SEC-ZIP-MAIL", state, "sop-class")

    def test_radiographs_for_processing_are_none_of_it(self) -> None:
        assert_refused("STD-DEN-CD", dental(sop_class=INTRA_ORAL + ".1"), "sop-class")


class TestGeneralPurpose:
    """Tables D.3-1, H.3-1, H.3-2, J.3-1, M.3-1; G.3 and L.3."""

    @pytest.mark.parametrize("name", ["STD-GEN-CD", "STD-GEN-SEC-DVD-RAM", "STD-GEN-BD"])
    @pytest.mark.parametrize("syntax", [JPEG_LOSSLESS_SV1, JPEG_BASELINE, J2K, RLE, IMPLICIT_LE])
    def test_annex_d_is_uncompressed(self, name: str, syntax: str) -> None:
        assert_goes_out(name, ct(syntax), EXPLICIT_LE)

    @pytest.mark.parametrize(
        ("name", "kept", "decoded"),
        [
            ("STD-GEN-DVD-JPEG", (JPEG_LOSSLESS_SV1, JPEG_BASELINE, JPEG_EXTENDED), (J2K, RLE)),
            ("STD-GEN-SEC-USB-J2K", (J2K_LOSSLESS, J2K), (JPEG_LOSSLESS_SV1, JPEG_BASELINE, RLE)),
            ("STD-GEN-BD-JPEG", (JPEG_EXTENDED,), (J2K_LOSSLESS,)),
        ],
    )
    def test_compressed_objects_stay_where_the_table_has_them(
        self, name: str, kept: tuple[str, ...], decoded: tuple[str, ...]
    ) -> None:
        for syntax in (*kept, EXPLICIT_LE):
            assert_goes_out(name, ct(syntax), syntax)
        for syntax in decoded:
            assert_goes_out(name, ct(syntax), EXPLICIT_LE)

    @pytest.mark.parametrize("name", ["STD-GEN-MIME", "STD-GEN-ZIP-MAIL", "STD-GEN-SEC-ZIP-MAIL"])
    @pytest.mark.parametrize("syntax", [IMPLICIT_LE, RLE, "1.2.840.10008.1.2.4.107"])
    def test_mail_carries_every_syntax(self, name: str, syntax: str) -> None:
        assert_goes_out(name, ct(syntax), syntax)

    def test_rows_are_a_key_of_annex_h_and_not_of_annex_d(self) -> None:
        without = ct(spoilt={ROWS: None})

        assert_goes_out("STD-GEN-CD", without, EXPLICIT_LE)
        assert_refused("STD-GEN-DVD-J2K", without, "directory-keys", word="Rows (0028,0010)")
        assert check("STD-GEN-DVD-J2K", without).findings[0].reference == "PS3.11 Table H.3-2"

    def test_a_report_has_no_rows_to_give(self) -> None:
        report = header(SR, pixels=PixelEncoding.ABSENT, without=(ROWS, COLUMNS))

        assert_goes_out("STD-GEN-DVD-J2K", report, EXPLICIT_LE)


# Identifier to the one video syntax of its table (I.3-1, M.3-1, N.3-1).
VIDEO = {
    "STD-DVD-MPEG2-MPML": "100",
    "STD-DVD-SEC-MPEG2-MPML": "100",
    "STD-GEN-BD-MPEG2-MPML": "100",
    "STD-GEN-BD-MPEG2-MPHL": "101",
    "STD-GEN-SEC-BD-MPEG4-HPLV41": "102",
    "STD-GEN-BD-MPEG4-HPLV41BD": "103",
    "STD-GEN-BD-MPEG4-HPLV42-2D": "104",
    "STD-GEN-BD-MPEG4-HPLV42-3D": "105",
    "STD-GEN-SEC-BD-MPEG4-SHPLV42": "106",
}


def film(syntax: str) -> InstanceHeader:
    """Return a video of an endoscopy."""
    elements = pixels(480, 8, photometric="YBR_FULL_422", samples=3)
    elements |= {IMAGE_TYPE: cs("ORIGINAL\\PRIMARY"), FRAMES: Element("IS", b"250")}
    endoscopy = "1.2.840.10008.5.1.4.1.1.77.1.1.1"
    return image(endoscopy, syntax, "ES", elements, {})


class TestVideo:
    @pytest.mark.parametrize("name", VIDEO)
    def test_each_profile_carries_its_own_video_and_no_other(self, name: str) -> None:
        for number in range(100, 107):
            syntax = f"{MPEG}{number}"
            if VIDEO[name] == str(number):
                assert_goes_out(name, film(syntax), syntax)
            else:
                assert_refused(name, film(syntax), "transfer-syntax")

    @pytest.mark.parametrize("name", ["STD-DVD-MPEG2-MPML", "STD-GEN-BD-MPEG4-HPLV42-2D"])
    def test_annexes_i_and_n_have_no_uncompressed_objects(self, name: str) -> None:
        assert_refused(name, film(EXPLICIT_LE), "transfer-syntax")
        assert_refused(name, header(SR, pixels=PixelEncoding.ABSENT), "sop-class")

    def test_annex_m_has(self) -> None:
        assert_goes_out("STD-GEN-BD-MPEG4-HPLV41", film(EXPLICIT_LE), EXPLICIT_LE)
        assert_goes_out("STD-GEN-BD-MPEG4-HPLV41", ct(JPEG_BASELINE), EXPLICIT_LE)

    def test_a_class_of_single_frames_is_no_film(self) -> None:
        still = image(CT, f"{MPEG}100", "CT", pixels(512, 16), {})

        assert_refused("STD-DVD-MPEG2-MPML", still, "sop-class")
        assert_refused("STD-GEN-BD-MPEG2-MPML", still, "transfer-syntax")


class TestReaders:
    """What a File-set Reader has to be able to take: the FSR column."""

    def test_a_class_of_none_of_its_profiles_is_passed_over(self) -> None:
        """PS3.2, 7.2."""
        verdict = check("STD-XABC-CD", ct(), Role.READER)

        assert verdict.outcome == "ignored"
        assert [(one.rule, str(one.severity)) for one in verdict.findings] == [
            ("sop-class", "note")
        ]

    def test_lossy_runs_have_to_be_read_from_dvd_alone(self) -> None:
        run = xa(JPEG_BASELINE)

        assert check("STD-XA1K-DVD", run, Role.READER).outcome == "accepted"
        assert faults(check("STD-XA1K-CD", run, Role.READER)) == {"transfer-syntax"}

    def test_nothing_is_prepared_for_a_reader(self) -> None:
        verdict = check("STD-GEN-CD", ct(JPEG_LOSSLESS_SV1), Role.READER)

        assert (verdict.outcome, verdict.preparation) == ("refused", Preparation.NONE)
        assert faults(verdict) == {"transfer-syntax"}

    def test_a_value_outside_the_table_asks_for_a_look(self) -> None:
        verdict = check("STD-XABC-CD", xa(rows=1024), Role.READER)

        assert verdict.outcome == "accepted"
        assert [(one.rule, str(one.severity)) for one in verdict.findings] == [
            ("attributes", "warning")
        ]

    def test_what_a_directory_would_supply_is_no_concern_of_a_reader(self) -> None:
        verdict = check("STD-CTMR-CD", ct(spoilt={0x00200011: None, ROWS: None}), Role.READER)

        assert verdict.findings == ()

    @pytest.mark.parametrize(
        ("facts", "severity"),
        [
            ({"file_meta_conformant": False}, "warning"),
            ({"file_meta_conformant": False, "has_file_meta": False}, "error"),
        ],
    )
    def test_a_file_that_is_none_of_part_10_is_told(
        self, facts: dict[str, object], severity: str
    ) -> None:
        verdict = check("STD-CTMR-CD", ct(**facts), Role.READER)

        assert [(one.rule, str(one.severity)) for one in verdict.findings] == [
            ("file-meta", severity)
        ]

    def test_an_updater_writes_as_a_creator_does(self) -> None:
        assert check("STD-XABC-CD", xa(EXPLICIT_LE), Role.UPDATER) == check(
            "STD-XABC-CD", xa(EXPLICIT_LE)
        )


class TestHostileValues:
    """What no writer should say, and some do; typed by hand, one at a time."""

    @pytest.mark.parametrize(
        ("name", "instance"),
        [
            ("STD-CTMR-CD", sc({PHOTOMETRIC: cs("MONOCHROME2\\PALETTE COLOR"), STORED: us(3)})),
            ("STD-CTMR-CD", mr(12, {STORED: Element("US", b"\x0c\0\x08\0")})),
            ("STD-CTMR-CD", ct(spoilt={MODALITY: cs("CT\\CT")})),
            ("STD-XABC-CD", xa(spoilt={ROWS: Element("US", b"\0\1\0\1")})),
            ("STD-DEN-CD", dental(spoilt={STORED: Element("US", b"\x08\0\x08\0")})),
        ],
    )
    def test_several_values_meet_no_demand_for_one(
        self, name: str, instance: InstanceHeader
    ) -> None:
        assert_refused(name, instance, "attributes")

    @pytest.mark.parametrize("name", ["STD-CTMR-CD", "STD-GEN-DVD-JPEG"])
    @pytest.mark.parametrize(
        "rows",
        [
            Element("US", b"\1"),
            Element("SS", b"\xff\xff"),
            Element("UL", b"\0\0\1\0"),
            Element("FD", b"\0\0\0\0\0\0\x80\x40"),
            Element("OB", b"\0\2"),
            Element("IS", b"-1"),
            Element("IS", b"512.5"),
            Element("IS", "\u0665\u0661\u0662".encode()),
            Element("LO", b"ab"),
        ],
    )
    def test_rows_that_are_no_number_of_rows_are_no_key(self, name: str, rows: Element) -> None:
        """Tables E.3-2 and H.3-2: Type 1, US; the bytes of something else are not taken for it."""
        assert_refused(name, ct(spoilt={ROWS: rows}), "directory-keys", word="Rows")

    @pytest.mark.parametrize("rows", [Element("IS", b"512 "), Element("UL", b"\0\2\0\0")])
    def test_rows_under_another_vr_are_a_key_all_the_same(self, rows: Element) -> None:
        assert check("STD-CTMR-CD", ct(spoilt={ROWS: rows})).outcome == "accepted"

    @pytest.mark.parametrize("role", [Role.CREATOR, Role.READER])
    def test_a_compressed_data_set_in_implicit_vr_is_refused(self, role: Role) -> None:
        """PS3.5, A.4: readers take the heads for explicit ones and find nothing."""
        disagrees = header_finding("transfer-syntax-disagrees", "1.2.3", "it is Implicit VR")
        instance = ct(JPEG_BASELINE, findings=(disagrees,))

        verdict = check("STD-GEN-DVD-JPEG", instance, role)

        assert verdict.outcome == "refused"
        assert "encoding" in faults(verdict)
        assert check("STD-GEN-DVD-JPEG", ct(findings=(disagrees,)), role).outcome == "accepted"

    @pytest.mark.parametrize("value", ["??", "\\\\", " \\ "])
    def test_an_image_type_that_says_nothing_is_no_key(self, value: str) -> None:
        """Table A.3-2: Type 1."""
        assert_refused("STD-XABC-CD", xa(spoilt={IMAGE_TYPE: cs(value)}), "directory-keys")

    def test_a_sequence_in_the_place_of_a_uid_is_none(self) -> None:
        nowhere = ct(spoilt={0x0020000D: Element("SQ", b"1.2.3")})
        assert_refused("STD-GEN-CD", nowhere, "uid", word="Study Instance UID")

    def test_a_lossy_frame_under_a_lossless_name_does_not_pass_as_it_is(self) -> None:
        """PS3.5, A.4: decoded, the copy says that it lost something; Annex A has no other way."""
        lossy = header_finding("codestream-lossy", "1.2.3", "it is Baseline")
        slice_ = ct(JPEG_LOSSLESS_SV1, findings=(lossy,))

        assert_goes_out("STD-CTMR-CD", ct(JPEG_LOSSLESS_SV1), JPEG_LOSSLESS_SV1)
        assert_goes_out("STD-CTMR-CD", slice_, EXPLICIT_LE)
        assert_goes_out("STD-GEN-DVD-JPEG", slice_, EXPLICIT_LE)
        assert_refused("STD-XABC-CD", xa(findings=(lossy,)), "transfer-syntax", word="lost")

    def test_what_was_said_of_whole_frames_is_not_said_of_lossy_ones(self) -> None:
        lossy = header_finding("codestream-lossy", "1.2.3", "it is Baseline")
        kinds = InstanceCheck(find_profile("STD-CTMR-CD"), compress=JPEG_LOSSLESS_SV1)

        assert kinds.verdict(ct(JPEG_LOSSLESS_SV1)).transfer_syntax_uid == JPEG_LOSSLESS_SV1
        decoded = kinds.verdict(ct(JPEG_LOSSLESS_SV1, findings=(lossy,)))
        assert decoded.transfer_syntax_uid == EXPLICIT_LE
