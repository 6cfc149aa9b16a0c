"""A ZIP file as the medium of an export: written, proved, read again, never put over something."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from mediastation.errors import ConfigError, MediaError
from mediastation.station.clock import Clock, read_timestamp
from mediastation.station.exporting.export import export
from mediastation.station.exporting.request import ExportRequest, ExportResult
from mediastation.station.gather import add
from mediastation.station.station import Station
from mediastation.station.verification import verify
from tests.support.objects import write_series
from tests.support.peers import run_peer


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    clock = Clock(read_timestamp("2026-11-23T00:00:00Z"))
    with Station(tmp_path / "home", clock) as opened:
        yield opened


def export_zip(station: Station, tmp_path: Path, output: Path) -> ExportResult:
    if not (tmp_path / "in").exists():
        write_series(tmp_path / "in", 3)
    source = str(tmp_path / "in")
    return export(station, ExportRequest((source,), "STD-GEN-ZIP-MAIL", output, medium="ZIP"))


def test_it_is_one_file_that_verifies_and_names_its_profile(
    station: Station, tmp_path: Path
) -> None:
    output = tmp_path / "patient.zip"

    result = export_zip(station, tmp_path, output)

    assert result.stopped == "", [finding.message for finding in result.findings]
    (volume,) = result.volumes
    assert (volume.verified, volume.instances) == (True, 3)
    assert volume.size_bytes == output.stat().st_size
    assert volume.sha256 == hashlib.sha256(output.read_bytes()).hexdigest()
    (told,) = [finding for finding in result.findings if finding.rule == "zip-mail"]
    assert "DICOM.ZIP" in told.hint
    run_peer("unzip", "-tq", output)
    run_peer("unzip", "-q", output, "-d", tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "DICOM", "DICOMDIR", "INDEX.HTM", "README.TXT", "SHA256.TXT",
    ]  # fmt: skip
    assert "STD-GEN-ZIP-MAIL" in (tmp_path / "out/README.TXT").read_text()
    for medium in (output, tmp_path / "out"):
        report = verify(station, medium)
        assert (report.ok, report.findings) == (True, [])
    assert verify(station, output).proved.startswith("Every byte")


def test_the_same_moment_gives_the_same_bytes(station: Station, tmp_path: Path) -> None:
    export_zip(station, tmp_path, tmp_path / "a.zip")
    with Station(tmp_path / "other", Clock(read_timestamp("2026-11-23T00:00:00Z"))) as other:
        export_zip(other, tmp_path, tmp_path / "b.zip")

    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_a_flipped_bit_anywhere_is_found(station: Station, tmp_path: Path) -> None:
    """Headers and directory included: what no file's digest covers, the whole one does."""
    output = tmp_path / "patient.zip"
    export_zip(station, tmp_path, output)
    good = output.read_bytes()
    dice = random.Random(4)
    places = [dice.randrange(len(good)) for _ in range(25)]
    for at in [*places, 6, 10, 12, 40, len(good) - 1, len(good) - 40]:
        spoiled = bytearray(good)
        spoiled[at] ^= 1 << dice.randrange(8)
        output.write_bytes(spoiled)
        try:
            report = verify(station, output)
        except MediaError:
            continue
        assert not report.ok, at


def test_it_is_taken_in_elsewhere(station: Station, tmp_path: Path) -> None:
    export_zip(station, tmp_path, tmp_path / "patient.zip")

    with Station(tmp_path / "elsewhere") as other:
        assert add(other, [str(tmp_path / "patient.zip")]).added == 3


def test_an_older_one_is_replaced_and_nothing_else_is(station: Station, tmp_path: Path) -> None:
    output = tmp_path / "patient.zip"
    export_zip(station, tmp_path, output)
    before = output.read_bytes()

    assert export_zip(station, tmp_path, output).stopped == ""
    assert output.read_bytes() == before
    (tmp_path / "letters").write_text("mine")
    run_peer("7z", "a", tmp_path / "letters.zip", tmp_path / "letters")
    kept = (tmp_path / "letters.zip").read_bytes()
    for path in (tmp_path / "letters", tmp_path / "letters.zip"):
        with pytest.raises(ConfigError):
            export_zip(station, tmp_path, path)
    assert (tmp_path / "letters.zip").read_bytes() == kept
