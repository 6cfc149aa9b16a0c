"""Importing a sealed medium: it comes in as a plain one does, or nothing of it does."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import time
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mediastation.catalog import durable
from mediastation.catalog.ledger import Ledger
from mediastation.catalog.listing import list_rows
from mediastation.catalog.selection import find_entries
from mediastation.errors import CancelledError, MediaError, MediastationError, SecrecyError
from mediastation.importing import unsealed
from mediastation.model.finding import Severity
from mediastation.model.importing import Verdict
from mediastation.model.job import PASSWORD, JobState
from mediastation.model.secrecy import Password
from mediastation.pages.pen import PrintedPages
from mediastation.secure.opening.keys import KeyRing, read_private_key
from mediastation.station.intake import import_medium as module
from mediastation.station.intake import reading_place
from mediastation.station.intake import report_file as import_report_file
from mediastation.station.intake import take as import_take
from mediastation.station.intake.folder import SCRATCH_NAME, survey_path
from mediastation.station.intake.import_medium import import_medium
from mediastation.station.intake.keys import look_for_seal
from mediastation.station.intake.quarantine_desk import decide, held_files
from mediastation.station.intake.request import ImportRequest, ImportResult
from mediastation.station.serving.job_password import give_password
from mediastation.station.serving.submitting import cancel, submit
from mediastation.station.station import Station
from mediastation.station.unfinished import settle_unfinished
from tests.support.certificates import issue
from tests.support.commands import CommandNursery
from tests.support.damaged import MemoryAccess
from tests.support.file_sets import write_folder
from tests.support.objects import write_ct, write_series
from tests.support.outside.damage import Tree, good_tree
from tests.support.outside.patients import COUNT, instance_files
from tests.support.outside.writers import MAKERS
from tests.support.sealed_media import WORDS, sealed, sealed_tree
from tests.support.secure_mails import Mailroom
from tests.support.served_jobs import Serve, job_of, wait_for_end, wait_for_step, wait_until
from tests.support.small_iso import small_iso

CANARY = b"Canary of the pixels, sung once."
"""In the pixels of `canaries`: 32 octets, as many as a small CT image has."""
KILLS = 5

Kinds = ("iso", "iso-joliet", "bridge", "udf-2.50", "fat16", "fat32", "zip-deflated", "folder")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither power cuts nor print are looked at here."""
    monkeypatch.setattr(os, "fsync", lambda _handle: None)
    monkeypatch.setattr(durable._libc, "syncfs", lambda _handle: 0, raising=False)
    monkeypatch.setattr(
        import_report_file, "render_import_report_pdf", lambda *_: PrintedPages(b"%PDF-")
    )


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    with Station(tmp_path / "home") as opened:
        opened.settings = opened.settings.model_copy(update={"disk_reserve_bytes": 0})
        yield opened


def ring(*words: str, keys: tuple[Path, ...] = ()) -> KeyRing:
    return KeyRing(tuple(map(Password, words)), tuple(map(read_private_key, keys)))


def take(station: Station, medium: Path, *words: str, **more: Any) -> ImportResult:
    """Import `medium` with the passwords `words`."""
    return import_medium(station, ImportRequest(medium, **more), keys=ring(*words))


def rules(result: ImportResult) -> dict[str, Severity]:
    return {finding.rule: finding.severity for finding in result.findings}


def stored(station: Station) -> set[str]:
    """The digests of what the store holds, by what lies there."""
    return {
        hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (station.home / "store").rglob("*")
        if path.is_file()
    }


def digests(files: Mapping[str, bytes]) -> set[str]:
    return {hashlib.sha256(content).hexdigest() for content in files.values()}


def stick(folder: Path, tree: Tree) -> Path:
    return write_folder(tree, folder / "stick")


def secrets_in(home: Path, *secrets: bytes) -> list[str]:
    """Where a secret stands below `home`: file and offset; what the store keeps is no secret."""
    found = []
    for path in sorted(home.rglob("*")):
        if not path.is_file() or (home / "store") in path.parents:
            continue
        content = path.read_bytes()
        found += [f"{path}: {content.index(one)}" for one in secrets if one in content]
    return found


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


