"""Held files: nothing gets lost, nothing gets out undecided, and every record survives."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediastation.errors import ConfigError, MediaError, RefusedError
from mediastation.importing.quarantine import Quarantine, QuarantinedFile, disarm
from mediastation.model.importing import Verdict
from tests.support.file_sets import instance

MOMENT = datetime(2026, 11, 23, 10, 0, 0, tzinfo=UTC)


def staged(folder: Path, data: bytes = b"an instance") -> tuple[Path, QuarantinedFile]:
    """A file in the airlock, and why it is to be held."""
    path = folder / "staged"
    path.write_bytes(data)
    sha256 = hashlib.sha256(data).hexdigest()
    facts = QuarantinedFile(
        sha256,
        7,
        "disc of St. Elsewhere",
        "DICOM/IM1",
        "other-pixels",
        MOMENT.isoformat(),
        other=12,
    )
    return path, facts


class TestHolding:
    def test_a_held_file_lies_private_under_its_digest_with_its_record(
        self, tmp_path: Path
    ) -> None:
        path, facts = staged(tmp_path)
        quarantine = Quarantine(tmp_path)

        assert quarantine.hold(path, facts) == facts

        held = tmp_path / "quarantine" / f"{facts.sha256}.held"
        assert held.read_bytes() == b"an instance"
        assert held.stat().st_mode & 0o777 == 0o400
        assert held.parent.stat().st_mode & 0o777 == 0o700
        assert not path.exists()
        record = json.loads(held.with_suffix(".json").read_text())
        assert (record["rule"], record["job"], record["other"]) == ("other-pixels", 7, 12)
        assert list(Quarantine(tmp_path).iter_held()) == [facts]
        assert (quarantine.count(), quarantine.count(waiting=True)) == (1, 1)

    def test_holding_again_changes_nothing(self, tmp_path: Path) -> None:
        path, facts = staged(tmp_path)
        quarantine = Quarantine(tmp_path)
        quarantine.hold(path, facts)

        assert quarantine.hold(path, facts) == facts
        assert quarantine.count() == 1

    def test_the_same_content_from_another_disc_keeps_the_verdict(self, tmp_path: Path) -> None:
        path, facts = staged(tmp_path)
        quarantine = Quarantine(tmp_path)
        quarantine.hold(path, facts)
        decided = quarantine.decide(facts.sha256, Verdict.LEAVE, "sue", MOMENT)
        path, _ = staged(tmp_path)

        again = quarantine.hold(path, QuarantinedFile(facts.sha256, 8, "x", "y", "z", "later"))

        assert again == replace(decided, met_again=(8,))
        assert not path.exists()

    def test_a_file_that_vanished_is_not_said_to_be_held(self, tmp_path: Path) -> None:
        path, facts = staged(tmp_path)
        path.unlink()
        quarantine = Quarantine(tmp_path)

        with pytest.raises(MediaError, match="gone"):
            quarantine.hold(path, facts)
        assert list(quarantine.iter_held()) == []

    def test_a_held_file_whose_record_is_lost_is_still_listed(self, tmp_path: Path) -> None:
        path, facts = staged(tmp_path)
        quarantine = Quarantine(tmp_path)
        quarantine.hold(path, facts)
        (tmp_path / "quarantine" / f"{facts.sha256}.json").write_text("{")

        (found,) = quarantine.iter_held()

        assert (found.sha256, found.rule) == (facts.sha256, "record-lost")
        assert quarantine.decide(facts.sha256, Verdict.LEAVE, "sue", MOMENT).rule == "record-lost"

    @pytest.mark.parametrize("name", ["../x", "x" * 64, "", "A" * 64])
    def test_only_digests_name_files(self, tmp_path: Path, name: str) -> None:
        quarantine = Quarantine(tmp_path)

        for use in (quarantine.find, quarantine.path, quarantine.release):
            with pytest.raises(ValueError, match="no SHA-256"):
                use(name)

    @pytest.mark.parametrize("call", range(1, 12))
    def test_killed_at_any_call_of_the_system_nothing_is_lost(
        self, tmp_path: Path, call: int
    ) -> None:
        path, facts = staged(tmp_path)
        script = (
            "import os, signal, sys\n"
            "from pathlib import Path\n"
            "from mediastation.importing.quarantine import Quarantine, QuarantinedFile\n"
            "left = [int(sys.argv[1])]\n"
            "def counted(name):\n"
            "    real = getattr(os, name)\n"
            "    def call(*args, **more):\n"
            "        left[0] -= 1\n"
            "        left[0] or os.kill(os.getpid(), signal.SIGKILL)\n"
            "        return real(*args, **more)\n"
            "    setattr(os, name, call)\n"
            "home, path = Path(sys.argv[2]), Path(sys.argv[3])\n"
            "facts = QuarantinedFile.from_json(sys.argv[4])\n"
            "quarantine = Quarantine(home)\n"
            "for name in ('open', 'replace', 'chmod', 'fsync'): counted(name)\n"
            "quarantine.hold(path, facts)\n"
        )
        child = subprocess.run(
            [sys.executable, "-c", script, str(call), str(tmp_path), str(path), facts.to_json()],
            check=False,
            timeout=60,
        )
        assert child.returncode in {0, -signal.SIGKILL}
        quarantine = Quarantine(tmp_path)
        known = list(quarantine.iter_held())
        assert known in ([], [facts])
        assert path.exists() != bool(known)

        quarantine.hold(path, facts)

        assert list(quarantine.iter_held()) == [facts]
        assert quarantine.path(facts.sha256).read_bytes() == b"an instance"


class TestDeciding:
    def test_a_verdict_is_remembered_with_who_and_when(self, tmp_path: Path) -> None:
        path, facts = staged(tmp_path)
        Quarantine(tmp_path).hold(path, facts)

        Quarantine(tmp_path).decide(facts.sha256, Verdict.LEAVE, "sue", MOMENT)

        found = Quarantine(tmp_path).get(facts.sha256[:10].upper())
        assert (found.verdict, found.decided_by) == (Verdict.LEAVE, "sue")
        assert datetime.fromisoformat(found.decided_at) == MOMENT
        assert (Quarantine(tmp_path).count(), Quarantine(tmp_path).count(waiting=True)) == (1, 0)

    @pytest.mark.parametrize("verdict", [None, Verdict.LEAVE])
    def test_nothing_is_let_go_that_nobody_decided_to_keep(
        self, tmp_path: Path, verdict: Verdict | None
    ) -> None:
        path, facts = staged(tmp_path)
        quarantine = Quarantine(tmp_path)
        quarantine.hold(path, facts)
        if verdict:
            quarantine.decide(facts.sha256, verdict, "sue", MOMENT)

        with pytest.raises(RefusedError, match="nobody has decided"):
            quarantine.release(facts.sha256)

    def test_what_is_kept_can_be_renamed_away_and_its_record_stays(self, tmp_path: Path) -> None:
        path, facts = staged(tmp_path)
        quarantine = Quarantine(tmp_path)
        quarantine.hold(path, facts)
        decided = quarantine.decide(facts.sha256, Verdict.KEEP, "sue", MOMENT)

        assert quarantine.release(facts.sha256) == quarantine.release(facts.sha256)
        quarantine.release(facts.sha256).replace(tmp_path / "in-the-store")

        assert quarantine.count() == 0
        assert quarantine.find(facts.sha256) == decided
        with pytest.raises(ConfigError, match="held"):
            quarantine.release(facts.sha256)
        with pytest.raises(ConfigError, match="held"):
            quarantine.decide(facts.sha256, Verdict.LEAVE, "sue", MOMENT)

    def test_a_prefix_has_to_name_one_file(self, tmp_path: Path) -> None:
        quarantine = Quarantine(tmp_path)
        for last in "ab":
            path, facts = staged(tmp_path)
            digest = "abcd" + "0" * 59 + last
            quarantine.hold(path, QuarantinedFile(digest, 1, "m", "p", facts.rule, facts.held_at))

        with pytest.raises(ConfigError, match="2 held files"):
            quarantine.get("abcd")
        with pytest.raises(ConfigError, match="No held file"):
            quarantine.get("ffff")
        with pytest.raises(ConfigError, match="names no held file"):
            quarantine.get("abc")

    @given(st.text(), st.text(), st.text(), st.sampled_from([None, *Verdict]), st.integers(0))
    def test_a_record_comes_back_as_it_was(
        self, medium: str, path: str, who: str, verdict: Verdict | None, other: int
    ) -> None:
        facts = QuarantinedFile(
            "0" * 64,
            1,
            medium,
            path,
            "r",
            "t",
            other=other,
            verdict=verdict,
            decided_by=who,
            decided_at="t",
        )

        assert QuarantinedFile.from_json(facts.to_json()) == facts

    @given(st.one_of(st.text(), st.binary().map(repr), st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ).map(json.dumps)))  # fmt: skip
    def test_what_is_no_record_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError):  # noqa: PT011
            QuarantinedFile.from_json(text)


class TestDisarming:
    def test_only_the_preamble_changes(self, tmp_path: Path) -> None:
        data = b"MZ" + b"\x90" * 126 + instance("1.2.3")[128:]
        source, target = tmp_path / "armed", tmp_path / "disarmed"
        source.write_bytes(data)

        disarm(source, target)

        assert target.read_bytes() == bytes(128) + data[128:]
        assert source.read_bytes() == data
        assert target.stat().st_mode & 0o777 == 0o600
        assert sorted(one.name for one in tmp_path.iterdir()) == ["armed", "disarmed"]

    def test_a_file_longer_than_the_buffer_is_whole(self, tmp_path: Path) -> None:
        data = b"\x7fELF" + bytes(124) + b"DICM" + os.urandom((3 << 20) + 17)
        (tmp_path / "armed").write_bytes(data)

        disarm(tmp_path / "armed", tmp_path / "disarmed")

        assert (tmp_path / "disarmed").read_bytes() == bytes(128) + data[128:]

    @pytest.mark.parametrize("data", [b"", b"MZ", b"MZ" + bytes(200), b"DICM" + bytes(128)])
    def test_a_file_without_the_prefix_is_not_touched(self, tmp_path: Path, data: bytes) -> None:
        (tmp_path / "armed").write_bytes(data)

        with pytest.raises(ValueError, match="no preamble"):
            disarm(tmp_path / "armed", tmp_path / "disarmed")
        assert not (tmp_path / "disarmed").exists()
