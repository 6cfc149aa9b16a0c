"""Instances that lie on an outside medium, as its scan found them, without a medium."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mediastation.catalog.catalog import Catalog
from mediastation.catalog.intake import Intake
from mediastation.catalog.staging import digest_file
from mediastation.conformance.identity import comparable_text, patient_identity
from mediastation.dicom.header import read_header
from mediastation.dicom.pixel_key import pixel_key_of
from mediastation.importing.compare import iter_standings
from mediastation.importing.comparison import Comparison
from mediastation.importing.look import OutsideError
from mediastation.model.entry import Source
from mediastation.model.importing import ArrivedFile


def arrival(path: Path, root: Path | None = None) -> ArrivedFile:
    """Return one file as an arriving instance; its path is relative to `root`, if that is given."""
    header = read_header(path)
    sha256, data_sha256, size_bytes = digest_file(path, header.dataset_offset)
    return ArrivedFile(
        path=str(path.relative_to(root) if root else path),
        size_bytes=size_bytes,
        sha256=sha256,
        data_sha256=data_sha256,
        pixel_key=pixel_key_of(path, header),
        sop_class_uid=header.sop_class_uid,
        sop_instance_uid=header.sop_instance_uid,
        transfer_syntax_uid=header.transfer_syntax_uid,
        study_instance_uid=comparable_text(header, 0x0020000D),
        series_instance_uid=comparable_text(header, 0x0020000E),
        identity=patient_identity(header),
    )


class Lender:
    """Lends files from where they lie, counts them, and fails where it was told to."""

    def __init__(self, *failing: str) -> None:
        self.lent: list[str] = []
        self.failing = failing

    @contextmanager
    def __call__(self, arrived: ArrivedFile) -> Iterator[Path]:
        if arrived.path in self.failing:
            raise OutsideError("Input/output error")
        self.lent.append(arrived.path)
        yield Path(arrived.path)


def compared(
    catalog: Catalog, tmp_path: Path, *paths: Path, lender: Lender | None = None
) -> list[Comparison]:
    """Return how files stand that come on one medium, in their order."""
    arrivals = [arrival(path) for path in paths]
    standings = iter_standings(catalog, arrivals, lender or Lender(), tmp_path / "scratch")
    return [comparison for _, comparison in standings]


def keep(catalog: Catalog, path: Path) -> int:
    """Take a copy of a file into the catalog; return its entry."""
    with Intake(catalog) as intake:
        copy = intake.new_path()
        copy.write_bytes(path.read_bytes())
        return intake.keep(copy, Source("medium", f"older disc:{path.name}")).entry_id