class TestWrongKeys:
    def test_a_wrong_password_leaves_nothing(self, station: Station, tmp_path: Path) -> None:
        medium = stick(tmp_path, sealed_tree(good_tree()))

        with pytest.raises(SecrecyError, match="sealed for a password") as told:
            take(station, medium, "wrong")

        assert told.value.exit_code == 4
        assert stored(station) == set()
        assert list_rows(station.catalog, "instances") == []
        assert not list((station.home / "jobs").rglob("*"))
        (job,) = station.jobs.latest(station.clock.now())
        assert job.state is JobState.FAILED

    def test_nothing_at_hand_is_told_with_what_to_give(
        self, station: Station, tmp_path: Path
    ) -> None:
        with pytest.raises(SecrecyError) as told:
            import_medium(station, ImportRequest(stick(tmp_path, sealed_tree(good_tree()))))

        assert "--password-file" in told.value.hint
        assert stored(station) == set()

    def test_somebody_elses_medium_says_for_whom_it_is(
        self, station: Station, tmp_path: Path
    ) -> None:
        ann, bob = issue("Ann"), issue("Bob", number=1)
        _, key = bob.write(tmp_path, "bob")
        medium = stick(tmp_path, sealed_tree(good_tree(), certificates=[ann.certificate]))
        serial = f"{ann.certificate.serial_number:X}"

        for keys in (ring(keys=(key,)), ring("any"), None):
            with pytest.raises(SecrecyError, match=f"certificate {serial} of .*Ann"):
                import_medium(station, ImportRequest(medium), keys=keys)

        told = look_for_seal(medium)
        assert told is not None
        assert not told.takes_password

    def test_the_right_key_after_a_wrong_one_brings_everything(
        self, station: Station, tmp_path: Path
    ) -> None:
        medium = stick(tmp_path, sealed_tree(good_tree()))
        with pytest.raises(SecrecyError):
            take(station, medium, "wrong")

        result = take(station, medium, WORDS)

        assert result.imported == COUNT
        assert "goes-on" not in rules(result), "there was nothing to go on with"

    def test_a_wrong_key_is_noticed_also_where_the_first_files_are_none(
        self, station: Station, tmp_path: Path
    ) -> None:
        """No DICOMDIR, and a large viewer in front of the images."""
        tree = {f"A{number:03}.TXT": b"text" for number in range(300)}
        tree |= {f"Z/{name}": sealed(c) for name, c in enumerate_files(tmp_path, 3).items()}
        medium = stick(tmp_path, tree)

        with pytest.raises(SecrecyError, match="What was given opens nothing"):
            take(station, medium, "wrong")
        with pytest.raises(SecrecyError, match="is sealed for a password"):
            import_medium(station, ImportRequest(medium))

        assert take(station, medium, WORDS).imported == 3


def enumerate_files(folder: Path, number: int, **facts: Any) -> dict[str, bytes]:
    """Plain instances of one series by name."""
    paths = write_series(folder / "plain-series", number, **facts)
    return {f"IM{place}": path.read_bytes() for place, path in enumerate(paths)}


