"""Text of every character set in the records: the object's bytes, and read the same by others.

What the samples say is typed here. pydicom and DCMTK decode both the object and
the directory.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from mediastation.conformance.load import find_profile
from tests.support.corpus import CORPUS, corpus_files
from tests.support.file_sets import CT, file_meta
from tests.support.peers import run_peer
from tests.support.real_file_set import RealFileSet, write_file_set
from tests.support.record_headers import COMPLETE, encoded


class Sample(NamedTuple):
    """A label, a name as bytes, what it says, and the label that the record is to have."""

    charset: str
    name: bytes
    text: str
    recorded: str | None = None


GREEK, CYRILLIC = "Διονυσιος", "Люкceмбypг"
# PS3.3 Tables C.12-2 to C.12-5; names of PS3.5 Annexes H, I, J and K where those have one.
SAMPLES = {
    **{
        f"{kind}{number}": Sample(
            f"{kind}{number}" if kind == "ISO_IR " else f"ISO 2022 IR {number}",
            text.encode(codec),
            text,
            # Without a second value there are no code extensions.
            f"ISO_IR {number}",
        )
        for kind in ("ISO_IR ", "ISO 2022 IR ")
        for number, codec, text in (
            ("100", "iso8859_1", "Äneas^Rüdiger"),
            ("101", "iso8859_2", "Wałęsa^Žofie"),
            ("109", "iso8859_3", "Ĝiraĥa^Ħ"),
            ("110", "iso8859_4", "Ķēniņš^Ų"),
            ("144", "iso8859_5", "Люксембург^Иван"),
            ("127", "iso8859_6", "قباني^لنزار"),
            ("126", "iso8859_7", "Διονυσιος^Σ"),
            ("138", "iso8859_8", "שרון^דבורה"),
            ("148", "iso8859_9", "Çavuşoğlu^İ"),
            ("203", "iso8859_15", "Œuvre^Š€"),
            ("13", "shift_jis", "ﾔﾏﾀﾞ^ﾀﾛｳ"),
            ("166", "iso8859_11", "นามสกุล^ชื่อ"),
        )
    },
    "UTF-8": Sample("ISO_IR 192", "Wang^XiaoDong=王^小東=".encode(), "Wang^XiaoDong=王^小東"),
    "GB18030": Sample(
        "GB18030", b"Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab=", "Wang^XiaoDong=王^小东"
    ),
    "GB18030 with a backslash inside": Sample(
        "GB18030", "誠^乗".encode("gb18030") + "㐀".encode("gb18030"), "誠^乗㐀"
    ),
    "GBK": Sample("GBK", b"Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab=", "Wang^XiaoDong=王^小东"),
    "Kanji": Sample(
        "\\ISO 2022 IR 87",
        b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
        "Yamada^Tarou=山田^太郎=やまだ^たろう",
    ),
    "Kanji beside Katakana": Sample(
        "ISO 2022 IR 13\\ISO 2022 IR 87",
        b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J"
        b"=\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J",
        "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
    ),
    "supplementary Kanji": Sample(
        "\\ISO 2022 IR 87\\ISO 2022 IR 159", b"A=\x1b$(D0!\x1b(B^\x1b$B;3\x1b(B", "A=丂^山"
    ),
    "Hangul": Sample(
        "\\ISO 2022 IR 149",
        b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7"
        b"=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
        "Hong^Gildong=洪^吉洞=홍^길동",
    ),
    "GB 2312 with escapes": Sample(
        "\\ISO 2022 IR 58",
        b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=",
        "Zhang^XiaoDong=张^小东",
    ),
    "Greek and Cyrillic": Sample(
        "ISO 2022 IR 6\\ISO 2022 IR 126\\ISO 2022 IR 144",
        b"\x1b-F\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2^\x1b-L\xbb\xee\xda",
        "Διονυσιος^Люк",
    ),
}
LATIN_1 = "Äneas".encode("latin-1")
DEFECTIVE = {
    "hyphen": Sample("ISO-IR 100", LATIN_1, "Äneas", "ISO_IR 100"),
    "space": Sample("ISO IR 100", LATIN_1, "Äneas", "ISO_IR 100"),
    "glued": Sample("ISO_IR100", LATIN_1, "Äneas", "ISO_IR 100"),
    "lower case": Sample("iso_ir 144", "Иван".encode("iso8859_5"), "Иван", "ISO_IR 144"),
    "no label": Sample("", LATIN_1, "Äneas", "ISO_IR 100"),
    "no label on UTF-8": Sample("", "Äneas^山".encode(), "Äneas^山", "ISO_IR 192"),
    "no label on escapes": Sample("", b"\x1b$B;3ED\x1b(B", "山田", "\\ISO 2022 IR 87"),
    "default repertoire": Sample("ISO_IR 6", LATIN_1, "Äneas", "ISO_IR 100"),
    "UTF-8 that is none": Sample("ISO_IR 192", LATIN_1, "Äneas", "ISO_IR 100"),
    "name of the encoding": Sample("UTF-8", "Äneas^山".encode(), "Äneas^山", "ISO_IR 192"),
    "extension in the first place": Sample(
        "ISO 2022 IR 87", b"\x1b$B;3ED\x1b(B", "山田", "\\ISO 2022 IR 87"
    ),
    "extension without ISO 2022": Sample(
        "ISO_IR 100\\ISO_IR 144", b"A^\x1b-L\xbb", "A^Л", "ISO 2022 IR 100\\ISO 2022 IR 144"
    ),
    "nonsense": Sample("KLINGON", LATIN_1, "Äneas", "ISO_IR 100"),
}
ALL = {**SAMPLES, **DEFECTIVE}
# Latin alphabet No. 9 came with the 2023 edition; neither of the two knows it yet.
LATIN_9 = {"ISO_IR 203", "ISO 2022 IR 203"}
# pydicom leaves the escape of GB 2312 in the text.
UNKNOWN_TO_PYDICOM = LATIN_9 | {"GB 2312 with escapes"}
KNOWN_TO_ANY_ICONV = {
    name for name, sample in DEFECTIVE.items() if "2022" not in (sample.recorded or "")
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[RealFileSet, dict[str, Path]]:
    """One object for each sample, all in one File-set."""
    return make(list(ALL), tmp_path_factory.mktemp("charsets"))


def make(names: list[str], folder: Path) -> tuple[RealFileSet, dict[str, Path]]:
    """A File-set of these samples, and the objects that it was made from."""
    sources = {}
    for number, name in enumerate(names):
        sample = ALL[name]
        uid = f"1.2.3.4.{number}"
        elements = {
            **COMPLETE,
            0x00080005: ("CS", sample.charset),
            0x00080016: ("UI", CT),
            0x00080018: ("UI", uid),
            0x00080080: ("LO", sample.name),
            0x00080081: ("ST", sample.name),
            0x00081050: ("PN", sample.name),
            0x00080050: ("SH", "1"),
            0x00081030: ("LO", sample.name),
            0x00100010: ("PN", sample.name),
            0x00100020: ("LO", f"P{number:03}"),
            0x0020000D: ("UI", f"{uid}.1"),
            0x0020000E: ("UI", f"{uid}.2"),
            0x00280010: ("US", 1),
            0x00280011: ("US", 1),
        }
        if not sample.charset:
            del elements[0x00080005]
        path = folder / f"{number:03}"
        path.write_bytes(file_meta(CT, uid) + encoded(elements))
        sources[name] = path
    keys = find_profile("STD-GEN-DVD-JPEG").record_keys
    return write_file_set(sources.values(), folder / "set", keys), sources


TEXTS = {
    "PATIENT": ("PatientName",),
    "STUDY": ("StudyDescription",),
    "SERIES": ("InstitutionName", "InstitutionAddress", "PerformingPhysicianName"),
}


def records_above(folder: Path, patient_id: str) -> dict[str, Dataset]:
    """The PATIENT, STUDY and SERIES records of one person who has one of each."""
    records = iter(dcmread(folder / "DICOMDIR").DirectoryRecordSequence)
    for record in records:
        if record.DirectoryRecordType == "PATIENT" and record.PatientID == patient_id:
            return {"PATIENT": record, "STUDY": next(records), "SERIES": next(records)}
    raise AssertionError(patient_id)


def raw(ds: Dataset, keyword: str) -> bytes:
    """The bytes of an element before anything has decoded them."""
    value = ds.get_item(keyword).value
    assert isinstance(value, bytes)
    return value.rstrip(b" ")


@pytest.mark.parametrize("name", ALL)
def test_bytes_and_label_are_the_objects(
    made: tuple[RealFileSet, dict[str, Path]], name: str
) -> None:
    real, sources = made
    sample = ALL[name]
    source = dcmread(sources[name])
    above = records_above(real.folder, str(source.PatientID))

    for level, keywords in TEXTS.items():
        label = above[level].get_item("SpecificCharacterSet").value
        assert label.decode().rstrip() == (sample.recorded or sample.charset)
        for keyword in keywords:
            assert raw(above[level], keyword) == raw(dcmread(sources[name]), keyword)


@pytest.mark.parametrize("name", sorted(ALL.keys() - UNKNOWN_TO_PYDICOM))
def test_pydicom_reads_what_was_meant(made: tuple[RealFileSet, dict[str, Path]], name: str) -> None:
    real, sources = made
    sample = ALL[name]
    above = records_above(real.folder, str(dcmread(sources[name]).PatientID))

    assert str(above["PATIENT"].PatientName).rstrip("=") == sample.text
    assert str(above["SERIES"].PerformingPhysicianName).rstrip("=") == sample.text
    assert above["STUDY"].StudyDescription.rstrip(" =") == sample.text
    assert above["SERIES"].InstitutionName.rstrip(" =") == sample.text
    assert above["SERIES"].InstitutionAddress.rstrip(" =") == sample.text


def dumped(path: Path, tag: str) -> list[str]:
    """Every value of `tag` in UTF-8, as DCMTK decodes it."""
    said = run_peer("dcmdump", "+U8", "-q", "+L", "+P", tag, path, check=False)
    return [one.rstrip(" =") for one in re.findall(rf"\({tag}\) \w\w \[(.*)\]", said.stdout)]


def test_dcmtk_reads_what_was_meant(
    made: tuple[RealFileSet, dict[str, Path]], tmp_path: Path
) -> None:
    """Of all records at once; one that it cannot convert would end the whole dump.

    Defective labels and what its iconv lacks it cannot convert in the object
    either, and these are left out; what the records say of them is legal.
    """
    _, sources = made
    names = [name for name in SAMPLES if dumped(sources[name], "0010,0010")]
    names += [name for name in DEFECTIVE if name in KNOWN_TO_ANY_ICONV]
    real, _ = make(names, tmp_path)
    found = dumped(real.folder / "DICOMDIR", "0010,0010")

    assert dict(zip(names, found, strict=True)) == {name: ALL[name].text for name in names}
    assert set(names) >= {"ISO_IR 100", "ISO_IR 144", "ISO_IR 127", "ISO_IR 126", "UTF-8"}


# They have no SOP Instance UID, so no File-set takes them.
NAMELESS = {"chrSQEncoding.dcm", "chrSQEncoding1.dcm"}


@pytest.mark.parametrize(
    "path",
    [path for path in corpus_files("charsets") if path.name not in NAMELESS],
    ids=lambda path: path.name,
)
def test_objects_of_the_field_read_the_same_in_the_directory(path: Path, tmp_path: Path) -> None:
    """pydicom's and DCMTK's reading of the object against theirs of the records."""
    real = write_file_set([path], tmp_path / "set", find_profile("STD-GEN-DVD-J2K").record_keys)
    if not real.members:
        # Objects without Rows and Columns have no place under this profile.
        assert {str(one.findings[0].rule) for one in real.refused.values()} == {"key-missing"}
        real = write_file_set([path], tmp_path / "general")
    source = dcmread(path, stop_before_pixels=True)
    directory = real.folder / "DICOMDIR"
    records = dcmread(directory).DirectoryRecordSequence
    compared = 0
    for record in records:
        for keyword in TEXTS.get(record.DirectoryRecordType, ()):
            if keyword in record and source.get(keyword):
                assert raw(record, keyword) == raw(dcmread(path, stop_before_pixels=True), keyword)
                assert str(record[keyword].value) == str(source[keyword].value)
                compared += 1
    assert compared
    assert dumped(directory, "0010,0010") == dumped(path, "0010,0010")[:1]


def test_the_corpus_is_looked_at_where_it_is() -> None:
    assert len(corpus_files("charsets")) > 15 or not CORPUS.is_dir()
