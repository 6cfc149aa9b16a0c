"""A study whose date nothing tells is dated in the DICOMDIR, which has to be, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from mediastation.station.clock import Clock, read_timestamp
from mediastation.station.exporting.export import export
from mediastation.station.exporting.request import ExportRequest
from mediastation.station.station import Station
from mediastation.station.updating.request import UpdateRequest
from mediastation.station.updating.update import update
from tests.support.objects import write_ct
from tests.support.pdf import pdf_text
from tests.support.unpacking import unpacked

TODAY = "2026-11-23"


@pytest.mark.parametrize(("dated", "told"), [(None, "No date: Thorax"), (TODAY, TODAY)])
def test_the_day_of_writing_does_not_pass_for_the_day_of_a_study(
    tmp_path: Path, dated: str | None, told: str
) -> None:
    day = dated and dated.replace("-", "")
    write_ct(tmp_path / "in" / "new", StudyDate=day, StudyTime=dated and "101500")
    write_ct(
        tmp_path / "in" / "old",
        StudyDate="20200301",
        StudyInstanceUID="1.2.4",
        SeriesInstanceUID="1.2.4.1",
        SOPInstanceUID="1.2.4.1.1",
    )
    clock = Clock(read_timestamp(f"{TODAY}T12:00:00Z"))
    with Station(tmp_path / "home", clock) as station:
        result = export(
            station, ExportRequest((str(tmp_path / "in"),), "STD-GEN-CD", tmp_path / "out.iso")
        )
        folder = station.job_folder(result.job)

    assert result.stopped == ""
    page = (unpacked(tmp_path / "out.iso", tmp_path / "root") / "INDEX.HTM").read_text("utf-8")
    assert told in page
    assert (f"<h3>{TODAY}" in page) is bool(dated)
    label = pdf_text(folder / "label.pdf")
    assert "2020-03-01" in label
    assert (f"Studies of {TODAY}" in label) is bool(dated)
    assert ("no date" in pdf_text(folder / "cover.pdf")) is not bool(dated)
    assert b"20261123" in (folder / "DICOMDIR").read_bytes()


def test_an_update_still_tells_no_date_for_what_stays_and_what_comes(tmp_path: Path) -> None:
    write_ct(tmp_path / "in" / "new", StudyDate=None, StudyTime=None)
    write_ct(
        tmp_path / "more" / "other",
        StudyDate=None,
        StudyTime=None,
        StudyInstanceUID="1.2.4",
        SeriesInstanceUID="1.2.4.1",
        SOPInstanceUID="1.2.4.1.1",
    )
    first, second, third = (tmp_path / name for name in ("1.iso", "2.iso", "3.iso"))
    clock = Clock(read_timestamp(f"{TODAY}T12:00:00Z"))
    with Station(tmp_path / "home", clock) as station:
        assert not export(
            station, ExportRequest((str(tmp_path / "in"),), "STD-GEN-CD", first)
        ).stopped
        more = UpdateRequest(first, second, add=(str(tmp_path / "more"),))
        assert not update(station, more).stopped
        fewer = UpdateRequest(second, third, remove=("1.2.4.1.1",))
        last = update(station, fewer)
        label = pdf_text(station.job_folder(last.job) / "label.pdf")

    assert not last.stopped
    for medium, undated in ((second, 2), (third, 1)):
        page = unpacked(medium, tmp_path / medium.stem) / "INDEX.HTM"
        assert page.read_text("utf-8").count("No date: ") == undated
        assert f"<h3>{TODAY}" not in page.read_text("utf-8")
    assert f"Studies of {TODAY}" not in label