class TestMixtures:
    def test_what_opens_comes_in_and_each_other_envelope_is_told(
        self, station: Station, tmp_path: Path
    ) -> None:
        ann = issue("Ann")
        files = enumerate_files(tmp_path, 5)
        tree = {name: sealed(content) for name, content in files.items()}
        tree["IM1"] = sealed(files["IM1"], certificates=[ann.certificate])
        tree["IM2"] = sealed(files["IM2"], passwords=["another one"])
        tree["IM3"] = tree["IM3"][:-40] + bytes(40)

        result = take(station, stick(tmp_path, tree), WORDS)

        assert (result.found, result.imported, result.refused) == (5, 2, 3)
        assert result.exit_code == 1
        told = {one.subject: one for one in result.findings if one.severity is Severity.ERROR}
        assert {path: one.rule for path, one in told.items()} == {
            "IM1": "sealed",
            "IM2": "sealed",
            "IM3": "sealed-damaged",
        }
        assert "Ann" in told["IM1"].message
        assert stored(station) == digests({"0": files["IM0"], "4": files["IM4"]})

    def test_others_envelopes_that_are_smaller_do_not_hide_ones_own(
        self, station: Station, tmp_path: Path
    ) -> None:
        ann, bob = issue("Ann"), issue("Bob", number=1)
        _, key = bob.write(tmp_path, "bob")
        files = enumerate_files(tmp_path, 30)
        tree = {n: sealed(c[:400], certificates=[ann.certificate]) for n, c in files.items()}
        tree["OURS"] = sealed(files["IM7"], certificates=[bob.certificate])

        result = import_medium(
            station, ImportRequest(stick(tmp_path, tree)), keys=ring(keys=(key,))
        )

        assert (result.imported, result.refused) == (1, 30)

    def test_plain_files_among_sealed_ones_are_told(self, station: Station, tmp_path: Path) -> None:
        files = enumerate_files(tmp_path, 4)
        tree = {"IM0": files["IM0"], **{n: sealed(files[n]) for n in ("IM1", "IM2", "IM3")}}

        result = take(station, stick(tmp_path, tree), WORDS)

        assert (result.imported, result.opened, result.exit_code) == (4, 3, 0)
        (told,) = (one for one in result.findings if one.rule == "mixed-security")
        assert (told.severity, told.subject) == (Severity.WARNING, "IM0")

    def test_an_envelope_far_behind_plain_files_is_opened_too(
        self, station: Station, tmp_path: Path
    ) -> None:
        """Until it is met, the medium is looked at as quickly as any plain one."""
        files = enumerate_files(tmp_path, 301)
        tree = {f"A{name}": content for name, content in files.items() if name != "IM300"}
        tree["Z"] = sealed(files["IM300"])

        result = take(station, stick(tmp_path, tree), WORDS)

        assert (result.imported, result.opened, result.exit_code) == (301, 1, 0)
        assert "mixed-security" in rules(result)

    def test_plain_files_come_in_without_a_key_and_the_others_later(
        self, station: Station, tmp_path: Path
    ) -> None:
        """Somebody is at the door who has no password: what anybody can read is not held up."""
        files = enumerate_files(tmp_path, 4)
        tree = {"IM0": files["IM0"], **{n: sealed(files[n]) for n in ("IM1", "IM2", "IM3")}}
        medium = stick(tmp_path, tree)

        first = import_medium(station, ImportRequest(medium))
        second = take(station, medium, WORDS)

        assert (first.imported, first.refused, first.exit_code) == (1, 3, 1)
        assert "for a password" in next(
            one.message for one in first.findings if one.rule == "sealed"
        )
        assert (second.imported, second.duplicates, second.exit_code) == (3, 1, 0)

    def test_a_directory_for_somebody_else_leaves_the_files(
        self, station: Station, tmp_path: Path
    ) -> None:
        tree = sealed_tree(good_tree())
        tree["DICOMDIR"] = sealed(good_tree()["DICOMDIR"], passwords=["another one"])

        result = take(station, stick(tmp_path, tree), WORDS)

        assert (result.imported, result.exit_code) == (COUNT, 1)
        assert {"sealed", "directory-unreadable"} <= set(rules(result))

    @pytest.mark.parametrize("form", ["content_info", "content_octets", "id_data_nested"])
    def test_forms_that_deviate_are_taken_with_a_warning(
        self, station: Station, tmp_path: Path, form: str
    ) -> None:
        tree = {"A": sealed(write_ct(tmp_path / "a").read_bytes(), form=form)}

        result = take(station, stick(tmp_path, tree), WORDS)

        assert (result.imported, result.exit_code) == (1, 0)
        assert rules(result)["envelope-nesting"] is Severity.WARNING

    def test_what_nothing_proves_does_not_come_in(self, station: Station, tmp_path: Path) -> None:
        tree = enumerate_files(tmp_path, 2)
        tree = {"IM0": sealed(tree["IM0"]), "IM1": sealed(tree["IM1"], form="id_data_bare")}

        result = take(station, stick(tmp_path, tree), WORDS)

        assert (result.imported, result.refused, result.exit_code) == (1, 1, 1)
        assert rules(result)["sealed-damaged"] is Severity.ERROR


