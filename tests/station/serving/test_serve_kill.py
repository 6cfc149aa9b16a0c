"""`kill -9` of `serve` within transfers: nothing acknowledged is lost, nothing half counts."""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mediastation.catalog.catalog import Catalog
from mediastation.catalog.intake import Intake
from mediastation.catalog.listing import list_rows
from mediastation.errors import NetworkError
from mediastation.network.part10 import read_sendable_file
from mediastation.network.storage_scu import SentInstance, send_files
from tests.support.network import write_ct
from tests.support.serving import Nursery

KILLS = 50
SENDERS = 2


class Sender(threading.Thread):
    """Sends instances until the connection breaks; remembers what was acknowledged."""

    def __init__(self, address: tuple[str, int], files: list[Path]) -> None:
        super().__init__()
        self.address, self.files = address, files
        self.acknowledged: list[SentInstance] = []
        self.first = threading.Event()
        self.fault: BaseException | None = None

    def run(self) -> None:
        def told(instance: SentInstance) -> None:
            assert instance.stored, instance
            self.acknowledged.append(instance)
            self.first.set()

        try:
            send_files(
                *self.address, self.files, calling_ae="S", called_ae="MEDIASTATION", progress=told
            )
        except NetworkError:
            pass
        except BaseException as fault:
            self.fault = fault
        finally:
            self.first.set()


def data_set_digest(path: Path) -> str:
    """Digest of what follows the file meta."""
    file = read_sendable_file(path)
    return hashlib.sha256(path.read_bytes()[file.dataset_offset :]).hexdigest()


def rounds(folder: Path, chance: random.Random) -> Iterator[list[list[Path]]]:
    """Yield fresh files for each round, a list for each sender; sizes vary around one PDU."""
    for number in range(KILLS):
        yield [
            [
                write_ct(
                    folder / f"{number}.{sender}.{index}",
                    f"1.2.826.0.{number + 1}.{sender + 1}.{index + 1}",
                    pixel_bytes=2 * chance.randrange(1, 400_000),
                )
                for index in range(12)
            ]
            for sender in range(SENDERS)
        ]


@pytest.mark.timeout(180)
def test_nothing_acknowledged_is_lost_and_nothing_half_counts(tmp_path: Path) -> None:
    chance = random.Random(20_240_607)
    home, folder = tmp_path / "home", tmp_path / "sent"
    folder.mkdir()
    acknowledged: list[str] = []
    sent: dict[str, str] = {}
    interrupted = 0
    with Nursery(home, tmp_path / "log") as nursery:
        for batches in rounds(folder, chance):
            address = nursery.start()
            assert len(list((home / "incoming").iterdir())) <= 2, "the last session was not cleared"
            senders = [Sender(address, files) for files in batches]
            for sender in senders:
                sender.start()
            # From before the first acknowledgement to well behind it.
            if chance.random() < 0.8:
                senders[0].first.wait(30)
            threading.Event().wait(chance.random() * 0.03)
            nursery.kill()
            for sender in senders:
                sender.join(30)
                assert sender.fault is None, (tmp_path / "log").read_text()[-4000:]
                interrupted += len(sender.acknowledged) < len(sender.files)
                acknowledged += [instance.sop_instance_uid for instance in sender.acknowledged]
            sent |= {
                read_sendable_file(path).sop_instance_uid: data_set_digest(path)
                for files in batches
                for path in files
            }
        nursery.start()
        assert nursery.terminate() == 0

    assert interrupted >= KILLS // 2
    assert len(acknowledged) >= KILLS // 2
    assert list((home / "incoming").iterdir()) == []
    with Catalog(home) as catalog, Intake(catalog) as intake:
        rows = [row["sop_instance_uid"] for row in list_rows(catalog, "instances")]
        assert set(acknowledged) - set(rows) == set()
        # Whatever the catalog has, acknowledged or not, is whole and once there.
        assert len(set(rows)) == len(rows)
        digests = list(catalog.store.iter_digests())
        assert len(digests) == len(rows)
        for digest in digests:
            path = catalog.store.path(digest)
            assert hashlib.sha256(path.read_bytes()).hexdigest() == digest
            assert data_set_digest(path) == sent[read_sendable_file(path).sop_instance_uid]
        assert intake.recovered == ()
