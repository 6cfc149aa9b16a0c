"""What dciodvfy says, as findings; on the real program, and on doubles that misbehave."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest

from mediastation.conformance import iod
from mediastation.conformance.iod import IodChecks, check_iod, require_iod_validator
from mediastation.errors import ConfigError
from mediastation.model.finding import Finding
from tests.support.corpus import corpus_file
from tests.support.peers import peer


@pytest.fixture(autouse=True)
def _validator() -> None:
    peer("dciodvfy")


@pytest.fixture
def double(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a script that stands in for the validator."""
    program = tmp_path / "double"
    monkeypatch.setattr(iod, "require_iod_validator", lambda: str(program))
    return program


def script(program: Path, body: str) -> None:
    program.write_text(f"#!{sys.executable}\nimport os, sys, time\n{body}\n")
    program.chmod(0o755)


def messages(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(str(finding.severity), finding.message) for finding in findings]


class TestRealFiles:
    def test_its_errors_are_warnings_with_the_attribute_first(self) -> None:
        found = check_iod(corpus_file("sr/sr-ellipse.dcm"), "1.2.3")

        assert (
            "warning",
            "AccessionNumber (0008,0050): Missing attribute for Type 2 Required - "
            "Module=<GeneralStudy>",
        ) in messages(found)
        assert {finding.subject for finding in found} == {"1.2.3"}
        assert {finding.rule for finding in found} == {"iod"}
        assert "error" not in {str(finding.severity) for finding in found}

    def test_its_warnings_are_notes_and_come_last(self) -> None:
        found = check_iod(corpus_file("mr/MR_small_jpeg_ls_lossless.dcm"), "1")

        severities = [str(finding.severity) for finding in found]
        assert severities == sorted(severities, key=["warning", "note"].index)
        assert set(severities) == {"warning", "note"}

    def test_a_nested_attribute_is_named_with_what_it_lies_in(self) -> None:
        found = check_iod(corpus_file("cr_dx_mg/CR-ModalitySequenceLUT.dcm"), "1")

        assert any(
            message.startswith("LUTData (0028,3006) in item 1 of ModalityLUTSequence (0028,3000): ")
            for _, message in messages(found)
        )

    def test_keys_of_the_directory_are_not_told_a_second_time(self) -> None:
        """The check of the profile says what is missing, and what is supplied."""
        found = check_iod(corpus_file("broken/2026-05-26-oob-monochrome-46341.dcm"), "1")

        assert found
        assert not any("DICOMDIR" in finding.message for finding in found)

    def test_nothing_is_said_twice_of_one_file(self) -> None:
        found = check_iod(corpus_file("broken/reportsi_with_empty_number_tags.dcm"), "1")

        assert len(set(found)) == len(found)

    def test_what_is_no_dicom_is_told(self, tmp_path: Path) -> None:
        path = tmp_path / "-note.txt"
        path.write_text("not DICOM")

        assert check_iod(path, "1")


class TestMisbehaviour:
    def test_a_program_that_breaks_down_is_told_and_what_it_said_is_kept(
        self, double: Path
    ) -> None:
        script(double, "print('Error - </Rows(0028,0010)> - Bad', flush=True); os.abort()")

        found = check_iod(double, "1")

        assert messages(found)[0] == ("warning", "Rows (0028,0010): Bad")
        assert found[1].rule == "iod-unchecked"
        assert "signal 6" in found[1].message

    def test_a_program_that_hangs_is_stopped(
        self, double: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(iod, "_TIMEOUT_S", 0.2)
        script(double, "time.sleep(600)")

        (finding,) = check_iod(double, "1")

        assert finding.rule == "iod-unchecked"
        assert "0.2 seconds" in finding.message

    def test_a_program_that_never_stops_talking_is_stopped(
        self, double: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(iod, "_MOST_OUTPUT_BYTES", 1000)
        script(double, "while True: print('Error - ' + str(time.time_ns()))")

        found = check_iod(double, "1")

        assert found[-1].rule == "iod-unchecked"
        assert len(found) < 60

    def test_a_thousand_complaints_are_cut_and_counted(self, double: Path) -> None:
        script(double, "for n in range(1000): print(f'Error - {n}')")

        found = check_iod(double, "1")

        assert len(found) == 201
        assert "800 more" in found[-1].message

    def test_without_the_program_it_is_said_what_to_install(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
        monkeypatch.setenv("PATH", "/nonexistent")

        with pytest.raises(ConfigError) as fault:
            require_iod_validator()

        assert "[iod]" in fault.value.hint


class TestManyFiles:
    def test_findings_come_in_the_order_of_the_files(self, double: Path, tmp_path: Path) -> None:
        """Whichever process is the first to end."""
        script(double, "time.sleep(0.05 * (sys.argv[2][-1] == '0')); print('Error -', sys.argv[2])")
        ended: list[str] = []
        lock = threading.Lock()
        found: list[Finding] = []

        def end(name: str) -> None:
            with lock:
                ended.append(name)

        names = [f"{number}" for number in range(12)]
        with IodChecks() as checks:
            for name in names:
                found += checks.add(tmp_path / name, name, lambda name=name: end(name))
            found += checks.finish()

        assert [finding.subject for finding in found] == names
        assert sorted(ended) == sorted(names)

    def test_few_files_wait_at_a_time(
        self, double: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Copies out of an image take up room until they were looked at."""
        script(double, "pass")
        monkeypatch.setattr("os.cpu_count", lambda: 1)
        waiting, most = 0, 0
        lock = threading.Lock()

        def end() -> None:
            nonlocal waiting
            with lock:
                waiting -= 1

        with IodChecks() as checks:
            for number in range(20):
                with lock:
                    waiting += 1
                    most = max(most, waiting)
                checks.add(tmp_path / str(number), str(number), end)

        assert most <= 4
        assert waiting == 0