class TestSignatures:
    @pytest.fixture
    def signed(self, tmp_path: Path) -> Path:
        root = issue("Root", number=2, authority=True)
        ann = issue("Ann", issuer=root)
        (tmp_path / "trust.pem").write_bytes(root.pem)
        signer = (ann.key, ann.certificate, ann.above)
        return stick(tmp_path, sealed_tree(good_tree(), signer=signer))

    def test_an_unknown_signer_is_one_warning_for_all_files(
        self, station: Station, signed: Path
    ) -> None:
        result = take(station, signed, WORDS)

        assert (result.imported, result.exit_code) == (COUNT, 0)
        (told,) = (one for one in result.findings if one.rule == "signature-unknown")
        assert told.severity is Severity.WARNING
        assert f"{COUNT + 1} files" in told.message
        assert "Ann" in told.message

    def test_a_trusted_signer_is_one_note_for_all_files(
        self, station: Station, signed: Path, tmp_path: Path
    ) -> None:
        rules_ = station.settings.secure.model_copy(update={"trust": tmp_path / "trust.pem"})
        station.settings = station.settings.model_copy(update={"secure": rules_})

        result = take(station, signed, WORDS)

        (told,) = (one for one in result.findings if one.rule.startswith("signature"))
        assert (told.rule, told.severity) == ("signature", Severity.NOTE)
        assert f"{COUNT + 1} files" in told.message

    def test_a_broken_signature_keeps_its_file_out(self, station: Station, tmp_path: Path) -> None:
        ann = issue("Ann")
        files = enumerate_files(tmp_path, 2)
        signer = (ann.key, ann.certificate, ())
        tree = {
            "IM0": sealed(files["IM0"], signer=signer),
            "IM1": sealed(files["IM1"], signer=signer, wrong_signature=True),
        }

        result = take(station, stick(tmp_path, tree), WORDS)

        assert (result.imported, result.refused, result.exit_code) == (1, 1, 1)
        (told,) = (one for one in result.findings if one.rule == "signature-broken")
        assert (told.severity, told.subject) == (Severity.ERROR, "IM1")

    def test_many_signers_are_no_flood(self, station: Station, tmp_path: Path) -> None:
        tree = {}
        for name, content in enumerate_files(tmp_path, 24).items():
            one = issue(f"Signer of {name}")
            tree[name] = sealed(content, signer=(one.key, one.certificate, ()))

        result = take(station, stick(tmp_path, tree), WORDS)

        assert result.imported == 24
        assert sum(one.rule == "signature-unknown" for one in result.findings) == 21
        assert "4 more findings of this kind" in {one.message for one in result.findings}

    def test_the_report_tells_how_they_were_opened_and_proved(
        self, station: Station, signed: Path
    ) -> None:
        page = Path(take(station, signed, WORDS).report).read_text("utf-8")

        assert "Secure envelopes" in page
        assert "AES-256" in page
        assert "SHA-256" in page
        assert "Ann" in page
        assert WORDS not in page


def canaries(folder: Path, number: int) -> Tree:
    """Envelopes of instances whose pixels are the canary; one of them is larger than memory."""
    tree = {
        f"IM{place}": content
        for place, content in enumerate(enumerate_files(folder, number, PixelData=CANARY).values())
    }
    large = CANARY * (1 << 18)
    facts = {"Rows": 2048, "Columns": 2048, "PixelData": large, "SOPInstanceUID": "1.2.3.1.99999"}
    tree["LARGE"] = write_ct(folder / "large", **facts).read_bytes()
    assert len(tree["LARGE"]) > unsealed.MEMORY_BYTES
    return sealed_tree(tree)


