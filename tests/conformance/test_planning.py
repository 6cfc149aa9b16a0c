"""Which Transfer Syntax an instance gets, and why."""

from __future__ import annotations

import pytest

from mediastation.conformance.check import InstanceVerdict, check_instance
from mediastation.conformance.load import find_profile, load_profiles
from mediastation.conformance.require import require_compress, require_role
from mediastation.errors import ConfigError, ProfileError
from mediastation.model.instance import Element, InstanceHeader, PixelEncoding
from mediastation.model.preparation import Preparation
from mediastation.model.profile import Role
from tests.support.annex_headers import (
    ALLOCATED,
    COLUMNS,
    IMPLICIT_LE,
    J2K_LOSSLESS,
    JPEG_BASELINE,
    JPEG_LOSSLESS_SV1,
    PHOTOMETRIC,
    RLE,
    ROWS,
    SAMPLES,
    cs,
    ct,
    pixels,
    sc,
    ultrasound,
    us,
    xa,
)
from tests.support.headers import EXPLICIT_LE, header

SR = "1.2.840.10008.5.1.4.1.1.88.11"
JPEG_LS = "1.2.840.10008.1.2.4.80"
HEVC = "1.2.840.10008.1.2.4.107"


def plan(name: str, instance: InstanceHeader, compress: str = "") -> InstanceVerdict:
    """Check under the profile called `name`, with compression asked for."""
    return check_instance(instance, find_profile(name), compress=compress)


def rules(verdict: InstanceVerdict) -> list[tuple[str, str]]:
    return [(finding.rule, str(finding.severity)) for finding in verdict.findings]


class TestWithCompression:
    @pytest.mark.parametrize(
        ("name", "target"),
        [
            ("STD-GEN-DVD-JPEG", JPEG_LOSSLESS_SV1),
            ("STD-CTMR-CD", JPEG_LOSSLESS_SV1),
            ("STD-GEN-USB-J2K", J2K_LOSSLESS),
        ],
    )
    @pytest.mark.parametrize("syntax", [EXPLICIT_LE, IMPLICIT_LE])
    def test_native_pixels_are_encoded(self, name: str, target: str, syntax: str) -> None:
        verdict = plan(name, ct(syntax), target)

        assert verdict.transfer_syntax_uid == target
        assert Preparation.ENCODE in verdict.preparation
        assert Preparation.DECODE not in verdict.preparation
        assert verdict.preparation.touches_dataset
        assert rules(verdict) == [("transfer-syntax", "note")]

    def test_an_encoding_that_the_profile_lacks_becomes_the_one_that_was_asked_for(self) -> None:
        verdict = plan("STD-GEN-DVD-JPEG", ct(JPEG_LS), JPEG_LOSSLESS_SV1)

        assert verdict.transfer_syntax_uid == JPEG_LOSSLESS_SV1
        assert Preparation.DECODE | Preparation.ENCODE in verdict.preparation

    @pytest.mark.parametrize("syntax", [JPEG_LOSSLESS_SV1, JPEG_BASELINE])
    def test_what_the_profile_takes_compressed_is_not_compressed_again(self, syntax: str) -> None:
        verdict = plan("STD-GEN-DVD-JPEG", ct(syntax), JPEG_LOSSLESS_SV1)

        assert (verdict.transfer_syntax_uid, verdict.preparation) == (syntax, Preparation.NONE)
        assert verdict.findings == ()

    def test_lossy_pixels_stay_marked_as_such(self) -> None:
        verdict = plan("STD-GEN-USB-J2K", ct(JPEG_BASELINE), J2K_LOSSLESS)

        assert verdict.transfer_syntax_uid == J2K_LOSSLESS
        assert "stays lost" in verdict.findings[0].message

    def test_a_report_has_nothing_to_compress_and_nothing_is_said(self) -> None:
        report = header(SR, pixels=PixelEncoding.ABSENT, without=(ROWS, COLUMNS))

        verdict = plan("STD-GEN-USB-J2K", report, J2K_LOSSLESS)

        assert verdict.transfer_syntax_uid == EXPLICIT_LE
        assert "not-compressed" not in dict(rules(verdict))

    def test_pixels_that_the_codec_cannot_hold_go_out_as_they_are_with_the_reason(self) -> None:
        bits = {ALLOCATED: us(1), 0x00280101: us(1), 0x00280102: us(0)}

        verdict = plan("STD-GEN-USB-J2K", ct(spoilt=bits), J2K_LOSSLESS)

        assert (verdict.transfer_syntax_uid, verdict.preparation) == (EXPLICIT_LE, Preparation.NONE)
        assert rules(verdict) == [("not-compressed", "note")]
        assert "bits" in verdict.findings[0].message

    def test_a_class_that_the_table_has_uncompressed_only_stays_so(self) -> None:
        """Table B.3-1: angiography compressed, captures not."""
        verdict = plan("STD-XA1K-CD", sc(), JPEG_LOSSLESS_SV1)

        assert verdict.transfer_syntax_uid == EXPLICIT_LE
        assert rules(verdict) == [("not-compressed", "note")]

    def test_a_compression_that_would_break_a_restriction_is_not_made(self) -> None:
        """Table C.3-2 has no YBR_FULL_422 in RLE."""
        verdict = plan("STD-US-ID-SF-CDR", ultrasound("YBR_FULL_422"), RLE)

        assert verdict.transfer_syntax_uid == EXPLICIT_LE
        assert rules(verdict) == [("not-compressed", "note")]

    def test_colours_are_those_of_the_copy(self) -> None:
        verdict = plan("STD-US-ID-SF-CDR", ultrasound("RGB"), RLE)

        assert (verdict.outcome, verdict.transfer_syntax_uid) == ("accepted", RLE)


