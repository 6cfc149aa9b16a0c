"""UDF as PS3.12 Annexes J, P and X want it: the volume, and all that it says of itself.

What makes a volume readable at all (checksums, CRCs, tag locations, complete
sequences) is told by the reader. Here stands what the annexes and UDF demand
besides. It is an error where the medium is known to be our own, and a warning
on media of others, many of which break a rule that no reader minds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from mediastation.model.finding import Finding, Severity
from mediastation.reading.random_access import ExtentStream
from mediastation.reading.udf import UdfVolume
from mediastation.reading.udf_recognition import DESCRIPTOR_NAMES
from mediastation.reading.udf_structures import Descriptor, TagId, identifier_of, u16, u32
from mediastation.verify.udf_entry_rules import Fault, check_entries

_REVISIONS = {
    "J": ((0x0150,), (0x0102, 0x0150)),
    "P": ((0x0102, 0x0150, 0x0200, 0x0201), (0x0102, 0x0150, 0x0200, 0x0201)),
    "X": ((0x0250, 0x0260), (0x0250, 0x0260)),
}
"""What a creator may write, and what a reader has to read: PS3.12 J.1.1, P.1.1, X.1.1."""

_NSR03_FROM = 0x0200
_METADATA_FROM = 0x0250
_WITHOUT_METADATA = {2, 3}
"""Access types write-once and rewritable, which UDF 2.50 maps otherwise."""
_CD_BLOCK = 2048
_CHUNK = 1 << 20

# The bytes behind the tag that its CRC covers (ECMA-167 3/10, 4/14.1; UDF 2.2): all of them.
_CRC_LENGTHS = {
    TagId.PRIMARY: 496,
    TagId.ANCHOR: 496,
    TagId.IMPLEMENTATION_USE: 496,
    TagId.PARTITION: 496,
    TagId.TERMINATOR: 496,
    TagId.FILE_SET: 496,
}
_INTEGRITY = "logical volume integrity descriptor"


def check_udf(
    volume: UdfVolume,
    *,
    annex: str,
    strict: bool,
    revision: int = 0,
    file_set: Collection[str] = (),
) -> Iterator[Finding]:
    """Check descriptors, partition maps, names and file entries.

    Parameters
    ----------
    volume : UdfVolume
        Opened; its own findings are not repeated.
    annex : str
        ``"J"``, ``"P"`` or ``"X"``; empty where nobody knows, and then what
        the revision suits.
    strict : bool
        Whether the annex is the law, because the medium is of our own.
    revision : int
        Which of the annex had to be written, such as 0x0250; 0 for any.
    file_set : collection of str
        Paths of the DICOM files, as far as they are known.

    Returns
    -------
    iterator of Finding
        All of one severity. Rules: ``"udf-revision"``, ``"udf-recognition"``,
        ``"udf-tag"``, ``"udf-anchors"``, ``"udf-sequences"``,
        ``"udf-interchange"``, ``"udf-volume-set"``, ``"udf-partition"``,
        ``"udf-file-sets"``, ``"udf-block-size"``, ``"udf-integrity"``,
        ``"udf-mirror"``, ``"udf-bridge"``, and those of `check_entries`.
        `OSError` passes through where the medium cannot be read.
    """
    annex = annex if annex in _REVISIONS else ("X" if volume.revision >= _METADATA_FROM else "P")
    severity = Severity.ERROR if strict else Severity.WARNING
    hint = "strict readers may refuse it; make the disc again" if strict else ""
    for rule, subject, message, source in _faults(volume, annex, strict, revision, file_set):
        reference = source.replace("PS3.12 *", f"PS3.12 {annex}")
        yield Finding(rule, severity, subject, message, hint, reference)


def _faults(
    volume: UdfVolume, annex: str, strict: bool, revision: int, file_set: Collection[str]
) -> Iterator[Fault]:
    yield from _check_revision(volume, annex, strict, revision)
    yield from _check_recognition(volume)
    yield from _check_tags(volume)
    yield from _check_anchors(volume)
    yield from _check_sequences(volume)
    yield from _check_identity(volume)
    yield from _check_maps(volume, annex)
    yield from _check_integrity(volume, strict)
    yield from _check_mirror(volume)
    yield from check_entries(volume, strict=strict, file_set=file_set)


def _check_revision(volume: UdfVolume, annex: str, strict: bool, wanted: int) -> Iterator[Fault]:
    """Check that all who name the revision name one, and that it is one of the annex."""
    found = volume.revision
    creator, reader = _REVISIONS[annex]
    allowed = creator if strict else reader
    if wanted in allowed:
        allowed = (wanted,)
    if found not in allowed:
        listed = " or ".join(map(_shown, allowed))
        yield (
            "udf-revision",
            "logical volume descriptor",
            f"is of UDF {_shown(found)}, must be {listed}",
            "PS3.12 *.1.1",
        )
    stated = [
        (DESCRIPTOR_NAMES[TagId.IMPLEMENTATION_USE], u16(one.raw, 44))
        for one in _information(volume)
    ]
    stated += [("file set descriptor", u16(one.raw, 440)) for one in volume.file_sets]
    table = volume.recognised.logical.raw
    at, end = 440, 440 + u32(table, 264)
    for kind in volume.partition_kinds:
        if at + table[at + 1] > end:
            break
        if kind != "plain":
            stated.append((f"{kind} partition map", u16(table, at + 28)))
        at += table[at + 1]
    for subject, other in dict.fromkeys(stated):
        if other != found:
            message = f"names UDF {_shown(other)}, the logical volume {_shown(found)}"
            yield "udf-revision", subject, message, "UDF 2.1.5.3"


def _check_recognition(volume: UdfVolume) -> Iterator[Fault]:
    """Check the recognition sequence against the revision; ISO 9660 may only come first."""
    wanted = b"NSR03" if volume.revision >= _NSR03_FROM else b"NSR02"
    names = [name for name in volume.recognised.identifiers if name != b"CD001"]
    if names != [b"BEA01", wanted, b"TEA01"]:
        shown = " ".join(name.decode("ascii") for name in names)
        yield (
            "udf-recognition",
            "volume recognition sequence",
            f"is {shown}, must be BEA01 {wanted.decode()} TEA01",
            "ECMA-167 2/8, UDF 2.1.7",
        )


def _check_tags(volume: UdfVolume) -> Iterator[Fault]:
    """Check what readers do not mind in tags: their version, and how much the CRC covers."""
    version = 3 if volume.revision >= _NSR03_FROM else 2
    named = [("anchor volume descriptor pointer", one) for one in volume.recognised.anchors]
    for sequence in volume.recognised.sequences:
        for (identifier, _), one in sequence.found.items():
            named.append((f"{DESCRIPTOR_NAMES[TagId(identifier)]} ({sequence.label})", one))
    named += [("file set descriptor", one) for one in volume.file_sets]
    if volume.integrity is not None:
        named.append((_INTEGRITY, volume.integrity))
    for subject, descriptor in named:
        if descriptor.faults:
            continue
        found = u16(descriptor.raw, 2)
        if found != version:
            message = f"its tag has version {found}, must be {version}"
            yield "udf-tag", subject, message, "ECMA-167 3/7.2.2, UDF 2.2.1"
        wanted, covered = _crc_length(descriptor), u16(descriptor.raw, 10)
        if wanted and covered != wanted:
            message = f"its CRC covers {covered} bytes, must cover {wanted}"
            yield "udf-tag", subject, message, "ECMA-167 3/7.2.7"


def _crc_length(descriptor: Descriptor) -> int:
    """Return the length of all behind the tag; 0 where it is not known."""
    raw = descriptor.raw
    if descriptor.identifier == TagId.LOGICAL_VOLUME:
        return 424 + u32(raw, 264)
    if descriptor.identifier == TagId.UNALLOCATED_SPACE:
        return 8 + 8 * u32(raw, 20)
    if descriptor.identifier == TagId.INTEGRITY:
        return 64 + 8 * u32(raw, 72) + u32(raw, 76)
    return _CRC_LENGTHS.get(TagId(descriptor.identifier), 0)


def _check_anchors(volume: UdfVolume) -> Iterator[Fault]:
    if len({anchor.raw[16:32] for anchor in volume.recognised.anchors}) > 1:
        message = "do not all name the same volume descriptor sequences"
        yield "udf-anchors", "anchor volume descriptor pointers", message, "UDF 2.2.3"


def _check_sequences(volume: UdfVolume) -> Iterator[Fault]:
    """Compare what prevails in main and reserve sequence, all but where it lies."""
    by_label: dict[str, dict[tuple[int, int], Descriptor]] = {}
    for sequence in volume.recognised.sequences:
        by_label.setdefault(sequence.label, sequence.found)
    main, reserve = by_label.get("main", {}), by_label.get("reserve", {})
    if not main or not reserve:
        return  # the reader has told it
    for key in dict.fromkeys((*main, *reserve)):
        one, other = main.get(key), reserve.get(key)
        name = DESCRIPTOR_NAMES[TagId(key[0])]
        if one is None or other is None:
            where = "reserve" if one is None else "main"
            message = f"is in the {where} volume descriptor sequence only"
        elif not one.faults and not other.faults and _body(one) != _body(other):
            message = "differs between main and reserve volume descriptor sequence"
        else:
            continue
        yield "udf-sequences", name, message, "ECMA-167 3/8.4.2, UDF 2.2"
    if not any(_information(volume)):
        name = DESCRIPTOR_NAMES[TagId.IMPLEMENTATION_USE]
        yield "udf-sequences", name, "there is none of *UDF LV Info", "UDF 2.2.7"


def _body(descriptor: Descriptor) -> bytes:
    return descriptor.raw[:4] + descriptor.raw[8:12] + descriptor.raw[16:]


def _check_identity(volume: UdfVolume) -> Iterator[Fault]:
    """Check that it is one volume with one File Set, and which interchange levels it claims."""
    primary = volume.recognised.primary
    if primary is not None:
        subject = DESCRIPTOR_NAMES[TagId.PRIMARY]
        levels = u16(primary.raw, 60), u16(primary.raw, 62)
        if levels != (2, 2):
            yield (
                "udf-interchange",
                subject,
                f"interchange level and maximum are {levels[0]} and {levels[1]}, must be 2",
                "PS3.12 *.2.1.1",
            )
        if (u16(primary.raw, 56), u16(primary.raw, 58)) != (1, 1):
            message = (
                f"is volume {u16(primary.raw, 56)} of at most {u16(primary.raw, 58)}, "
                "must be the only one"
            )
            yield "udf-volume-set", subject, message, "PS3.12 *.1.2"
    for one in volume.file_sets:
        levels = u16(one.raw, 28), u16(one.raw, 30)
        if levels != (3, 3):
            yield (
                "udf-interchange",
                "file set descriptor",
                f"interchange level and maximum are {levels[0]} and {levels[1]}, must be 3",
                "UDF 2.3.2",
            )
    numbers = {u32(one.raw, 40) for one in volume.file_sets}
    if len(numbers) > 1:
        message = f"there are {len(numbers)} file sets, must be one"
        yield "udf-file-sets", "file set descriptor sequence", message, "PS3.12 *.1.2"
    if volume.block_size != _CD_BLOCK:
        message = f"its blocks have {volume.block_size} bytes, those of a disc {_CD_BLOCK}"
        yield "udf-block-size", "logical volume descriptor", message, "UDF 2.2.4.2"


def _check_maps(volume: UdfVolume, annex: str) -> Iterator[Fault]:
    """Check that one partition is there, mapped as the annex lets it be."""
    subject, kinds = "partition maps", volume.partition_kinds
    partitions = len(volume.recognised.partitions)
    if partitions != 1:
        yield "udf-partition", subject, f"there are {partitions} partitions", "PS3.12 *.1.2"
    if annex != "P":
        for kind in ("virtual", "sparable"):
            if kind in kinds:
                message = f"there is a {kind} partition, which must not be written"
                yield "udf-partition", subject, message, "PS3.12 *.2.1"
    has_metadata = "metadata" in kinds
    access = {u32(one.raw, 184) for one in volume.recognised.partitions.values()}
    needed = volume.revision >= _METADATA_FROM and not access & _WITHOUT_METADATA
    if has_metadata != needed:
        message = f"UDF {_shown(volume.revision)} {'without' if not has_metadata else 'with'}"
        yield "udf-partition", subject, f"{message} a metadata partition", "UDF 2.2.10"
    if annex == "X" and volume.has_iso9660:
        message = "ISO 9660 lies beside UDF, which is no format of this medium"
        yield "udf-bridge", volume.name, message, "PS3.12 X.1.2"


def _check_integrity(volume: UdfVolume, strict: bool) -> Iterator[Fault]:
    """Check that the volume is closed, and which revisions it asks readers and writers for."""
    found = volume.integrity
    if found is None or found.faults:
        return
    raw = found.raw
    if strict and u32(raw, 28) != 1:
        yield "udf-integrity", _INTEGRITY, "the volume was not closed", "UDF 2.2.6.2"
    maps = u32(raw, 72)
    use = 80 + 8 * maps
    if maps != len(volume.partition_kinds) or use + 46 > len(raw) or u32(raw, 76) < 46:
        message = f"tells of {maps} partitions, there are {len(volume.partition_kinds)} maps"
        yield "udf-integrity", _INTEGRITY, message, "ECMA-167 3/10.10, UDF 2.2.6.4"
        return
    least, write, most = u16(raw, use + 40), u16(raw, use + 42), u16(raw, use + 44)
    # Whoever reads 2.50 reads 2.60, unless it is pseudo-overwritable: Linux goes by this number.
    readable = min(volume.revision, _METADATA_FROM)
    if least > readable or max(write, most) > volume.revision:
        message = (
            f"asks for UDF {_shown(least)} to read and {_shown(write)} to {_shown(most)} to write, "
            f"the volume is {_shown(volume.revision)}"
        )
        yield "udf-integrity", _INTEGRITY, message, "UDF 2.2.6.4"
    length = u32(raw, 80 + 4 * maps)
    partitions = volume.recognised.partitions
    if volume.partition_kinds[:1] == ("plain",) and len(partitions) == 1:
        (partition,) = partitions.values()
        if length != u32(partition.raw, 192):
            message = f"tells of {length} blocks, the partition has {u32(partition.raw, 192)}"
            yield "udf-integrity", _INTEGRITY, message, "ECMA-167 3/10.10.7"


def _check_mirror(volume: UdfVolume) -> Iterator[Fault]:
    """Compare the Metadata File with its mirror, where that has blocks of its own."""
    if len(volume.metadata_copies) < 2:
        return
    one, other = volume.metadata_copies[:2]
    if one == other:
        return
    sizes = [sum(extent.length for extent in copy) for copy in (one, other)]
    if sizes[0] != sizes[1]:
        message = f"has {sizes[1]} bytes, the metadata file {sizes[0]}"
        yield "udf-mirror", "metadata mirror file", message, "UDF 2.2.13"
        return
    streams = [ExtentStream(volume.read_at, copy, sizes[0]) for copy in (one, other)]
    for start in range(0, sizes[0], _CHUNK):
        pieces = []
        for stream in streams:
            piece = b""
            while len(piece) < _CHUNK and (more := stream.read(_CHUNK - len(piece))):
                piece += more
            pieces.append(piece)
        if pieces[0] != pieces[1]:
            block = start // volume.block_size + _first_difference(*pieces) // volume.block_size
            message = f"differs from the metadata file at block {block}"
            yield "udf-mirror", "metadata mirror file", message, "UDF 2.2.13"
            return


def _first_difference(one: bytes, other: bytes) -> int:
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[:middle] == other[:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _information(volume: UdfVolume) -> Iterator[Descriptor]:
    """Yield what UDF has to say of the logical volume, from each sequence."""
    for sequence in volume.recognised.sequences:
        found = sequence.found.get((TagId.IMPLEMENTATION_USE, 0))
        if found is not None and identifier_of(found.raw[20:52]) == b"*UDF LV Info":
            yield found


def _shown(revision: int) -> str:
    return f"{revision >> 8:x}.{revision & 0xFF:02x}"
