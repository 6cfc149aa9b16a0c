"""Importing a sealed medium: it comes in as a plain one does, or nothing of it does."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from mediastation.catalog.ledger import Ledger
from mediastation.catalog.listing import list_rows
from mediastation.errors import MediaError, SecrecyError
from mediastation.model.finding import Severity
from mediastation.model.importing import Verdict
from mediastation.model.secrecy import Password
from mediastation.station.intake import reading_place
from mediastation.station.intake.folder import SCRATCH_NAME, survey_path
from mediastation.station.intake.import_medium import import_medium
from mediastation.station.intake.keys import look_for_seal
from mediastation.station.intake.quarantine_desk import decide, held_files
from mediastation.station.intake.request import ImportRequest
from mediastation.station.station import Station
from tests.station.intake.sealed_sticks import (
    digests,
    ring,
    rules,
    stick,
    stored,
    take,
)
from tests.support.certificates import issue
from tests.support.damaged import MemoryAccess
from tests.support.file_sets import write_folder
from tests.support.objects import write_ct
from tests.support.outside.damage import good_tree
from tests.support.outside.patients import COUNT, instance_files
from tests.support.outside.writers import MAKERS
from tests.support.sealed_media import WORDS, sealed, sealed_tree
from tests.support.secure_mails import Mailroom
from tests.support.served_jobs import job_of
from tests.support.small_iso import small_iso

pytestmark = pytest.mark.usefixtures("quick")

Kinds = ("iso", "iso-joliet", "bridge", "udf-2.50", "fat16", "fat32", "zip-deflated", "folder")


class TestEveryMedium:
    @pytest.mark.parametrize("kind", Kinds)
    def test_what_lies_in_envelopes_comes_in_as_it_was_before(
        self, station: Station, tmp_path: Path, kind: str
    ) -> None:
        (tmp_path / "made").mkdir()
        medium = MAKERS[kind](tmp_path / "made", sealed_tree(good_tree()))

        result = take(station, medium, WORDS)

        assert (result.found, result.imported, result.refused) == (COUNT, COUNT, 0)
        assert result.opened == COUNT + 1, "the DICOMDIR is one, too"
        assert result.exit_code == 0
        sources = {row["source_detail"] for row in list_rows(station.catalog, "instances")}
        assert all(one.endswith("out of a secure envelope") for one in sources)
        # The directory was read: it fits what was found.
        assert not {"no-dicomdir", "unreferenced", "missing-file"} & set(rules(result))
        assert stored(station) == digests(instance_files())

    def test_one_envelope_by_itself_is_a_medium(self, station: Station, tmp_path: Path) -> None:
        path = write_ct(tmp_path / "plain.dcm")
        (tmp_path / "sealed").write_bytes(sealed(path.read_bytes()))

        result = take(station, tmp_path / "sealed", WORDS)

        assert (result.found, result.imported, result.opened) == (1, 1, 1)
        assert stored(station) == digests({"": path.read_bytes()})

    def test_a_key_opens_what_was_sealed_for_its_certificate(
        self, station: Station, tmp_path: Path
    ) -> None:
        ann, bob = issue("Ann"), issue("Bob", number=1)
        _, key = ann.write(tmp_path, "ann")
        how = {"certificates": [bob.certificate, ann.certificate]}
        medium = stick(tmp_path, sealed_tree(good_tree(), **how))

        result = import_medium(station, ImportRequest(medium), keys=ring(keys=(key,)))

        assert (result.imported, result.opened) == (COUNT, COUNT + 1)
        assert stored(station) == digests(instance_files())

    def test_the_request_of_a_job_names_its_key(self, station: Station, tmp_path: Path) -> None:
        ann = issue("Ann")
        _, key = ann.write(tmp_path, "ann", b"of the key")
        tree = sealed_tree(good_tree(), certificates=[ann.certificate])
        request = ImportRequest(stick(tmp_path, tree), key=(key,))

        with pytest.raises(SecrecyError, match="password of its own"):
            import_medium(station, request)
        result = import_medium(station, request, password=Password("of the key"))

        assert result.imported == COUNT
        assert "of the key" not in str(job_of(station, result.job).request)

    @pytest.mark.parametrize(
        "how",
        [{"cipher": "3des"}, {"digest": "sha1"}, {"indefinite": 1000}, {"derivation": "sha512"}],
        ids=str,
    )
    def test_other_programs_envelopes_are_opened_without_a_word(
        self, station: Station, tmp_path: Path, how: dict[str, Any]
    ) -> None:
        result = take(station, stick(tmp_path, sealed_tree(good_tree(), **how)), WORDS)

        assert (result.imported, result.exit_code) == (COUNT, 0)
        assert not [rule for rule in rules(result) if "envelope" in rule]

    def test_the_digest_of_a_disc_is_that_of_its_envelopes(
        self, station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        image = small_iso(sealed_tree(good_tree()))
        drive = tmp_path / "drive"
        drive.write_bytes(image)
        is_device, copy = Path.is_block_device, reading_place.copy_disc
        monkeypatch.setattr(Path, "is_block_device", lambda path: path == drive or is_device(path))
        monkeypatch.setattr(reading_place.XorrisoEngine, "inspect", _no_answer)
        access = MemoryAccess(image, is_device=True)
        copied = []

        def copy_disc(*words: Any, **more: Any) -> object:
            copied.append(words)
            return copy(*words, opener=access, **more)

        monkeypatch.setattr(reading_place, "copy_disc", copy_disc)

        with pytest.raises(SecrecyError):
            take(station, drive, "wrong")
        assert not copied, "before minutes of copying"
        result = take(station, drive, WORDS)

        assert result.imported == COUNT
        assert result.medium is not None
        assert result.medium.sha256 == hashlib.sha256(image).hexdigest()

    def test_plain_media_are_asked_nothing_and_need_nothing(
        self, station: Station, tmp_path: Path
    ) -> None:
        medium = stick(tmp_path, good_tree())

        result = import_medium(station, ImportRequest(medium))

        assert (result.imported, result.opened) == (COUNT, 0)
        assert look_for_seal(medium) is None
        assert "encrypted" not in next(iter(Ledger(station.catalog).entries())).facts

    def test_the_audit_is_told_that_all_of_it_was_encrypted(
        self, station: Station, tmp_path: Path
    ) -> None:
        take(station, stick(tmp_path, sealed_tree(good_tree())), WORDS)

        (entry,) = Ledger(station.catalog).entries()
        assert entry.facts["encrypted"] is True


def _no_answer(*_: object) -> None:
    raise MediaError("the drive does not answer")


class TestMail:
    """E-mails that are protected as a whole (PS3.15 B.8): plain files in a sealed message."""

    @pytest.fixture
    def room(self, tmp_path: Path) -> Mailroom:
        return Mailroom.at(tmp_path / "mailroom")

    def test_the_recipients_key_opens_what_the_sender_signed(
        self, station: Station, room: Mailroom
    ) -> None:
        mail = room.sealed(contents=good_tree())
        request = ImportRequest(mail)

        result = import_medium(station, request, keys=ring(keys=(room.key("recipient"),)))

        assert (result.imported, result.exit_code) == (COUNT, 0)
        assert result.opened == len(good_tree())
        assert result.medium is not None
        assert result.medium.kind == "mail"
        assert result.medium.sha256 == hashlib.sha256(mail.read_bytes()).hexdigest()
        assert rules(result)["signature-unknown"] is Severity.WARNING
        assert "Secure envelopes" in Path(result.report).read_text("utf-8")
        (entry,) = Ledger(station.catalog).entries()
        assert entry.facts["encrypted"] is True
        assert stored(station) == digests(instance_files())

    @pytest.mark.parametrize("who", ["stranger", ""])
    def test_nobody_else_gets_anything_of_it(
        self, station: Station, room: Mailroom, who: str
    ) -> None:
        mail = room.sealed(contents=good_tree())
        keys = ring(keys=(room.key(who),)) if who else None

        with pytest.raises(SecrecyError, match="Nothing was imported") as told:
            import_medium(station, ImportRequest(mail), keys=keys)

        assert told.value.exit_code == 4
        assert stored(station) == set()
        assert not list((station.home / "jobs").rglob("*"))

    def test_one_that_is_only_signed_needs_no_key(self, station: Station, room: Mailroom) -> None:
        mail = room.sign(room.plain(good_tree()))

        result = import_medium(station, ImportRequest(mail))

        assert (result.imported, result.opened, result.exit_code) == (COUNT, 0, 0)
        assert "mail-unencrypted" in rules(result)

    def test_one_that_was_changed_brings_nothing(self, station: Station, room: Mailroom) -> None:
        mail = room.sign(room.plain(good_tree()))
        content = mail.read_bytes()
        middle = len(content) // 2
        mail.write_bytes(content[:middle] + b"AAAA" + content[middle + 4 :])

        with pytest.raises(SecrecyError):
            import_medium(station, ImportRequest(mail))
        assert stored(station) == set()


class TestTwins:
    def test_the_same_files_sealed_anew_are_known(self, station: Station, tmp_path: Path) -> None:
        write_folder(good_tree(), tmp_path / "plain")
        take(station, tmp_path / "plain")

        result = take(station, stick(tmp_path, sealed_tree(good_tree(), cipher="aes128")), WORDS)

        assert (result.imported, result.duplicates, result.opened) == (0, COUNT, COUNT + 1)

    def test_what_contradicts_is_held_as_it_was_before_it_was_sealed(
        self, station: Station, tmp_path: Path
    ) -> None:
        write_ct(tmp_path / "ours" / "a")
        take(station, tmp_path / "ours")
        other = write_ct(tmp_path / "other" / "a", PixelData=bytes(range(16)) * 2).read_bytes()

        result = take(station, stick(tmp_path, {"A": sealed(other)}), WORDS)

        assert (result.imported, result.held, result.exit_code) == (0, 1, 1)
        (held,) = held_files(station)
        assert held.sha256 == hashlib.sha256(other).hexdigest()
        assert decide(station, [held.sha256], Verdict.KEEP).kept == 1

    def test_two_instances_of_one_uid_in_envelopes_are_compared(
        self, station: Station, tmp_path: Path
    ) -> None:
        one = write_ct(tmp_path / "a").read_bytes()
        two = write_ct(tmp_path / "b", PixelData=bytes(range(16)) * 2).read_bytes()

        result = take(station, stick(tmp_path, {"A": sealed(one), "B": sealed(two)}), WORDS)

        assert (result.imported, result.held) == (1, 1)
        assert not (survey_path(station, result.job).parent / SCRATCH_NAME).exists()
