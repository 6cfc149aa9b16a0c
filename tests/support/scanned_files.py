"""What a scan finds on a medium, read by pydicom and held in memory."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from mediastation.model.identity import PatientIdentity
from mediastation.model.importing import ArrivedFile

MEDIA_STORAGE_DIRECTORY = "1.2.840.10008.1.3.10"


class ScannedFiles:
    """The instances of a medium, and the files that say that they are directories."""

    def __init__(self, files: Iterable[ArrivedFile], directories: Iterable[str] = ()) -> None:
        self.directories = tuple(directories)
        self._files = {file.path: file for file in sorted(files, key=lambda file: file.path)}

    @classmethod
    def of(cls, contents: Mapping[str, bytes]) -> ScannedFiles:
        """Read each file; what is no DICOM object with a SOP Instance UID is no instance."""
        found, directories = [], []
        for path, content in contents.items():
            try:
                ds = dcmread(io.BytesIO(content), stop_before_pixels=True)
            except InvalidDicomError:
                continue
            if ds.file_meta.get("MediaStorageSOPClassUID") == MEDIA_STORAGE_DIRECTORY:
                directories.append(path)
            elif "SOPInstanceUID" in ds:
                found.append(arrived(path, ds, len(content)))
        return cls(found, directories)

    def by_path(self, path: str) -> ArrivedFile | None:
        """Return the instance at `path`."""
        return self._files.get(path)

    def by_uid(self, sop_instance_uid: str) -> Sequence[ArrivedFile]:
        """Return the instances with this UID."""
        return [file for file in self if file.sop_instance_uid == sop_instance_uid]

    def __iter__(self) -> Iterator[ArrivedFile]:
        return iter(self._files.values())

    def __len__(self) -> int:
        return len(self._files)


def arrived(path: str, ds: Dataset, size_bytes: int = 0) -> ArrivedFile:
    """Return what the scan keeps of an instance; digests are left empty."""
    who = (ds.get(name) for name in ("PatientID", "IssuerOfPatientID", "PatientName",
                                     "PatientBirthDate", "PatientSex"))  # fmt: skip
    return ArrivedFile(
        path,
        size_bytes,
        "",
        "",
        "",
        str(ds.get("SOPClassUID") or ""),
        str(ds.SOPInstanceUID),
        str(ds.file_meta.get("TransferSyntaxUID") or ""),
        str(ds.get("StudyInstanceUID") or ""),
        str(ds.get("SeriesInstanceUID") or ""),
        PatientIdentity(*(str(value or "") for value in who)),
    )


def contents_of(root: Path) -> dict[str, bytes]:
    """Return the files below a folder by their paths."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }
