"""What a prepared copy begins with, and what happens when there can be none."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path

import imagecodecs
import pytest
import rle

from mediastation import IMPLEMENTATION_CLASS_UID
from mediastation.dicom import prepare as prepare_module
from mediastation.dicom.header import read_header
from mediastation.dicom.prepare import CannotPrepare, prepare_instance
from mediastation.errors import CancelledError, MediaError
from mediastation.model import transfer_syntax as ts
from tests.support.built import (
    compressed,
    instance,
    pattern,
    prepare,
    refused,
    rle_frame,
    write,
)


class TestFileMeta:
    def test_only_the_head_is_new_where_the_data_set_may_stay(self, tmp_path: Path) -> None:
        source = write(
            tmp_path / "a",
            instance(),
            ts.EXPLICIT_LE,
            preamble=b"MZ" * 64,
            SourceApplicationEntityTitle="SCANNER",
            SendingApplicationEntityTitle="A\\B",
            PrivateInformationCreatorUID="1.2.3",
        )
        header = read_header(source)

        copy, done = prepare(source)

        raw, output = source.read_bytes(), tmp_path / "a.out"
        assert output.read_bytes().endswith(raw[header.dataset_offset :])
        assert output.read_bytes()[:132] == bytes(128) + b"DICM"
        assert copy.file_meta.ImplementationClassUID == IMPLEMENTATION_CLASS_UID
        assert copy.file_meta.SourceApplicationEntityTitle == "SCANNER"
        assert "SendingApplicationEntityTitle" not in copy.file_meta
        assert "PrivateInformationCreatorUID" not in copy.file_meta
        assert done.findings == ()
        assert read_header(output).file_meta_conformant

    def test_a_tiff_preamble_does_not_outlive_what_its_offsets_point_to(
        self, tmp_path: Path
    ) -> None:
        tiff = b"II*\0" + b"\1" * 124
        prepare(write(tmp_path / "a", instance(), ts.EXPLICIT_LE, preamble=tiff))
        assert (tmp_path / "a.out").read_bytes()[:128] == bytes(128)

    def test_size_and_digest_are_those_of_the_file(self, tmp_path: Path) -> None:
        import hashlib  # noqa: PLC0415

        _, done = prepare(write(tmp_path / "a", instance(), ts.IMPLICIT_LE))

        written = (tmp_path / "a.out").read_bytes()
        assert (done.size_bytes, done.sha256) == (len(written), hashlib.sha256(written).hexdigest())

    def test_without_identity_there_is_no_copy(self, tmp_path: Path) -> None:
        source = write(tmp_path / "a", instance(), ts.IMPLICIT_LE)
        header = replace(read_header(source), sop_class_uid="")
        with pytest.raises(CannotPrepare) as caught:
            prepare_instance(source, tmp_path / "o", header)
        assert caught.value.finding.rule == "uid"


class TestFailure:
    def test_an_existing_file_is_neither_overwritten_nor_removed(self, tmp_path: Path) -> None:
        source = write(tmp_path / "a", instance(), ts.IMPLICIT_LE)
        (tmp_path / "o").write_text("precious")
        with pytest.raises(MediaError):
            prepare_instance(source, tmp_path / "o", read_header(source))
        assert (tmp_path / "o").read_text() == "precious"

    def test_a_full_disk_is_a_media_error_and_leaves_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source = write(tmp_path / "a", instance(), ts.IMPLICIT_LE)
        header = read_header(source)

        def full(*_: object) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "write", full)
        with pytest.raises(MediaError, match="No space left"):
            prepare_instance(source, tmp_path / "o", header)
        assert not (tmp_path / "o").exists()

    def test_cancelling_leaves_nothing(self, tmp_path: Path) -> None:
        def stop(done: int, total: int) -> None:
            raise CancelledError("stopped")

        source = write(tmp_path / "a", instance(), ts.IMPLICIT_LE)
        with pytest.raises(CancelledError):
            prepare_instance(source, tmp_path / "o", read_header(source), progress=stop)
        assert not (tmp_path / "o").exists()

    def test_a_source_that_is_gone_is_told_as_what_it_is(self, tmp_path: Path) -> None:
        """A forget in another window is no matter of permissions."""
        source = write(tmp_path / "a", instance(), ts.IMPLICIT_LE)
        header = read_header(source)
        source.unlink()

        with pytest.raises(MediaError, match="is gone") as caught:
            prepare_instance(source, tmp_path / "o", header)

        assert header.sop_instance_uid in caught.value.message
        assert "forgotten" in caught.value.hint
        assert not (tmp_path / "o").exists()

    def test_progress_ends_at_its_total(self, tmp_path: Path) -> None:
        seen: list[tuple[int, int]] = []
        prepare(
            write(tmp_path / "a", instance(), ts.IMPLICIT_LE),
            progress=lambda done, total: seen.append((done, total)),
        )
        assert seen[-1][0] == seen[-1][1] > 0
        assert seen == sorted(seen)

    @pytest.mark.parametrize("syntax", [ts.IMPLICIT_LE, ts.EXPLICIT_BE])
    def test_a_byte_that_changes_after_writing_is_found(
        self, syntax: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The proof rereads the file, so a slip of writer or disk does not pass."""
        ds = instance()
        ds.PixelData = pattern(ds).tobytes()
        source = write(tmp_path / "a", ds, syntax)
        honest = prepare_module.iter_explicit

        def slipping(*arguments: object) -> object:
            data = b"".join(honest(*arguments))  # type: ignore[arg-type]
            return iter([data[:-1] + bytes([data[-1] ^ 1])])

        monkeypatch.setattr(prepare_module, "iter_explicit", slipping)
        assert refused(source) == "pixels-differ"

    def test_pixels_that_decode_otherwise_a_second_time_are_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ds = instance()
        source = compressed(tmp_path / "a", ds, ts.RLE_LOSSLESS, [rle_frame(pattern(ds))])
        honest = rle.decode_pixel_data
        monkeypatch.setattr(
            rle, "decode_pixel_data", lambda *a, **k: honest(*a, **k)[:-1] + b"\xfe"
        )
        assert refused(source) == "pixels-differ"

    @pytest.mark.parametrize("syntax", [ts.JPEG_2000_LOSSLESS, ts.RLE_LOSSLESS, ts.JPEG_BASELINE])
    def test_a_decoded_sample_that_changes_on_its_way_to_the_disk_is_found(
        self, syntax: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Also where there is only one decoder, whose word is taken for what it decoded."""
        ds = instance(rows=16, columns=16)
        coded = {
            ts.JPEG_2000_LOSSLESS: imagecodecs.jpeg2k_encode(pattern(ds), codecformat="j2k"),
            ts.RLE_LOSSLESS: rle_frame(pattern(ds)),
            ts.JPEG_BASELINE: imagecodecs.jpeg8_encode(pattern(ds)),
        }[syntax]
        source = compressed(tmp_path / "a", ds, syntax, [bytes(coded)] * 2)
        honest = prepare_module.iter_rewritten

        def slipping(*arguments: object) -> object:
            data = b"".join(honest(*arguments))  # type: ignore[arg-type]
            return iter([data[:-1] + bytes([data[-1] ^ 1])])

        monkeypatch.setattr(prepare_module, "iter_rewritten", slipping)
        assert refused(source) == "pixels-differ"

    @pytest.mark.parametrize("cut", [1, 7, 30, 200])
    def test_what_is_cut_off_is_refused(self, cut: int, tmp_path: Path) -> None:
        ds = instance(rows=20, columns=20)
        ds.PixelData = pattern(ds).tobytes()
        source = write(tmp_path / "a", ds, ts.IMPLICIT_LE)
        source.write_bytes(source.read_bytes()[:-cut])
        assert refused(source) == "truncated"

    def test_pixels_shorter_than_their_attributes_are_refused(self, tmp_path: Path) -> None:
        ds = instance(rows=20, columns=20)
        ds.PixelData = bytes(398)
        assert refused(write(tmp_path / "a", ds, ts.IMPLICIT_LE)) == "truncated"

    def test_rows_without_pixels_are_no_reason(self, tmp_path: Path) -> None:
        copy, _ = prepare(write(tmp_path / "a", instance(), ts.EXPLICIT_BE))
        assert copy.Rows == 4

    def test_video_is_not_taken_apart(self, tmp_path: Path) -> None:
        source = compressed(
            tmp_path / "a", instance(samples=3), "1.2.840.10008.1.2.4.102", [b"\0\0\1\xb3"]
        )
        assert refused(source) == "transfer-syntax"
