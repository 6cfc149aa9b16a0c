"""What the first bytes of a file, or its name, say that it is: tables, and how they are asked.

Magic numbers as the makers of the formats publish them; a signature says what
another program may take a file for, not that it is a good one of its kind.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from mediastation.reading.file_meta import is_enveloped


class LeftKind(StrEnum):
    """What a file is that is no DICOM and stays on the medium.

    ``program`` is whatever a system or an interpreter runs, ``autostart`` what
    makes one start it unasked. ``image-database`` holds images in another
    format than DICOM. ``system`` is what operating systems leave behind.
    """

    PROGRAM = "program"
    AUTOSTART = "autostart"
    ARCHIVE = "archive"
    DOCUMENT = "document"
    PICTURE = "picture"
    IMAGE_DATABASE = "image-database"
    ENVELOPE = "envelope"
    MAIL = "mail"
    SYSTEM = "system"
    EMPTY = "empty"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Signature:
    """A kind of file, and its name with an article."""

    kind: LeftKind
    words: str


_P, _A, _Z = LeftKind.PROGRAM, LeftKind.AUTOSTART, LeftKind.ARCHIVE
_D, _I, _B = LeftKind.DOCUMENT, LeftKind.PICTURE, LeftKind.IMAGE_DATABASE

_MAGIC: Final[tuple[tuple[int, bytes, LeftKind, str], ...]] = (
    (0, b"MZ", _P, "a program for Windows or DOS"),
    (0, b"ZM", _P, "a program for Windows or DOS"),
    (0, b"\x7fELF", _P, "a program for Linux"),
    (0, b"\xfe\xed\xfa\xce", _P, "a program for macOS"),
    (0, b"\xfe\xed\xfa\xcf", _P, "a program for macOS"),
    (0, b"\xce\xfa\xed\xfe", _P, "a program for macOS"),
    (0, b"\xcf\xfa\xed\xfe", _P, "a program for macOS"),
    (0, b"\xca\xfe\xba\xbe", _P, "a program for macOS or Java"),
    (0, b"\xbe\xba\xfe\xca", _P, "a program for macOS"),
    (0, b"\xca\xfe\xba\xbf", _P, "a program for macOS"),
    (0, b"\xbf\xba\xfe\xca", _P, "a program for macOS"),
    (0, b"\0asm", _P, "a WebAssembly program"),
    (0, b"dex\n", _P, "a program for Android"),
    (0, b"\x1bLua", _P, "a Lua program"),
    (0, b"BC\xc0\xde", _P, "a program in LLVM bitcode"),
    (0, b"L\0\0\0\x01\x14\x02\0", _A, "a Windows shortcut"),
    (0, b"PK\x03\x04", _Z, "a ZIP archive or a Java program"),
    (0, b"PK\x05\x06", _Z, "a ZIP archive"),
    (0, b"PK\x07\x08", _Z, "a ZIP archive"),
    (0, b"Rar!\x1a\x07", _Z, "a RAR archive"),
    (0, b"7z\xbc\xaf\x27\x1c", _Z, "a 7-Zip archive"),
    (0, b"\x1f\x8b", _Z, "a gzip archive"),
    (0, b"\x1f\x9d", _Z, "a compress archive"),
    (0, b"BZh", _Z, "a bzip2 archive"),
    (0, b"\xfd7zXZ\0", _Z, "an xz archive"),
    (0, b"\x28\xb5\x2f\xfd", _Z, "a Zstandard archive"),
    (0, b"\x04\x22\x4d\x18", _Z, "an LZ4 archive"),
    (0, b"MSCF", _Z, "a Windows cabinet"),
    (0, b"ISc(", _Z, "an installer's cabinet"),
    (0, b"MSWIM\0\0\0", _Z, "a Windows image"),
    (0, b"xar!", _Z, "an installer for macOS"),
    (0, b"!<arch>\n", _Z, "an ar archive"),
    (0, b"\xed\xab\xee\xdb", _Z, "an RPM package"),
    (0, b"\x60\xea", _Z, "an ARJ archive"),
    (7, b"**ACE**", _Z, "an ACE archive"),
    (2, b"-lh", _Z, "an LHA archive"),
    (257, b"ustar", _Z, "a tar archive"),
    (0, b"KDMV", _Z, "an image of a disk"),
    (0, b"conectix", _Z, "an image of a disk"),
    (0, b"vhdxfile", _Z, "an image of a disk"),
    (0, b"QFI\xfb", _Z, "an image of a disk"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", _D, "an Office document, which may have macros"),
    (0, b"{\\rtf", _D, "an RTF document"),
    (0, b"%PDF-", _D, "a PDF document"),
    (0, b"%!PS", _D, "a PostScript document"),
    (0, b"ITSF", _D, "a Windows help file"),
    (0, b"\x89PNG\r\n\x1a\n", _I, "a PNG picture"),
    (0, b"\xff\xd8\xff", _I, "a JPEG picture"),
    (0, b"GIF87a", _I, "a GIF picture"),
    (0, b"GIF89a", _I, "a GIF picture"),
    (0, b"II*\0", _I, "a TIFF picture"),
    (0, b"MM\0*", _I, "a TIFF picture"),
    (0, b"II+\0", _I, "a TIFF picture"),
    (0, b"MM\0+", _I, "a TIFF picture"),
    (0, b"\0\0\0\x0cjP  ", _I, "a JPEG 2000 picture"),
    (0, b"\xff\x4f\xff\x51", _I, "a JPEG 2000 picture"),
    (0, b"\0\0\x01\0", _I, "an icon"),
    (0, b"RIFF", _I, "a film, sound or picture"),
    (4, b"ftyp", _I, "a film"),
    (0, b"\0\0\x01\xba", _I, "a film"),
    (0, b"\0\0\x01\xb3", _I, "a film"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", _I, "a film or sound"),
    (0, b"\x1aE\xdf\xa3", _I, "a film"),
    (0, b"OggS", _I, "a film or sound"),
    (4, b"Standard Jet DB", _B, "an Access database"),
    (4, b"Standard ACE DB", _B, "an Access database"),
    (0, b"SQLite format 3\0", _B, "an SQLite database"),
    (344, b"n+1\0", _B, "an image in NIfTI format"),
    (344, b"ni1\0", _B, "an image in NIfTI format"),
    (0, b"NRRD000", _B, "an image in NRRD format"),
    (0, b"ObjectType =", _B, "an image in MetaImage format"),
    (0, b"!INTERFILE", _B, "an image in Interfile format"),
    (0, b"IMGF", _B, "an image in a GE format"),
    (0, b"MATRIX7", _B, "an image in ECAT format"),
    (0, b"\x89HDF\r\n\x1a\n", _B, "data in HDF5 format"),
    (0, b"CDF\x01", _B, "data in NetCDF format"),
    (0, b"# === DATA DESCRIPTION FILE", _B, "an image in a Philips format"),
)
_BY_FIRST: Final = {
    byte: tuple(row for row in _MAGIC if row[0] == 0 and row[1][0] == byte)
    for byte in {row[1][0] for row in _MAGIC if row[0] == 0}
}
_DEEPER: Final = tuple(row for row in _MAGIC if row[0])

_PROGRAM_ENDINGS = {
    "a program for Windows or DOS": "exe com scr pif cpl dll ocx sys drv msi msp msu mst gadget "
    "application appref-ms ax efi",
    "a script": "bat cmd btm ps1 psm1 psd1 ps1xml vbs vbe vb js jse mjs ws wsf wsc wsh hta sct reg "
    "inf ins isp sh bash zsh csh ksh command py pyc pyw pyz pl php rb lua tcl ahk au3 applescript "
    "scpt osascript workflow terminal",
    "a program for Linux": "so run appimage",
    "a program for macOS": "dylib kext",
    "a Java program": "jar jnlp class war",
    "a program for Android": "apk dex",
}
_AUTOSTART_ENDINGS = {
    "a Windows shortcut": "lnk url scf website library-ms search-ms searchconnector-ms theme "
    "settingcontent-ms diagcab",
    "a shortcut": "desktop webloc inetloc fileloc",
}
_OTHER_ENDINGS = {
    (LeftKind.ARCHIVE, "an archive"): "zip rar 7z gz tgz bz2 xz zst tar cab arj lzh lha ace z "
    "rpm deb pkg",
    (LeftKind.ARCHIVE, "an image of a disk"): "iso nrg mds cue dmg vhd vhdx vmdk wim udf ccd toast",
    (LeftKind.DOCUMENT, "an Office document, which may have macros"): "doc docm dot xls xlsm xlsb "
    "ppt pptm pps docx xlsx pptx odt ods odp rtf",
    (LeftKind.DOCUMENT, "a document"): "pdf txt htm html xhtml xml xsl xslt css md chm hlp ps "
    "eps csv json log ini cfg conf properties",
    (LeftKind.PICTURE, "a picture or film"): "jpg jpeg png gif bmp tif tiff ico svg webp avi mpg "
    "mpeg mp4 mov wmv mkv flv wav mp3 ogg m4v",
    (LeftKind.IMAGE_DATABASE, "a database"): "mdb accdb mde db db3 sqlite dbf sdf fdb gdb ldf mdf "
    "ibd frm myd",
    (LeftKind.IMAGE_DATABASE, "an image in another format than DICOM"): "nii nrrd mha mhd mnc par "
    "rec hdr img spr raw",
    (LeftKind.ENVELOPE, "an encrypted envelope"): "p7m p7e p7s gpg pgp asc",
    (LeftKind.MAIL, "an e-mail or a MIME file"): "eml mht mhtml msg mbox",
}
BY_SUFFIX: Final[dict[str, Signature]] = {
    **{
        suffix: Signature(kind, words)
        for (kind, words), suffixes in _OTHER_ENDINGS.items()
        for suffix in suffixes.split()
    },
    **{
        suffix: Signature(LeftKind.AUTOSTART, words)
        for words, suffixes in _AUTOSTART_ENDINGS.items()
        for suffix in suffixes.split()
    },
    **{
        suffix: Signature(LeftKind.PROGRAM, words)
        for words, suffixes in _PROGRAM_ENDINGS.items()
        for suffix in suffixes.split()
    },
}
"""By extension, in small letters: what systems go by who do not look at content."""

_FLASH = re.compile(rb"[FCZ]WS[\x01-\x3f]")
_BITMAP = re.compile(rb"BM.{4}\0\0\0\0.{2}\0\0", re.DOTALL)
_SCRIPT = re.compile(
    rb"#!|<\?php|<%|<script|<job\b|<package\b|<hta:|<scriptlet|@echo|@if |@set|rem[ \t]|::|setlocal"
    rb"|on error resume next|option explicit|dim |set-executionpolicy|<#|windows registry editor"
    rb"|regedit4|javascript:|vbscript:|eval\("
)
_SHORTCUT = re.compile(rb"\[(?:autorun|\.shellclassinfo|internetshortcut|shell|desktop entry)[\].]")
_PAGE = re.compile(rb"<(?:!doctype html|html|head|body|svg|iframe|img|meta|title|!--)\b|<\?xml")
_CODE = re.compile(rb"/\*|//|\(?function\b|(?:var|let|const|import|export|class|def)\s")
_MAIL = re.compile(
    rb"(?:from |[!-9;-~]{1,76}:)[^\0]*?^(?:mime-version|content-type)[ \t]*:", re.MULTILINE
)
_MAIL_BYTES = 4096
_PDF_WITHIN = 1024  # PDF readers look for the header so far into a file

_ANYWHERE: Final = (
    (b"%pdf-", "a PDF document"),
    (b"pk\x03\x04", "a ZIP archive or a Java program"),
    (b"rar!\x1a\x07", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"<?php", "a PHP script"),
    (b"<script", "a web page with a script"),
    (b"<html", "a web page"),
    (b"<!doctype", "a web page"),
    (b"<svg", "a web page"),
    (b"<hta:", "a script"),
)
"""What programs look for wherever it stands, in lower case."""

_HARMLESS_IN_FRONT = frozenset({LeftKind.PICTURE, LeftKind.IMAGE_DATABASE})


def recognise(first: bytes) -> Signature | None:
    """Return what a file that begins with `first` is by its content; None if nothing is known.

    Parameters
    ----------
    first : bytes
        The more, the better; 4,096 are enough for all that is known here.
    """
    if not first:
        return None
    rows = _BY_FIRST.get(first[0], ())
    for offset, magic, kind, words in (*rows, *_DEEPER):
        if first.startswith(magic, offset):
            return Signature(kind, words)
    if _FLASH.match(first):
        return Signature(LeftKind.PROGRAM, "a Flash program")
    if _BITMAP.match(first):
        return Signature(LeftKind.PICTURE, "a Windows bitmap")
    if is_enveloped(first):
        return Signature(LeftKind.ENVELOPE, "an encrypted envelope")
    text = _text(first)
    if _SHORTCUT.match(text):
        return Signature(LeftKind.AUTOSTART, "a shortcut or an autostart file")
    if _SCRIPT.match(text):
        return Signature(LeftKind.PROGRAM, "a script")
    if _PAGE.match(text):
        return Signature(LeftKind.DOCUMENT, "a web page or XML")
    if b"%PDF-" in first[:_PDF_WITHIN]:
        return Signature(LeftKind.DOCUMENT, "a PDF document")
    if _MAIL.match(text[:_MAIL_BYTES]):
        return Signature(LeftKind.MAIL, "an e-mail or a MIME file")
    return None


def disguised_as(preamble: bytes) -> str:
    """Return what else a file with this preamble is, in words; empty if it is nothing known.

    Pictures are no answer: PS3.10 7.1 has the preamble for them. What is
    neither text nor known is not guessed at.
    """
    known = recognise(preamble)
    if known is not None and known.kind not in _HARMLESS_IN_FRONT:
        return known.words
    lower = preamble.lower()
    for mark, words in _ANYWHERE:
        if mark in lower:
            return words
    return "a script" if _CODE.match(_text(preamble)) else ""


def _text(first: bytes) -> bytes:
    """Return how a text begins: in lower case, without byte order mark and leading blanks."""
    if first.startswith((b"\xff\xfe", b"\xfe\xff")):
        order = "utf-16-le" if first.startswith(b"\xff\xfe") else "utf-16-be"
        first = first[2:].decode(order, "replace").encode()
    return first.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n\f\v").lower()