class TestNothingIsLeft:
    def test_neither_password_nor_pixels_after_success_and_failure(
        self, station: Station, tmp_path: Path
    ) -> None:
        medium = stick(tmp_path, canaries(tmp_path, 3))
        with pytest.raises(SecrecyError):
            take(station, medium, WORDS[::-1])
        assert secrets_in(station.home, CANARY, WORDS.encode(), WORDS[::-1].encode()) == []

        assert take(station, medium, WORDS).imported == 4

        assert secrets_in(station.home, CANARY, WORDS.encode(), WORDS[::-1].encode()) == []
        assert len(stored(station)) == 4

    @pytest.mark.parametrize("step", ["examine", "iter_standings", "keep_import_report"])
    def test_nor_after_a_stop_at_any_step(
        self, station: Station, tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        medium = stick(tmp_path, canaries(tmp_path, 3))

        def stop(*_: object, **__: object) -> None:
            raise CancelledError("stopped")

        with monkeypatch.context() as patch:
            patch.setattr(module, step, stop, raising=False)
            patch.setattr(import_take, step, stop, raising=False)
            with pytest.raises(CancelledError):
                take(station, medium, WORDS)
        assert secrets_in(station.home, CANARY, WORDS.encode()) == []

        result = take(station, medium, WORDS)

        assert "goes-on" in rules(result)
        assert (result.imported, result.opened) == (4, 4)

    def test_who_goes_on_needs_the_key_again(
        self, station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The first attempt had it; what it looked at may not be taken for damaged now."""
        files = enumerate_files(tmp_path, 3)
        medium = stick(tmp_path, {"IM0": files["IM0"], "IM1": sealed(files["IM1"])})

        def stop(*_: object, **__: object) -> None:
            raise CancelledError("stopped")

        with monkeypatch.context() as patch:
            patch.setattr(module, "examine", stop)
            with pytest.raises(CancelledError):
                take(station, medium, WORDS)

        with pytest.raises(SecrecyError, match="sealed for a password"):
            import_medium(station, ImportRequest(medium))
        assert take(station, medium, WORDS).imported == 2

    def test_what_a_killed_comparison_left_is_removed_at_the_next_start(
        self, station: Station, tmp_path: Path
    ) -> None:
        result = take(station, stick(tmp_path, canaries(tmp_path, 1)), WORDS)
        scratch = survey_path(station, result.job).parent / SCRATCH_NAME
        scratch.mkdir()
        (scratch / "lent-0").write_bytes(CANARY)

        told = settle_unfinished(station)

        assert [one.rule for one in told] == ["left-over"]
        assert not scratch.exists()

    def test_killed_at_any_moment_nothing_is_lost_and_nothing_left(self, tmp_path: Path) -> None:
        home, log, words = tmp_path / "home", tmp_path / "log", tmp_path / "words"
        words.write_text(WORDS)
        words.chmod(0o600)
        number = 40
        medium = stick(tmp_path, canaries(tmp_path, number))
        option = ("--password-file", words)
        chance, killed = random.Random(7), 0
        with CommandNursery() as nursery:
            for again in range(2):  # the first one also fills caches
                begun = time.monotonic()
                nursery.start(log, "--home", tmp_path / f"other{again}", "import", medium, *option)
                assert nursery.end() == 0, log.read_text()
                whole_s = time.monotonic() - begun
            for _ in range(KILLS):
                child = nursery.start(log, "--home", home, "import", medium, *option)
                killer = nursery.signal_later(
                    child, signal.SIGKILL, chance.uniform(0.2, 1.0) * whole_s
                )
                killed += nursery.end() == -signal.SIGKILL
                killer.join()
            nursery.start(log, "--home", home, "import", medium, *option)
            assert nursery.end() == 0, log.read_text()
        assert killed
        with Station(home) as station:
            assert len(list_rows(station.catalog, "instances")) == number + 1
            assert len(stored(station)) == number + 1
        assert secrets_in(home, CANARY, WORDS.encode()) == []


class TestOwnDisk:
    def test_what_is_large_is_not_opened_below_the_reserve(
        self, station: Station, tmp_path: Path
    ) -> None:
        medium = stick(tmp_path, canaries(tmp_path, 2))
        free = shutil.disk_usage(tmp_path).free
        update = {"disk_reserve_bytes": free - (1 << 20)}
        station.settings = station.settings.model_copy(update=update)

        with pytest.raises(MediastationError, match="LARGE would go below the reserve") as told:
            take(station, medium, WORDS)

        assert told.value.exit_code == 3
        assert stored(station) == set()
        station.settings = station.settings.model_copy(update={"disk_reserve_bytes": 0})
        assert take(station, medium, WORDS).imported == 3

    def test_a_full_disk_is_told_and_is_not_the_mediums_fault(
        self, station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        medium = stick(tmp_path, canaries(tmp_path, 2))

        def full(*_: object, **__: object) -> None:
            raise OSError(28, os.strerror(28))

        with monkeypatch.context() as patch:
            patch.setattr("tempfile.TemporaryFile", full)
            with pytest.raises(MediastationError, match="No space left") as told:
                take(station, medium, WORDS)

        assert told.value.exit_code == 3
        assert take(station, medium, WORDS).imported == 3


def is_waiting(station: Station, job: int) -> bool:
    return job_of(station, job).state is JobState.WAITING


class TestQueue:
    @pytest.fixture
    def medium(self, tmp_path: Path) -> Path:
        return stick(tmp_path, sealed_tree(good_tree()))

    def test_a_job_asks_and_goes_on_with_the_answer(self, tmp_path: Path, medium: Path) -> None:
        home = tmp_path / "home"
        with Serve(home, tmp_path / "log"), Station(home) as station:
            job = submit(station, ImportRequest(medium))
            wait_until(lambda: job_of(station, job).state is JobState.WAITING, "the question")
            question = job_of(station, job).question
            assert question is not None
            assert question.kind == PASSWORD
            assert "a password" in question.text

            assert give_password(station, job, Password("wrong"))
            wait_until(
                lambda: (
                    "opens nothing" in getattr(job_of(station, job).question, "text", "")
                    and job_of(station, job).state is JobState.WAITING
                ),
                "the question again",
            )
            assert stored(station) == set()
            assert give_password(station, job, Password(WORDS))
            record = wait_for_end(station, job)

            assert record.state is JobState.DONE, record.message
            assert record.result["imported"] == COUNT
            assert stored(station) == digests(instance_files())
        assert secrets_in(home, WORDS.encode(), b'"wrong"') == []
        assert WORDS.encode() not in (tmp_path / "log").read_bytes()

    def test_what_no_password_opens_waits_for_a_key_and_may_be_cancelled(
        self, tmp_path: Path, medium: Path
    ) -> None:
        ann = issue("Ann")
        _, key = ann.write(tmp_path, "ann")
        tree = sealed_tree(good_tree(), certificates=[ann.certificate])
        home, for_ann = tmp_path / "home", write_folder(tree, tmp_path / "for ann")
        with Serve(home, tmp_path / "log"), Station(home) as station:
            for_nobody = submit(station, ImportRequest(medium))
            job = submit(station, ImportRequest(for_ann))
            for asking in (for_nobody, job):
                wait_until(partial(is_waiting, station, asking), "the question")
            question = job_of(station, job).question
            assert question is not None
            assert "--key" in question.hint
            cancel(station, for_nobody)
            assert stored(station) == set()
            assert give_password(station, job, None, keys=(key,))

            assert wait_for_end(station, job).state is JobState.DONE
            assert wait_for_end(station, for_nobody).state is JobState.CANCELLED
            assert stored(station) == digests(instance_files())

    def test_a_killed_worker_costs_the_password_and_nothing_else(self, tmp_path: Path) -> None:
        home = tmp_path / "home"
        medium = stick(tmp_path, canaries(tmp_path, 100))
        with Serve(home, tmp_path / "log") as serve, Station(home) as station:
            job = submit(station, ImportRequest(medium))
            assert give_password(station, job, Password(WORDS))
            serve.worker_of(wait_for_step(station, job, "keep")).send(signal.SIGKILL)
            wait_until(lambda: job_of(station, job).state is JobState.WAITING, "the question")
            assert secrets_in(home, CANARY, WORDS.encode()) == []
            assert give_password(station, job, Password(WORDS))
            record = wait_for_end(station, job)

            assert record.state is JobState.DONE, record.message
            assert record.result["imported"] == 101
            assert len(find_entries(station.catalog, f"import:{job}")) == 101
        assert secrets_in(home, CANARY, WORDS.encode()) == []
