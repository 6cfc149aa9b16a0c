"""Templates: the site's own come first, and their faults are told where they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from mediastation.errors import ConfigError
from mediastation.pages.index import render_index
from mediastation.pages.readme import ReadmeFacts, render_readme
from mediastation.pages.report import render_report
from mediastation.pages.templates import render_template
from tests.pages.page_facts import CREATED, INDEX
from tests.pages.test_report import REPORT

README = ReadmeFacts(CREATED, "STD-GEN-CD", "A", "1.2", 1)


class TestSiteTemplates:
    def test_a_template_of_the_same_name_goes_before_ours(self, tmp_path: Path) -> None:
        (tmp_path / "README.TXT").write_text("Ours: {{ facts.profile }}\n")

        assert render_readme(README, tmp_path) == b"Ours: STD-GEN-CD\r\n"
        assert b"MEDICAL IMAGES" in render_readme(README)

    @pytest.mark.parametrize("there", [True, False])
    def test_without_one_ours_is_taken(self, tmp_path: Path, there: bool) -> None:
        folder = tmp_path if there else tmp_path / "missing"

        assert render_readme(README, folder) == render_readme(README)
        assert render_index(INDEX, folder) == render_index(INDEX)
        assert render_report(REPORT, folder) == render_report(REPORT)

    def test_a_style_sheet_alone_can_be_changed(self, tmp_path: Path) -> None:
        (tmp_path / "PAGE.CSS").write_text("body { color: #123456; }\n")

        for page in (render_index(INDEX, tmp_path), render_report(REPORT, tmp_path)):
            assert b"#123456" in page
            assert b"#0b4a6f" not in page

    def test_what_changes_between_two_pages_is_seen_by_the_second(self, tmp_path: Path) -> None:
        """Also in a file that only another one names; nothing waits for a restart."""
        template, part = tmp_path / "README.TXT", tmp_path / "PART.TXT"
        template.write_text('One. {% include "PART.TXT" %}\n')
        part.write_text("old")
        assert render_readme(README, tmp_path) == b"One. old\r\n"

        part.write_text("new")
        assert render_readme(README, tmp_path) == b"One. new\r\n"

        template.write_text("Two.\n")
        assert render_readme(README, tmp_path) == b"Two.\r\n"

    def test_what_is_escaped_in_one_kind_of_page_is_none_of_the_other(self, tmp_path: Path) -> None:
        for name in ("PAGE.HTM", "PAGE.TXT"):
            (tmp_path / name).write_text('{% include "PART" %}')
        (tmp_path / "PART").write_text("{{ word }}")

        for _ in range(2):
            assert render_template("PAGE.HTM", {"word": "<b>"}, tmp_path) == "&lt;b&gt;"
            assert render_template("PAGE.TXT", {"word": "<b>"}, tmp_path) == "<b>"

    def test_a_page_can_be_made_of_the_one_that_comes_with_the_program(
        self, tmp_path: Path
    ) -> None:
        (tmp_path / "README.TXT").write_text('{% include "standard/README.TXT" %}Further words.\n')

        assert render_readme(README, tmp_path) == render_readme(README) + b"Further words.\r\n"

    def test_what_it_fills_in_is_escaped_as_in_ours(self, tmp_path: Path) -> None:
        (tmp_path / "INDEX.HTM").write_text("<p>{{ facts.institution }}</p>")

        page = render_index(INDEX.__class__(**_fields(INDEX) | {"institution": "<b>"}), tmp_path)

        assert page == b"<p>&lt;b&gt;</p>"


class TestFaults:
    @pytest.mark.parametrize(
        "line",
        [
            "{{ facts.patient }}",
            "{% if %}",
            "{% endfor %}",
            "{{ 1 / 0 }}",
            "{{ '%d' | format('x') }}",
            "{{ facts.instances.x.y }}",
            "{{ ''.__class__.__mro__ }}",
            "{{ facts.contact[7] }}",
            "{{ facts.profile | nofilter }}",
            "{{ facts.instances + 'x' }}",
        ],
    )
    def test_file_and_line_are_named_and_what_to_do(self, tmp_path: Path, line: str) -> None:
        path = tmp_path / "README.TXT"
        path.write_text(f"First\nSecond\n{line}\n")

        with pytest.raises(ConfigError) as caught:
            render_readme(README, tmp_path)

        assert f"{path}, line 3" in caught.value.message
        assert "remove the file" in caught.value.hint

    @pytest.mark.parametrize("data", [b"\xff\xfe", b"x" * (1 << 21)])
    def test_what_is_no_template_is_named(self, tmp_path: Path, data: bytes) -> None:
        (tmp_path / "README.TXT").write_bytes(data)

        with pytest.raises(ConfigError, match=r"README\.TXT"):
            render_readme(README, tmp_path)

    def test_a_folder_in_its_place_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "README.TXT").mkdir()

        with pytest.raises(ConfigError, match=r"README\.TXT"):
            render_readme(README, tmp_path)

    @pytest.mark.parametrize(
        "name", ["../secret", "/etc/hostname", "standard/../secret", "sub/secret", "missing"]
    )
    def test_no_template_leads_out_of_the_folder(self, tmp_path: Path, name: str) -> None:
        home = tmp_path / "home"
        (home / "sub").mkdir(parents=True)
        (tmp_path / "secret").write_text("secret")
        (home / "sub" / "secret").write_text("secret")
        (home / "README.TXT").write_text(f'{{% include "{name}" %}}')

        with pytest.raises(ConfigError, match="does not exist"):
            render_readme(README, home)

    @pytest.mark.parametrize("page", ["<p>", "<p><b></p></b>", "<br>", "&nbsp;", "", "<p/><p/>"])
    def test_a_page_that_is_no_xml_is_the_templates_fault(self, tmp_path: Path, page: str) -> None:
        (tmp_path / "INDEX.HTM").write_text(page)

        with pytest.raises(ConfigError, match=r"INDEX\.HTM .*well-formed"):
            render_index(INDEX, tmp_path)

    def test_a_template_that_nobody_has_is_a_fault_of_the_program(self) -> None:
        with pytest.raises(ConfigError, match="NOTHING"):
            render_template("NOTHING.TXT", {})


def _fields(facts: object) -> dict[str, object]:
    return {name: getattr(facts, name) for name in facts.__slots__}  # type: ignore[attr-defined]
