"""The airlock over a sealed medium: what is found early, what is looked at, what stays shut."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mediastation.importing.check_envelopes import check_envelopes
from mediastation.importing.doctor import examine
from mediastation.importing.envelopes import OwnDiskError, ShutError, Unsealing
from mediastation.importing.look import FileKind, look
from mediastation.importing.scan import scan
from mediastation.importing.sealed_sample import sample_medium
from mediastation.importing.survey import Survey
from mediastation.importing.unsealed import MEMORY_BYTES, UnsealedVolume
from mediastation.model.importing import OpenedEnvelope
from mediastation.model.secrecy import Password
from mediastation.reading.contract import Volume
from mediastation.reading.memory import MemoryVolume
from mediastation.reading.volume import open_volume
from mediastation.secure.opening.keys import KeyRing
from mediastation.secure.opening.opener import Opener
from tests.support.certificates import MOMENT, issue
from tests.support.objects import write_ct, write_series
from tests.support.outside.damage import good_tree
from tests.support.sealed_media import WORDS, sealed, sealed_tree


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_ct(tmp_path_factory.mktemp("image") / "a").read_bytes()


@pytest.fixture
def survey(tmp_path: Path) -> Iterator[Survey]:
    with Survey(tmp_path / "survey.sqlite") as opened:
        yield opened


def opener(*words: str) -> Opener:
    return Opener(KeyRing([Password(word) for word in words]), moment=MOMENT)


def unsealed(volume: Volume, scratch: Path, *words: str, reserve_bytes: int = 0) -> UnsealedVolume:
    return UnsealedVolume(volume, opener(*(words or (WORDS,))), scratch, reserve_bytes)


def quiet(_done: int, _total: int) -> None:
    """Nobody listens."""


class TestSample:
    def test_a_directory_is_seen_wherever_it_lies(self, image: bytes) -> None:
        files = {f"A/{number}": b"text" for number in range(400)}

        plain = sample_medium(MemoryVolume(files | {"Z/dicomdir": image}))
        shut = sample_medium(MemoryVolume(files | {"Z/DICOMDIR.;1": sealed(image)}))

        assert (plain.is_sealed, plain.plain) == (False, 1)
        assert shut.is_sealed
        assert [file.path for file in shut.envelopes] == ["Z/DICOMDIR.;1"]

    def test_a_mixture_is_not_sealed_and_the_smallest_envelope_comes_first(
        self, image: bytes
    ) -> None:
        files = {"A": sealed(image + bytes(99)), "B": sealed(image), "C": image, "D": b""}

        sample = sample_medium(MemoryVolume(files))

        assert not sample.is_sealed
        assert [file.path for file in sample.envelopes] == ["B", "A"]

    def test_no_more_is_read_than_was_asked_for(self, image: bytes) -> None:
        class Counting(MemoryVolume):
            opened = 0

            def open(self, path: str) -> Any:
                self.opened += 1
                return super().open(path)

        volume = Counting({f"{number}": image for number in range(99)})

        assert sample_medium(volume, 8).plain == 8
        assert volume.opened == 8


class TestLook:
    def test_what_is_inside_is_looked_at_and_how_it_came_out_is_known(
        self, tmp_path: Path, image: bytes
    ) -> None:
        plain, shut = MemoryVolume({"A": image}), MemoryVolume({"A": sealed(image)})
        (file,) = plain.iter_files()
        (envelope,) = shut.iter_files()

        there = look(plain, file)
        inside = look(unsealed(shut, tmp_path), envelope)

        assert inside.envelope == OpenedEnvelope("password", "aes256", "sha256")
        assert (inside.sha256, inside.data_sha256) == (there.sha256, there.data_sha256)
        assert (inside.size_bytes, inside.header) == (there.size_bytes, there.header)
        assert inside.findings == there.findings, "the envelope is longer, and that is no fault"

    def test_a_large_one_is_read_like_a_small_one(self, tmp_path: Path) -> None:
        large = write_ct(
            tmp_path / "large", Rows=2200, Columns=2200, PixelData=bytes(2 * 2200 * 2200)
        ).read_bytes()
        assert len(large) > MEMORY_BYTES
        volume = MemoryVolume({"A": sealed(large)})
        (file,) = volume.iter_files()

        looked = look(unsealed(volume, tmp_path / "scratch"), file)

        assert (looked.kind, looked.size_bytes) == (FileKind.INSTANCE, len(large))
        assert looked.findings == ()
        assert list((tmp_path / "scratch").iterdir()) == [], "it has no name there"

    def test_what_cannot_be_opened_is_one_files_trouble(self, tmp_path: Path, image: bytes) -> None:
        volume = MemoryVolume({"A": sealed(image, passwords=["other"]), "B": sealed(image)[:-30]})
        view = unsealed(volume, tmp_path)

        looked = [look(view, file) for file in volume.iter_files()]

        assert [one.kind for one in looked] == [FileKind.SEALED] * 2
        assert [one.findings[0].rule for one in looked] == ["sealed", "sealed-damaged"]
        with pytest.raises(ShutError):
            view.open("A")

    def test_without_a_key_it_says_for_whom_an_envelope_is(self, image: bytes) -> None:
        ann = issue("Ann")
        volume = MemoryVolume({"A": sealed(image, password=WORDS, certificates=[ann.certificate])})
        (file,) = volume.iter_files()

        (told,) = look(volume, file).findings

        assert told.rule == "sealed"
        assert "Ann" in told.message
        assert "a password" in told.message

    def test_no_room_is_not_the_mediums_fault(self, tmp_path: Path) -> None:
        large = bytes(128) + b"DICM" + bytes(MEMORY_BYTES)
        volume = MemoryVolume({"A": sealed(large), "B": large, "C": sealed(b"small")})
        view = unsealed(volume, tmp_path / "scratch", reserve_bytes=1 << 62)

        with pytest.raises(OwnDiskError, match="below the reserve"):
            view.open("A")
        view.open("B").close()
        view.open("C").close()

    def test_it_is_what_those_who_look_expect(self, tmp_path: Path) -> None:
        assert isinstance(unsealed(MemoryVolume({}), tmp_path), Unsealing)
        assert not isinstance(MemoryVolume({}), Unsealing)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A series in envelopes, and a page that is none."""
    root = tmp_path_factory.mktemp("medium")
    for path in write_series(root / "A", 90):
        path.write_bytes(sealed(path.read_bytes()))
    (root / "README.TXT").write_bytes(b"How to open this.\r\n")
    return root


