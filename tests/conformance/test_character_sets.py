"""Text whose character set is misnamed, wrong or not named."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mediastation.conformance.character_sets import CharacterSetCheck
from mediastation.conformance.check_set import SetMember
from mediastation.conformance.load import find_profile
from mediastation.conformance.report import check_members
from mediastation.model.finding import warning
from mediastation.model.instance import Element, InstanceHeader
from mediastation.model.profile import Role
from tests.support.headers import header


def of(name: bytes, charset: bytes | None = None, uid: str = "1.2.3.4") -> InstanceHeader:
    """Return an image of this Patient's Name and Specific Character Set."""
    elements = {0x00100010: Element("PN", name)}
    if charset is not None:
        elements[0x00080005] = Element("CS", charset)
    return header(uid=uid, elements=elements)


def told(*instances: InstanceHeader, role: Role = Role.CREATOR) -> list[str]:
    check = CharacterSetCheck(role)
    for instance in instances:
        check.add(instance, instance.sop_instance_uid)
    return [finding.message for finding in check.finish()]


@pytest.mark.parametrize(
    ("name", "charset"),
    [
        (b"Doe^Jane", None),
        (b"Doe^Jane", b"NONSENSE"),  # plain ASCII reads the same in any set
        ("Müller".encode("latin-1"), b"ISO_IR 100"),
        ("Müller".encode(), b"ISO_IR 192"),
        (b"Yamada^Tarou=\x1b$B;3ED\x1b(B", b"\\ISO 2022 IR 87"),
    ],
)
def test_sound_text_needs_no_word(name: bytes, charset: bytes | None) -> None:
    assert told(of(name, charset)) == []


@pytest.mark.parametrize(
    ("name", "charset", "words"),
    [
        ("Müller".encode("latin-1"), None, ("No character set", "'ISO_IR 100'")),
        ("Müller".encode(), None, ("No character set", "'ISO_IR 192'")),
        ("Müller".encode("latin-1"), b"ISO-IR 100", ("'ISO-IR 100'", "not defined")),
        ("Müller".encode("latin-1"), b"ISO_IR 192", ("'ISO_IR 192'", "not fit", "'ISO_IR 100'")),
        (b"\x1b$B;3ED\x1b(B", b"ISO_IR 100", ("not fit", "ISO 2022 IR 87")),
    ],
)
def test_a_fault_is_told_with_what_is_written(
    name: bytes, charset: bytes | None, words: tuple[str, ...]
) -> None:
    (message,) = told(of(name, charset))

    for word in words:
        assert word in message
    assert "the object stays as it is" in message


def test_a_reader_is_told_what_is_meant() -> None:
    (message,) = told(of("Müller".encode()), role=Role.READER)

    assert "is meant" in message
    assert "directory" not in message


def test_a_thousand_instances_with_one_fault_are_one_finding() -> None:
    instances = [of("Müller".encode(), uid=f"1.2.{number}") for number in range(1000)]

    (message,) = told(*instances)

    assert "1,000 instances" in message


def test_hostile_variety_stays_bounded() -> None:
    instances = [of(b"\xff", b"X%d" % number, uid=f"1.2.{number}") for number in range(1000)]

    assert len(told(*instances)) == 50


def test_what_reading_said_is_not_said_again() -> None:
    found = warning("charset-unknown", "1.2.3.4", "ISO-IR 100 is no Specific Character Set")
    misnamed = of("Müller".encode("latin-1"), b"ISO-IR 100")
    plain = of(b"Doe", b"ISO-IR 100")
    gen_cd = find_profile("STD-GEN-CD")

    def rules(instance: InstanceHeader) -> list[str]:
        member = SetMember("F", replace(instance, findings=(found,)), "d")
        return [finding.rule for finding in check_members([member], gen_cd).findings]

    assert rules(misnamed) == ["charset"]
    assert rules(plain) == ["charset-unknown"]