class TestWithoutChoice:
    def test_what_nothing_can_hold_is_refused_with_the_reason(self) -> None:
        verdict = plan("STD-XABC-CD", xa(EXPLICIT_LE, {PHOTOMETRIC: cs("HSV")}))

        assert ("transfer-syntax", "error") in rules(verdict)
        assert "HSV" in verdict.findings[-1].message

    def test_what_nothing_decodes_is_refused(self) -> None:
        verdict = plan("STD-GEN-CD", ct(HEVC))

        assert rules(verdict) == [("transfer-syntax", "error")]

    def test_native_pixels_under_a_compressed_name_are_encoded_anew(self) -> None:
        """The profile has the name, and no reader could show the object."""
        mislabelled = ct(JPEG_LOSSLESS_SV1, pixels=PixelEncoding.NATIVE)

        verdict = plan("STD-CTMR-CD", mislabelled)

        assert verdict.transfer_syntax_uid == EXPLICIT_LE
        assert Preparation.VR in verdict.preparation
        assert plan("STD-XABC-CD", xa(pixels=PixelEncoding.NATIVE)).outcome == "refused"

    def test_a_restriction_is_held_against_the_copy(self) -> None:
        """A lossy JPEG of YCbCr is decoded to RGB, which Table E.3-5 has not, nor what it was."""
        colour = {PHOTOMETRIC: cs("YBR_FULL_422"), SAMPLES: us(3)}

        (finding,) = plan("STD-CTMR-CD", sc(colour, JPEG_BASELINE)).findings

        assert finding.rule == "attributes"
        assert "is RGB" in finding.message

    def test_the_fewest_faults_are_told(self) -> None:
        """YBR_FULL alone could be mended by RLE; what cannot be is the missing calibration."""
        (finding,) = plan("STD-US-SC-SF-CDR", ultrasound("YBR_FULL")).findings

        assert "SequenceOfUltrasoundRegions" in finding.message
        assert "PhotometricInterpretation" not in finding.message

    def test_signed_objects_are_warned_of_when_they_are_encoded(self) -> None:
        assert ("signature", "warning") in rules(plan("STD-XABC-CD", xa(EXPLICIT_LE, signed=True)))