def test_processes_that_look_at_plain_media_load_no_cryptography() -> None:
    """They are started for every medium, and who waits for them is at the drive."""
    program = (
        "import sys; import mediastation.importing.look_worker; "
        "sys.exit(any(name.startswith('cryptography') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=60).returncode == 0


class TestScan:
    def test_threads_find_what_one_finds(self, folder: Path, tmp_path: Path) -> None:
        with (
            open_volume(folder) as volume,
            Survey(tmp_path / "one") as one,
            Survey(tmp_path / "two") as two,
        ):
            scan(unsealed(volume, tmp_path), one, None, quiet, 0)
            scan(unsealed(volume, tmp_path), two, None, quiet, 3)

            assert list(one) == list(two)
            assert len(one) == one.count_opened() == two.count_opened() == 90
            assert one.envelopes() == two.envelopes()

    def test_what_had_no_key_before_is_looked_at_again(self, folder: Path, survey: Survey) -> None:
        scratch = survey.path.parent
        with open_volume(folder) as volume:
            scan(volume, survey, None, quiet, 0)
            assert (len(survey), survey.count(FileKind.SEALED)) == (0, 90)
            assert [file.path for file in survey.sealed_files()][:1] == ["A/image00001.dcm"]

            survey.drop_unread()
            scan(unsealed(volume, scratch), survey, None, quiet, 0)

        assert (len(survey), survey.count(FileKind.SEALED)) == (90, 0)

    def test_the_doctor_reads_a_directory_out_of_its_envelope(
        self, survey: Survey, tmp_path: Path
    ) -> None:
        volume = unsealed(MemoryVolume(sealed_tree(good_tree())), tmp_path)
        scan(volume, survey, None, quiet, 0)

        diagnosis = examine(volume, survey, recognised=survey.directories())

        assert diagnosis.listed == diagnosis.found == len(survey)
        assert diagnosis.findings == ()


class TestSurvey:
    def test_files_that_came_out_alike_are_one_row(
        self, survey: Survey, tmp_path: Path, image: bytes
    ) -> None:
        ann = issue("Ann")
        signer = (ann.key, ann.certificate, ())
        files = {"A": sealed(image), "B": sealed(image), "C": sealed(image, signer=signer)}
        scan(unsealed(MemoryVolume(files), tmp_path), survey, None, quiet, 0)

        (first, number, path), (second, _, other) = survey.envelopes()

        assert (first, number, path) == (OpenedEnvelope("password", "aes256", "sha256"), 2, "A")
        assert (second.signature, other) == ("unknown signer", "C")
        assert "Ann" in second.signers[0]
        assert second.reason
        told = {one.rule: one.subject for one in check_envelopes(survey)}
        assert told == {"signature-unknown": "C", "signature-missing": "A"}

    def test_one_of_before_envelopes_is_read_and_written_on(self, tmp_path: Path) -> None:
        path = tmp_path / "survey.sqlite"
        Survey(path).close()
        with sqlite3.connect(path) as database:
            database.execute("ALTER TABLE files DROP COLUMN envelope")
        database.close()
        volume = MemoryVolume({"A": write_ct(tmp_path / "a").read_bytes()})

        with Survey(path) as survey:
            scan(volume, survey, None, quiet, 0)

            assert (len(survey), survey.count_opened(), survey.envelopes()) == (1, 0, [])
            assert list(check_envelopes(survey)) == []

    def test_a_plain_medium_with_other_files_is_no_mixture(
        self, survey: Survey, tmp_path: Path, image: bytes
    ) -> None:
        files = {"A": sealed(image), "README.TXT": b"text", "EMPTY": b""}
        scan(unsealed(MemoryVolume(files), tmp_path), survey, None, quiet, 0)

        assert list(check_envelopes(survey)) == []
