"""Whatever a File-set becomes from session to session, the last one shows all of it."""

from __future__ import annotations

import hashlib
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from mediastation.burn.session import find_kept, plan_session
from mediastation.media.iso9660 import Iso9660Image
from mediastation.model.manifest import Manifest, ManifestFile
from mediastation.reading.iso9660 import IsoVolume
from tests.media.support import medium_files

SECTOR = 2048
MOMENT = datetime(2026, 11, 23, tzinfo=UTC)

names = st.text("ABC0_", min_size=1, max_size=3)
paths = st.lists(names, min_size=1, max_size=4).map("/".join)
contents = st.one_of(
    st.sampled_from([b"", b"x", b"y" * 2047, b"z" * 2048, b"w" * 2049]),
    st.binary(max_size=6000),
)


@st.composite
def file_sets(draw: st.DrawFn) -> dict[str, bytes]:
    """Files of which none is the folder of another."""
    found = draw(st.dictionaries(paths, contents, min_size=1, max_size=8))
    return {
        path: data
        for path, data in found.items()
        if not any(other.startswith(f"{path}/") for other in found)
    }


def write_image(folder: Path, files: dict[str, bytes]) -> tuple[Path, Manifest]:
    """Write `files` to an image; return it and its manifest."""
    folder.mkdir()
    path = folder / "image.iso"
    sources = medium_files(folder / "sources", files)
    with (
        Iso9660Image(sources, volume_id="TEST", moment=MOMENT) as writer,
        writer.write(path) as pending,
    ):
        pending.commit()
    listed = (
        ManifestFile(name, len(data), hashlib.sha256(data).hexdigest())
        for name, data in files.items()
    )
    return path, Manifest(tuple(listed))


@settings(max_examples=40, deadline=None)
@given(st.lists(file_sets(), min_size=2, max_size=4), st.data())
def test_the_last_session_shows_the_last_state_and_nothing_is_written_twice(
    states: list[dict[str, bytes]], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        disc = Path(folder) / "disc"
        first, _ = write_image(Path(folder) / "0", states[0])
        disc.write_bytes(first.read_bytes())
        before = states[0]
        for number, files in enumerate(states[1:], start=1):
            path, manifest = write_image(Path(folder) / str(number), files)
            end = -(-disc.stat().st_size // SECTOR)
            start = end + data.draw(st.integers(0, 300), label="gap")
            with IsoVolume(path) as image, IsoVolume(disc) as there:
                kept = find_kept(there, manifest, lambda *_: None)
                session = plan_session(image, there, kept, start)
            with disc.open("r+b") as file:
                file.seek(start * SECTOR)
                file.writelines(session.chunks())

            same = {path for path, content in files.items() if before.get(path) == content}
            assert set(session.kept) == same
            assert {piece.file.path for piece in session.pieces} == set(files) - same
            with IsoVolume(disc) as volume:
                assert volume.session_sector == start
                shown = {file.path: volume.open(file.path).read() for file in volume.iter_files()}
                assert not [one for one in volume.findings if one.severity != "note"]
            assert shown == files
            before = files
