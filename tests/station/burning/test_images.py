"""Which images are burned, and what is told of the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from mediastation.errors import ConfigError, RefusedError
from mediastation.model.event import Event, StepStarted
from mediastation.station.burning.burn import burn
from mediastation.station.burning.request import BurnRequest
from mediastation.station.station import Station
from tests.support.burners import MemoryDrive, MemoryEngine, flip_bit
from tests.support.burning import SR0, rules
from tests.support.discs import Images
from tests.support.peers import run_peer


class TestImages:
    """What may be burned at all."""

    def test_an_image_that_changed_since_it_was_made_costs_no_blank(
        self, station: Station, images: Images, drive: MemoryDrive, engine: MemoryEngine,
        tmp_path: Path,
    ) -> None:  # fmt: skip
        raw = bytearray(images.first.read_bytes())
        raw[70_000] ^= 1
        spoiled = tmp_path / "spoiled.iso"
        spoiled.write_bytes(raw)

        with pytest.raises(RefusedError) as caught:
            burn(station, BurnRequest(spoiled, (SR0,)), engine=engine)

        assert caught.value.exit_code == 1
        assert drive.discs == 0

    def test_an_image_from_elsewhere_is_burned_and_told_as_such(
        self, tmp_path: Path, images: Images, engine: MemoryEngine, drive: MemoryDrive
    ) -> None:
        with Station(tmp_path / "other") as other:
            result = burn(other, BurnRequest(images.first, (SR0,)), engine=engine)

        assert result.verified
        assert "not-made-here" in rules(result)
        assert drive.path.read_bytes().startswith(images.first.read_bytes())

    def test_and_its_disc_is_held_against_every_byte_of_it(
        self, tmp_path: Path, images: Images, engine: MemoryEngine, drive: MemoryDrive
    ) -> None:
        drive.faults = {0: flip_bit(60_000)}
        with Station(tmp_path / "other") as other:
            result = burn(other, BurnRequest(images.first, (SR0,)), engine=engine)

        assert not result.verified

    def test_an_image_that_changes_while_it_is_burned_condemns_the_disc(
        self, station: Station, images: Images, engine: MemoryEngine, tmp_path: Path
    ) -> None:
        path = tmp_path / "copy.iso"
        path.write_bytes(images.first.read_bytes())

        def change(event: Event) -> None:
            if isinstance(event, StepStarted) and event.step == "write":
                raw = bytearray(path.read_bytes())
                raw[70_000] ^= 1
                path.write_bytes(raw)

        result = burn(station, BurnRequest(path, (SR0,)), change, engine=engine)

        assert not result.verified
        assert "discard-disc" in rules(result)
        assert "changed while it was burned" in result.stopped

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("set.zip", b"PK\x05\x06" + bytes(18)),
            ("mail.eml", b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed\r\n\r\n"),
            ("folder", None),
        ],
    )
    def test_what_is_no_disc_says_what_to_do_with_it(
        self, station: Station, engine: MemoryEngine, tmp_path: Path, name: str,
        content: bytes | None,
    ) -> None:  # fmt: skip
        path = tmp_path / name
        if content is None:
            path.mkdir()
        else:
            path.write_bytes(content)

        with pytest.raises(ConfigError) as caught:
            burn(station, BurnRequest(path, (SR0,)), engine=engine)

        assert caught.value.hint
        assert engine.options == []

    def test_an_image_for_a_stick_says_so(
        self, station: Station, engine: MemoryEngine, tmp_path: Path
    ) -> None:
        path = tmp_path / "stick.img"
        run_peer("mkfs.fat", "-C", path, "8192")

        with pytest.raises(ConfigError, match="for a stick or a card"):
            burn(station, BurnRequest(path, (SR0,)), engine=engine)

    def test_what_does_not_exist_is_told(self, station: Station, engine: MemoryEngine) -> None:
        with pytest.raises(ConfigError, match="does not exist"):
            burn(station, BurnRequest(Path("/nowhere/at/all.iso"), (SR0,)), engine=engine)
