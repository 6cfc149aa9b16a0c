"""Which profiles could carry a set."""

from __future__ import annotations

from dataclasses import replace

from mediastation.conformance.check_set import SetMember
from mediastation.conformance.fits import ProfileFit, check_profiles
from mediastation.conformance.load import find_profile, load_profiles
from mediastation.conformance.report import check_members
from mediastation.model.instance import Element, PixelEncoding
from mediastation.model.profile import Role
from tests.support.annex_headers import EXPLICIT_LE, ct, sc, ultrasound, xa
from tests.support.headers import CT, header

IMPLICIT_LE = "1.2.840.10008.1.2"
JPEG_LOSSLESS_SV1 = "1.2.840.10008.1.2.4.70"
JPEG_LOSSLESS = "1.2.840.10008.1.2.4.57"
SR = "1.2.840.10008.5.1.4.1.1.88.11"

GEN_CD = find_profile("STD-GEN-CD")
# Narrower tables in the manner of PS3.11 Annexes E and A.
CTMR = replace(
    GEN_CD,
    name="STD-CTMR-CD",
    objects=(
        replace(
            GEN_CD.objects[0],
            sop_classes=frozenset({CT}),
            transfer_syntaxes=(JPEG_LOSSLESS_SV1, "1.2.840.10008.1.2.1"),
        ),
    ),
)
PROFILES = [CTMR, GEN_CD]


def fits(*members: SetMember) -> dict[str, ProfileFit]:
    """Ask both profiles."""
    return {fit.name: fit for fit in check_profiles(members, PROFILES)}


def image(number: int, encoding: str, sop_class: str = CT) -> SetMember:
    """One more instance of one series."""
    pixels = PixelEncoding.NATIVE if encoding == IMPLICIT_LE else PixelEncoding.ENCAPSULATED
    return SetMember(
        f"IM{number}",
        header(sop_class, encoding, uid=f"1.2.3.1.{number}", pixels=pixels),
        str(number),
    )


def test_what_fits_as_it_is_comes_before_what_has_to_be_prepared() -> None:
    both = check_profiles([image(1, JPEG_LOSSLESS_SV1)], [GEN_CD, CTMR])

    assert [(fit.name, fit.fits, fit.after) for fit in both] == [
        ("STD-CTMR-CD", True, ()),
        ("STD-GEN-CD", True, ("file-meta", "decode")),
    ]


def test_one_instance_that_does_not_fit_keeps_the_whole_set_out_and_is_named() -> None:
    found = fits(image(1, IMPLICIT_LE), image(2, IMPLICIT_LE, SR))

    assert found["STD-GEN-CD"].fits
    assert not found["STD-CTMR-CD"].fits
    (finding,) = found["STD-CTMR-CD"].findings
    assert (finding.rule, finding.subject) == ("sop-class", "1.2.3.1.2")


def test_a_reason_that_many_give_is_said_once_with_their_number() -> None:
    found = fits(*(image(number, IMPLICIT_LE, SR) for number in range(1, 1001)))

    (finding,) = found["STD-CTMR-CD"].findings
    assert "1,000 instances" in finding.message


def test_the_number_begins_a_sentence_of_its_own() -> None:
    found = fits(image(1, IMPLICIT_LE, ""), image(2, IMPLICIT_LE, ""))

    for fit in found.values():
        for finding in fit.findings:
            before, number, _ = finding.message.partition(" So say ")
            assert not number or before.endswith("."), finding.message


def test_reasons_without_number_stay_bounded() -> None:
    """A thousand files with a thousand different bad UIDs."""
    found = fits(
        *(
            SetMember(
                str(number),
                header(uid=f"1.2.{number}", elements={0x0020000D: Element("UI", b"x%d" % number)}),
                str(number),
            )
            for number in range(1000)
        )
    )

    assert not found["STD-GEN-CD"].fits
    assert len(found["STD-GEN-CD"].findings) == 50


def test_an_error_of_the_set_keeps_it_from_every_profile() -> None:
    twins = [image(1, JPEG_LOSSLESS_SV1), replace(image(1, JPEG_LOSSLESS), subject="OTHER")]
    twins[1] = replace(twins[1], digest="another")

    for fit in fits(*twins).values():
        assert not fit.fits
        assert "conflict" in {finding.rule for finding in fit.findings}


def test_the_answer_has_the_keys_that_the_command_promises() -> None:
    assert fits(image(1, IMPLICIT_LE))["STD-GEN-CD"].as_dict() == {
        "name": "STD-GEN-CD",
        "fits": True,
        "after": ["file-meta", "vr"],
        "findings": [],
    }


def all_fits(*members: SetMember, **words: object) -> dict[str, ProfileFit]:
    """Ask all profiles that travel with the program."""
    profiles = list(load_profiles().values())
    return {fit.name: fit for fit in check_profiles(members, profiles, **words)}  # type: ignore[arg-type]


def test_all_82_answer() -> None:
    assert len(all_fits(image(1, IMPLICIT_LE))) == 82


def test_encoding_and_icons_are_named_among_what_has_to_be_done() -> None:
    found = all_fits(SetMember("IM1", xa(EXPLICIT_LE), "1"))

    assert found["STD-XABC-CD"].after == ("file-meta", "encode", "icon")
    assert found["STD-GEN-CD"].after == ()


def test_compression_is_made_where_a_profile_carries_it() -> None:
    found = all_fits(SetMember("IM1", ct(), "1"), compress=JPEG_LOSSLESS_SV1)

    assert found["STD-CTMR-CD"].after == ("file-meta", "encode")
    assert found["STD-GEN-CD"].after == ()


def test_a_profile_whose_readers_would_pass_over_everything_does_not_fit() -> None:
    found = all_fits(SetMember("IM1", ct(), "1"), role=Role.READER)

    assert found["STD-CTMR-CD"].fits
    assert not found["STD-XABC-CD"].fits
    assert "pass over everything" in found["STD-XABC-CD"].findings[0].message


def test_a_profile_without_the_role_does_not_fit() -> None:
    found = all_fits(SetMember("IM1", ct(), "1"), role=Role.UPDATER)

    assert found["STD-CTMR-CD"].fits
    assert [finding.rule for finding in found["STD-CTMR-DVD"].findings] == ["role"]


def test_counting_by_shape_answers_what_counting_one_by_one_does() -> None:
    """Good, restricted, of a foreign class, truncated, without UID: mixed up."""
    kinds = [xa(), xa(rows=1024), ct(), sc(), ultrasound("YBR_FULL"), ct(complete=False)]
    members = [
        SetMember(
            f"F{number}",
            replace(kinds[number % 6], sop_instance_uid=f"1.2.3.1.{number}" if number % 7 else ""),
            str(number),
        )
        for number in range(60)
    ]

    found = all_fits(*members)

    for name, fit in found.items():
        report = check_members(members, load_profiles()[name])
        told = {item.rule for item in report.findings if item.severity == "error"}
        assert {finding.rule for finding in fit.findings} == told
        assert fit.fits == report.passed
