"""Text set into lines: fonts by script, directions, breaks; and never a box for a letter."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediastation.pages import fonts
from mediastation.pages.fonts import CoreFace, FileFace, FontShelf, han_of, missing_package
from mediastation.pages.text import name_groups, one_line
from mediastation.pages.typesetting import MissingFontError, Typesetter
from tests.pages import page_facts
from tests.support.fonts import CJK, core_fonts, needs_cjk, needs_noto

BARE = FontShelf([])


@pytest.fixture(scope="module")
def noto() -> Typesetter:
    needs_noto()
    return Typesetter(core_fonts())


class TestWithoutFonts:
    def test_latin_1_is_set_in_what_every_reader_has(self) -> None:
        line = Typesetter(BARE).line("Müller, Jürgen")

        assert [run.face.key for run in line.runs] == ["helvetica"]

    def test_its_widths_are_those_of_the_font(self) -> None:
        """AFM of Helvetica: A 667, space 278, i 222 thousandths of an em."""
        assert CoreFace(bold=False).width("A i") == pytest.approx(0.667 + 0.278 + 0.222)

    @pytest.mark.parametrize(
        ("name", "package"),
        [
            (page_facts.ARABIC, "fonts-noto-core"),
            (page_facts.HEBREW, "fonts-noto-core"),
            (page_facts.GREEK, "fonts-noto-core"),
            (page_facts.VIETNAMESE, "fonts-noto-core"),
            ("山田^太郎", "fonts-noto-cjk"),
            ("홍^길동", "fonts-noto-cjk"),
            ("やまだ", "fonts-noto-cjk"),
            ("ﾔﾏﾀﾞ^ﾀﾛｳ", "fonts-noto-cjk"),
        ],
    )
    def test_of_anything_else_the_package_is_named(self, name: str, package: str) -> None:
        with pytest.raises(MissingFontError) as caught:
            Typesetter(BARE).line(name_groups(name)[0])

        assert caught.value.package == package

    def test_characters_that_are_missing_are_written_out_and_the_others_kept(self) -> None:
        assert Typesetter(BARE).written_out("Herr 山 Müller") == "Herr U+5C71 Müller"

    def test_junk_in_the_font_folder_is_no_font(self, tmp_path: Path) -> None:
        for name, data in {"NotoSans-Regular.ttf": b"junk", "DejaVuSans.ttf": b""}.items():
            (tmp_path / name).write_bytes(data)
        (tmp_path / "NotoSans-Bold.ttf").mkdir()

        line = Typesetter(FontShelf([tmp_path])).line("Abc")

        assert [run.face.key for run in line.runs] == ["helvetica"]

    def test_a_folder_that_is_not_there_has_no_fonts(self, tmp_path: Path) -> None:
        assert Typesetter(FontShelf([tmp_path / "missing"])).line("A").text == "A"


class TestScripts:
    @pytest.mark.parametrize(
        ("name", "font"),
        [
            (page_facts.LATIN, "NotoSans-Regular-0"),
            (page_facts.GREEK, "NotoSans-Regular-0"),
            (page_facts.CYRILLIC, "NotoSans-Regular-0"),
            (page_facts.VIETNAMESE, "NotoSans-Regular-0"),
            (page_facts.ARABIC, "NotoNaskhArabic-Regular-0"),
            (page_facts.HEBREW, "NotoSansHebrew-Regular-0"),
            (page_facts.THAI, "NotoSansThai-Regular-0"),
            (page_facts.DEVANAGARI, "NotoSansDevanagari-Regular-0"),
            ("தமிழ்", "NotoSansTamil-Regular-0"),
            ("བོད", "NotoSerifTibetan-Regular-0"),
        ],
    )
    def test_each_is_set_in_a_font_of_its_own(self, noto: Typesetter, name: str, font: str) -> None:
        (group,) = name_groups(name)
        keys = {run.face.key for run in noto.line(group).runs}

        assert font in keys
        assert keys <= {font, "NotoSans-Regular-0"}  # a comma that the script's font lacks

    def test_bold_is_bold(self, noto: Typesetter) -> None:
        assert noto.line("A", bold=True).runs[0].face.key == "NotoSans-Bold-0"

    def test_blanks_and_digits_do_not_tear_a_run(self, noto: Typesetter) -> None:
        assert [run.text for run in noto.line("शर्मा 12 राज").runs] == ["शर्मा 12 राज"]

    def test_marks_stay_with_their_letter(self, noto: Typesetter) -> None:
        """A letter and a mark that only another font has are both set in that one."""
        for run in noto.line("a\u0301\u0323 क्ष").runs:
            assert not run.text.startswith(("\u0301", "\u0323", "्"))

    def test_han_characters_are_drawn_as_their_language_does(self) -> None:
        needs_cjk()
        setter = Typesetter(FontShelf([CJK]))
        for han, index in (("JP", 0), ("KR", 1), ("SC", 2), ("TC", 3), ("HK", 4)):
            (run,) = setter.line("直", han=han).runs
            assert run.face.key == f"NotoSansCJK-Regular-{index}"

    @pytest.mark.parametrize(
        ("name", "han"),
        [(page_facts.JAPANESE, "JP"), (page_facts.KOREAN, "KR"), ("王^小東", "SC"), ("Li", "SC")],
    )
    def test_the_language_is_known_by_what_stands_beside(self, name: str, han: str) -> None:
        assert han_of([name]) == han

    def test_what_no_font_of_the_shelf_has_is_missing(self, noto: Typesetter) -> None:
        with pytest.raises(MissingFontError, match="fonts-noto-cjk"):
            noto.line("山田")

    @settings(max_examples=60, deadline=None)
    @given(st.text(max_size=20))
    def test_whatever_is_set_has_a_glyph_for_every_character(self, text: str) -> None:
        needs_noto()
        try:
            line = Typesetter(core_fonts()).line(text)
        except MissingFontError:
            return
        for run in line.runs:
            assert run.face.width(run.text, right_to_left=run.right_to_left) is not None
            if isinstance(run.face, FileFace):
                subset = fonts.hb.Font(fonts.hb.Face(run.face.subset(run.text)))
                assert 0 not in _glyphs(subset, run.text, rtl=run.right_to_left)


class TestDirections:
    def test_runs_are_in_the_order_of_seeing(self, noto: Typesetter) -> None:
        """Typed by hand from UAX #9: a Hebrew line with a Latin word and a number."""
        line = noto.line("שלום abc 12")

        assert [(run.text.strip(), run.right_to_left) for run in line.runs if run.text.strip()] == [
            ("abc 12", False),
            ("שלום", True),
        ]

    def test_a_phrase_of_ours_runs_from_left_to_right_whatever_it_begins_with(
        self, noto: Typesetter
    ) -> None:
        block = noto.fit("דוד · ID 4711", 200, 10, 10, is_phrase=True)

        assert block.lines[0].runs[0].right_to_left
        assert block.lines[0].text.replace(" ", "").endswith("ID4711")

    def test_what_turns_text_round_is_taken_out(self, noto: Typesetter) -> None:
        assert noto.line("a\u202eb\u2067c").text == "a b c"


