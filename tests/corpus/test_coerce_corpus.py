"""Every corpus file under another identity: old values found, new ones in place, nothing else."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest

from mediastation.dicom.coerce import CannotCoerce
from mediastation.dicom.header import NotDicom, read_header
from mediastation.importing.reconcile_plan import plan_coercion
from mediastation.model.sop_class import MEDIA_STORAGE_DIRECTORY
from tests.support.coercing import MOMENT, ORDER, SITE, candidate, coerced
from tests.support.corpus import corpus_files, corpus_id
from tests.support.prepared import raw_values

REFUSED = {
    # file: (rule, why that is right)
    "broken/3gb-bulk-data-truncated": ("truncated", "3 GB announced in 100 kB"),
    "broken/MR_truncated.dcm": ("truncated", "pixels cut off"),
    "broken/rtplan_truncated.dcm": ("truncated", "cut off inside a sequence"),
    "broken/emri_small_jpeg_2k_lossless_too_short.dcm": ("truncated", "cut off in the header"),
    "broken/bad_sequence.dcm": ("uid", "the SOP Instance UID is a hash in hexadecimal"),
    "enhanced/jpeg2000-multiframe-multifragments.dcm": ("uid", "a UID of 67 characters"),
    "transfer_syntaxes/JLSL_RGB_ILV1.dcm": ("uid", "no SOP Instance UID"),
    "broken/empty_charset_LEI.dcm": ("uid", "a fragment of a data set without identity"),
    "broken/meta_missing_tsyntax.dcm": ("uid", "a fragment of a data set without identity"),
    "broken/nested_priv_SQ.dcm": ("uid", "a fragment of a data set without identity"),
    "broken/no_preamble_dicm_in_data": ("uid", "a fragment of a data set without identity"),
}
NAMES = ["Local^Patient", "Müller^Jörg", "Łoś^Ödön", "Yamada^Tarou=山田^太郎=やまだ^たろう"]


def _instances(*folders: str) -> list[Path]:
    found = []
    for path in corpus_files(*folders):
        try:
            header = read_header(path)
        except NotDicom:
            continue
        if header.sop_class_uid != MEDIA_STORAGE_DIRECTORY and path.name.upper() != "DICOMDIR":
            found.append(path)
    return found


def _placed(source: Path, folder: Path) -> Path:
    """A name for the corpus file in `folder`, beside which its copy may lie."""
    link = folder / "original"
    link.symlink_to(source)
    return link


@pytest.mark.parametrize("source", _instances(), ids=corpus_id)
def test_every_value_is_kept_replaced_or_found_as_it_was(source: Path, tmp_path: Path) -> None:
    """`coerced` holds every copy against its original by the program's own proof as well."""
    number = sum(corpus_id(source).encode())
    whose = candidate(NAMES[number % len(NAMES)], order=ORDER if number % 2 else None)
    if corpus_id(source) in REFUSED:
        with pytest.raises(CannotCoerce) as refusal:
            coerced(_placed(source, tmp_path), whose)
        assert refusal.value.finding.rule == REFUSED[corpus_id(source)][0]
        return
    copy, done, coercion = coerced(_placed(source, tmp_path), whose)
    original = pydicom.dcmread(source, force=True)

    assert copy.PatientName == whose.identity.name
    assert copy.PatientID == "L-1"
    stated = copy.file_meta.MediaStorageSOPInstanceUID
    assert copy.get("SOPInstanceUID", stated) == stated
    assert all(one.severity != "error" for one in done.findings)
    item = copy.OriginalAttributesSequence[-1]
    (old,) = item.ModifiedAttributesSequence
    raw = {
        one.SelectorAttribute: one.NonconformingDataElementValue
        for one in item.get("NonconformingModifiedAttributesSequence", [])
    }
    for keyword in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex"):
        had = original.get_item(keyword)
        if had is None or keyword not in old:
            continue
        was = had.value if isinstance(had.value, bytes) else str(original[keyword].value).encode()
        tag = original[keyword].tag
        now = raw.get(tag) or old.get_item(keyword).value
        if not isinstance(now, bytes):
            now, was = str(old[keyword].value).encode(), str(original[keyword].value).encode()
        assert now.rstrip(b" \0") == (was or b"").rstrip(b" \0"), keyword

    if not original.file_meta.get("TransferSyntaxUID"):
        return  # pydicom guesses
    planned = {f"({tag >> 16:04X},{tag & 0xFFFF:04X})" for tag in coercion.tags}
    converted = any("all its text was converted" in one.message for one in done.findings)
    for path, theirs, ours in raw_values(original, _without(copy, coercion.tags)):
        top = path[:11].upper()
        if top in planned or top == "(0008,0005)" or path.endswith(",0000)"):
            continue
        if not converted:
            assert theirs == ours, path


def _without(ds: pydicom.Dataset, tags: frozenset[int]) -> pydicom.Dataset:
    """The copy with empty sequences where a coercion may have put other items."""
    for tag in tags:
        if tag in ds and ds[tag].VR == "SQ":
            del ds[tag]
    return ds


@pytest.mark.parametrize("source", _instances("charsets"), ids=corpus_id)
@pytest.mark.parametrize("name", NAMES)
def test_every_character_set_takes_every_name_and_keeps_its_text(
    source: Path, name: str, tmp_path: Path
) -> None:
    copy, _, coercion = coerced(_placed(source, tmp_path), candidate(name))
    original = pydicom.dcmread(source)

    assert copy.PatientName == name
    for element in original.iterall():
        if element.tag in coercion.tags or element.VR not in ("LO", "SH", "PN", "LT", "ST", "UT"):
            continue
        if element.tag in copy and element.tag in original:
            assert copy[element.tag].value == original[element.tag].value, element
    (old,) = copy.OriginalAttributesSequence[-1].ModifiedAttributesSequence
    raw = copy.OriginalAttributesSequence[-1].get("NonconformingModifiedAttributesSequence")
    if original.get("PatientName", name) != name and not raw:
        assert old.PatientName == original.PatientName


@pytest.mark.parametrize("source", _instances("transfer_syntaxes", "mr", "sr"), ids=corpus_id)
def test_coerced_again_both_pasts_are_told(source: Path, tmp_path: Path) -> None:
    if corpus_id(source) in REFUSED:
        pytest.skip("refused")
    placed = _placed(source, tmp_path)
    before = pydicom.dcmread(source).get("OriginalAttributesSequence", [])
    coerced(placed, candidate("Müller^Jörg"))
    copy, _, _ = coerced(placed.with_name("original.coerced"), candidate("Łoś", "Z-9"))

    assert len(copy.OriginalAttributesSequence) == len(before) + 2
    assert copy.OriginalAttributesSequence[-1].ModifiedAttributesSequence[0].PatientID == "L-1"
    assert copy.PatientID == "Z-9"


@pytest.mark.parametrize("source", _instances("broken"), ids=corpus_id)
def test_a_broken_file_is_planned_without_a_slip(source: Path) -> None:
    coercion = plan_coercion(read_header(source), candidate(), SITE, MOMENT)
    assert len(coercion.recipe) == 64
