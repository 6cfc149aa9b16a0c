"""What objects lend to the records above them, in whatever character set it is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mediastation.dicom.charset import unknown_terms
from mediastation.fileset.dicomdir import FileSetInstance
from mediastation.fileset.siblings import SiblingKeys
from mediastation.model.instance import Element
from mediastation.model.record import AdditionalKey, Condition
from tests.fileset.building import JANE, built
from tests.support.record_headers import EXPLICIT_LE, header


class TestSiblings:
    """Table H.3-2: required if any object below the record has a value."""

    BIRTH = AdditionalKey(
        "PATIENT", 0x00100030, "DA", "1C", Condition.SUBORDINATE, keyword="PatientBirthDate"
    )
    NAME = AdditionalKey(
        "SERIES", 0x00080080, "LO", "1C", Condition.SUBORDINATE, keyword="InstitutionName"
    )
    ADDRESS = AdditionalKey(
        "SERIES", 0x00080081, "ST", "1C", Condition.SUBORDINATE, keyword="InstitutionAddress"
    )
    KEYS = (BIRTH, NAME, ADDRESS)

    def records(self, *changes: dict[int, tuple[str, str | bytes | int] | None]) -> object:
        headers = [header(one, uid=f"1.2.3.4.{n}") for n, one in enumerate(changes)]
        siblings = SiblingKeys(self.KEYS)
        for one in headers:
            siblings.take(one, "jane")
        return built(
            *(
                FileSetInstance(one, EXPLICIT_LE, JANE, siblings.of(one, ["jane"]))
                for one in headers
            ),
            additional_keys=self.KEYS,
        )

    def test_the_first_value_below_is_in_the_record_above(self) -> None:
        (patient, _, series, *_), summary = self.records(  # type: ignore[misc]
            {},
            {0x00100030: ("DA", ""), 0x00080080: ("LO", " ")},
            {0x00100030: ("DA", "nonsense"), 0x00080080: ("LO", "St. Mary")},
            {0x00100030: ("DA", "19700102"), 0x00080080: ("LO", "Elsewhere")},
        )

        assert patient.text(0x00100030) == "19700102"
        assert series.text(0x00080080) == "St. Mary"
        assert 0x00080081 not in series.elements
        told = " ".join(one.message for one in summary.findings if one.rule == "key-supplied")
        assert "PatientBirthDate '19700102' of another instance" in told

    def test_the_first_object_s_own_goes_before_its_siblings(self) -> None:
        (_, _, series, *_), _ = self.records(  # type: ignore[misc]
            {0x00080080: ("LO", "Own")}, {0x00080080: ("LO", "Other")}
        )

        assert series.text(0x00080080) == "Own"

    def test_another_series_lends_nothing(self) -> None:
        (_, _, first, _, second, _), _ = self.records(  # type: ignore[misc]
            {}, {0x0020000E: ("UI", "1.2.3.9"), 0x00080080: ("LO", "Theirs")}
        )

        assert 0x00080080 not in first.elements
        assert second.text(0x00080080) == "Theirs"

    def test_of_one_person_under_two_identities_the_first_counts(self) -> None:
        siblings = SiblingKeys(self.KEYS)
        born = header({0x00100030: ("DA", "19700102")})
        siblings.take(header(), 7)
        siblings.take(born, 3)
        siblings.take(header({0x00100030: ("DA", "19999999")}), 1)

        for patients in ([7, 3, 1], [1, 3, 7]):
            found = siblings.of(header(), patients)["PATIENT"]
            assert found[0x00100030].element.value == b"19700102"
        assert 0x00100030 not in siblings.of(header(), [7])["PATIENT"]

    def test_a_name_or_an_identifier_is_never_lent(self) -> None:
        siblings = SiblingKeys(
            (AdditionalKey("PATIENT", 0x00100010, "PN", "1", keyword="PatientName"),)
        )
        siblings.take(header(), 1)

        assert siblings.of(header(), [1])["PATIENT"] == {}

    def test_type_1_and_2_keys_of_annex_f_are_lent_too(self) -> None:
        siblings = SiblingKeys()
        siblings.take(header(), 1)
        lent = siblings.of(header(), [1])

        assert {*lent["STUDY"], *lent["SERIES"]} == {
            0x00080020, 0x00080030, 0x00080050, 0x00081030, 0x00200010, 0x00080060, 0x00200011,
        }  # fmt: skip


class TestSiblingsText:
    """Text of two objects in two character sets comes into one record, every character of it."""

    KEYS = (TestSiblings.NAME, TestSiblings.ADDRESS)

    def series(
        self, own: tuple[str, bytes | None], other: tuple[str | bytes, bytes]
    ) -> tuple[dict[int, tuple[str, bytes]], str]:
        """The SERIES record, whose description is one object's and institution another's."""
        first = header({0x00080005: ("CS", own[0]), 0x0008103E: ("LO", own[1]) if own[1] else None})
        second = header(
            {0x00080005: ("CS", other[0]), 0x00080080: ("LO", other[1])}, uid="1.2.3.4.6"
        )
        siblings = SiblingKeys(self.KEYS)
        for one in (first, second):
            siblings.take(one, 1)
        records, summary = built(
            FileSetInstance(first, EXPLICIT_LE, JANE, siblings.of(first, [1])),
            FileSetInstance(second, EXPLICIT_LE, JANE, siblings.of(second, [1])),
            additional_keys=self.KEYS,
        )
        return records[2].elements, " ".join(one.message for one in summary.findings)

    def test_equal_sets_keep_their_bytes(self) -> None:
        series, _ = self.series(
            ("ISO_IR 100", "Sch\xe4del ".encode("latin-1")), ("ISO_IR 100", b"M\xfcnchen ")
        )

        assert series[0x00080005] == ("CS", b"ISO_IR 100")
        assert series[0x00080080] == ("LO", b"M\xfcnchen ")

    def test_the_sibling_s_set_is_taken_where_the_record_has_no_other_text(self) -> None:
        value = "Клиника ".encode("iso8859_5")
        series, _ = self.series(("ISO_IR 100", b"Skull "), ("ISO_IR 144", value))

        assert series[0x00080005] == ("CS", b"ISO_IR 144")
        assert series[0x00080080] == ("LO", value)

    def test_text_that_the_record_s_own_set_holds_comes_into_it(self) -> None:
        series, _ = self.series(
            ("ISO_IR 100", "Schädel ".encode("latin-1")), ("ISO_IR 192", "München".encode())
        )

        assert series[0x00080005] == ("CS", b"ISO_IR 100")
        assert series[0x00080080][1].decode("latin-1").rstrip() == "München"

    def test_text_of_two_alphabets_meets_in_utf_8(self) -> None:
        series, told = self.series(
            ("ISO_IR 100", "Schädel ".encode("latin-1")),
            ("ISO_IR 144", "Клиника ".encode("iso8859_5")),
        )

        assert series[0x00080005] == ("CS", b"ISO_IR 192")
        assert series[0x0008103E][1].decode().rstrip() == "Schädel"
        assert series[0x00080080][1].decode().rstrip() == "Клиника"
        assert "'ISO_IR 100' became 'ISO_IR 192'" in told

    def test_escapes_are_read_on_the_way_to_utf_8(self) -> None:
        japanese = b"\x1b$B;3ED\x1b(B"  # 山田
        series, _ = self.series(
            ("ISO_IR 100", "Schädel ".encode("latin-1")), ("\\ISO 2022 IR 87", japanese)
        )

        assert series[0x00080005] == ("CS", b"ISO_IR 192")
        assert series[0x00080080][1].decode().rstrip() == "山田"

    def test_a_sibling_whose_label_is_missing_is_read_as_it_most_likely_is(self) -> None:
        series, _ = self.series(("", b"Skull "), ("", "Klinik Süd".encode()))

        assert series[0x00080005] == ("CS", b"ISO_IR 192")
        assert series[0x00080080][1].decode().rstrip() == "Klinik Süd"

    def test_what_no_set_can_hold_is_left_out_and_told(self) -> None:
        broken = b"Klinik \xff\xff"  # in no place of Thai
        series, told = self.series(
            ("ISO_IR 100", "Schädel ".encode("latin-1")), ("ISO_IR 166", broken)
        )

        assert 0x00080080 not in series
        assert series[0x00080005] == ("CS", b"ISO_IR 100")
        assert "InstitutionName" in told
        assert "was left out" in told

    @given(
        own=st.text(st.characters(min_codepoint=0xA1, max_codepoint=0x17F), min_size=1),
        other=st.text(
            st.characters(min_codepoint=0x20, max_codepoint=0xFFFF, exclude_categories=["C", "Z"],
                          exclude_characters="\\"),
            min_size=1, max_size=20,
        ),
    )  # fmt: skip
    def test_any_two_texts_in_utf_8_and_gb18030_arrive(self, own: str, other: str) -> None:
        series, _ = self.series(("GB18030", own.encode("gb18030")), ("ISO_IR 192", other.encode()))
        charset = series.get(0x00080005, ("CS", b""))[1].decode().rstrip()
        codec = {"GB18030": "gb18030", "ISO_IR 192": "utf-8", "": "ascii"}[charset]

        assert series[0x0008103E][1].decode(codec).rstrip(" ") == own
        assert series[0x00080080][1].decode(codec).rstrip(" ") == other

    @given(value=st.binary(max_size=80), charset=st.binary(max_size=40), own=st.binary(max_size=40))
    def test_any_bytes_under_any_label_give_a_record_that_can_be_read(
        self, value: bytes, charset: bytes, own: bytes
    ) -> None:
        """What is written is legal text in the set that is named, or it is not written."""
        series, _ = self.series(("ISO_IR 100", own), (charset, value))

        label = Element("CS", series.get(0x00080005, ("CS", b""))[1])
        assert not unknown_terms(label)
        for tag in (0x0008103E, 0x00080080):
            if tag in series:
                assert len(series[tag][1]) % 2 == 0
                assert not any(byte < 32 and byte != 0x1B for byte in series[tag][1])
