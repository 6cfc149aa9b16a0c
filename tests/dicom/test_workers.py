"""Codecs that crash, hang and leak take one process and one object with them, and nothing else."""

from __future__ import annotations

import hashlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mediastation.dicom.header import NotDicom, read_header
from mediastation.dicom.icon import CannotRender, render_icon
from mediastation.dicom.prepare import CannotPrepare, prepare_instance
from mediastation.dicom.prepared import Prepared
from mediastation.dicom.worker_messages import (
    Begun,
    Delivered,
    IconTask,
    MessageError,
    PrepareTask,
    Refused,
    Task,
    Trouble,
    Unfit,
    Unframer,
    Working,
    decode_answer,
    encode_answer,
    framed,
)
from mediastation.dicom.workers import CodecWorkers, Done, Failed
from mediastation.errors import CancelledError, MediaError
from mediastation.model import transfer_syntax as ts
from mediastation.model.finding import error, note
from mediastation.model.icon import IconImage
from mediastation.model.instance import InstanceHeader
from tests.support.commands import in_mount_namespace
from tests.support.corpus import corpus_files
from tests.support.headers import header

ROOT = Path(__file__).parents[2]


class Doubled(CodecWorkers):
    """Workers whose processes do as the sources' names say."""

    _entry = "tests.dicom.worker_doubles:main"


class Missing(CodecWorkers):
    """Workers whose processes end before they begin."""

    _entry = "tests.dicom.worker_doubles:main_that_cannot_load"


def task(folder: Path, key: int, how: str = "good") -> PrepareTask:
    return PrepareTask(key, folder / how, folder / f"out{key}", header(uid=f"1.2.{key}"), "")


def tasks(folder: Path, *hows: str) -> list[PrepareTask]:
    return [task(folder, key, how) for key, how in enumerate(hows)]


def outcome(items: Iterator[Done | Failed]) -> dict[int, str]:
    """What became of each task: the source's name, or the finding's rule."""
    told = {}
    for item in items:
        assert item.task.key not in told
        if isinstance(item, Done):
            assert isinstance(item.value, Prepared)
            told[item.task.key] = item.value.sha256
        else:
            assert item.finding.subject == item.task.header.sop_instance_uid
            told[item.task.key] = item.finding.rule
    return told


