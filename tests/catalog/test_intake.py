"""The door into the catalog: what is kept, recognised, told apart, and cleaned up."""

from __future__ import annotations

import errno
import hashlib
import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from mediastation.catalog import intake as intake_module
from mediastation.catalog.catalog import Catalog
from mediastation.catalog.intake import Intake
from mediastation.catalog.listing import list_rows
from mediastation.catalog.selection import find_prepared
from mediastation.catalog.upkeep import recover
from mediastation.dicom.header import NotDicom
from mediastation.errors import MediaError
from mediastation.model.entry import Kept, Outcome, Source
from mediastation.model.finding import Finding
from tests.support.objects import write_ct

SOURCE = Source("folder", "/outside")


def keep(intake: Intake, **facts: object) -> Kept:
    return intake.keep(write_ct(intake.new_path(), **facts), SOURCE)


def stored_files(catalog: Catalog) -> list[Path]:
    return [path for path in (catalog.home / "store").rglob("*") if path.is_file()]


def test_a_file_is_kept_byte_for_byte_and_its_folder_is_private(catalog: Catalog) -> None:
    with Intake(catalog) as intake:
        path = write_ct(intake.new_path(), preamble=b"MZ")
        content = path.read_bytes()
        kept = intake.keep(path, SOURCE)

    assert kept.outcome is Outcome.ADDED
    (stored,) = stored_files(catalog)
    assert stored.read_bytes() == content
    for folder in (catalog.home, *catalog.home.rglob("*")):
        assert folder.stat().st_mode & 0o077 == 0, folder


def test_one_data_set_under_other_file_meta_is_a_duplicate(catalog: Catalog) -> None:
    with Intake(catalog) as intake:
        first = keep(intake)
        again = keep(intake, preamble=b"II*\0")

    assert again.outcome is Outcome.DUPLICATE
    assert again.entry_id == first.entry_id
    assert len(stored_files(catalog)) == 1


def test_a_conflicting_original_is_kept_apart_and_reported(catalog: Catalog) -> None:
    with Intake(catalog) as intake:
        first = keep(intake)
        other = keep(intake, PixelData=bytes(32))

    assert other.outcome is Outcome.CONFLICT
    assert other.entry_id != first.entry_id
    (finding,) = other.findings
    assert (finding.rule, finding.subject) == ("conflict", "1.2.3.1.1")
    assert len(stored_files(catalog)) == 2


def test_one_id_under_two_issuers_stays_two_patients(catalog: Catalog) -> None:
    with Intake(catalog) as intake:
        keep(intake, IssuerOfPatientID="NORTH")
        keep(intake, IssuerOfPatientID="SOUTH", SOPInstanceUID="1.2.3.1.2")

    rows = list_rows(catalog, "patients")
    assert sorted(row["issuer_of_patient_id"] for row in rows) == ["NORTH", "SOUTH"]
    assert [row["instances"] for row in rows] == [1, 1]


def test_what_is_no_dicom_is_not_kept(catalog: Catalog) -> None:
    with Intake(catalog) as intake:
        path = intake.new_path()
        path.write_bytes(b"\xff\xd8\xff\xe0" + bytes(1000))
        with pytest.raises(NotDicom):
            intake.keep(path, SOURCE)
        assert stored_files(catalog) == []
    assert list((catalog.home / "incoming").iterdir()) == []


def test_a_batch_holds_the_same_file_once(catalog: Catalog) -> None:
    with Intake(catalog) as intake:
        batch = [intake.stage(write_ct(intake.new_path()), SOURCE) for _ in range(3)]
        outcomes = [kept.outcome for kept in intake.commit(batch)]

    assert outcomes == [Outcome.ADDED, Outcome.DUPLICATE, Outcome.DUPLICATE]


def test_a_stored_file_without_a_row_is_indexed_by_the_next_intake(
    catalog: Catalog, tmp_path: Path
) -> None:
    """A crash between rename and commit must not lose what a sender may think is safe."""
    with Intake(catalog) as intake:
        keep(intake)
    orphan = write_ct(tmp_path / "orphan", SOPInstanceUID="1.2.3.1.2")
    target = catalog.store.path(hashlib.sha256(orphan.read_bytes()).hexdigest())
    target.parent.mkdir(mode=0o700, exist_ok=True)
    orphan.replace(target)
    (catalog.home / "incoming" / "0123.lock").touch()

    with Intake(catalog) as intake:
        assert [finding.rule for finding in intake.recovered] == ["recovered"]
    assert {row["sop_instance_uid"] for row in list_rows(catalog, "instances")} == {
        "1.2.3.1.1",
        "1.2.3.1.2",
    }


@pytest.mark.parametrize("how", [KeyboardInterrupt, MediaError])
def test_a_look_for_lost_rows_that_is_stopped_is_made_again_by_the_next_intake(
    catalog: Catalog,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    how: type[BaseException],
) -> None:
    """Until every file has its row, what was acknowledged is nowhere to be seen."""
    for number in range(2):
        orphan = write_ct(tmp_path / "orphan", SOPInstanceUID=f"1.2.3.1.{number}")
        target = catalog.store.path(hashlib.sha256(orphan.read_bytes()).hexdigest())
        target.parent.mkdir(mode=0o700, exist_ok=True)
        orphan.replace(target)
    incoming = catalog.home / "incoming"
    (incoming / "0123").mkdir(parents=True)
    (incoming / "0123" / "half").write_bytes(b"half a file")
    (incoming / "0123.lock").touch()

    def stopped(*words: object) -> Iterator[Finding]:
        yield from itertools.islice(recover(*words), 1)  # type: ignore[arg-type]
        raise how("stopped")

    with monkeypatch.context() as patch:
        patch.setattr(intake_module, "recover", stopped)
        with pytest.raises(how):
            Intake(catalog)
    assert not (incoming / "0123").exists()

    with Intake(catalog) as intake:
        assert [finding.rule for finding in intake.recovered] == ["recovered"]
    assert len(list_rows(catalog, "instances")) == 2
    assert list(incoming.iterdir()) == []
    with Intake(catalog) as intake:
        assert intake.recovered == ()


