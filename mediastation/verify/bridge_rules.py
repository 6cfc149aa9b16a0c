"""Discs with UDF and ISO 9660: both have to show the same files (PS3.12 J.1.2, P.1.2).

Whoever reads one side must not get another set than the reader of the other.
"""

from __future__ import annotations

from collections.abc import Iterator

from mediastation.model.finding import Finding, Severity
from mediastation.reading.contract import Extent, VolumeFile
from mediastation.reading.iso9660 import IsoVolume
from mediastation.reading.names import folded
from mediastation.reading.udf import UdfVolume
from mediastation.verify.personas import joined

RULE = "bridge-differs"
_REFERENCE = "PS3.12 P.1.2"
_HINT = "readers of the two sides get different files: do not hand it out"


def check_bridge(udf: UdfVolume, iso: IsoVolume, *, strict: bool) -> Iterator[Finding]:
    """Compare the files of both sides: names, lengths and where they lie.

    Parameters
    ----------
    udf, iso : UdfVolume, IsoVolume
        The two sides, opened; neither side's own findings are repeated.
    strict : bool
        Whether the medium is our own, so that everything has to be equal. On
        media of others a file may have another name on each side, as programs
        that cut long names do, as long as one and the same bytes bear both.

    Returns
    -------
    iterator of Finding
        Rule ``"bridge-differs"``: errors if `strict`, and on anybody's medium
        where one name leads to files of different length; else warnings.
    """
    severity = Severity.ERROR if strict else Severity.WARNING
    ours, theirs = _by_name(udf, strict), _by_name(iso, strict)
    places: set[tuple[Extent, ...]] = set()
    if not strict:
        places = {joined(file) for file in (*ours.values(), *theirs.values()) if file.size_bytes}
        places &= {joined(file) for file in ours.values()}
        places &= {joined(file) for file in theirs.values()}
    for name, file in ours.items():
        other = theirs.get(name)
        if other is None:
            if joined(file) not in places:
                yield _finding(severity, file, "lies on the UDF side only")
        elif file.size_bytes != other.size_bytes:
            sizes = f"{file.size_bytes} bytes in UDF, {other.size_bytes} in ISO 9660"
            yield _finding(Severity.ERROR, file, f"has {sizes}")
        elif joined(file) != joined(other):
            yield _finding(severity, file, "lies elsewhere for UDF than for ISO 9660")
    for name, file in theirs.items():
        if name not in ours and joined(file) not in places:
            yield _finding(severity, file, "lies on the ISO 9660 side only")


def _by_name(volume: UdfVolume | IsoVolume, strict: bool) -> dict[str, VolumeFile]:
    return {
        file.path if strict else "/".join(map(folded, file.path.split("/"))): file
        for file in volume.iter_files()
    }


def _finding(severity: Severity, file: VolumeFile, message: str) -> Finding:
    return Finding(RULE, severity, file.path, message, _HINT, _REFERENCE)