def has_ended(pid: int) -> bool:
    """Tell whether the process is gone, after waiting for it."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], 30)[0])
    finally:
        os.close(handle)


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("out*"))


class TestRun:
    def test_every_task_is_answered_once_in_whatever_order(self, tmp_path: Path) -> None:
        many = tasks(tmp_path, *[f"good={n}" for n in range(40)])
        with Doubled(3) as workers:
            told = outcome(workers.run(many))

        assert told == {n: f"good={n}" for n in range(40)}

    def test_no_more_processes_than_tasks_and_none_for_none(self, tmp_path: Path) -> None:
        with Doubled(8) as workers:
            assert outcome(workers.run([])) == {}
            assert workers._hands == []
            outcome(workers.run(tasks(tmp_path, "good", "good")))
            assert 1 <= len(workers._hands) <= 2

    def test_processes_are_used_again_by_the_next_run_and_end_with_the_context(
        self, tmp_path: Path
    ) -> None:
        with Doubled(1) as workers:
            outcome(workers.run(tasks(tmp_path, "good")))
            (tmp_path / "out0").rename(tmp_path / "first")
            outcome(workers.run(tasks(tmp_path, "good")))
        first, second = (tmp_path / "first").read_text(), (tmp_path / "out0").read_text()

        assert first == second
        assert has_ended(int(first))

    def test_tasks_are_drawn_as_there_is_room(self, tmp_path: Path) -> None:
        drawn = 0

        def drawing() -> Iterator[Task]:
            nonlocal drawn
            for each in tasks(tmp_path, *["good"] * 50):
                drawn += 1
                yield each

        with Doubled(2) as workers:
            for told, _ in enumerate(workers.run(drawing()), 1):
                assert drawn - told <= 2 * 2 + 2
        assert drawn == 50

    def test_progress_counts_tasks_and_the_part_of_one_in_hand(self, tmp_path: Path) -> None:
        seen: list[float] = []
        with Doubled(1) as workers:
            outcome(workers.run(tasks(tmp_path, "good", "beat", "good"), progress=seen.append))

        assert seen == sorted(seen)
        assert seen[-1] == 3

    def test_it_works_in_a_thread(self, tmp_path: Path) -> None:
        told: list[dict[int, str]] = []

        def work() -> None:
            with Doubled(2) as workers:
                told.append(outcome(workers.run(tasks(tmp_path, "good", "abort", "good"))))

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert told == [{0: "good", 1: "codec-crashed", 2: "good"}]

    def test_relative_paths_are_those_of_the_caller(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        with Doubled(1) as workers:
            outcome(workers.run([PrepareTask(1, Path("good"), Path("out"), header(), "")]))

        assert (tmp_path / "out").exists()


class TestHarm:
    @pytest.mark.parametrize("count", [1, 3])
    def test_a_crash_fails_the_task_in_hand_and_no_other(self, tmp_path: Path, count: int) -> None:
        hows = ["good", "abort", "good", "kill", "good", "raise", "memory", "babble", "good"]
        with Doubled(count) as workers:
            told = outcome(workers.run(tasks(tmp_path, *hows)))

        rules = {"abort": "codec-crashed", "kill": "codec-crashed", "raise": "codec-crashed",
                 "memory": "codec-memory", "babble": "codec-crashed"}  # fmt: skip
        assert told == {key: rules.get(how, how) for key, how in enumerate(hows)}
        assert left(tmp_path) == [f"out{key}" for key, how in enumerate(hows) if how == "good"]

    def test_the_finding_names_the_signal_and_what_to_do(self, tmp_path: Path) -> None:
        with Doubled(1) as workers:
            (item,) = workers.run(tasks(tmp_path, "abort"))

        assert isinstance(item, Failed)
        assert "SIGABRT" in item.finding.message
        assert "fetch it again" in item.finding.hint

    def test_what_brings_a_used_process_down_once_is_not_held_against_the_object(
        self, tmp_path: Path
    ) -> None:
        """An earlier codestream may have spoilt the heap; a fresh process tells."""
        with Doubled(1) as workers:
            told = outcome(workers.run(tasks(tmp_path, "good", "abort-once=a", "good")))

        assert told == {0: "good", 1: "abort-once=a", 2: "good"}

    def test_what_brings_a_fresh_process_down_is(self, tmp_path: Path) -> None:
        with Doubled(1) as workers:
            told = outcome(workers.run(tasks(tmp_path, "abort-once=a")))

        assert told == {0: "codec-crashed"}

    def test_what_was_killed_from_outside_is_tried_again_even_in_a_fresh_process(
        self, tmp_path: Path
    ) -> None:
        """The system's choice when memory runs out says nothing of the object in hand."""
        with Doubled(1) as workers:
            told = outcome(workers.run(tasks(tmp_path, "kill-once=a", "good")))

        assert told == {0: "kill-once=a", 1: "good"}

    def test_who_is_killed_again_and_again_is_given_up_with_a_word_of_memory(
        self, tmp_path: Path
    ) -> None:
        with Doubled(1) as workers:
            (item,) = workers.run(tasks(tmp_path, "kill"))

        assert isinstance(item, Failed)
        assert item.finding.rule == "codec-crashed"
        assert "memory" in item.finding.hint

    def test_a_hang_is_ended_even_with_the_interpreter_s_lock_held(self, tmp_path: Path) -> None:
        with Doubled(1, timeout_s=3) as workers:
            told = outcome(workers.run(tasks(tmp_path, "good", "hang", "good")))

        assert told == {0: "good", 1: "codec-hung", 2: "good"}
        assert left(tmp_path) == ["out0", "out2"]

    def test_a_process_that_was_killed_while_idle_costs_nothing(self, tmp_path: Path) -> None:
        with Doubled(1) as workers:
            outcome(workers.run(tasks(tmp_path, "good")))
            pid = int((tmp_path / "out0").read_text())
            os.kill(pid, signal.SIGKILL)
            assert has_ended(pid)

            assert outcome(workers.run([task(tmp_path, 7)])) == {7: "good"}

    def test_processes_that_never_start_stop_the_work_with_a_word(self, tmp_path: Path) -> None:
        with Missing(2) as workers, pytest.raises(MediaError) as caught:
            outcome(workers.run(tasks(tmp_path, "good", "good")))

        assert "do not start" in caught.value.message
        assert caught.value.hint

    def test_a_media_error_keeps_its_words_and_stops_the_work(self, tmp_path: Path) -> None:
        with Doubled(1) as workers, pytest.raises(MediaError) as caught:
            outcome(workers.run(tasks(tmp_path, "full", "good")))

        assert (caught.value.message, caught.value.hint) == (
            "The disk is full.",
            "Free some space.",
        )
        assert left(tmp_path) == []

    def test_an_output_that_exists_is_neither_overwritten_nor_removed(self, tmp_path: Path) -> None:
        (tmp_path / "out0").write_text("precious")
        with Doubled(1) as workers, pytest.raises(MediaError, match="exists already"):
            outcome(workers.run(tasks(tmp_path, "good")))

        assert (tmp_path / "out0").read_text() == "precious"


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What a worker says of the process that it runs in."""
    folder = tmp_path_factory.mktemp("facts")
    with pytest.MonkeyPatch.context() as patch, Doubled(1, memory_bytes=1 << 30) as workers:
        patch.setenv("MEDIASTATION_PASSWORD", "secret")
        outcome(workers.run(tasks(folder, "facts")))
    facts: dict[str, object] = json.loads((folder / "out0").read_text())
    return facts


class TestRestraint:
    def test_memory_is_bounded_and_no_core_is_dumped(self, facts: dict[str, object]) -> None:
        assert facts["address space"] == [1 << 30, 1 << 30]
        assert facts["core"] == [0, 0]
        assert facts["dumpable"] == 0

    def test_the_environment_and_the_folder_stay_behind(self, facts: dict[str, object]) -> None:
        environment = facts["environment"]
        assert isinstance(environment, dict)
        known = {"LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "OMP_NUM_THREADS",
                 "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"}  # fmt: skip
        assert set(environment) <= known
        assert facts["folder"] == "/"

    def test_signals_are_the_caller_s_to_act_on(self, facts: dict[str, object]) -> None:
        assert facts["ignored"] == ["SIGINT", "SIGTERM", "SIGHUP"]
        assert facts["terminal's session"] is False


class TestInterruption:
    @pytest.mark.parametrize("fault", [KeyboardInterrupt, CancelledError])
    def test_what_progress_raises_ends_everything_and_leaves_nothing(
        self, tmp_path: Path, fault: type[BaseException]
    ) -> None:
        os.mkfifo(tmp_path / "gate")
        pids: list[int] = []

        def progress(_: float) -> None:
            found = [path.read_text() for path in tmp_path.glob("out*")]
            if len(found) == 2 and all(found):
                pids.extend(map(int, found))
                raise fault("stop")

        with Doubled(2) as workers:
            with pytest.raises(fault):
                outcome(workers.run(tasks(tmp_path, *["wait=gate"] * 4), progress=progress))

            assert left(tmp_path) == []
            assert all(map(has_ended, pids))
            assert outcome(workers.run([task(tmp_path, 9)])) == {9: "good"}

    def test_a_caller_that_breaks_off_keeps_what_it_was_given_only(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "gate")
        hows = ["good", *["wait=gate"] * 5]
        with Doubled(2) as workers:
            running = workers.run(tasks(tmp_path, *hows))
            given = next(running)
            running.close()

        assert given.task.key == 0
        assert left(tmp_path) == ["out0"]

    def test_leaving_the_context_ends_a_run_that_was_left_open(self, tmp_path: Path) -> None:
        with Doubled(2) as workers:
            running = workers.run(tasks(tmp_path, *["good"] * 20))
            given = next(running)

        assert left(tmp_path) == [f"out{given.task.key}"]
        with pytest.raises(RuntimeError, match="have ended"):
            next(running)

    def test_tasks_that_cannot_be_drawn_end_the_run(self, tmp_path: Path) -> None:
        def drawing() -> Iterator[Task]:
            yield task(tmp_path, 0)
            raise CancelledError("enough")

        with Doubled(2) as workers, pytest.raises(CancelledError):
            outcome(workers.run(drawing()))

        assert left(tmp_path) == []

    def test_no_process_outlives_a_caller_that_is_killed(self, tmp_path: Path) -> None:
        """Not even one that hangs in a decoder with the interpreter's lock held."""
        script = (
            "import sys; from pathlib import Path\n"
            "from tests.dicom.test_workers import Doubled, tasks\n"
            "folder = Path(sys.argv[1])\n"
            "def told(_):\n"
            "    if all((folder / f'out{n}').exists() for n in (0, 1)):\n"
            "        print('both', flush=True)\n"
            "with Doubled(2) as workers:\n"
            "    list(workers.run(tasks(folder, 'hang', 'hang'), progress=told))\n"
        )
        caller = subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        assert caller.stdout is not None
        with caller, caller.stdout as said:
            assert said.readline() == "both\n"
            pids = [int((tmp_path / f"out{n}").read_text()) for n in (0, 1)]
            caller.kill()
        assert len(set(pids)) == 2
        assert all(map(has_ended, pids))


