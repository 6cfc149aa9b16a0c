from __future__ import annotations

import socket
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mediastation.errors import NetworkError
from mediastation.model.file_meta import encode_file_meta
from mediastation.network import command as dimse
from mediastation.network import pdu
from mediastation.network.acceptor import Limits
from mediastation.network.pdu import AnsweredContext, AssociateAccept, PduType
from mediastation.network.storage_scp import StoreAnswer
from mediastation.network.storage_scu import SentInstance, echo, send_files
from tests.support.network import (
    CT,
    EXPLICIT_LE,
    Kept,
    ct_data_set,
    running_scp,
    value,
    write_ct,
)

TITLES = {"calling_ae": "SCU", "called_ae": "STATION"}


@contextmanager
def scripted_scp(script: Callable[[socket.socket], None]) -> Iterator[tuple[str, int]]:
    """An SCP that serves one connection as `script` says, then closes it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connected, _ = listener.accept()
            connected.settimeout(30)
            with connected:
                script(connected)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()
        thread.join(30)
        assert not thread.is_alive()


def accept_ct(connected: socket.socket, max_length: int = 0) -> None:
    """Read the request and accept its first context."""
    connected.recv(65536)
    answered = (AnsweredContext(1, 0, EXPLICIT_LE),)
    accept = AssociateAccept("STATION", "SCU", answered, max_length)
    connected.sendall(pdu.write_associate_accept(accept))


class TestSending:
    def test_each_outcome_is_told_at_once_and_in_the_report(self, tmp_path: Path) -> None:
        answers = iter([StoreAnswer.STORED, StoreAnswer.CANNOT_UNDERSTAND, StoreAnswer.STORED])
        files = [write_ct(tmp_path / str(n), f"1.2.{n + 1}") for n in range(3)]
        told: list[SentInstance] = []
        with running_scp(tmp_path / "in", lambda _: next(answers)) as address:
            report = send_files(*address, files, **TITLES, progress=told.append)

        assert [outcome.status for outcome in told] == [0, 0xC000, 0]
        assert report.instances == tuple(told)
        assert report.stored == 2
        assert [outcome.sop_instance_uid for outcome in report.refused] == ["1.2.2"]
        assert report.refused[0].comment == StoreAnswer.CANNOT_UNDERSTAND.comment

    @pytest.mark.parametrize(
        ("status", "stored"),
        [
            (0, True),
            (0xB000, True),
            (0xB007, True),
            (0xA700, False),
            (0x0122, False),
            (None, False),
        ],
    )
    def test_a_warning_counts_as_stored(self, status: int | None, stored: bool) -> None:
        assert SentInstance(Path("x"), "1.2", status).stored is stored

    def test_more_kinds_than_one_association_holds_take_several(self, tmp_path: Path) -> None:
        files = []
        for number in range(300):
            sop_class = f"1.3.6.1.4.1.999.{number}"
            path = tmp_path / f"{number}"
            path.write_bytes(encode_file_meta(sop_class, f"1.2.{number}", EXPLICIT_LE) + b"data")
            files.append(path)
        kept = Kept()
        with running_scp(tmp_path / "in", kept) as address:
            report = send_files(*address, files, **TITLES)

        assert report.stored == 300
        assert len({received.peer for received in kept.instances}) == 3

    def test_what_is_no_file_to_send_is_told_and_the_rest_sent(self, tmp_path: Path) -> None:
        (tmp_path / "text").write_text("no image")
        odd = tmp_path / "odd"
        odd.write_bytes(encode_file_meta(CT, "1.2.9", EXPLICIT_LE) + b"odd")
        good = write_ct(tmp_path / "good", "1.2.3")
        kept = Kept()
        with running_scp(tmp_path / "in", kept) as address:
            files = [tmp_path / "text", tmp_path / "missing", odd, good]
            report = send_files(*address, files, **TITLES)

        assert [(o.path.name, o.status) for o in report.instances] == [
            ("text", None), ("missing", None), ("odd", None), ("good", 0),
        ]  # fmt: skip
        assert all(outcome.comment for outcome in report.refused)

    @pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1.99"])
    def test_an_odd_deflated_stream_is_padded(self, tmp_path: Path, syntax: str) -> None:
        """PS3.5, A.5: a NULL byte behind a stream of odd length."""
        path = tmp_path / "file"
        path.write_bytes(encode_file_meta(CT, "1.2.9", syntax) + b"odd")
        kept = Kept()
        with running_scp(tmp_path / "in", kept) as address:
            assert send_files(*address, [path], **TITLES).stored == 1

        assert kept.files[0].endswith(b"odd\0")

    @pytest.mark.parametrize("length", [8, 9, 100, 16384, 1 << 20])
    def test_pieces_fit_what_the_peer_takes(self, tmp_path: Path, length: int) -> None:
        pixels = 5000 if length < 1000 else 500_000
        limits = Limits(max_pdu_length=length)
        kept = Kept()
        with running_scp(tmp_path / "in", kept, limits=limits) as address:
            file = write_ct(tmp_path / "file", "1.2.3", pixel_bytes=pixels)
            assert send_files(*address, [file], **TITLES).stored == 1
        assert kept.files[0].endswith(ct_data_set("1.2.3", pixel_bytes=pixels))

        received: list[bytes] = []

        def script(connected: socket.socket) -> None:
            accept_ct(connected, length)
            received.append(read_message(connected))

        with scripted_scp(script) as address, pytest.raises(NetworkError):
            send_files(*address, [file], **TITLES)
        assert max(pdu_lengths(received[0])) <= length

    def test_a_large_file_takes_little_memory(self, tmp_path: Path) -> None:
        file = write_ct(tmp_path / "file", "1.2.3", pixel_bytes=64_000_000)
        with running_scp(tmp_path / "in", lambda _: StoreAnswer.STORED) as address:
            tracemalloc.start()
            report = send_files(*address, [file], **TITLES)
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()

        assert report.stored == 1
        assert peak < 4_000_000

    def test_nothing_to_send_needs_no_peer(self) -> None:
        assert send_files("127.0.0.1", 1, [], **TITLES).instances == ()


def pdu_lengths(stream: bytes) -> list[int]:
    """Lengths of the whole PDUs in `stream`."""
    lengths, offset = [], 0
    while offset + 6 <= len(stream):
        lengths.append(int.from_bytes(stream[offset + 2 : offset + 6], "big"))
        offset += 6 + lengths[-1]
    return lengths


def read_message(connected: socket.socket) -> bytes:
    """Return what comes up to the last piece of a data set."""
    received = bytearray()
    offset, control = 0, -1
    while offset != len(received) or control != 2:
        piece = connected.recv(65536)
        assert piece, "the peer closed"
        received += piece
        while offset + 12 <= len(received):
            length = 6 + int.from_bytes(received[offset + 2 : offset + 6], "big")
            if offset + length > len(received):
                break
            control = received[offset + 11]
            offset += length
    return bytes(received)


class TestEcho:
    def test_it_tells_the_seconds(self, tmp_path: Path) -> None:
        with running_scp(tmp_path / "in", Kept()) as address:
            assert echo(*address, **TITLES) > 0


class TestTrouble:
    """Each in words, as a NetworkError, and never a hang."""

    def test_nobody_listens(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        with pytest.raises(NetworkError, match=f"nothing listens at 127.0.0.1:{port}"):
            echo("127.0.0.1", port, **TITLES)

    @pytest.mark.parametrize("address", ["no.such.host.invalid", "999.999.999.999", "a" * 300])
    def test_the_address_is_none(self, address: str) -> None:
        with pytest.raises(NetworkError, match="cannot reach"):
            echo(address, 104, **TITLES)

    @pytest.mark.parametrize("title", ["", " ", "A" * 17, "Ä", "A\n"])
    def test_an_impossible_title_is_not_sent(self, title: str) -> None:
        with pytest.raises(NetworkError, match="AE title"):
            echo("127.0.0.1", 1, calling_ae=title, called_ae="B")

    def test_an_unknown_called_title(self, tmp_path: Path) -> None:
        with (
            running_scp(
                tmp_path / "in", Kept(), ae_title="OTHER", require_called_aet=True
            ) as address,
            pytest.raises(NetworkError, match="does not answer to the called AE title"),
        ):
            echo(*address, **TITLES)

    def test_a_peer_that_says_nothing(self) -> None:
        done = threading.Event()
        with scripted_scp(lambda _: assert_set(done)) as address:
            with pytest.raises(NetworkError, match="sent nothing for too long"):
                echo(*address, **TITLES, timeout_s=0.1)
            done.set()

    def test_a_peer_that_speaks_something_else(self) -> None:
        with (
            scripted_scp(lambda connected: connected.sendall(b"HTTP/1.1 400 Bad Request\r\n")) as a,
            pytest.raises(NetworkError, match="does not speak DICOM"),
        ):
            echo(*a, **TITLES)

    def test_a_peer_that_closes(self) -> None:
        def script(connected: socket.socket) -> None:
            connected.recv(65536)

        with (
            scripted_scp(script) as address,
            pytest.raises(NetworkError, match="closed the connection"),
        ):
            echo(*address, **TITLES)

    def test_a_peer_that_takes_no_context(self, tmp_path: Path) -> None:
        def script(connected: socket.socket) -> None:
            connected.recv(65536)
            accept = AssociateAccept("STATION", "SCU", (AnsweredContext(1, 3, ""),))
            connected.sendall(pdu.write_associate_accept(accept))
            connected.recv(65536)

        with scripted_scp(script) as address:
            report = send_files(*address, [write_ct(tmp_path / "f", "1.2.3")], **TITLES)

        assert [outcome.status for outcome in report.instances] == [None]
        assert "does not take class" in report.instances[0].comment

    @pytest.mark.parametrize(
        ("answer", "words"),
        [
            (pdu.write_abort(None), "aborted"),
            (pdu.write_pdu(PduType.RELEASE_RQ, bytes(4)), "released"),
            (b"", "closed the connection"),
            (
                value(
                    dimse.write_command(
                        {
                            dimse.COMMAND_FIELD: 0x8001,
                            dimse.MESSAGE_ID_RESPONDED_TO: 999,
                            dimse.STATUS: 0,
                        }
                    ),
                    command=True,
                ),
                "something else",
            ),
            (value(b"\0\0", command=True), "cut off"),
        ],
        ids=["abort", "release", "close", "other message", "nonsense"],
    )
    def test_a_peer_that_does_not_acknowledge_acknowledged_nothing(
        self, tmp_path: Path, answer: bytes, words: str
    ) -> None:
        told: list[SentInstance] = []

        def script(connected: socket.socket) -> None:
            accept_ct(connected)
            read_message(connected)
            connected.sendall(answer)

        file = write_ct(tmp_path / "f", "1.2.3")
        with scripted_scp(script) as address, pytest.raises(NetworkError, match=words):
            send_files(*address, [file], **TITLES, progress=told.append)

        assert told == []

    def test_a_peer_that_stops_reading(self, tmp_path: Path) -> None:
        done = threading.Event()

        def script(connected: socket.socket) -> None:
            accept_ct(connected)
            assert_set(done)

        file = write_ct(tmp_path / "f", "1.2.3", pixel_bytes=50_000_000)
        with scripted_scp(script) as address:
            with pytest.raises(NetworkError, match="took nothing for too long"):
                send_files(*address, [file], **TITLES, timeout_s=0.2)
            done.set()

    def test_what_was_acknowledged_before_is_known(self, tmp_path: Path) -> None:
        told: list[SentInstance] = []
        success = dimse.write_command(
            {dimse.COMMAND_FIELD: 0x8001, dimse.MESSAGE_ID_RESPONDED_TO: 1, dimse.STATUS: 0}
        )

        def script(connected: socket.socket) -> None:
            accept_ct(connected)
            read_message(connected)
            connected.sendall(value(success, command=True))
            read_message(connected)

        files = [write_ct(tmp_path / str(n), f"1.2.{n + 1}") for n in range(3)]
        with scripted_scp(script) as address, pytest.raises(NetworkError):
            send_files(*address, files, **TITLES, progress=told.append)

        assert [outcome.sop_instance_uid for outcome in told] == ["1.2.1"]


def assert_set(event: threading.Event) -> None:
    """Wait for `event`."""
    assert event.wait(30)
