"""A medium of envelopes, read through `OpenedVolume`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mediastation.errors import MediaError
from mediastation.model.secrecy import Content, Password
from mediastation.reading.contract import Extent, Volume, VolumeFile
from mediastation.reading.folder import FolderVolume
from mediastation.reading.memory import MemoryVolume
from mediastation.secure.opening import opened_volume, spool
from mediastation.secure.opening.errors import BadEnvelopeError, WrongKeyError
from mediastation.secure.opening.keys import KeyRing
from mediastation.secure.opening.opened_volume import OpenedVolume, ScratchError
from mediastation.secure.opening.opener import Opener
from tests.support.certificates import MOMENT
from tests.support.envelopes import make_envelope

WORDS = "one two three"
IMAGE = b"\0" * 128 + b"DICM" + bytes(range(256)) * 20
README = b"How to open these files"


def sealed(content: bytes = IMAGE, word: str = WORDS, **more: object) -> bytes:
    return make_envelope(content, password=word, iterations=10, salt=b"8 octets", **more)  # type: ignore[arg-type]


def opened_medium(files: Mapping[str, bytes], scratch: Path, word: str = WORDS) -> OpenedVolume:
    opener = Opener(KeyRing([Password(word)]), moment=MOMENT)
    return OpenedVolume(MemoryVolume(files), opener, scratch)


def content(volume: Volume, path: str) -> bytes:
    with volume.open(path) as stream:
        return stream.read()


class TestReading:
    def test_envelopes_give_their_content_under_the_same_path(self, tmp_path: Path) -> None:
        volume = opened_medium({"DICOM/IM1": sealed()}, tmp_path)

        assert [file.path for file in volume.iter_files()] == ["DICOM/IM1"]
        assert content(volume, "DICOM/IM1") == IMAGE

    def test_plain_files_pass_as_they_are(self, tmp_path: Path) -> None:
        volume = opened_medium({"README.TXT": README, "EMPTY": b""}, tmp_path)

        assert content(volume, "README.TXT") == README
        assert content(volume, "EMPTY") == b""
        assert volume.opening("README.TXT") is None

    def test_what_is_given_out_can_be_sought_and_not_be_written(self, tmp_path: Path) -> None:
        with opened_medium({"IM1": sealed()}, tmp_path).open("IM1") as stream:
            stream.seek(128)
            assert stream.read(4) == b"DICM"
            stream.seek(-2, 2)
            assert stream.read() == IMAGE[-2:]
            assert not stream.writable()

    def test_a_file_that_is_not_there_is_the_mediums_trouble(self, tmp_path: Path) -> None:
        with pytest.raises(MediaError, match="IM2"):
            opened_medium({"IM1": sealed()}, tmp_path).open("IM2")

    def test_small_content_touches_no_disk(self, tmp_path: Path) -> None:
        scratch = tmp_path / "scratch"

        content(opened_medium({"IM1": sealed()}, scratch), "IM1")

        assert not scratch.exists()

    def test_the_medium_is_closed_with_it(self, tmp_path: Path) -> None:
        (tmp_path / "IM1").write_bytes(sealed())
        inner = FolderVolume(tmp_path)
        opener = Opener(KeyRing([Password(WORDS)]), moment=MOMENT)

        with OpenedVolume(inner, opener, tmp_path) as volume:
            assert volume.name == str(tmp_path)
            assert content(volume, "IM1") == IMAGE


class TestSizes:
    def test_sizes_are_those_of_the_content(self, tmp_path: Path) -> None:
        volume = opened_medium({"IM1": sealed(), "README.TXT": README}, tmp_path)

        sizes = {file.path: file.size_bytes for file in volume.iter_files()}

        assert sizes == {"IM1": len(IMAGE), "README.TXT": len(README)}

    def test_lookups_tell_the_same_size(self, tmp_path: Path) -> None:
        found = opened_medium({"DICOMDIR": sealed()}, tmp_path).find(["dicomdir"])

        assert found is not None
        assert found.file.size_bytes == len(IMAGE)
        assert found.tolerated

    def test_content_of_open_end_has_the_size_of_its_envelope_until_it_was_opened(
        self, tmp_path: Path
    ) -> None:
        envelope = sealed(indefinite=100)
        volume = opened_medium({"IM1": envelope}, tmp_path)

        (before,) = volume.iter_files()
        content(volume, "IM1")
        (after,) = volume.iter_files()

        assert before.size_bytes == len(envelope)
        assert after.size_bytes == len(IMAGE)

    def test_an_envelope_of_somebody_else_keeps_its_own_size(self, tmp_path: Path) -> None:
        envelope = sealed(word="not yours")

        (file,) = opened_medium({"IM1": envelope}, tmp_path).iter_files()

        assert file.size_bytes == len(envelope)

    def test_content_lies_nowhere_on_the_image(self, tmp_path: Path) -> None:
        """Whoever reads by extents would read the envelope."""

        class OnImage(MemoryVolume):
            def iter_files(self):  # type: ignore[no-untyped-def]
                for path in ("IM1", "README.TXT"):
                    yield VolumeFile(path, len(content(self, path)), (Extent(2048, 10),))

        files = {"IM1": sealed(), "README.TXT": README}
        opener = Opener(KeyRing([Password(WORDS)]), moment=MOMENT)

        first, second = OpenedVolume(OnImage(files), opener, tmp_path).iter_files()

        assert first.extents == ()
        assert second.extents == (Extent(2048, 10),)


class TestWhatIsNotGivenOut:
    def test_the_wrong_password_gives_nothing(self, tmp_path: Path) -> None:
        with pytest.raises(WrongKeyError, match="IM1"):
            opened_medium({"IM1": sealed()}, tmp_path, "something else").open("IM1")

    def test_changed_content_gives_nothing(self, tmp_path: Path) -> None:
        envelope = bytearray(sealed())
        envelope[-200] ^= 1
        volume = opened_medium({"IM1": bytes(envelope)}, tmp_path)

        with pytest.raises(BadEnvelopeError):
            volume.open("IM1")

        assert volume.opening("IM1") is None

    def test_large_content_that_was_changed_leaves_nothing_on_the_disk(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(spool, "MEMORY_BYTES", 1000)
        envelope = bytearray(sealed())
        envelope[-200] ^= 1
        before = len(list(Path("/proc/self/fd").iterdir()))

        with pytest.raises(BadEnvelopeError):
            opened_medium({"IM1": bytes(envelope)}, tmp_path / "scratch").open("IM1")

        assert list((tmp_path / "scratch").iterdir()) == []
        assert len(list(Path("/proc/self/fd").iterdir())) == before


class TestLargeContent:
    @pytest.fixture(autouse=True)
    def _little_memory(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(spool, "MEMORY_BYTES", 1000)

    def test_it_lies_in_a_private_folder_in_a_file_without_a_name(self, tmp_path: Path) -> None:
        scratch = tmp_path / "scratch"

        with opened_medium({"IM1": sealed()}, scratch).open("IM1") as stream:
            assert list(scratch.iterdir()) == []
            assert scratch.stat().st_mode & 0o077 == 0
            assert os.fstat(stream.fileno()).st_nlink == 0
            assert stream.read() == IMAGE
            assert not stream.writable()

    def test_a_disk_of_ours_that_fails_is_not_the_mediums_fault(self, tmp_path: Path) -> None:
        (tmp_path / "scratch").write_bytes(b"a file, where a folder should be")

        with pytest.raises(ScratchError, match="scratch"):
            opened_medium({"IM1": sealed()}, tmp_path / "scratch").open("IM1")


class TestOpenings:
    def test_the_facts_of_what_was_opened_are_kept_by_path(self, tmp_path: Path) -> None:
        volume = opened_medium({"IM1": sealed(), "IM2": sealed(form="id_data_nested")}, tmp_path)
        content(volume, "IM1")
        content(volume, "IM2")

        opened = volume.openings

        assert opened["IM1"].content is Content.DIGESTED
        assert opened["IM1"].size_bytes == len(IMAGE)
        assert [(one.rule, one.subject) for one in opened["IM2"].findings] == [
            ("envelope-weak", "IM2"),
            ("envelope-nesting", "IM2"),
        ]

    def test_only_the_latest_are_kept(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(opened_volume, "MAX_OPENINGS", 2)
        volume = opened_medium({f"IM{number}": sealed() for number in range(4)}, tmp_path)

        for number in range(4):
            content(volume, f"IM{number}")

        assert sorted(volume.openings) == ["IM2", "IM3"]

    def test_threads_may_share_it(self, tmp_path: Path) -> None:
        contents = {f"IM{number}": IMAGE + bytes([number]) for number in range(20)}
        volume = opened_medium({path: sealed(held) for path, held in contents.items()}, tmp_path)

        with ThreadPoolExecutor(4) as threads:
            read = dict(
                zip(
                    contents, threads.map(lambda path: content(volume, path), contents), strict=True
                )
            )

        assert read == contents
        assert sorted(volume.openings) == sorted(contents)