def _instances() -> list[Path]:
    found = []
    for path in corpus_files("transfer_syntaxes", "enhanced", "seg", "us", "broken"):
        try:
            read_header(path)
        except NotDicom:
            continue
        found.append(path)
    return found


class TestCodecs:
    def test_workers_and_this_process_come_to_the_same(self, tmp_path: Path) -> None:
        sources = _instances()
        if not sources:
            pytest.skip("the corpus is not here")
        headers = [read_header(source) for source in sources]
        todo: list[Task] = []
        for key, (source, told) in enumerate(zip(sources, headers, strict=True)):
            output = tmp_path / f"out{key}"
            todo.append(PrepareTask(key, source, output, told, ts.EXPLICIT_LE))
            todo.append(IconTask(key, source, told, 64, 48))

        with CodecWorkers() as workers:
            items = list(workers.run(todo))

        assert len(items) == len(todo)
        for item in items:
            source, told = sources[item.task.key], headers[item.task.key]
            assert (item.value if isinstance(item, Done) else item.finding) == _here(
                item.task, source, told, tmp_path / "here"
            )
            if isinstance(item.task, PrepareTask):
                assert item.task.output.exists() is isinstance(item, Done)
                if isinstance(item, Done):
                    assert isinstance(item.value, Prepared)
                    digest = hashlib.sha256(item.task.output.read_bytes()).hexdigest()
                    assert digest == item.value.sha256

    def test_a_source_that_is_gone_is_told_as_such(self, tmp_path: Path) -> None:
        missing = IconTask(1, tmp_path / "gone", header(), 64, 64)
        with CodecWorkers(1) as workers, pytest.raises(MediaError, match="gone"):
            list(workers.run([missing]))

    def test_a_disk_that_fills_stops_the_work_and_keeps_no_half_copy(self, tmp_path: Path) -> None:
        script = """
import json, subprocess, sys
from pathlib import Path
folder = Path(sys.argv[1]); small = folder / "small"; small.mkdir()
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", small], check=True)
from mediastation.dicom.header import read_header
from mediastation.dicom.worker_messages import PrepareTask
from mediastation.dicom.workers import CodecWorkers
from mediastation.errors import MediaError
from mediastation.model import transfer_syntax as ts
from tests.support.network import write_ct
source = write_ct(folder / "a", "1.2.826.0.1", pixel_bytes=3 << 20)
try:
    with CodecWorkers(1) as workers:
        task = PrepareTask(1, source, small / "copy", read_header(source), ts.EXPLICIT_LE)
        list(workers.run([task]))
except MediaError as fault:
    print(json.dumps([fault.message, fault.hint, [path.name for path in small.iterdir()]]))
"""
        done = subprocess.run(
            [*in_mount_namespace(), sys.executable, "-c", script, str(tmp_path)],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            cwd=ROOT,
        )
        assert done.returncode == 0, done.stderr
        message, hint, files = json.loads(done.stdout)

        assert "No space left" in message
        assert "free space" in hint
        assert files == []

    def test_the_caller_loads_no_codec(self) -> None:
        script = "import sys, mediastation.dicom.workers\nprint(*sys.modules)"
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
        )

        assert not {"numpy", "imagecodecs", "openjpeg", "pydicom"} & set(done.stdout.split())