def test_a_commit_that_fails_takes_its_files_back_and_the_next_intake_looks(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise RuntimeError

    with Intake(catalog) as intake:
        path = write_ct(intake.new_path())
        with monkeypatch.context() as patch:
            patch.setattr(intake_module, "insert_entry", crash)
            with pytest.raises(RuntimeError):
                intake.keep(path, SOURCE)
        assert path.exists()
        assert stored_files(catalog) == []
        assert intake.keep(path, SOURCE).outcome is Outcome.ADDED
    assert list((catalog.home / "incoming").iterdir()) != []
    with Intake(catalog):
        assert len(list_rows(catalog, "instances")) == 1


def test_a_dead_sessions_leftovers_go_and_a_living_ones_stay(catalog: Catalog) -> None:
    incoming = catalog.home / "incoming"
    with Intake(catalog) as living:
        half = living.new_path()
        half.write_bytes(b"half a file")
        dead = incoming / "0123"
        dead.mkdir()
        (dead / "half").write_bytes(b"half a file")
        (incoming / "0123.lock").touch()
        with Intake(catalog):
            assert not dead.exists()
            assert half.exists()


def test_the_mark_of_a_session_is_durable_before_anything_is_taken(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows may be lost with the power, and the mark is what makes the next intake look."""
    synced: list[tuple[Path, int]] = []
    monkeypatch.setattr(
        intake_module,
        "sync_folder",
        lambda folder: synced.append((folder, len(list(folder.iterdir())))),
    )
    with Intake(catalog):
        assert (catalog.home / "incoming", 2) in synced


def test_a_half_file_in_the_store_is_set_aside_not_indexed(catalog: Catalog) -> None:
    """After a power cut a name may be there before its content."""
    with Intake(catalog) as intake:
        keep(intake)
    (stored,) = stored_files(catalog)
    torn = catalog.store.path("ab" * 32)
    torn.parent.mkdir(mode=0o700)
    torn.write_bytes(stored.read_bytes()[:-7])
    (catalog.home / "incoming" / "dead").mkdir()

    with Intake(catalog) as intake:
        assert [finding.rule for finding in intake.recovered] == ["damaged"]
    assert len(list_rows(catalog, "instances")) == 1
    assert not torn.exists()
    assert len(list((catalog.home / "damaged").iterdir())) == 1


def test_a_full_disk_is_said_and_leaves_no_row(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with Intake(catalog) as intake:
        monkeypatch.setattr(intake_module, "sync_file", full)
        with pytest.raises(MediaError, match="full") as caught:
            keep(intake)
    assert "Free some space" in caught.value.hint
    assert list_rows(catalog, "instances") == []
    assert shutil.disk_usage(catalog.home).free > 0


@pytest.mark.parametrize("damage", ["gone", "cut short", "gone, and comes with other file meta"])
def test_what_comes_again_while_its_stored_file_is_gone_is_kept(
    catalog: Catalog, damage: str
) -> None:
    """Its row must not pass for it: the sender deletes what was acknowledged."""
    with Intake(catalog) as intake:
        first = keep(intake)
        (stored,) = stored_files(catalog)
        if damage == "cut short":
            stored.chmod(0o600)
            os.truncate(stored, 100)
        else:
            stored.unlink()
        again = keep(intake, preamble=b"II*\0" if "meta" in damage else b"")

    assert (again.outcome, again.entry_id) == (Outcome.ADDED, first.entry_id)
    assert [finding.rule for finding in again.findings] == ["restored"]
    (row,) = list_rows(catalog, "instances")
    (stored,) = stored_files(catalog)
    assert stored == catalog.store.path(row["sha256"])
    assert hashlib.sha256(stored.read_bytes()).hexdigest() == row["sha256"]
    assert [one["size_bytes"] for one in list_rows(catalog, "series")] == [stored.stat().st_size]


def test_a_prepared_copy_whose_file_is_gone_is_made_again(catalog: Catalog) -> None:
    with Intake(catalog) as intake:
        first = keep(intake)
        path = write_ct(intake.new_path())
        intake.commit([intake.stage_prepared(path, first.entry_id, "recipe", ())])
        copy = find_prepared(catalog, first.entry_id, "recipe")
        assert copy is not None
        catalog.store.remove(copy.sha256, copy.kind)
        assert find_prepared(catalog, first.entry_id, "recipe") is None

        path = write_ct(intake.new_path())
        intake.commit([intake.stage_prepared(path, first.entry_id, "recipe", ())])
    assert find_prepared(catalog, first.entry_id, "recipe") is not None


def test_a_session_that_ends_while_another_begins_disturbs_nobody(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its folder and lock are listed and gone a moment later."""
    real = Path.iterdir

    def listing(folder: Path) -> Iterator[Path]:
        yield from real(folder)
        if folder.name == "incoming":
            yield folder / "ended"
            yield folder / "ended.lock"

    monkeypatch.setattr(Path, "iterdir", listing)
    with Intake(catalog) as intake:
        assert keep(intake).outcome is Outcome.ADDED
    assert not (catalog.home / "incoming" / "ended.lock").exists()
