"""Coerced copies read by programs that nobody here wrote."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset

from mediastation.dicom.header import read_header
from mediastation.model import transfer_syntax as ts
from tests.dicom.instances import ENCODINGS, ct_image, written
from tests.support.coercing import ORDER, candidate, coerced
from tests.support.corpus import corpus_file, corpus_files, corpus_id
from tests.support.peers import run_peer


def image(folder: Path, charset: str, manufacturer: str, encoding: str) -> Path:
    ds = ct_image()
    ds.SpecificCharacterSet = charset
    ds.PatientName, ds.Manufacturer = "Müller^Jörg", manufacturer
    ds.PatientBirthDate, ds.PatientSex = "19700101", "M"
    path = folder / "original"
    path.write_bytes(written(ds, ENCODINGS[encoding]))
    return path


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("name", ["Local^Patient", "Schröder^Anna", "Łoś^Ödön=王^小東"])
def test_dcmdump_reads_new_name_old_name_and_every_other_text(
    encoding: str, name: str, tmp_path: Path
) -> None:
    """DCMTK's conversion knows one character set a file, so Unicode is looked at as it lies."""
    source = image(tmp_path, "ISO_IR 100", "Größe", encoding)
    copy, _, _ = coerced(source, candidate(name, order=ORDER))
    unicode = copy.SpecificCharacterSet == "ISO_IR 192"
    options = [] if unicode else ["+U8"]
    said = run_peer("dcmdump", "-q", *options, source.with_name("original.coerced")).stdout
    old = "PN [M\ufffdller^J\ufffdrg" if unicode else "PN [Müller^Jörg"

    assert f"(0010,0010) PN [{name}]" in re.sub(r" +\]", "]", said)
    assert "(0008,0070) LO [Größe" in said
    assert said.index("(0400,0550)") < said.index(old) < said.index("(0400,0562)")


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동"),
        (["ISO 2022 IR 100", "ISO 2022 IR 144"], "Müller^Люкceмбyрг"),
        ("GB18030", "Wang^XiaoDong=王^小东"),
        ("ISO_IR 138", "שרון^דבורה"),
    ],
)
def test_dcmdump_reads_names_that_were_written_with_escapes(
    charset: object, name: str, tmp_path: Path
) -> None:
    ds = ct_image()
    ds.SpecificCharacterSet = charset
    ds.PatientName = "Doe^Jane"
    source = tmp_path / "original"
    source.write_bytes(written(ds))
    copy, _, _ = coerced(source, candidate(name))
    said = run_peer("dcmdump", "-q", "+U8", source.with_name("original.coerced")).stdout

    assert copy.SpecificCharacterSet == charset
    assert f"PN [{name}" in said


def complaints(path: Path) -> Counter[str]:
    """What dciodvfy says of a file, without the places of values.

    File Meta Information repeats UIDs of the data set, and their faults.
    """
    said = run_peer("dciodvfy", "-new", path, check=False)
    lines = [
        line for line in (said.stdout + said.stderr).splitlines() if "MediaStorage" not in line
    ]
    return Counter(
        re.sub(r"\[\d+\]|<[^>]*>", "", line) for line in lines if line.startswith("Error")
    )


def _one_of_each() -> list[Path]:
    """One corpus instance for each SOP Class that can be coerced."""
    found: dict[str, Path] = {}
    for folder in ("series", "mr", "us", "cr_dx_mg", "nm_pt", "sr", "rt", "seg", "pr", "enhanced"):
        for path in corpus_files(folder):
            try:
                header = read_header(path)
            except ValueError:
                continue
            if header.complete and len(header.sop_instance_uid) <= 64:
                found.setdefault(header.sop_class_uid, path)
    return list(found.values())


@pytest.mark.parametrize("source", _one_of_each(), ids=corpus_id)
def test_dciodvfy_finds_nothing_in_a_copy_that_the_original_had_not(
    source: Path, tmp_path: Path
) -> None:
    link = tmp_path / "original"
    link.symlink_to(source)
    coerced(link, candidate(order=ORDER))

    new = complaints(tmp_path / "original.coerced") - complaints(source)

    assert new == Counter()


def test_dciodvfy_knows_the_item_of_values_that_break_their_vr(tmp_path: Path) -> None:
    source = image(tmp_path, "ISO_IR 100", "Acme", "explicit")
    raw = source.read_bytes()
    at = raw.index(b"\x10\x00\x20\x00LO\x02\0P1")
    source.write_bytes(raw[:at] + b"\x10\x00\x20\x00LO\x46\0" + b"x" * 70 + raw[at + 10 :])
    original = complaints(source)
    copy, _, _ = coerced(source)

    assert "NonconformingModifiedAttributesSequence" in copy.OriginalAttributesSequence[0]
    new = complaints(source.with_name("original.coerced")) - original
    assert not [line for line in new if "0400,05" in line or "Nonconforming" in line]


@pytest.mark.parametrize("encoding", ["explicit", "implicit", "deflated"])
def test_gdcm_reads_the_same_pixels(encoding: str, tmp_path: Path) -> None:
    source = image(tmp_path, "ISO_IR 100", "Größe", encoding)
    coerced(source, candidate("Łoś^Ö"))
    values = []
    for path in (source, source.with_name("original.coerced")):
        output = tmp_path / f"{path.name}.raw"
        run_peer("gdcmraw", "-i", path, "-o", output)
        values.append(output.read_bytes())

    assert values[0] == values[1] != b""


def test_a_compressed_copy_is_decoded_by_dcmtk_to_the_same_image(tmp_path: Path) -> None:
    name = "transfer_syntaxes/CTImage.dcm_JPEGProcess14SV1TransferSyntax_1.2.840.10008.1.2.4.70.dcm"
    link = tmp_path / "original"
    link.symlink_to(corpus_file(name))
    copy, _, _ = coerced(link, candidate("Łoś^Ö"))
    assert copy.file_meta.TransferSyntaxUID == ts.JPEG_LOSSLESS_SV1
    images: list[Dataset] = []
    for path in (link, tmp_path / "original.coerced"):
        run_peer("dcmdjpeg", path, tmp_path / f"{path.name}.native")
        images.append(pydicom.dcmread(tmp_path / f"{path.name}.native"))

    assert images[0].PixelData == images[1].PixelData
