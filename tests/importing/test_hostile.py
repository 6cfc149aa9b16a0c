"""What is never believed or run: by content, by name, and by what a name hides.

Magic numbers are typed from what the makers of the formats publish, not from
the tables of the package.
"""

from __future__ import annotations

import io
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediastation.importing.hostile import (
    POLYGLOT,
    LeftFile,
    check_names,
    check_preamble,
    classify_file,
    has_look_alikes,
    suffix_of,
)
from mediastation.importing.left_behind import summarise_left
from mediastation.importing.signatures import LeftKind
from mediastation.model.finding import Severity
from mediastation.reading.folder import FolderVolume
from mediastation.reading.memory import MemoryVolume
from mediastation.reading.zip_volume import ZipVolume
from tests.support.corpus import CORPUS
from tests.support.file_sets import instance

DICOM = instance("1.2.3")


def armed(start: bytes) -> bytes:
    return start[:128].ljust(128, b"\0") + DICOM[128:]


class TestPreamble:
    @pytest.mark.parametrize(
        "start",
        [
            b"",
            b"II*\0\x08\0\0\0",
            b"MM\0*\0\0\0\x08",
            b"II+\0\x08\0\0\0",
            b"MM\0+\0\x08\0\0",
            b"DICM",
            b"\x89PNG\r\n\x1a\n",
            b"\xff\xd8\xff\xe0",
            b"Made by a scanner of ours",
            bytes(range(1, 129)),
        ],
    )
    def test_zeros_tiff_and_what_runs_nowhere_are_left_alone(self, start: bytes) -> None:
        assert check_preamble("A", armed(start)) is None

    @pytest.mark.parametrize(
        ("start", "words"),
        [
            (b"MZ\x90\0\x03", "Windows"),
            (b"ZM\x90\0", "Windows"),
            (b"\x7fELF\x02\x01\x01", "Linux"),
            (b"\xfe\xed\xfa\xce\0\0\0\x07", "macOS"),
            (b"\xfe\xed\xfa\xcf\x01\0\0\x07", "macOS"),
            (b"\xce\xfa\xed\xfe\x07\0\0\0", "macOS"),
            (b"\xcf\xfa\xed\xfe\x07\0\0\x01", "macOS"),
            (b"\xca\xfe\xba\xbe\0\0\0\x34", "Java"),
            (b"\xbe\xba\xfe\xca\x02\0\0\0", "macOS"),
            (b"#!/bin/sh\nrm -rf /\n", "script"),
            (b"#! /usr/bin/env python3\n", "script"),
            (b"\xef\xbb\xbf#!/bin/sh\n", "script"),
            (b"<?php system($_GET[0]);", "script"),
            (b"GIF89a/*<?php system(0); ?>", "PHP"),
            (b"@echo off\r\ncalc.exe\r\n", "script"),
            (b"REM a batch file\r\ncalc\r\n", "script"),
            (b"  \r\n@ECHO OFF\r\n", "script"),
            (b"PK\x03\x04\x14\0\0\0", "ZIP"),
            (b"\0\0\0\0PK\x03\x04\x14\0\0\0", "ZIP"),
            (b"Rar!\x1a\x07\x01\0", "RAR"),
            (b"7z\xbc\xaf\x27\x1c\0\x04", "7-Zip"),
            (b"\x1f\x8b\x08\0", "gzip"),
            (b"MSCF\0\0\0\0", "cabinet"),
            (b"%PDF-1.7\n", "PDF"),
            (b"anything at all %PDF-1.4", "PDF"),
            (b"<html><script>alert(1)</script>", "web page"),
            (b"\n\n  <!DOCTYPE html>", "web page"),
            (b"x = 1 <SCRIPT>alert(1)</SCRIPT>", "web page"),
            (b"<hta:application>", "script"),
            (b"var x = 1;", "script"),
            (b"/* a comment that swallows the image */ ", "script"),
            (b"L\0\0\0\x01\x14\x02\0\0\0\0\0\xc0", "shortcut"),
            (b"[InternetShortcut]\r\nURL=file://x", "shortcut"),
            (b"[autorun]\r\nopen=x.exe", "autostart"),
            (b"\0asm\x01\0\0\0", "WebAssembly"),
            (b"dex\n035\0", "Android"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Office"),
            (b"{\\rtf1", "RTF"),
            (b"Windows Registry Editor Version 5.00", "script"),
            ("\ufeffWindows Registry Editor".encode("utf-16-le"), "script"),
        ],
    )
    def test_what_could_be_run_or_opened_is_named(self, start: bytes, words: str) -> None:
        finding = check_preamble("DICOM/IM1", armed(start))

        assert finding is not None
        assert (finding.rule, finding.subject) == (POLYGLOT, "DICOM/IM1")
        assert finding.severity is Severity.ERROR
        assert words in finding.message
        assert finding.reference == "PS3.10 7.5"

    def test_what_stands_behind_the_preamble_is_content(self) -> None:
        """An encapsulated PDF, say: it is what the instance is."""
        assert check_preamble("A", DICOM[:200] + b"%PDF-1.4") is None

    @pytest.mark.parametrize("first", [b"", b"MZ", b"MZ" + bytes(200), b"MZ" + bytes(126)])
    def test_without_the_prefix_there_is_no_preamble(self, first: bytes) -> None:
        assert check_preamble("A", first) is None

    @given(st.binary(min_size=128, max_size=128))
    def test_no_preamble_stops_it(self, start: bytes) -> None:
        finding = check_preamble("A", armed(start))

        assert finding is None or finding.rule == POLYGLOT

    def test_the_programs_of_this_machine_would_be_found(self) -> None:
        head = Path(sys.executable).resolve().read_bytes()[:128]

        assert check_preamble("A", armed(head)) is not None

    def test_archives_of_other_programs_would_be_found(self) -> None:
        zipped, tarred = io.BytesIO(), io.BytesIO()
        with zipfile.ZipFile(zipped, "w") as archive:
            archive.writestr("a", "b")
        with tarfile.open(fileobj=tarred, mode="w:gz"):
            pass

        assert check_preamble("A", armed(zipped.getvalue())) is not None
        assert check_preamble("A", armed(tarred.getvalue())) is not None

    def test_no_instance_of_the_corpus_is_taken_for_a_program(self) -> None:
        if not CORPUS.is_dir():
            pytest.skip("no corpus")
        told = {
            path.relative_to(CORPUS)
            for path in CORPUS.rglob("*")
            if path.is_file() and "broken" not in path.parts
            and check_preamble("A", path.read_bytes()[:200]) is not None
        }  # fmt: skip
        assert told == set()


KINDS = [
    ("VIEWER/run.exe", b"MZ\x90\0", LeftKind.PROGRAM),
    ("VIEWER/run", b"\x7fELF\x02", LeftKind.PROGRAM),
    ("setup.msi", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", LeftKind.PROGRAM),
    ("a.js", b"alert(1)", LeftKind.PROGRAM),
    ("a.PS1;1", b"", LeftKind.PROGRAM),
    ("viewer.jar", b"PK\x03\x04\x14\0", LeftKind.PROGRAM),
    ("start.sh", b"#!/bin/sh\n", LeftKind.PROGRAM),
    ("start", b"#!/bin/sh\n", LeftKind.PROGRAM),
    ("AUTORUN.INF", b"[autorun]\r\nopen=x.exe", LeftKind.AUTOSTART),
    ("Autorun.inf;1", b"[AutoRun]", LeftKind.AUTOSTART),
    (".autorun", b"", LeftKind.AUTOSTART),
    ("autorun.sh", b"#!/bin/sh", LeftKind.AUTOSTART),
    ("X/desktop.ini", b"[.ShellClassInfo]", LeftKind.AUTOSTART),
    ("Open me.lnk", b"L\0\0\0\x01\x14\x02\0", LeftKind.AUTOSTART),
    ("site.url", b"[InternetShortcut]\r\n", LeftKind.AUTOSTART),
    ("a.zip", b"PK\x03\x04\x14\0", LeftKind.ARCHIVE),
    ("a.dat", b"7z\xbc\xaf\x27\x1c", LeftKind.ARCHIVE),
    ("a.rar", b"Rar!\x1a\x07\0", LeftKind.ARCHIVE),
    ("a.cab", b"MSCF", LeftKind.ARCHIVE),
    ("a.tar", b"name".ljust(257, b"\0") + b"ustar\0" + b"00", LeftKind.ARCHIVE),
    ("disc.iso", bytes(4096), LeftKind.ARCHIVE),
    ("report.pdf", b"%PDF-1.4", LeftKind.DOCUMENT),
    ("REPORT", b"\r\n%PDF-1.4", LeftKind.DOCUMENT),
    ("README.TXT", b"Made by St. Elsewhere", LeftKind.DOCUMENT),
    ("INDEX.HTM", b"<html><body>", LeftKind.DOCUMENT),
    ("letter.docx", b"PK\x03\x04\x14\0", LeftKind.DOCUMENT),
    ("letter.doc", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", LeftKind.DOCUMENT),
    ("photo.jpg", b"\xff\xd8\xff\xe0", LeftKind.PICTURE),
    ("photo", b"\x89PNG\r\n\x1a\n", LeftKind.PICTURE),
    ("film.avi", b"RIFF\0\0\0\0AVI ", LeftKind.PICTURE),
    ("patients.mdb", b"\0\x01\0\0Standard Jet DB\0", LeftKind.IMAGE_DATABASE),
    ("index", b"SQLite format 3\0", LeftKind.IMAGE_DATABASE),
    ("brain.nii", bytes(344) + b"n+1\0", LeftKind.IMAGE_DATABASE),
    ("scan.PAR", b"# === DATA DESCRIPTION FILE ===", LeftKind.IMAGE_DATABASE),
    (".DS_Store", b"\0\0\0\x01Bud1", LeftKind.SYSTEM),
    ("DICOM/Thumbs.db", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", LeftKind.SYSTEM),
    ("._IM1", b"\0\x05\x16\x07", LeftKind.SYSTEM),
    ("System Volume Information/WPSettings.dat", b"\x0c\0", LeftKind.SYSTEM),
    ("IM1", bytes.fromhex("308006092a864886f70d010703a080"), LeftKind.ENVELOPE),
    ("a.eml", b"From: a@b.c\r\nMIME-Version: 1.0\r\n\r\nhello", LeftKind.MAIL),
    ("message", b"Subject: x\r\nContent-Type: multipart/mixed\r\n\r\n", LeftKind.MAIL),
    ("IM2", b"", LeftKind.EMPTY),
    ("IM3", b"\x01\x02\x03\x04", LeftKind.OTHER),
]


class TestClassify:
    @pytest.mark.parametrize(("path", "first", "kind"), KINDS)
    def test_each_kind_is_told_and_nothing_plain_is_called_disguised(
        self, path: str, first: bytes, kind: LeftKind
    ) -> None:
        left = classify_file(path, first, len(first))

        assert (left.kind, left.disguise) == (kind, "")
        assert left.words

    @pytest.mark.parametrize(
        ("name", "first", "said"),
        [
            ("report.pdf.exe", b"MZ", ".pdf"),
            ("IM0001.dcm.scr", b"", ".dcm"),
            ("photo.jpg                 .exe", b"MZ", "blanks"),
            ("photo.jpg", b"MZ\x90\0", ".jpg"),
            ("IM1.DCM", b"\x7fELF", ".dcm"),
            ("setup.exe.", b"MZ", "dots or blanks"),
            ("setup.exe  ", b"", "dots or blanks"),
            ("photo\u202egpj.exe", b"MZ", "direction"),
            ("photo%202Egpj.exe", b"MZ", "direction"),
            ("report.pdf\u200b.exe", b"MZ", "nobody sees"),
            ("s\u0435tup.exe", b"MZ", "alphabets"),
            ("report.\uff45xe", b"", "look like"),
            ("report\uff0eexe", b"", "look like"),
        ],
    )
    def test_a_name_that_hides_a_program_is_told(self, name: str, first: bytes, said: str) -> None:
        left = classify_file(f"DICOM/{name}", first, 100)

        assert left.kind is LeftKind.PROGRAM
        assert said in left.disguise

    @pytest.mark.parametrize(
        ("name", "suffix"),
        [
            ("a.EXE", "exe"), ("a.exe;1", "exe"), ("a.exe. .", "exe"), ("a.exe:stream", "exe"),
            ("a.jpg:x.exe", "jpg"), ("a", ""), (".bashrc", ""), ("", ""), ("a.", ""),
            ("x." + "y" * 50, ""), ("1.2.840.10008", "10008"),
        ],
    )  # fmt: skip
    def test_the_extension_is_the_one_that_a_system_goes_by(self, name: str, suffix: str) -> None:
        assert suffix_of(name) == suffix

    @pytest.mark.parametrize(
        ("name", "mixed"),
        [
            ("отчёт_v2.pdf", False), ("Δ-wave.txt", False), ("Müller.exe", False),
            ("раypal.exe", True), ("sеtup.exe", True), ("ΑLPHA", True), ("患者_CT.jpg", False),
        ],
    )  # fmt: skip
    def test_only_words_of_two_alphabets_look_alike(self, name: str, mixed: bool) -> None:
        assert has_look_alikes(name) is mixed

    @given(st.text(max_size=40), st.binary(max_size=600))
    def test_nothing_stops_it(self, path: str, first: bytes) -> None:
        left = classify_file(path, first, len(first))

        assert left.path == path

    def test_it_asks_content_before_names(self) -> None:
        assert classify_file("a.txt", b"MZ\x90\0", 10).kind is LeftKind.PROGRAM
        assert classify_file("a.jpg", b"%PDF-1.4", 10).kind is LeftKind.DOCUMENT
        assert classify_file("a.exe", b"\xff\xd8\xff", 10).kind is LeftKind.PROGRAM


def left(
    path: str, kind: LeftKind = LeftKind.OTHER, size: int = 10, disguise: str = ""
) -> LeftFile:
    return LeftFile(path, size, kind, "a thing", disguise)


class TestSummarise:
    def test_a_viewer_is_one_line_however_many_files_it_has(self) -> None:
        files = [
            left("VIEWER/weasis.exe", LeftKind.PROGRAM),
            *(left(f"VIEWER/lib/f{n}.dat") for n in range(213)),
        ]

        (finding,) = summarise_left(files)

        assert (finding.rule, finding.subject) == ("program-left", "VIEWER")
        assert "one viewer program (Weasis) with 214 files" in finding.message
        assert "never started" in finding.message

    @pytest.mark.parametrize(
        ("path", "words"),
        [
            ("RADIANT/RadiAntViewer64.exe", "one viewer program (RadiAnt)"),
            ("DicomViewer.exe", "one viewer program"),
            ("PDI/bin/view.exe", "one viewer program"),
            ("TOOLS/review.exe", "programs:"),
            ("TOOLS/a/b/c/viewer.exe", "programs:"),
            ("SETUP/setup.exe", "programs:"),
        ],
    )
    def test_a_viewer_is_called_one_where_its_name_says_so(self, path: str, words: str) -> None:
        (finding,) = summarise_left([left(path, LeftKind.PROGRAM)])

        assert finding.message.startswith(words)

    def test_the_order_of_the_files_makes_no_difference(self) -> None:
        files = [
            left("V/a.txt", LeftKind.DOCUMENT), left("V/z.exe", LeftKind.PROGRAM),
            left("b.pdf", LeftKind.DOCUMENT), left("W/c.jpg", LeftKind.PICTURE),
        ]  # fmt: skip

        def told(some: list[LeftFile]) -> list[tuple[str, str]]:
            return [(f.rule, f.subject) for f in summarise_left(some)]

        assert told(files) == told(files[::-1])

    def test_documents_beside_the_images_are_told_apart_from_a_program(self) -> None:
        files = [
            left("DICOM/bad/evil.exe", LeftKind.PROGRAM),
            left("DICOM/reports/r.pdf", LeftKind.DOCUMENT),
        ]

        rules = {f.rule for f in summarise_left(files, folders_with_instances={"DICOM"})}

        assert rules == {"program-left", "documents-left"}

    def test_documents_among_a_programs_files_are_counted(self) -> None:
        files = [
            left("CD/run.exe", LeftKind.PROGRAM),
            left("CD/r1.pdf", LeftKind.DOCUMENT),
            left("CD/r2.pdf", LeftKind.DOCUMENT),
        ]

        (finding,) = summarise_left(files)

        assert "with them 2 documents" in finding.message

    def test_what_lies_beside_a_program_in_the_root_is_not_its(self) -> None:
        files = [left("run.exe", LeftKind.PROGRAM), left("report.pdf", LeftKind.DOCUMENT)]

        assert [f.rule for f in summarise_left(files)] == ["program-left", "documents-left"]

    @pytest.mark.parametrize(
        "kind", [LeftKind.ARCHIVE, LeftKind.IMAGE_DATABASE, LeftKind.ENVELOPE, LeftKind.MAIL]
    )
    def test_what_may_hold_instances_asks_for_a_look(self, kind: LeftKind) -> None:
        (finding,) = summarise_left([left("x", kind)])

        assert finding.severity is Severity.WARNING
        assert finding.hint

    def test_nothing_left_is_nothing_to_tell(self) -> None:
        assert summarise_left([]) == []

    def test_whatever_lies_on_it_about_twenty_lines_tell_it_all(self) -> None:
        files = (
            left(f"F{n}/{'x' * 300}{n}", kind, disguise="hidden" if n % 3 else "")
            for n in range(6_000)
            for kind in LeftKind
        )

        findings = summarise_left(files)

        assert len(findings) <= 20
        assert all(len(f.message) < 1000 for f in findings)

    @given(st.lists(st.tuples(
        st.sampled_from(["a", "A/b", "A/B/c", "B/d", "C/e"]), st.sampled_from(list(LeftKind))
    )))  # fmt: skip
    def test_every_file_is_counted_once(self, drawn: list[tuple[str, LeftKind]]) -> None:
        findings = summarise_left(left(path, kind, size=0) for path, kind in drawn)

        counted = 0
        for finding in findings:
            words = finding.message.replace(",", "").split()
            place = next(n for n, word in enumerate(words) if word.startswith("file"))
            if words[place] == "files" and not words[place - 1].isdigit():
                place = next(
                    n for n, word in enumerate(words) if word in {"file", "files"}
                    and words[n - 1].isdigit()
                )  # fmt: skip
            counted += int(words[place - 1])
        assert counted == len(drawn)


class TestNames:
    @pytest.mark.parametrize(
        ("names", "rule", "subject"),
        [
            (["CON"], "device-name", "CON"),
            (["nul.txt"], "device-name", "nul.txt"),
            (["AUX/IM1"], "device-name", "AUX"),
            (["A/COM1/B/IM1"], "device-name", "A/COM1"),
            (["LPT³.dcm"], "device-name", "LPT³.dcm"),
            (["IM1", "im1"], "case-clash", "im1"),
            (["D/IM1", "d/IM1"], "case-clash", "d/IM1"),
            (["Mu\u0308ller", "M\u00fcller"], "case-clash", "M\u00fcller"),
            (["IM1."], "name-ending", "IM1."),
            (["IM1 "], "name-ending", "IM1 "),
            (["x" * 300], "too-long-name", "x" * 200),
            (["a\u200bb"], "hidden-letters", "a\u200bb"),
            (["sсan"], "look-alike-name", "sсan"),
        ],
    )
    def test_each_is_told(self, names: list[str], rule: str, subject: str) -> None:
        findings = check_names(MemoryVolume(dict.fromkeys(names, b"")))

        assert [(f.rule, f.subject) for f in findings] == [(rule, subject)]
        assert findings[0].severity is Severity.WARNING

    @pytest.mark.parametrize(
        "name", ["DICOM/IM1", "CONTRAST", "COM10", "NULL", "a.b", "Röntgen/Знімок.dcm", "患者/画像"]
    )
    def test_good_names_are_not_spoken_of(self, name: str) -> None:
        assert check_names(MemoryVolume({name: b""})) == []

    def test_a_long_path_is_told_though_no_name_is(self) -> None:
        findings = check_names(MemoryVolume({"/".join(["y" * 200] * 6): b""}))

        assert [f.rule for f in findings] == ["too-long-name"]

    def test_what_an_archive_says_itself_is_not_said_twice(self, tmp_path: Path) -> None:
        path = tmp_path / "a.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("IM1", "a")
            archive.writestr("im1", "b")
        with ZipVolume(path) as volume:
            said = [f.rule for f in (*volume.findings, *check_names(volume))]

        assert said == ["case-clash"]

    def test_a_folder_on_disk_is_read_the_same_way(self, tmp_path: Path) -> None:
        (tmp_path / "aux").mkdir()
        (tmp_path / "aux" / "IM1").write_bytes(b"")
        (tmp_path / "IM1").write_bytes(b"")
        (tmp_path / "im1").write_bytes(b"")

        with FolderVolume(tmp_path) as volume:
            assert {f.rule for f in check_names(volume)} == {"device-name", "case-clash"}

    def test_a_hundred_thousand_bad_names_are_a_hundred_lines_and_a_count(self) -> None:
        findings = check_names(MemoryVolume({f"d{n}/CON": b"" for n in range(100_000)}))

        assert len(findings) == 101
        assert "99900 more" in findings[-1].message