class TestRequire:
    def test_roles_are_those_of_the_annex(self) -> None:
        """PS3.11 B.2.1 and H.2.1: no updater on DVD."""
        require_role(find_profile("STD-XA1K-CD"), Role.UPDATER)
        for name in ("STD-XA1K-DVD", "STD-GEN-DVD-JPEG", "STD-GEN-MIME", "STD-DEN-CD"):
            with pytest.raises(ProfileError, match="Updater"):
                require_role(find_profile(name), Role.UPDATER)

    def test_a_retired_profile_is_only_read(self) -> None:
        retired = find_profile("STD-WVFM-ECG-FD")

        require_role(retired, Role.READER)
        with pytest.raises(ProfileError, match="retired"):
            require_role(retired, Role.CREATOR)

    @pytest.mark.parametrize("target", [JPEG_BASELINE, EXPLICIT_LE, JPEG_LS, "1.2"])
    def test_only_what_is_encoded_here_can_be_asked_for(self, target: str) -> None:
        """Never with loss."""
        with pytest.raises(ConfigError, match="Nothing here encodes"):
            require_compress(find_profile("STD-GEN-DVD-JPEG"), target)

    def test_the_profile_has_to_carry_it(self) -> None:
        require_compress(find_profile("STD-GEN-DVD-JPEG"), JPEG_LOSSLESS_SV1)
        require_compress(find_profile("STD-GEN-CD"), "")
        with pytest.raises(ProfileError) as fault:
            require_compress(find_profile("STD-GEN-DVD-JPEG"), RLE)
        assert fault.value.hint == "It carries jpeg-lossless."
        with pytest.raises(ProfileError):
            require_compress(find_profile("STD-GEN-CD"), J2K_LOSSLESS)

    def test_a_reader_compresses_nothing(self) -> None:
        with pytest.raises(ConfigError):
            require_compress(find_profile("STD-CTMR-CD"), JPEG_LOSSLESS_SV1, Role.READER)


class TestRemedies:
    def hint(self, name: str, instance: InstanceHeader, role: Role = Role.CREATOR) -> str:
        everybody = load_profiles().values()
        verdict = check_instance(instance, find_profile(name), role=role, alternatives=everybody)
        return next(one.hint for one in verdict.findings if one.severity == "error")

    def test_profiles_of_the_same_medium_come_first_and_few_are_named(self) -> None:
        hint = self.hint("STD-XABC-CD", ct())

        assert hint.startswith("It may go out under STD-CTMR-CD, STD-GEN-CD, ")
        assert hint.count("STD-") == 5
        assert " more." in hint

    def test_only_profiles_that_take_this_very_instance_are_named(self) -> None:
        """513 rows: too many for cardiac runs, few enough for the other angiography."""
        hint = self.hint("STD-XABC-CD", xa(rows=513))

        assert "STD-XA1K-CD" in hint
        assert "STD-DEN-CD" not in hint

    def test_video_is_pointed_to_the_profiles_of_its_own_syntax(self) -> None:
        elements = pixels(480, 8, photometric="YBR_FULL_422", samples=3)
        film = header(
            "1.2.840.10008.5.1.4.1.1.77.1.1.1",
            "1.2.840.10008.1.2.4.100",
            pixels=PixelEncoding.ENCAPSULATED,
            elements={**elements, 0x00280008: Element("IS", b"9")},
        )

        hint = self.hint("STD-GEN-CD", film)

        assert "STD-DVD-MPEG2-MPML" in hint
        assert "STD-GEN-BD-MPEG2-MPML" in hint
        assert "MPEG4" not in hint

    def test_what_no_profile_takes_is_left_out(self) -> None:
        assert "--drop-refused" in self.hint("STD-GEN-CD", header("1.3.12.2.1107.5.9.1"))

    def test_a_missing_key_has_to_be_corrected_or_needs_another_profile(self) -> None:
        hint = self.hint("STD-GEN-DVD-J2K", ct(spoilt={ROWS: None}))

        assert hint.startswith("Have it corrected where it was made. It may go out under ")
        assert "STD-GEN-CD" in hint

    def test_readers_are_pointed_to_readers(self) -> None:
        hint = self.hint("STD-XA1K-CD", xa(JPEG_BASELINE), Role.READER)

        assert hint.startswith("Readers of STD-XA1K-DVD")
