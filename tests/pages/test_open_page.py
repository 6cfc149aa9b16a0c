"""OPEN.HTM as a file; what it does, `tests/interop/test_open_browser.py` shows."""

from __future__ import annotations

import base64
import hashlib
import re
from html import unescape
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediastation.errors import ConfigError
from mediastation.pages.open_page import LARGEST_MIB, OPEN_NAME, OpenFacts, render_open

FACTS = OpenFacts("St. Elsewhere, Radiology", ("1 Main Street", "Tel. +1 555 0100"))


def policy_of(page: str) -> dict[str, str]:
    found = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert found
    rules = (rule.split(" ", 1) for rule in unescape(found[1]).split("; "))
    return {rule[0]: rule[1] for rule in rules}


def digest_source(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_it_tells_who_made_the_medium_and_that_the_password_is_elsewhere() -> None:
    page = render_open(FACTS).decode()

    for told in ("St. Elsewhere, Radiology", "1 Main Street", "Tel. +1 555 0100"):
        assert told in page
    assert "The password is not on the medium" in page
    assert f"over {LARGEST_MIB} MB" in page
    assert "README.TXT" in page


def test_the_same_facts_give_the_same_bytes_and_not_many() -> None:
    page = render_open(FACTS)

    assert page == render_open(FACTS)
    assert len(page) < 60_000


def test_it_refers_to_nothing_outside() -> None:
    page = render_open(FACTS).decode()

    assert not re.search(r"https?:|//[a-z]|src=|@import|url\(", page)
    assert not re.search(r"fetch\(|XMLHttpRequest|WebSocket|sendBeacon|EventSource", page)
    assert not re.search(r"localStorage|sessionStorage|indexedDB|document\.cookie|caches\.", page)
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|Function\(", page
    )


def test_its_policy_lets_nothing_run_but_its_own_script_and_style() -> None:
    page = render_open(FACTS).decode()
    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)

    policy = policy_of(page)

    assert policy["default-src"] == policy["connect-src"] == policy["form-action"] == "'none'"
    assert policy["script-src"] == digest_source(script)
    assert policy["style-src"] == digest_source(style)
    assert "unsafe" not in str(policy)
    assert not re.search(r"\s(on[a-z]+|style)=", page.replace(script, "").replace(style, ""))


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=300), st.lists(st.text(max_size=300), max_size=3))
def test_no_institution_can_put_anything_but_text_into_it(
    institution: str, contact: list[str]
) -> None:
    tags = re.compile(r"<[/a-z!][^>]*>")
    ours = tags.findall(render_open(OpenFacts("x", ("y",) * 3)).decode())

    page = render_open(OpenFacts(f"{institution}</p><script>", tuple(contact))).decode()

    found = tags.findall(page)
    assert [tag for tag in found if tag != "<br>"] == [tag for tag in ours if tag != "<br>"]


def test_a_sites_own_style_has_its_own_digest_in_the_policy(tmp_path: Path) -> None:
    (tmp_path / "PAGE.CSS").write_bytes(b"body { color: #123456; }\r\n")

    page = render_open(FACTS, tmp_path).decode()

    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    assert "#123456" in style
    assert policy_of(page)["style-src"] == digest_source(style)


@pytest.mark.parametrize(("name", "text"), [("OPEN.JS", "'</script>'"), ("OPEN.CSS", "<!-- x")])
def test_a_template_that_would_end_the_script_is_refused(
    tmp_path: Path, name: str, text: str
) -> None:
    (tmp_path / name).write_text(text)

    with pytest.raises(ConfigError, match=name.replace(".", r"\.")):
        render_open(FACTS, tmp_path)


def test_its_name_is_one_that_every_file_system_takes() -> None:
    assert re.fullmatch(r"[A-Z0-9_]{1,8}\.[A-Z0-9_]{1,3}", OPEN_NAME)