def _here(
    item: Task, source: Path, told: InstanceHeader, output: Path
) -> Prepared | IconImage | object:
    output.unlink(missing_ok=True)
    try:
        if isinstance(item, PrepareTask):
            return prepare_instance(source, output, told, target=item.target)
        return render_icon(source, told, rows=item.rows, columns=item.columns)
    except (CannotPrepare, CannotRender) as refusal:
        return refusal.finding


FINDING = error("rule", "1.2.3", "\udc80 is no text", "hint", "PS3.5")


class TestMessages:
    @pytest.mark.parametrize(
        "answer",
        [
            Begun(),
            Working(1, 2),
            Delivered(Prepared((FINDING, note("a", "b", "c")), 12, "ab")),
            Delivered(IconImage(2, 3, bytes(range(6)))),
            Refused(FINDING),
            Trouble("full", "free some"),
            Unfit("no codecs"),
        ],
    )
    def test_answers_come_through_whole(self, answer: object) -> None:
        assert decode_answer(encode_answer(answer)) == answer  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"\xff",
            b"{}",
            b"[]",
            b"[" * 100_000,
            b'{"is": "icon", "rows": 2, "columns": 2, "pixels": "AA=="}',
            b'{"is": "icon", "rows": 1, "columns": 1, "pixels": "?"}',
            b'{"is": "prepared", "size_bytes": 1, "sha256": "", "findings": [{}]}',
            b'{"is": "prepared", "size_bytes": "1", "sha256": "", "findings": []}',
            b'{"is": "refused", "finding": {"rule": 1}}',
            b'{"is": "refused", "finding": []}',
            b'{"is": "refused", "finding": {"severity": "error", "extra": ""}}',
        ],
    )
    def test_anything_else_is_no_answer(self, body: bytes) -> None:
        with pytest.raises(MessageError):
            decode_answer(body)

    def test_a_stream_is_taken_apart_wherever_it_was_cut(self) -> None:
        unframer = Unframer(100)
        stream = framed(b"one") + framed(b"") + framed(b"three")

        found = [body for byte in stream for body in unframer.feed(bytes([byte]))]

        assert found == [b"one", b"", b"three"]

    def test_a_message_above_the_limit_is_not_waited_for(self) -> None:
        with pytest.raises(MessageError):
            list(Unframer(100).feed(framed(bytes(101))[:4]))
