"""What the guides say is there: commands, options, files, pictures, settings, keys."""

from __future__ import annotations

import importlib.util
import re
import shlex
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer

from mediastation.cli import commands  # noqa: F401 - registers the commands
from mediastation.cli.app import app
from mediastation.config import STANDARD_PRESETS, load_settings
from mediastation.conformance.load import load_profiles
from mediastation.console.places import PLACES

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
COMMON = {"--home", "--json", "--quiet"}
LARGEST_PICTURE = 100_000

_BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
_INLINE = re.compile(r"`(mediastation [^`]+)`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_BLOCKS = re.compile(r"```.*?```", re.DOTALL)

pages = pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)


@cache
def known() -> dict[str, set[str]]:
    """Each command and its options, as Typer has them."""
    group: Any = typer.main.get_command(app)
    return {
        name: {word for option in command.params for word in (*option.opts, *option.secondary_opts)}
        for name, command in group.commands.items()
    }


def spoken(page: Path) -> list[list[str]]:
    """Return the words of every command of ours that a page gives."""
    text = page.read_text(encoding="utf-8")
    lines = [
        line.split(" #")[0]
        for block in _BLOCK.findall(text)
        for line in block.replace("\\\n", " ").splitlines()
    ]
    lines += [" ".join(found.split()) for found in _INLINE.findall(text)]
    found = []
    for line in lines:
        words = shlex.split(line.replace("…", ""))
        if words[:2] == ["sudo", "-u"]:
            words = words[3:]
        if words and Path(words[0]).name == "mediastation":
            found.append(words[1:])
    return found


def without_common(words: list[str]) -> list[str]:
    """Leave out what every command takes, and what the shell does with the answer."""
    rest: list[str] = []
    given = iter(words)
    for word in given:
        if word in {">", "&", "&&", "|"}:
            break
        if word == "--home":
            next(given)
        elif word not in COMMON:
            rest.append(word)
    return rest


def script(name: str) -> ModuleType:
    """Load a script of the guides, which is no package."""
    spec = importlib.util.spec_from_file_location(f"docs_{name}", DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("page", [page for page in PAGES if spoken(page)], ids=lambda p: p.name)
def test_every_command_and_option_that_a_page_names_exists(page: Path) -> None:
    wrong = []
    for words in map(without_common, spoken(page)):
        if not words or words[0].startswith("-"):
            continue
        options = {word.split("=")[0] for word in words[1:] if re.match(r"--?[a-z]", word)}
        if words[0] not in known() or options - known()[words[0]] - {"--help"}:
            wrong.append(" ".join(words))

    assert wrong == []


def test_a_command_that_does_not_exist_would_be_found(tmp_path: Path) -> None:
    """The test above is not blind: it sees blocks, inline words, and home before the name."""
    page = tmp_path / "page.md"
    page.write_text("`mediastation foo --bar`\n\n```sh\nmediastation --home x list # all\n```\n")

    assert list(map(without_common, spoken(page))) == [["list"], ["foo", "--bar"]]


@pages
def test_every_file_and_heading_that_a_page_links_to_exists(page: Path) -> None:
    lost = []
    for link in _LINK.findall(_BLOCKS.sub("", page.read_text(encoding="utf-8"))):
        path, _, heading = link.partition("#")
        assert "://" not in link, "the guides work without a network"
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (heading and heading not in headings(target)):
            lost.append(link)

    assert lost == []


def headings(page: Path) -> set[str]:
    """Return what the headings of a page are linked by."""
    text = _BLOCKS.sub("", page.read_text(encoding="utf-8"))
    found = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in found}


def test_every_picture_is_shown_somewhere_and_every_shown_one_is_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(DOCS)  # as for a script
    shown = {
        (page.parent / link).resolve()
        for page in PAGES
        for link in _LINK.findall(page.read_text(encoding="utf-8"))
        if link.endswith(".svg")
    }

    assert shown == {path.resolve() for path in (DOCS / "pictures").iterdir()}
    assert {f"{one.name}.svg" for one in script("pictures").PICTURES} == {p.name for p in shown}


@pytest.mark.parametrize(
    "picture", sorted((DOCS / "pictures").glob("*.svg")), ids=lambda path: path.stem
)
def test_a_picture_is_small_and_asks_nobody_for_anything(picture: Path) -> None:
    svg = picture.read_text(encoding="utf-8")

    assert len(svg.encode()) < LARGEST_PICTURE
    assert re.findall(r"https?://[^\"'\s)<]+", svg) == ["http://www.w3.org/2000/svg"]
    assert "@font-face" not in svg


def test_the_reference_of_the_settings_is_that_of_today() -> None:
    """Where this fails: ``make reference``."""
    filling = script("fill_reference")
    page = (DOCS / "administrator.md").read_text(encoding="utf-8")

    assert filling.with_reference(page) == page


def test_the_walk_through_an_import_shows_what_the_commands_say_today(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where this fails: ``make walk``, and read what changed."""
    monkeypatch.delenv("MEDIASTATION_OPERATOR", raising=False)
    walk = script("fill_importing")
    page = (DOCS / "importing.md").read_text(encoding="utf-8")

    assert walk.with_walk(page) == page
    assert page.count("```text") > 5


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_the_operators_page_tells_the_keys_of_every_place() -> None:
    text = (DOCS / "operator.md").read_text(encoding="utf-8")
    table = text[text.index("## All keys") :]
    missing = []
    for place in PLACES:
        assert f"*{place.title}* `{place.key}`" in table
        line = next(row for row in table.splitlines() if f"*{place.title}*" in row)
        line += next((row for row in table.splitlines() if "its picture" in row), "")
        everywhere = table[: table.index("*Studies*")]
        for binding in place.load().BINDINGS:
            shown = {"slash": "/", "escape": "Escape", "full_stop": ".", "comma": ",",
                     "right": "→", "left": "←", "plus": "+", "minus": "-", "enter": "Enter",
                     "delete": "del"}  # fmt: skip
            key = binding.key.split(",")[0]  # type: ignore[union-attr]
            if f"`{shown.get(key, key)}`" not in line + everywhere:
                missing.append((place.name, key))

    assert missing == []


def test_the_pages_name_the_standard_presets_by_their_letters() -> None:
    text = (DOCS / "operator.md").read_text(encoding="utf-8")

    assert [
        preset.key for preset in STANDARD_PRESETS.values() if f"`{preset.key}` " not in text
    ] == []


def examples() -> list[str]:
    """Return the settings that the administrator's page gives as examples."""
    text = (DOCS / "administrator.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```toml\n(.*?)```", text, re.DOTALL | re.MULTILINE)
    return [block for block in blocks if "start =" not in block]


@pytest.mark.parametrize("example", examples())
def test_the_settings_of_the_examples_can_be_used(example: str, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(example, encoding="utf-8")
    settings = load_settings(tmp_path)
    profiles = load_profiles(tmp_path / "profiles")

    assert [one.profile for one in settings.presets.values() if one.profile not in profiles] == []
