"""What our writers make passes the verifier strictly, and no flipped bit of it escapes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mediastation.media.iso9660 import Iso9660Image
from mediastation.media.level1 import MediumFile
from mediastation.model.manifest import DIGEST_LIST_NAME, Manifest, write_digest_list
from mediastation.verify import verify_medium
from tests.support.file_sets import FILE_SET_UID, good_file_set, manifest_of, write_folder

MOMENT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
Disc = tuple[Path, Manifest]


@pytest.fixture(scope="module")
def disc(tmp_path_factory: pytest.TempPathFactory) -> Disc:
    folder = tmp_path_factory.mktemp("own")
    files = good_file_set()
    files[DIGEST_LIST_NAME] = write_digest_list(manifest_of(files).files).encode()
    root = write_folder(files, folder / "tree")
    listed = [MediumFile(path, root / path, len(content)) for path, content in files.items()]
    with (
        Iso9660Image(listed, volume_id="TESTSET", moment=MOMENT) as image,
        image.write(folder / "disc.iso") as pending,
    ):
        written = pending.image
        path = pending.commit()
    return (
        path,
        manifest_of(
            files,
            file_set_uid=FILE_SET_UID,
            file_set_id="TESTSET",
            profile="STD-GEN-CD",
            image_sha256=written.sha256,
            image_size_bytes=written.size_bytes,
            structure=written.structure,
        ),
    )


def test_it_is_proved_to_the_last_byte(disc: Disc) -> None:
    report = verify_medium(*disc)

    assert report.findings == []
    assert report.image_sha256 == disc[1].image_sha256
    assert report.proved.startswith("Every byte")


def test_anybody_else_finds_nothing_wrong_with_it(disc: Disc) -> None:
    report = verify_medium(disc[0])

    assert [f for f in report.findings if f.severity != "note"] == []
    assert report.manifest == "medium"


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_one_flipped_bit_anywhere_is_found_and_placed(disc: Disc, data: st.DataObject) -> None:
    path, manifest = disc
    content = bytearray(path.read_bytes())
    bit = data.draw(st.integers(0, len(content) * 8 - 1))
    content[bit // 8] ^= 1 << bit % 8
    spoiled = path.with_name("spoiled.iso")
    spoiled.write_bytes(content)

    report = verify_medium(spoiled, manifest)

    assert not report.ok
    assert {f.rule for f in report.findings} & {"differs", "not-zero", "structure-differs"}
