from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from mediastation.catalog.catalog import Catalog
from mediastation.catalog.intake import Intake
from mediastation.catalog.listing import list_rows
from mediastation.catalog.staging import Staged
from mediastation.collect.storage import StorageIntake
from mediastation.errors import MediaError
from mediastation.model.entry import Kept, Source
from mediastation.network.storage_scp import ReceivedInstance, StoreAnswer
from tests.support.network import (
    CT,
    EXPLICIT_LE,
    ct_data_set,
    raw_peer,
    store_request,
    value,
    write_ct,
)

UID = "1.2.826.0.7"


@pytest.fixture
def intake(tmp_path: Path) -> Iterator[Intake]:
    with Catalog(tmp_path / "home") as catalog, Intake(catalog) as intake:
        yield intake


def received(path: Path, uid: str = UID, sop_class: str = CT) -> ReceivedInstance:
    """What the SCP says of a file that it received under `uid`."""
    return ReceivedInstance(path, sop_class, uid, EXPLICIT_LE, "PEER", "STATION", "127.0.0.1:4")


def stored_uids(intake: Intake) -> list[str]:
    """SOP Instance UIDs of the catalog's originals."""
    return sorted(row["sop_instance_uid"] for row in list_rows(intake.catalog, "instances"))


def stored_files(intake: Intake) -> list[Path]:
    """The files in the store."""
    store = intake.catalog.home / "store"
    return [path for path in store.rglob("*") if path.is_file()]


class TestKeep:
    def test_success_means_that_the_file_is_in_the_store_as_it_came(self, intake: Intake) -> None:
        path = write_ct(intake.new_path(), UID)
        content = path.read_bytes()

        assert StorageIntake(intake, 0).keep(received(path)) is StoreAnswer.STORED

        (file,) = stored_files(intake)
        assert file.read_bytes() == content
        assert stored_uids(intake) == [UID]
        assert list(intake.folder.iterdir()) == []

    def test_the_same_again_is_success_and_kept_once(self, intake: Intake) -> None:
        storage = StorageIntake(intake, 0)
        for _ in range(2):
            path = write_ct(intake.new_path(), UID)
            assert storage.keep(received(path)) is StoreAnswer.STORED

        assert len(stored_files(intake)) == 1

    def test_another_content_under_the_same_uid_is_success_and_both_are_kept(
        self, intake: Intake
    ) -> None:
        storage = StorageIntake(intake, 0)
        for patient in ("P1", "P2"):
            path = write_ct(intake.new_path(), UID, patient_id=patient)
            assert storage.keep(received(path)) is StoreAnswer.STORED

        assert len(stored_files(intake)) == 2

    @pytest.mark.parametrize(
        ("uid", "sop_class"), [("1.2.826.0.8", CT), (UID, "1.2.840.10008.5.1.4.1.1.4")]
    )
    def test_a_data_set_of_another_identity_is_not_kept(
        self, intake: Intake, uid: str, sop_class: str
    ) -> None:
        path = write_ct(intake.new_path(), UID)

        answer = StorageIntake(intake, 0).keep(received(path, uid, sop_class))

        assert answer is StoreAnswer.DOES_NOT_MATCH
        assert stored_files(intake) == []

    def test_what_is_no_data_set_is_not_kept(self, intake: Intake) -> None:
        path = intake.new_path()
        path.write_bytes(b"\x89PNG" * 1000)

        assert StorageIntake(intake, 0).keep(received(path)) is StoreAnswer.CANNOT_UNDERSTAND
        assert stored_files(intake) == []

    @pytest.mark.parametrize("fails", ["stage", "commit"])
    def test_disk_trouble_is_out_of_resources(
        self, intake: Intake, fails: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object) -> Sequence[Kept]:
            raise MediaError("The disk is full.")

        monkeypatch.setattr(intake, fails, full)
        path = write_ct(intake.new_path(), UID)

        assert StorageIntake(intake, 0).keep(received(path)) is StoreAnswer.OUT_OF_RESOURCES

    def test_who_sends_while_another_command_writes_for_long_is_not_sent_after_the_disk(
        self, intake: Intake, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Both are out of resources; which one it is, only the log of this station knows."""

        def busy(*_: object) -> Sequence[Kept]:
            raise MediaError("The index is busy: another command has been writing for long.")

        monkeypatch.setattr(intake, "commit", busy)
        answer = StorageIntake(intake, 0).keep(received(write_ct(intake.new_path(), UID)))

        assert answer.status == 0xA700
        assert "busy" in answer.comment
        assert "full" not in answer.comment
        assert len(answer.comment) <= 64

    def test_a_fault_of_ours_is_not_taken_for_the_disks(
        self, intake: Intake, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(path: Path, source: Source) -> Staged:
            raise KeyError(path, source)

        monkeypatch.setattr(intake, "stage", broken)

        with pytest.raises(KeyError):
            StorageIntake(intake, 0).keep(received(write_ct(intake.new_path(), UID)))


class TestReserve:
    def test_there_is_room_above_the_reserve_only(self, intake: Intake) -> None:
        assert StorageIntake(intake, 0).has_room()
        assert not StorageIntake(intake, 1 << 60).has_room()

    def test_below_the_reserve_a_peer_is_refused(self, intake: Intake) -> None:
        storage = StorageIntake(intake, 1 << 60)
        with raw_peer(intake.folder, storage.keep, has_room=storage.has_room) as peer:
            peer.associate()
            peer.send(store_request(UID), value(ct_data_set(UID)))
            assert peer.read_status()[0] == 0xA700

        assert stored_files(intake) == []


def test_through_the_network_the_data_set_in_the_store_is_the_one_sent(intake: Intake) -> None:
    storage = StorageIntake(intake, 0)
    with raw_peer(intake.folder, storage.keep, has_room=storage.has_room) as peer:
        peer.associate()
        for number in range(5):
            uid = f"{UID}.{number}"
            peer.send(store_request(uid), value(ct_data_set(uid, pixel_bytes=300_000)))
            assert peer.read_status() == (0, "")

    expected = sorted(ct_data_set(f"{UID}.{number}", pixel_bytes=300_000) for number in range(5))
    assert sorted(data_set_of(file.read_bytes()) for file in stored_files(intake)) == expected


def data_set_of(file: bytes) -> bytes:
    """Return what follows the file meta, by its group length."""
    return file[144 + int.from_bytes(file[140:144], "little") :]