class TestFitting:
    def test_text_is_as_large_as_it_may_be(self) -> None:
        block = Typesetter(BARE).fit("Short", 100, 16, 6)

        assert block.size_pt == 16
        assert not block.is_cut

    def test_it_shrinks_until_it_fits(self) -> None:
        block = Typesetter(BARE).fit("A rather long line", 30, 16, 4)

        assert 4 < block.size_pt < 16
        assert block.lines[0].width_em * block.size_mm <= 30

    def test_lines_break_at_blanks(self) -> None:
        block = Typesetter(BARE).fit("one two three", 15, 12, 12, 9)

        assert [line.text for line in block.lines] == ["one two", "three"]

    def test_a_word_that_is_too_long_breaks_within(self) -> None:
        block = Typesetter(BARE).fit("W" * 20, 30, 12, 12, 9)

        assert "".join(line.text for line in block.lines) == "W" * 20
        assert all(line.width_em * block.size_mm <= 30 for line in block.lines)

    def test_what_does_not_fit_at_all_is_cut_where_everybody_sees_it(self) -> None:
        block = Typesetter(BARE).fit("W" * 900, 30, 12, 6, 2)

        assert block.is_cut
        assert len(block.lines) == 2
        assert block.lines[-1].text.endswith("...")
        assert all(line.width_em * block.size_mm <= 30 for line in block.lines)

    def test_a_line_narrower_than_a_letter_ends_nowhere_else(self) -> None:
        assert Typesetter(BARE).fit("WWW", 0.1, 12, 12, 5).lines

    @settings(max_examples=80, deadline=None)
    @given(
        st.text(st.characters(max_codepoint=0xFF), max_size=120),
        st.floats(20, 120),
        st.integers(1, 4),
    )
    def test_lines_are_no_wider_and_no_more_than_allowed(
        self, text: str, width: float, most: int
    ) -> None:
        try:
            block = Typesetter(BARE).fit(text, width, 16, 5, most)
        except MissingFontError:
            return
        assert len(block.lines) <= most
        assert all(line.width_em * block.size_mm <= width + 1e-6 for line in block.lines)
        if not block.is_cut:
            said = "".join(line.text for line in block.lines).replace(" ", "")
            assert said == one_line(text).replace(" ", "")


def test_no_text_needs_no_package() -> None:
    assert missing_package("Abc") == "fonts-noto-core"
    assert Typesetter(BARE).fit("", 10, 10, 5).lines[0].text == ""


def _glyphs(font: object, text: str, *, rtl: bool) -> list[int]:
    buffer = fonts.hb.Buffer()
    buffer.add_str(text)
    buffer.guess_segment_properties()
    buffer.direction = "rtl" if rtl else "ltr"
    fonts.hb.shape(font, buffer)
    return [glyph.codepoint for glyph in buffer.glyph_infos]
