"""Files of a medium are lent to be compared, and taken back."""

from __future__ import annotations

from pathlib import Path

from mediastation.catalog.catalog import Catalog
from mediastation.importing.compare import iter_standings
from mediastation.importing.lend import lend_from
from mediastation.model.importing import Standing
from mediastation.reading.folder import FolderVolume
from tests.importing.rivals import write
from tests.support.arrivals import arrival, keep


class TestLending:
    def test_a_file_of_a_medium_is_lent_and_taken_back(self, tmp_path: Path) -> None:
        disc = tmp_path / "disc"
        path = write(disc, "IM1")
        lend = lend_from(FolderVolume(disc), tmp_path / "lent")

        with lend(arrival(path, disc)) as copy:
            assert copy.read_bytes() == path.read_bytes()
            assert copy.stat().st_mode & 0o077 == 0

        assert list((tmp_path / "lent").iterdir()) == []

    def test_a_file_that_changed_or_went_counts_as_other_content(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        disc = tmp_path / "disc"
        keep(catalog, write(tmp_path, "a"))
        path = write(disc, "IM1", PatientSex="M")
        volume, arrived = FolderVolume(disc), arrival(path, disc)
        for happen in (lambda: path.write_bytes(b"changed"), path.unlink):
            happen()

            ((_, comparison),) = iter_standings(
                catalog, [arrived], lend_from(volume, tmp_path / "lent"), tmp_path / "scratch"
            )

            assert comparison.standing is Standing.OTHER_PIXELS
            assert comparison.differences.unread
