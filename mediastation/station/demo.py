"""The demo: one patient's test images over the network, onto a disc image, and proved."""

from __future__ import annotations

import threading
from pathlib import Path
from queue import Empty, Queue

from pydicom.data import get_testdata_file

from mediastation.errors import MediastationError, NetworkError
from mediastation.model.event import Listener, StepDone, StepProgress, StepStarted, nobody
from mediastation.network.storage_scu import SentInstance, send_files
from mediastation.station.exporting.export import export
from mediastation.station.exporting.request import ExportRequest, ExportResult
from mediastation.station.keeping import rebuild_index
from mediastation.station.serving.serve import serve
from mediastation.station.station import Station

PATIENT_ID = "98890234"
PROFILE = "STD-GEN-CD"
_FOLDER = "dicomdirtests"
_STUDIES = ("98892001", "98892003")
_READY_TIMEOUT_S = 60


def demo_files() -> list[Path]:
    """Return one patient's instances of pydicom's test files, which its wheel carries."""
    directory = get_testdata_file(f"{_FOLDER}/DICOMDIR", download=False)
    if not isinstance(directory, str):
        raise MediastationError("pydicom's test files are not installed.", "Reinstall pydicom.")
    return sorted(
        path
        for top in _STUDIES
        for path in (Path(directory).parent / top).rglob("*")
        if path.is_file()
    )


def demo(station: Station, output: Path | None = None, listener: Listener = nobody) -> ExportResult:
    """Run receive, check, prepare, File-set, image and reread on loopback; see `export`."""
    files = demo_files()
    if not station.catalog.index_is_current:
        rebuild_index(station, listener)  # of an older Mediastation; the export would refuse it
    _receive(station, files, listener)
    image = output or station.home / "demo.iso"
    request = ExportRequest((f"patient:{PATIENT_ID}",), PROFILE, image)
    return export(station, request, listener)


def _receive(station: Station, files: list[Path], listener: Listener) -> None:
    """Send `files` to a Storage SCP of this station over loopback."""
    stop, ready = threading.Event(), Queue[tuple[str, int] | BaseException]()

    def run() -> None:
        try:
            serve(
                station,
                stop=stop,
                on_ready=lambda address, port: ready.put((address, port)),
                bind="127.0.0.1",
                port=0,
            )
        except MediastationError as fault:
            ready.put(fault)

    server = threading.Thread(target=run, name="demo-scp")
    server.start()
    try:
        try:
            answer = ready.get(timeout=_READY_TIMEOUT_S)
        except Empty:
            raise NetworkError(
                f"The receiver did not start within {_READY_TIMEOUT_S} seconds.", "Try again."
            ) from None
        if isinstance(answer, BaseException):
            raise answer
        listener(StepStarted("receive", len(files), "instances"))
        sent = 0

        def progress(_: SentInstance) -> None:
            nonlocal sent
            sent += 1
            listener(StepProgress("receive", sent, len(files)))

        report = send_files(
            *answer,
            files,
            calling_ae="DEMO",
            called_ae=station.settings.aet,
            progress=progress,
        )
        if report.refused:
            raise NetworkError(
                f"{len(report.refused)} of {len(files)} instances were not taken.",
                "The log above says why.",
            )
        summary = f"{report.stored:,} instances over DICOM from {answer[0]}:{answer[1]}"
        listener(StepDone("receive", summary))
    finally:
        stop.set()
        server.join()
