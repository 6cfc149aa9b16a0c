"""Envelopes opened into a folder: all of it proved and private, or told and not there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from mediastation.catalog.job_queue import LEASE_S
from mediastation.catalog.ledger import Ledger
from mediastation.errors import (
    CancelledError,
    ConfigError,
    MediaError,
    RefusedError,
    SecrecyError,
)
from mediastation.media.folder import PartFolder
from mediastation.model.event import Event, StepProgress
from mediastation.model.finding import Severity
from mediastation.model.job import JobState
from mediastation.model.ledger import LedgerEntry, LedgerEvent
from mediastation.model.secrecy import Password
from mediastation.reading.dicomdir import read_dicomdir
from mediastation.reading.memory import MemoryVolume
from mediastation.reading.volume import open_volume
from mediastation.secure.opening.keys import KeyRing, read_private_key
from mediastation.secure.opening.opener import Opened, Opener
from mediastation.station.free_paths import FreePaths
from mediastation.station.recording.entry_words import traffic_cells, traffic_words
from mediastation.station.sealing import opening
from mediastation.station.sealing.opening import OpenRequest, take_out
from mediastation.station.sealing.opening_work import OpenResult
from mediastation.station.station import Station
from mediastation.station.unfinished import settle_unfinished
from mediastation.verify import verify_medium
from mediastation.verify.right_disc import patients_of
from tests.support.certificates import issue, key_usage
from tests.support.file_sets import PATHS, good_file_set, instance, write_folder
from tests.support.outside.writers import MAKERS
from tests.support.sealed_media import WORDS, sealed, sealed_tree

FILES = good_file_set()
DICOM = {path: content for path, content in FILES.items() if path != "README.TXT"}
RING = KeyRing((Password(WORDS),))
KINDS = ("iso", "iso-joliet", "bridge", "udf-2.50", "fat16", "fat32", "zip-deflated", "folder")


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    with Station(tmp_path / "home") as opened:
        yield opened


def take(
    station: Station, tmp_path: Path, tree: Mapping[str, bytes], keys: KeyRing = RING
) -> OpenResult:
    """Open a stick that holds `tree`."""
    request = OpenRequest(write_folder(tree, tmp_path / "stick"), tmp_path / "out")
    return take_out(station, request, keys)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def rules(result: OpenResult) -> dict[str, Severity]:
    return {finding.rule: finding.severity for finding in result.findings}


def beside(tmp_path: Path) -> list[str]:
    """What lies where the output was to be, but for what the test put there."""
    known = {"home", "stick", "made", "ann.pem", "ann.key.pem", "trust.pem"}
    return sorted({path.name for path in tmp_path.iterdir()} - known)


class TestWhatComesOut:
    @pytest.mark.parametrize("kind", KINDS)
    def test_of_every_medium_it_is_the_plain_file_set(
        self, station: Station, tmp_path: Path, kind: str
    ) -> None:
        (tmp_path / "made").mkdir()
        medium = MAKERS[kind](tmp_path / "made", sealed_tree(FILES))

        result = take_out(station, OpenRequest(medium, tmp_path / "out"), RING)

        assert contents(tmp_path / "out") == DICOM
        assert (result.files, result.envelopes, result.damaged) == (7, 7, 0)
        assert result.exit_code == 0
        assert verify_medium(tmp_path / "out").findings == []
        assert beside(tmp_path) == ["out"]

    def test_nobody_but_its_owner_may_look_into_it(self, station: Station, tmp_path: Path) -> None:
        mask = os.umask(0)
        try:
            take(station, tmp_path, sealed_tree(FILES))
        finally:
            os.umask(mask)

        out = tmp_path / "out"
        assert {p.stat().st_mode & 0o777 for p in out.rglob("*") if p.is_file()} == {0o600}
        folders = [out, *(path for path in out.rglob("*") if path.is_dir())]
        assert {path.stat().st_mode & 0o777 for path in folders} == {0o700}

    def test_what_lay_open_is_told_and_comes_along_if_it_is_dicom(
        self, station: Station, tmp_path: Path
    ) -> None:
        """A page about envelopes says nothing beside what was in them."""
        tree = sealed_tree(FILES) | {PATHS[0]: FILES[PATHS[0]]}

        result = take(station, tmp_path, tree)

        assert contents(tmp_path / "out") == DICOM
        assert result.exit_code == 0
        told = {finding.rule: finding.subject for finding in result.findings}
        assert told == {"not-sealed": PATHS[0], "in-clear": str(tmp_path / "stick")}

    def test_one_envelope_by_itself_is_a_medium(self, station: Station, tmp_path: Path) -> None:
        (tmp_path / "stick").write_bytes(sealed(FILES[PATHS[0]]))

        take_out(station, OpenRequest(tmp_path / "stick", tmp_path / "out"), RING)

        assert contents(tmp_path / "out") == {"stick": FILES[PATHS[0]]}

    def test_a_private_key_opens_it_and_a_signature_counts_by_the_sites_list(
        self, tmp_path: Path
    ) -> None:
        ann, sender = issue("Ann"), issue("Sender", number=1, usage=key_usage("digital_signature"))
        _, key = ann.write(tmp_path, "ann")
        signer = (sender.key, sender.certificate, ())
        tree = sealed_tree(DICOM, certificates=[ann.certificate], signer=signer)
        ring = KeyRing(keys=(read_private_key(key),))

        with Station(tmp_path / "home") as station:
            unknown = take(station, tmp_path, tree, ring)
            (tmp_path / "trust.pem").write_bytes(sender.chain_pem)
            secure = station.settings.secure.model_copy(update={"trust": tmp_path / "trust.pem"})
            station.settings = station.settings.model_copy(update={"secure": secure})
            request = OpenRequest(tmp_path / "stick", tmp_path / "again")
            trusted = take_out(station, request, ring)

        assert unknown.signatures == {"unknown signer": 7}
        assert rules(unknown) == {"signature-unknown": Severity.WARNING}
        assert trusted.signatures == {"trusted": 7}
        (told,) = trusted.findings
        assert (told.rule, told.severity) == ("signature", Severity.NOTE)
        assert "7 files are signed by" in told.message

    def test_odd_forms_are_opened_and_told(self, station: Station, tmp_path: Path) -> None:
        tree = {"ODD": sealed(FILES[PATHS[0]], form="id_data_nested"), "TEXT": sealed(b"a letter")}

        result = take(station, tmp_path, tree)

        assert contents(tmp_path / "out") == {"ODD": FILES[PATHS[0]], "TEXT": b"a letter"}
        assert rules(result) == {
            "envelope-nesting": Severity.WARNING,
            "not-dicom": Severity.WARNING,
        }

    def test_the_job_says_what_was_done(self, station: Station, tmp_path: Path) -> None:
        result = take(station, tmp_path, sealed_tree(FILES))

        record = station.jobs.get(result.job, station.clock.now())
        assert record is not None
        assert (record.kind, record.state) == ("open", JobState.DONE)
        assert (record.result["files"], record.result["envelopes"]) == (7, 7)
        assert "writing" not in record.result
        (step,) = record.steps
        assert (step.done, step.unit) == (step.total, "bytes")


class TestWhatDoesNot:
    def test_a_wrong_password_leaves_nothing(self, station: Station, tmp_path: Path) -> None:
        with pytest.raises(SecrecyError, match="Nothing could be opened") as told:
            take(station, tmp_path, sealed_tree(FILES), KeyRing((Password("wrong"),)))

        assert told.value.exit_code == 4
        assert beside(tmp_path) == []
        (record,) = station.jobs.latest(station.clock.now(), 1)
        assert record.state is JobState.FAILED

    @pytest.mark.parametrize("one_salt", [True, False])
    def test_a_wrong_password_is_told_by_few_envelopes(
        self, station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_salt: bool
    ) -> None:
        """The smallest comes first; a medium of 10,000 is not tried through.

        Not either where its maker has the password stretched anew for each file.
        """
        monkeypatch.setattr("mediastation.secure.opening.each_lock._MOST_ITERATIONS", 13_000)
        tried: list[str] = []
        plain = Opener.open

        def counted(self: Opener, *words: Any, **more: Any) -> Opened:
            tried.append(str(words[3]))
            return plain(self, *words, **more)

        monkeypatch.setattr(Opener, "open", counted)
        tree = {
            f"D{n:03}": sealed(FILES[PATHS[2]], salt=b"one salt" if one_salt else b"salt %03d" % n)
            for n in range(100)
        }
        tree["SMALL"] = sealed(FILES[PATHS[0]])

        with pytest.raises(SecrecyError):
            take(station, tmp_path, tree, KeyRing((Password("wrong"),)))

        assert tried[0] == "SMALL"
        assert 12 <= len(tried) <= 16, tried

    @pytest.mark.parametrize("by_key", [True, False])
    def test_a_few_that_are_for_somebody_else_make_no_password_or_key_wrong(
        self, station: Station, tmp_path: Path, by_key: bool
    ) -> None:
        """The files of a set may be for different recipients (PS3.11 D.3.5)."""
        ann, bob = issue("Ann"), issue("Bob", number=1)
        mine = {"certificates": [ann.certificate]} if by_key else {"salt": b"my own 8"}
        theirs = {"certificates": [bob.certificate]} if by_key else {"password": "another"}
        tree = {f"D{n:03}": sealed(b"x" * 200, **theirs) for n in range(60)}
        tree |= {f"D{n:03}": sealed(FILES[PATHS[0]], **mine) for n in (31, 32)}
        _, key = ann.write(tmp_path, "ann")
        ring = KeyRing(keys=(read_private_key(key),)) if by_key else RING

        result = take(station, tmp_path, tree, ring)

        assert contents(tmp_path / "out").keys() == {"D031", "D032"}
        assert (result.envelopes, result.damaged, result.exit_code) == (2, 58, 1)

    def test_what_is_for_others_is_named_and_the_rest_is_there(
        self, station: Station, tmp_path: Path
    ) -> None:
        """The smallest is for somebody else: that alone does not make the password wrong."""
        other = sealed(DICOM[PATHS[0]], password="another")  # noqa: S106
        tree = sealed_tree(FILES) | {PATHS[0]: other}

        result = take(station, tmp_path, tree)

        assert contents(tmp_path / "out").keys() == DICOM.keys() - {PATHS[0]}
        assert (result.exit_code, result.envelopes, result.damaged) == (1, 6, 1)
        assert ("wrong-key", PATHS[0]) in [(f.rule, f.subject) for f in result.findings]

    @pytest.mark.parametrize("at", [-20, 400])
    def test_a_damaged_one_is_named_and_the_rest_is_there(
        self, station: Station, tmp_path: Path, at: int
    ) -> None:
        tree = sealed_tree(FILES)
        spoiled = bytearray(tree[PATHS[3]])
        spoiled[at] ^= 1
        tree[PATHS[3]] = bytes(spoiled)

        result = take(station, tmp_path, tree)

        left = {path: content for path, content in DICOM.items() if path != PATHS[3]}
        assert contents(tmp_path / "out") == left
        assert result.exit_code == 1
        errors = [f.subject for f in result.findings if f.severity is Severity.ERROR]
        assert errors == [PATHS[3]]

    def test_a_broken_signature_is_damage(self, station: Station, tmp_path: Path) -> None:
        sender = issue("Sender", number=1)
        signer = (sender.key, sender.certificate, ())
        broken = sealed(DICOM[PATHS[0]], signer=signer, wrong_signature=True)

        result = take(station, tmp_path, sealed_tree(FILES) | {PATHS[0]: broken})

        assert PATHS[0] not in contents(tmp_path / "out")
        assert rules(result)["signature-broken"] is Severity.ERROR
        assert result.exit_code == 1

    def test_what_nothing_proves_is_not_given_out(self, station: Station, tmp_path: Path) -> None:
        with pytest.raises(SecrecyError, match="nobody can tell whether it was changed") as told:
            take(station, tmp_path, {"BARE": sealed(FILES[PATHS[0]], form="id_data_bare")})

        assert told.value.exit_code == 4
        assert beside(tmp_path) == []

    def test_all_damaged_is_nothing(self, station: Station, tmp_path: Path) -> None:
        tree = {path: content[:-40] for path, content in sealed_tree(DICOM).items()}

        with pytest.raises(SecrecyError) as told:
            take(station, tmp_path, tree)

        assert len(told.value.findings) == 7  # type: ignore[attr-defined]
        assert beside(tmp_path) == []

    def test_a_medium_without_envelopes_is_no_matter_of_keys(
        self, station: Station, tmp_path: Path
    ) -> None:
        with pytest.raises(RefusedError, match="No secure envelope"):
            take(station, tmp_path, FILES)

        assert beside(tmp_path) == []

    def test_what_the_medium_does_not_give_is_named(
        self, station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Scratched(MemoryVolume):
            def open(self, path: str) -> BinaryIO:
                if path == PATHS[4]:
                    raise MediaError("sector 700 cannot be read")
                return super().open(path)

        disc = Scratched(sealed_tree(FILES))
        monkeypatch.setattr(opening, "open_sealed", lambda *_: disc)

        result = take(station, tmp_path, FILES)

        assert contents(tmp_path / "out").keys() == DICOM.keys() - {PATHS[4]}
        assert rules(result)["unreadable-file"] is Severity.ERROR
        assert result.exit_code == 1


class TestAgainstItsDirectory:
    """Each envelope proves itself alone; who swaps or takes away some of them has no key."""

    def test_an_envelope_of_another_medium_under_the_name_of_one_is_told(
        self, station: Station, tmp_path: Path
    ) -> None:
        """It was sealed with the same password, for somebody else."""
        other = instance("1.2.9.9", patient_id="PID9", study="1.2.9", series="1.2.9.1")

        result = take(station, tmp_path, sealed_tree(FILES | {PATHS[0]: other}))

        assert contents(tmp_path / "out")[PATHS[0]] == other
        told = [(f.rule, f.subject) for f in result.findings if f.severity is Severity.ERROR]
        assert set(told) == {("wrong-link", PATHS[0]), ("wrong-branch", PATHS[0])}
        assert any("PID9" in finding.message for finding in result.findings)
        assert result.exit_code == 1

    def test_two_that_changed_their_names_are_told(self, station: Station, tmp_path: Path) -> None:
        tree = sealed_tree(FILES)
        tree[PATHS[0]], tree[PATHS[5]] = tree[PATHS[5]], tree[PATHS[0]]

        result = take(station, tmp_path, tree)

        wrong = {f.subject for f in result.findings if f.rule == "wrong-link"}
        assert wrong == {PATHS[0], PATHS[5]}
        assert result.exit_code == 1

    def test_one_that_is_missing_is_told(self, station: Station, tmp_path: Path) -> None:
        tree = sealed_tree(FILES)
        del tree[PATHS[2]]

        result = take(station, tmp_path, tree)

        assert rules(result)["missing-file"] is Severity.ERROR
        assert (result.files, result.exit_code) == (6, 1)

    @pytest.mark.parametrize("front", [b"", bytes(4096)])
    @pytest.mark.parametrize("path", [PATHS[1], "DICOMDIR"])
    def test_one_whose_beginning_the_medium_lost_is_no_page_that_lay_open(
        self, station: Station, tmp_path: Path, path: str, front: bytes
    ) -> None:
        """Sticks give zeros for what they lost: that is no reason to leave an image out."""
        result = take(station, tmp_path, sealed_tree(FILES) | {path: front})

        assert ("not-dicom", path) in [(f.rule, f.subject) for f in result.findings]
        assert result.exit_code == 1

    def test_one_that_no_record_leads_to_is_told(self, station: Station, tmp_path: Path) -> None:
        tree = sealed_tree(FILES | {"DICOM/MORE": instance("1.2.9.9", patient_id="PID9")})

        result = take(station, tmp_path, tree)

        assert (rules(result)["unreferenced"], result.exit_code) == (Severity.WARNING, 0)

    def test_one_that_does_not_open_is_told_once(self, station: Station, tmp_path: Path) -> None:
        tree = sealed_tree(FILES)
        tree[PATHS[3]] = tree[PATHS[3]][:-40]

        result = take(station, tmp_path, tree)

        assert [f.rule for f in result.findings if f.subject == PATHS[3]] == ["bad-envelope"]


class TestWhereItGoes:
    @pytest.mark.parametrize("what", ["file", "full folder", "link", "no folder above"])
    def test_nothing_that_is_there_is_touched(
        self, station: Station, tmp_path: Path, what: str
    ) -> None:
        out = tmp_path / "out"
        match what:
            case "file":
                out.write_bytes(b"mine")
            case "full folder":
                write_folder({"MINE": b"mine"}, out)
            case "link":
                out.symlink_to(tmp_path / "elsewhere")
            case _:
                out = tmp_path / "none" / "out"
        before = {p: p.lstat().st_mtime_ns for p in (tmp_path.rglob("*")) if "home" not in str(p)}
        medium = write_folder(sealed_tree(FILES), tmp_path / "stick")

        with pytest.raises(ConfigError):
            take_out(station, OpenRequest(medium, out), RING)

        assert all(path.lstat().st_mtime_ns == then for path, then in before.items())

    @pytest.mark.parametrize("where", ["stick/out", "stick/DICOM/out", "link/out"])
    def test_nothing_plain_is_put_on_the_medium_itself(
        self, station: Station, tmp_path: Path, where: str
    ) -> None:
        """Who has the stick next would have it without a password."""
        medium = write_folder(sealed_tree(FILES), tmp_path / "stick")
        (tmp_path / "link").symlink_to(medium)

        with pytest.raises(ConfigError, match="would lie on"):
            take_out(station, OpenRequest(medium, tmp_path / where), RING)

        assert contents(medium).keys() == FILES.keys()

    def test_hostile_names_stay_in_the_folder(
        self, station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Of one name: two files where case does not count, and a file with a directory."""
        names = ["IM", "im", "A", "A/B", "a/c", ".next", "N" * 250, "D/" * 31 + "E", "%2E%2E"]
        disc = MemoryVolume({name: sealed(FILES[PATHS[0]]) for name in names})
        monkeypatch.setattr(opening, "open_sealed", lambda *_: disc)

        result = take(station, tmp_path, FILES)

        found = contents(tmp_path / "out")
        assert len({name.casefold() for name in found}) == len(found) == len(names) - 1
        assert rules(result)["name-too-long"] is Severity.ERROR
        assert rules(result)["name-taken"] is Severity.WARNING
        assert beside(tmp_path) == ["out"]

    def test_a_full_disk_leaves_nothing(
        self, station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        plain, left = os.write, [6]

        def write(handle: int, data: bytes) -> int:
            if "out.part" in str(Path(f"/proc/self/fd/{handle}").readlink()):
                left[0] -= 1
                if left[0] < 0:
                    raise OSError(28, "No space left on device")
            return plain(handle, data)

        monkeypatch.setattr(os, "write", write)

        with pytest.raises(MediaError, match="No space left"):
            take(station, tmp_path, sealed_tree(FILES))

        assert left[0] < 0
        assert beside(tmp_path) == []

    def test_a_disk_without_room_is_told_before_anything_is_opened(
        self, station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("mediastation.media.disk._free_bytes", lambda _: 1000)

        with pytest.raises(MediaError, match="1,000 are free"):
            take(station, tmp_path, sealed_tree(FILES))

        assert beside(tmp_path) == []

    def test_cancelled_it_leaves_nothing(
        self, station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("mediastation.station.job._LISTENER_EVERY_S", 0)
        medium = write_folder(sealed_tree(FILES), tmp_path / "stick")

        def listen(event: Event) -> None:
            if isinstance(event, StepProgress) and event.done > 3000:
                raise CancelledError("The job was cancelled.")

        with pytest.raises(CancelledError):
            take_out(station, OpenRequest(medium, tmp_path / "out"), RING, listen)

        assert beside(tmp_path) == []

    def test_what_a_killed_run_left_goes_with_the_next_command(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Plain images must not stay in a folder that nobody looks for."""
        write_folder(sealed_tree(FILES), tmp_path / "stick")
        words = [tmp_path / "home", tmp_path / "stick", tmp_path / "out", WORDS]
        done = subprocess.run([sys.executable, "-c", _KILLED, *map(str, words)], check=False)
        assert done.returncode == -signal.SIGKILL
        assert beside(tmp_path) == [".out.part"]

        with Station(tmp_path / "home") as station:
            later = station.clock.now() + 2 * LEASE_S
            monkeypatch.setattr(station.clock, "now", lambda: later)
            found = {one.rule: one.severity for one in settle_unfinished(station)}
            (entry, withdrawn) = recorded(station)

        assert found == {"left-over": Severity.NOTE, "medium-withdrawn": Severity.WARNING}
        assert withdrawn.event is LedgerEvent.WITHDRAWN
        assert withdrawn.refers_to == entry.number
        assert beside(tmp_path) == []

    def test_what_has_its_name_stays_recorded(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Killed between the name and the note of it: the folder that is there tells."""
        write_folder(sealed_tree(FILES), tmp_path / "stick")
        words = [tmp_path / "home", tmp_path / "stick", tmp_path / "out", WORDS]
        program = _KILLED.replace(
            "lambda self: ", "lambda self, named=PartFolder.commit: named(self) and "
        )
        done = subprocess.run([sys.executable, "-c", program, *map(str, words)], check=False)
        assert done.returncode == -signal.SIGKILL
        assert beside(tmp_path) == ["out"]

        with Station(tmp_path / "home") as station:
            later = station.clock.now() + 2 * LEASE_S
            monkeypatch.setattr(station.clock, "now", lambda: later)
            settle_unfinished(station)

            assert [one.event for one in recorded(station)] == [LedgerEvent.OPENED]


class TestRecord:
    def test_the_ledger_has_whose_data_lies_plain_and_where(
        self, station: Station, tmp_path: Path
    ) -> None:
        result = take(station, tmp_path, sealed_tree(FILES))

        (entry,) = recorded(station)
        assert (entry.event, entry.job) == (LedgerEvent.OPENED, result.job)
        assert entry.facts["opened"] == {
            "medium": str(tmp_path / "stick"),
            "path": str(tmp_path / "out"),
            "envelopes": 7,
            "files": 7,
            "damaged": 0,
        }
        with open_volume(tmp_path / "out") as volume, volume.open("DICOMDIR") as stream:
            patients = {
                key.patient_id.strip().decode() for key in patients_of(read_dicomdir(stream))
            }
        assert {one["patient_id"] for one in entry.facts["patients"]} == patients
        assert str(tmp_path / "out") in traffic_words(entry)
        assert traffic_cells(entry).instances == 6

    def test_it_stands_before_the_folder_has_its_name(
        self, station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A folder that then fails to get it is withdrawn, by the same words."""
        seen: list[int] = []

        def fail(_: PartFolder) -> Path:
            seen.append(len(recorded(station)))
            raise MediaError("The disk is full.")

        monkeypatch.setattr(PartFolder, "commit", fail)
        with pytest.raises(MediaError, match="full"):
            take(station, tmp_path, sealed_tree(FILES))

        (opened, withdrawn) = recorded(station)
        assert seen == [1]
        assert (withdrawn.event, withdrawn.refers_to) == (LedgerEvent.WITHDRAWN, opened.number)
        assert withdrawn.facts["opened"] == opened.facts["opened"]
        assert beside(tmp_path) == []

    def test_without_a_ledger_there_is_no_folder(
        self, station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: Any, **__: Any) -> None:
            raise MediaError("The ledger cannot be written.")

        monkeypatch.setattr(opening, "record_opened", fail)
        with pytest.raises(MediaError, match="ledger"):
            take(station, tmp_path, sealed_tree(FILES))

        assert beside(tmp_path) == []

    def test_where_no_directory_came_out_nobody_is_named(
        self, station: Station, tmp_path: Path
    ) -> None:
        tree = {path: data for path, data in sealed_tree(FILES).items() if path != "DICOMDIR"}
        take(station, tmp_path, tree)

        (entry,) = recorded(station)
        assert entry.facts["patients"] == entry.facts["studies"] == []

    def test_a_wrong_password_leaves_no_entry(self, station: Station, tmp_path: Path) -> None:
        with pytest.raises(SecrecyError):
            take(station, tmp_path, sealed_tree(FILES), KeyRing((Password("another one"),)))

        assert recorded(station) == []


def recorded(station: Station) -> list[LedgerEntry]:
    return list(Ledger(station.catalog).entries())


_KILLED = """
import os, signal, sys
from pathlib import Path
from mediastation.media.folder import PartFolder
from mediastation.model.secrecy import Password
from mediastation.secure.opening.keys import KeyRing
from mediastation.station.sealing.opening import OpenRequest, take_out
from mediastation.station.station import Station

PartFolder.commit = lambda self: os.kill(os.getpid(), signal.SIGKILL)
home, medium, output, words = sys.argv[1:]
with Station(Path(home)) as station:
    take_out(station, OpenRequest(Path(medium), Path(output)), KeyRing((Password(words),)))
"""


class TestFreePaths:
    def test_a_path_stays_where_nothing_has_it(self) -> None:
        names = FreePaths()

        assert [names.take(path) for path in ("A/B", "A/C", "D")] == ["A/B", "A/C", "D"]

    def test_files_of_a_renamed_directory_stay_together(self) -> None:
        names = FreePaths()

        taken = [names.take(path) for path in ("A", "A/B", "A/C", "a/B")]

        assert taken == ["A", "A%2/B", "A%2/C", "a%3/B"]

    def test_many_of_one_name_cost_each_of_them_the_same(self) -> None:
        names = FreePaths()
        spellings = [f"{n:017b}".replace("0", "a").replace("1", "A") for n in range(20_000)]

        taken = {names.take(name).casefold() for name in spellings}

        assert len(taken) == len(spellings)
