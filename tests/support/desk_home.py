"""A station's home with a few generated patients, made once and copied for each test."""

from __future__ import annotations

import io
import shutil
import threading
from pathlib import Path

from pydicom import dcmread

from benchmarks.generate import iter_series
from mediastation.catalog.listing import list_rows
from mediastation.station.gather import add
from mediastation.station.serving.worker import Worker
from mediastation.station.station import Station

JANE, JAYNE, TARO, TWIN = "DOE^JANE", "DOE^JAYNE", "山田^太郎", "ROE^ANN"
_PEOPLE = (
    (JANE, "4711", "19500101"),
    (JAYNE, "4711", "19500101"),
    (TARO, "99", "19630412"),
    (TWIN, "A-1", "19700203"),
    (TWIN, "A-2", "19700203"),
)


def make_home(folder: Path, instances: int = 3) -> Path:
    """Fill a home: JANE and JAYNE share a Patient ID, TWIN has two of them, TARO is alone."""
    source = folder / "source"
    source.mkdir(parents=True)
    for number, (name, patient_id, born) in enumerate(_PEOPLE, start=1):
        files = iter_series(instances, 16, series=str(number), patient_id=f"B{number}")
        for index, content in enumerate(files):
            ds = dcmread(io.BytesIO(content))
            ds.SpecificCharacterSet = "ISO_IR 192"
            ds.PatientName, ds.PatientID, ds.PatientBirthDate = name, patient_id, born
            ds.save_as(source / f"IM{number}{index:04d}")
    home = folder / "home"
    with Station(home) as station:
        add(station, [str(source)])
    return home


def copy_home(home: Path, to: Path) -> Path:
    """Return a copy of a home that nobody has open."""
    shutil.copytree(home, to)
    return to


def study_of(home: Path, name: str, patient_id: str = "") -> str:
    """Return ``study:UID`` of the patient of that name."""
    with Station(home) as station:
        (found,) = [
            row["study_instance_uid"]
            for row in list_rows(station.catalog, "studies")
            if row["patient_name"] == name and patient_id in ("", row["patient_id"])
        ]
    return f"study:{found}"


def work_off(home: Path) -> None:
    """Let a worker do all that is queued, in a thread as `serve` would in a process."""
    thread = threading.Thread(target=Worker(home, threading.Event(), idle_s=0).run)
    thread.start()
    thread.join()
