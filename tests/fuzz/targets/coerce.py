"""Outside instances put under an identity of this site, proved, and compared with the old."""

from __future__ import annotations

import tempfile
from pathlib import Path
from random import Random

from mediastation.dicom.attribute_differences import compare_attributes
from mediastation.dicom.coerce import CannotCoerce, coerce_file
from mediastation.dicom.coerce_check import check_coerced
from mediastation.dicom.header import NotDicom, read_header
from mediastation.dicom.pixel_comparison import same_pixels, shows_nothing
from mediastation.importing.quarantine import disarm
from mediastation.importing.reconcile_plan import plan_coercion
from mediastation.model.file_meta import PREAMBLE_BYTES
from tests.fuzz.mutation import havoc
from tests.fuzz.oracles import require, require_findings, require_harmless
from tests.fuzz.targets.data_set import mutate_file
from tests.fuzz.targets.objects import encoded_objects
from tests.support.coercing import MOMENT, ORDER, SITE, candidate

IN_MEMORY = Path("/dev/shm")  # noqa: S108 - files that are synced a hundred times a second
_PATIENT_ID = 0x00100020


class CoerceTarget:
    """What an import does with an instance: compares, disarms, coerces, proves."""

    name = "coerce"
    roots: tuple[str, ...] = (
        "dicom/coerce", "dicom/attribute_diff", "dicom/pixel_comp", "dicom/pixel_key.py",
        "dicom/inflate.py", "dicom/walk.py", "importing/reconcile_plan.py", "model/coercion.py",
    )  # fmt: skip
    most_bytes = 1 << 15

    def seeds(self, folder: Path | None) -> list[bytes]:  # noqa: ARG002 - no program is needed
        """Images in every encoding."""
        return encoded_objects()

    def mutate(self, rng: Random, data: bytes, other: bytes) -> bytes:
        """Spoil the tree of the data set, seldom the bytes."""
        if rng.random() < 0.05:
            raw = bytearray(data)
            havoc(rng, raw, self.most_bytes, other)
            return bytes(raw)
        return mutate_file(rng, data, self.most_bytes)

    def run(self, data: bytes) -> set[str]:
        """Do all of it in a folder of its own."""
        place = IN_MEMORY if IN_MEMORY.is_dir() else None
        with tempfile.TemporaryDirectory(prefix="mediastation-fuzz-", dir=place) as folder:
            source = Path(folder) / "original"
            source.write_bytes(data)
            return _compare(source, data) | _coerce(source)


def _compare(source: Path, data: bytes) -> set[str]:
    said = {f"nothing {shows_nothing(source)}"}
    require(compare_attributes(source, source).number == 0, "a file differs from itself")
    disarmed = source.with_name("disarmed")
    try:
        disarm(source, disarmed)
    except ValueError:
        require(data[PREAMBLE_BYTES : PREAMBLE_BYTES + 4] != b"DICM", "no preamble is seen")
        return said
    require(disarmed.read_bytes() == bytes(PREAMBLE_BYTES) + data[PREAMBLE_BYTES:], "disarmed more")
    return said


def _coerce(source: Path) -> set[str]:
    try:
        header = read_header(source)
    except NotDicom:
        return {"no DICOM"}
    order = ORDER if len(header.sop_instance_uid) % 2 else None
    coercion = plan_coercion(header, candidate(order=order), SITE, MOMENT)
    said = require_findings(coercion.findings)
    copy = source.with_name("copy")
    try:
        coerced = coerce_file(source, copy, header, coercion)
    except CannotCoerce as fault:
        require(not copy.exists(), "a refused copy is left behind")
        return said | require_findings([fault.finding])
    said |= require_findings(coerced.findings)
    faults = check_coerced(source, copy, coercion)
    require(not faults, f"a copy cannot be proved: {faults}")
    again = read_header(copy)
    require(again.sop_instance_uid == header.sop_instance_uid, "another instance came out")
    require(again.transfer_syntax_uid == header.transfer_syntax_uid, "another encoding came out")
    require(again.pixels is header.pixels, "other pixels came out")
    stated = again.elements.get(_PATIENT_ID)
    require(stated is not None and bool(stated.value.strip()), "no patient came out")
    same = same_pixels(source, source)  # those that are cut short equal nothing
    require(same_pixels(source, copy) is same, "the pixels are not the same")
    differences = compare_attributes(source, copy)
    for one in differences.shown:
        require_harmless(f"{one.name} {one.one} {one.other}", "difference")
    said.add(f"differences {differences.number > 0} {bool(differences.unread)}")
    return said
