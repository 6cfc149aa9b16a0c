"""Preparing corpus files in tests, and looking at the result with pydicom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pydicom
from pydicom.dataelem import RawDataElement
from pydicom.sequence import Sequence

from mediastation.dicom.header import read_header
from mediastation.dicom.prepare import Prepared, prepare_instance


def prepared(source: Path, folder: Path, **options: object) -> tuple[Path, Prepared]:
    """Prepare `source` into `folder`; the copy's path and what was said of it.

    Where the instance has no valid UIDs, it gets some in its header, so that
    its pixels can be looked at all the same.
    """
    output = folder / "PREPARED"
    header = read_header(source)
    if options.pop("any_uid", False):
        header = replace(header, sop_class_uid="1.2.3", sop_instance_uid="1.2.3.4")
    return output, prepare_instance(source, output, header, **options)  # type: ignore[arg-type]


def raw_values(
    source: pydicom.Dataset, copy: pydicom.Dataset
) -> Iterator[tuple[str, bytes, bytes]]:
    """Yield name and undecoded value of every element that either data set has, items included.

    Empty bytes stand for an element that only the other one has; whether it
    is a sequence is read off the copy, whose VRs are explicit.
    """
    for tag in sorted({*source.keys(), *copy.keys()}):
        name = str(tag)
        if tag not in source or tag not in copy:
            yield name, *(b"present" if tag in ds else b"" for ds in (source, copy))
            continue
        theirs, ours = source.get_item(tag), copy.get_item(tag)
        if ours.VR == "SQ":
            pairs = zip(source[tag].value, copy[tag].value, strict=True)
            for number, (one, other) in enumerate(pairs):
                for path, *values in raw_values(one, other):
                    yield f"{name}[{number}]{path}", *values  # type: ignore[misc]
            continue
        if isinstance(theirs.value, Sequence):  # UN of undefined length, kept as it was
            continue
        if isinstance(theirs, RawDataElement) and isinstance(ours, RawDataElement):
            yield name, bytes(theirs.value or b""), bytes(ours.value or b"")
        else:  # pydicom decodes a few by itself: empty ones, character sets, Pixel Representation
            yield name, *(str(ds[tag].value).encode() for ds in (source, copy))
