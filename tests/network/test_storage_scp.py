from __future__ import annotations

import errno
import os
import socket
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset
from pynetdicom import AE

from mediastation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from mediastation.errors import NetworkError
from mediastation.network import command as dimse
from mediastation.network import pdu
from mediastation.network.acceptor import Limits
from mediastation.network.pdu import PduType, ProposedContext
from mediastation.network.storage_scp import ReceivedInstance, StorageScp, StoreAnswer
from mediastation.network.storage_scu import echo
from tests.support.network import (
    CT,
    EXPLICIT_LE,
    IMPLICIT_LE,
    QUICK,
    Kept,
    RawPeer,
    association_request,
    raw_peer,
    running_scp,
    store_request,
    value,
)

MR = "1.2.840.10008.5.1.4.1.1.4"
DATA = bytes(range(256)) * 5000


def require_alive(address: tuple[str, int]) -> None:
    """Fail unless the SCP still serves others."""
    echo(*address, calling_ae="OTHER", called_ae="STATION")


class TestStoring:
    def test_another_implementations_instance_arrives_whole_with_our_file_meta(
        self, tmp_path: Path
    ) -> None:
        ds = Dataset()
        ds.SOPClassUID, ds.SOPInstanceUID, ds.PatientName = CT, "1.2.3.4", "Last^First"
        ds.PixelData = b"\1\2" * 100_000
        ds["PixelData"].VR = "OW"
        ds.file_meta = Dataset()
        ds.file_meta.TransferSyntaxUID = EXPLICIT_LE
        kept = Kept()
        with running_scp(tmp_path / "in", kept) as (address, port):
            ae = AE("PYNETDICOM")
            ae.add_requested_context(CT, EXPLICIT_LE)
            assoc = ae.associate(address, port, ae_title="STATION")
            status = assoc.send_c_store(ds)
            assoc.release()

        assert status.Status == 0
        (tmp_path / "file").write_bytes(kept.files[0])
        read = dcmread(tmp_path / "file")
        assert read == ds
        assert read.preamble == bytes(128)
        meta = read.file_meta
        assert meta.FileMetaInformationVersion == b"\0\1"
        assert meta.MediaStorageSOPClassUID == CT
        assert meta.MediaStorageSOPInstanceUID == "1.2.3.4"
        assert meta.TransferSyntaxUID == EXPLICIT_LE
        assert meta.ImplementationClassUID == IMPLEMENTATION_CLASS_UID
        assert meta.ImplementationVersionName == IMPLEMENTATION_VERSION_NAME

    def test_the_request_says_who_sent_what_to_whom(self, tmp_path: Path) -> None:
        kept = Kept()
        with raw_peer(tmp_path / "in", kept) as peer:
            peer.associate(ProposedContext(5, CT, (IMPLICIT_LE,)))
            peer.send(store_request("1.2.9", context_id=5), value(DATA, context_id=5))
            assert peer.read_status() == (0, "")
            local = "{}:{}".format(*peer.socket.getsockname())

        (received,) = kept.instances
        assert (received.sop_class_uid, received.sop_instance_uid) == (CT, "1.2.9")
        assert received.transfer_syntax_uid == IMPLICIT_LE
        assert (received.calling_ae, received.called_ae) == ("PEER", "STATION")
        assert received.peer == local

    @pytest.mark.parametrize("cut", [1, 7, 4096, 131_072, len(DATA)])
    def test_however_it_is_cut_the_same_bytes_are_kept(self, tmp_path: Path, cut: int) -> None:
        kept = Kept()
        data = DATA[: 40 * cut]
        pieces = [data[at : at + cut] for at in range(0, len(data), cut)]
        with raw_peer(tmp_path / "in", kept) as peer:
            peer.associate()
            peer.send(store_request(), *(value(piece, last=False) for piece in pieces), value(b""))
            assert peer.read_status() == (0, "")

        assert kept.files[0].endswith(data)
        assert dcmread_meta_length(kept.files[0]) + len(data) == len(kept.files[0])

    def test_command_and_data_may_share_one_pdu(self, tmp_path: Path) -> None:
        """Several values in one P-DATA-TF, the Command Set in two of them (PS3.8, Annex E)."""
        command = store_request()[12:]
        values = (
            value(command[:10], command=True, last=False)[6:]
            + value(command[10:], command=True)[6:]
            + value(DATA[:100], last=False)[6:]
            + value(DATA[100:200])[6:]
        )
        kept = Kept()
        with raw_peer(tmp_path / "in", kept) as peer:
            peer.associate()
            peer.send(pdu.write_pdu(PduType.P_DATA, values))
            assert peer.read_status() == (0, "")

        assert kept.files[0].endswith(DATA[:200])

    def test_a_large_object_takes_little_memory(self, tmp_path: Path) -> None:
        sizes = []

        def keep(received: ReceivedInstance) -> StoreAnswer:
            sizes.append(received.path.stat().st_size)
            return StoreAnswer.STORED

        piece = value(bytes(100_000), last=False)
        with raw_peer(tmp_path / "in", keep) as peer:
            peer.associate()
            peer.send(store_request())
            tracemalloc.start()
            for _ in range(640):
                peer.send(piece)
            peer.send(value(b""))
            peer.read_status()
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()

        assert sizes[0] > 64_000_000
        assert peak < 4_000_000

    def test_a_file_left_in_place_is_removed(self, tmp_path: Path) -> None:
        """`running_scp` finds an empty folder although nobody moved the file away."""
        with raw_peer(tmp_path / "in", lambda _: StoreAnswer.STORED) as peer:
            peer.associate()
            peer.send(store_request(), value(DATA))
            assert peer.read_status() == (0, "")


def dcmread_meta_length(file: bytes) -> int:
    """Bytes before the data set, by the group length."""
    return 144 + int.from_bytes(file[140:144], "little")


class TestAnswers:
    # Typed from PS3.4, B.2.3 and PS3.7, Annex C.
    @pytest.mark.parametrize(
        ("answer", "status"),
        [
            (StoreAnswer.STORED, 0x0000),
            (StoreAnswer.OUT_OF_RESOURCES, 0xA700),
            (StoreAnswer.DOES_NOT_MATCH, 0xA900),
            (StoreAnswer.CANNOT_UNDERSTAND, 0xC000),
            (StoreAnswer.PROCESSING_FAILURE, 0x0110),
        ],
    )
    def test_the_applications_answer_is_the_peers_answer(
        self, tmp_path: Path, answer: StoreAnswer, status: int
    ) -> None:
        with raw_peer(tmp_path / "in", Kept(answer=answer)) as peer:
            peer.associate()
            peer.send(store_request(), value(DATA))
            got, comment = peer.read_status()

        assert got == status
        assert (comment != "") == (status != 0)
        assert len(comment) <= 64

    def test_an_application_that_fails_fails_one_instance_only(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        kept = Kept()

        def fail_once(received: ReceivedInstance) -> StoreAnswer:
            if received.sop_instance_uid == "1.1":
                raise RuntimeError("broken on purpose")
            return kept(received)

        with raw_peer(tmp_path / "in", fail_once) as peer:
            peer.associate()
            peer.send(store_request("1.1"), value(DATA))
            assert peer.read_status()[0] == 0x0110
            peer.send(store_request("1.2"), value(DATA))
            assert peer.read_status()[0] == 0

        (record,) = [record for record in caplog.records if record.exc_info]
        assert "cannot keep 1.1" in record.getMessage()
        assert "broken on purpose" in caplog.text

    @pytest.mark.parametrize(
        ("request_bytes", "status"),
        [
            (store_request(data_set=dimse.NO_DATA_SET), 0xC000),
            (store_request() + value(b""), 0xC000),
            (store_request(sop_class=MR) + value(DATA), 0xA900),
            (store_request("") + value(DATA), 0x0117),
            (store_request("1." * 40) + value(DATA), 0x0117),
            (store_request("1.2\\1.3") + value(DATA), 0x0117),
            (store_request("1.2\n3") + value(DATA), 0x0117),
        ],
        ids=["no data set", "empty", "other class", "no UID", "long UID", "two UIDs", "line feed"],
    )
    def test_a_request_that_makes_no_file_is_refused_and_the_next_one_served(
        self, tmp_path: Path, request_bytes: bytes, status: int
    ) -> None:
        kept = Kept()
        with raw_peer(tmp_path / "in", kept) as peer:
            peer.associate()
            peer.send(request_bytes)
            assert peer.read_status()[0] == status
            peer.send(store_request("1.5"), value(DATA))
            assert peer.read_status()[0] == 0

        assert [received.sop_instance_uid for received in kept.instances] == ["1.5"]

    def test_a_verification_context_stores_nothing(self, tmp_path: Path) -> None:
        verification = "1.2.840.10008.1.1"
        kept = Kept()
        with raw_peer(tmp_path / "in", kept) as peer:
            peer.associate(ProposedContext(1, verification, (EXPLICIT_LE,)))
            peer.send(store_request(sop_class=verification), value(DATA))
            assert peer.read_status()[0] == 0xA900

        assert kept.instances == []

    def test_an_unknown_operation_is_answered_as_such(self, tmp_path: Path) -> None:
        find = dimse.write_command(
            {
                dimse.COMMAND_FIELD: 0x0020,
                dimse.MESSAGE_ID: 3,
                dimse.COMMAND_DATA_SET_TYPE: 1,
            }
        )
        with raw_peer(tmp_path / "in", Kept()) as peer:
            peer.associate()
            peer.send(value(find, command=True), value(DATA))
            assert peer.read_status()[0] == 0x0211
            peer.send(store_request(), value(DATA))
            assert peer.read_status()[0] == 0


class TestDisk:
    def test_a_full_disk_refuses_the_instance_and_keeps_the_association(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write, full, written = os.write, True, 0

        def write_until_full(descriptor: int, data: bytes) -> int:
            nonlocal written
            if full and threading.current_thread().name.startswith("dicom-"):
                if written > 300_000:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                written += len(data)
            return write(descriptor, data)

        monkeypatch.setattr(os, "write", write_until_full)
        kept = Kept()
        with raw_peer(tmp_path / "in", kept) as peer:
            peer.associate()
            peer.send(store_request("1.1"), value(DATA[:500_000], last=False))
            peer.send(value(DATA[:500_000]))
            assert peer.read_status()[0] == 0xA700
            assert list((tmp_path / "in").iterdir()) == []
            full = False
            peer.send(store_request("1.2"), value(DATA))
            assert peer.read_status()[0] == 0

        assert [received.sop_instance_uid for received in kept.instances] == ["1.2"]

    def test_without_room_nothing_is_written(self, tmp_path: Path) -> None:
        kept = Kept()
        with raw_peer(tmp_path / "in", kept, has_room=lambda: False) as peer:
            peer.associate()
            peer.send(store_request(), value(DATA, last=False))
            assert list((tmp_path / "in").iterdir()) == []
            peer.send(value(DATA))
            assert peer.read_status()[0] == 0xA700

        assert kept.instances == []

    def test_room_that_ends_while_an_object_arrives_refuses_it(self, tmp_path: Path) -> None:
        answers = iter([True, False])
        kept = Kept()
        with raw_peer(tmp_path / "in", kept, has_room=lambda: next(answers)) as peer:
            peer.associate()
            peer.send(store_request())
            for _ in range(20):
                peer.send(value(bytes(1_000_000), last=False))
            peer.send(value(b""))
            assert peer.read_status()[0] == 0xA700

        assert kept.instances == []

    def test_a_disk_that_cannot_be_asked_counts_as_full(self, tmp_path: Path) -> None:
        def fail() -> bool:
            raise OSError(errno.EIO, "broken on purpose")

        with raw_peer(tmp_path / "in", Kept(), has_room=fail) as peer:
            peer.associate()
            peer.send(store_request(), value(DATA))
            assert peer.read_status()[0] == 0xA700

    def test_a_fault_of_ours_aborts_one_association_and_is_kept_in_the_log(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fail() -> bool:
            raise RuntimeError("broken on purpose")

        with raw_peer(tmp_path / "in", Kept(), has_room=fail) as peer:
            peer.associate()
            peer.send(store_request(), value(DATA))
            kind, _ = peer.read()
            assert kind == PduType.ABORT
            require_alive(peer.address)

        (record,) = [record for record in caplog.records if record.exc_info]
        assert record.levelname == "ERROR"
        assert "RuntimeError: broken on purpose" in caplog.text


class TestNegotiation:
    def test_each_context_is_answered_for_itself(self, tmp_path: Path) -> None:
        """One class in several contexts, one that is no storage class, one that names none."""
        proposed = (
            ProposedContext(1, CT, (IMPLICIT_LE,)),
            ProposedContext(3, CT, ("1.2.840.10008.1.2.4.90",)),
            ProposedContext(5, "1.2.840.10008.5.1.4.1.2.2.1", (IMPLICIT_LE,)),
            ProposedContext(7, "1.3.6.1.4.1.999.1", ("1.3.6.1.4.1.999.2",)),
            ProposedContext(9, CT, ("1.2.840.10008.1.2.4.94",)),
        )
        with raw_peer(tmp_path / "in", Kept()) as peer:
            peer.send(association_request(*proposed, extended={CT: bytes(6)}))
            kind, body = peer.read()
            accept = pdu.read_associate_accept(body)

        assert kind is PduType.ASSOCIATE_AC
        assert [(c.context_id, c.result) for c in accept.contexts] == [
            (1, 0), (3, 0), (5, 3), (7, 0), (9, 4),
        ]  # fmt: skip
        assert accept.contexts[3].transfer_syntax == "1.3.6.1.4.1.999.2"
        assert accept.extended == {CT: bytes((2, 0, 1, 0, 0, 0))}
        assert accept.max_length == QUICK.max_pdu_length

    def test_another_called_title_is_rejected_only_where_that_was_asked_for(
        self, tmp_path: Path
    ) -> None:
        with raw_peer(tmp_path / "in", Kept(), ae_title="STATION") as peer:
            peer.send(association_request(called="OTHER"))
            assert peer.read()[0] is PduType.ASSOCIATE_AC
        with running_scp(
            tmp_path / "in", Kept(), ae_title="STATION", require_called_aet=True
        ) as address:
            with RawPeer(address) as peer:
                peer.send(association_request(called="OTHER"))
                assert peer.read() == (PduType.ASSOCIATE_RJ, b"\0\1\1\7")
            with RawPeer(address) as peer:
                peer.associate()

    @pytest.mark.parametrize(
        ("old", "new", "answer"),
        [
            (b"\0\1\0\0STATION", b"\0\2\0\0STATION", b"\0\1\2\2"),
            (b"1.2.840.10008.3.1.1.1", b"1.2.840.10008.3.1.1.9", b"\0\1\1\2"),
        ],
        ids=["version", "application context"],
    )
    def test_another_protocol_is_rejected(
        self, tmp_path: Path, old: bytes, new: bytes, answer: bytes
    ) -> None:
        request = association_request()
        assert old in request
        with raw_peer(tmp_path / "in", Kept()) as peer:
            peer.send(request.replace(old, new))
            assert peer.read() == (PduType.ASSOCIATE_RJ, answer)

    def test_more_associations_than_allowed_are_rejected_for_now(self, tmp_path: Path) -> None:
        limits = Limits(max_associations=1, max_waiting=2)
        with (
            running_scp(tmp_path / "in", Kept(), limits=limits) as address,
            RawPeer(address) as first,
        ):
            first.associate()
            with RawPeer(address) as second:
                second.send(association_request())
                assert second.read() == (PduType.ASSOCIATE_RJ, b"\0\2\3\2")
            first.send(store_request(), value(DATA))
            assert first.read_status()[0] == 0

    def test_a_flood_of_silent_connections_is_turned_away_and_survived(
        self, tmp_path: Path
    ) -> None:
        limits = Limits(max_associations=1, max_waiting=3)
        with running_scp(tmp_path / "in", Kept(), limits=limits) as address:
            flood = [RawPeer(address) for _ in range(40)]
            assert flood[-1].read_to_end() == b""
            for peer in flood:
                peer.socket.close()
            while not try_association(address):
                pass


def try_association(address: tuple[str, int]) -> bool:
    """Tell whether the SCP takes an association now; it may not have seen others leave yet."""
    with RawPeer(address) as peer:
        try:
            peer.associate()
        except (AssertionError, OSError):
            return False
        return True


def drip(peer: RawPeer) -> bool:
    """Send one byte; tell whether the other side is still there."""
    try:
        peer.send(b"\0")
    except OSError:
        return False
    return True


def big(value: int) -> bytes:
    """Return a 32-bit length."""
    return value.to_bytes(4, "big")


STORE = store_request()
RESPONSE = STORE[12:].replace(b"\2\0\0\0\1\0", b"\2\0\0\0\1\x80")
BEFORE_ASSOCIATION = {
    "another protocol": b"GET / HTTP/1.1\r\nHost: station\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(32),
    "huge request": b"\1\0" + big(0xFFFFFFFF) + bytes(100),
    "data first": value(DATA[:100]),
    "release first": b"\5\0" + big(4) + bytes(4),
    "short request": b"\1\0" + big(10) + bytes(10),
    "item past the end": association_request()[:76] + b"\xff\xff" + association_request()[78:],
    "even context": association_request(ProposedContext(2, CT, (EXPLICIT_LE,))),
    "context twice": association_request(*[ProposedContext(1, CT, (EXPLICIT_LE,))] * 2),
    "no context": pdu.write_associate_request(pdu.AssociateRequest("STATION", "PEER", ())),
    "not ASCII": association_request().replace(b"1.2.840.10008.3", b"1.2.840.1\xff008.3"),
}
IN_ASSOCIATION = {
    "unknown PDU": b"\x09\0" + big(4) + bytes(4),
    "second request": association_request(),
    "empty P-DATA-TF": b"\4\0" + big(0),
    "value past the end": b"\4\0" + big(20) + big(0xFFFFFFFF) + b"\1\3" + bytes(14),
    "value without control": b"\4\0" + big(6) + big(1) + b"\1\3",
    "rest too short for a value": b"\4\0" + big(11) + STORE[6:12] + bytes(5),
    "data without command": value(DATA),
    "endless command": value(bytes(60_000), command=True, last=False) * 3,
    "command in data": STORE + value(DATA, last=False) + STORE,
    "data of another context": STORE + value(DATA, context_id=3),
    "context not open": store_request(context_id=99) + value(DATA),
    "release within data": STORE + value(DATA, last=False) + b"\5\0" + big(4) + bytes(4),
    "release within command": value(b"\0", command=True, last=False) + b"\5\0" + big(4) + bytes(4),
    "command cut off": value(STORE[12:-3], command=True),
    "command without field": value(bytes(8), command=True),
    "response unasked": value(RESPONSE, command=True) + value(DATA),
    "huge release": b"\5\0" + big(0xFFFFFFFF),
}


class TestHostilePeers:
    @pytest.fixture(autouse=True)
    def _no_traceback(self, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
        """What peers do is foreseen: a traceback in the log would be a fault of ours."""
        yield
        assert [record for record in caplog.records if record.exc_info] == []

    @pytest.mark.parametrize("name", BEFORE_ASSOCIATION)
    def test_nonsense_instead_of_a_request_is_aborted(self, tmp_path: Path, name: str) -> None:
        with running_scp(tmp_path / "in", Kept()) as address:
            with RawPeer(address) as peer:
                peer.send(BEFORE_ASSOCIATION[name])
                kind, body = peer.read()
                assert (kind, body[2]) == (PduType.ABORT, 2)
                assert peer.read_to_end() == b""
            require_alive(address)

    @pytest.mark.parametrize("name", IN_ASSOCIATION)
    def test_nonsense_within_an_association_aborts_it_alone(
        self, tmp_path: Path, name: str
    ) -> None:
        kept = Kept()
        with raw_peer(tmp_path / "in", kept) as other:
            other.associate()
            with RawPeer(other.address) as peer:
                peer.associate()
                peer.send(IN_ASSOCIATION[name])
                kind, body = peer.read()
                assert (kind, body[2]) == (PduType.ABORT, 2)
                assert peer.read_to_end() == b""
            other.send(store_request("1.7"), value(DATA))
            assert other.read_status()[0] == 0

        assert [received.sop_instance_uid for received in kept.instances] == ["1.7"]

    @pytest.mark.parametrize(
        "end", [b"", b"\7\0" + big(4) + bytes(4)], ids=["connection closed", "aborted"]
    )
    @pytest.mark.parametrize(
        "begin",
        [
            b"\4\0" + big(0xFFFFFFFF) + big(0xFFFFFFFB) + b"\1\0" + DATA,
            value(DATA, last=False),
            value(DATA)[:-100],
            b"",
        ],
        ids=["four gigabytes announced", "between values", "within a value", "after the command"],
    )
    def test_a_transfer_that_breaks_off_leaves_nothing(
        self, tmp_path: Path, begin: bytes, end: bytes
    ) -> None:
        kept = Kept()
        with running_scp(tmp_path / "in", kept) as address:
            with RawPeer(address) as peer:
                peer.associate()
                peer.send(STORE, begin, end)
            require_alive(address)

        assert kept.instances == []

    def test_any_spoiled_session_ends_and_leaves_nothing(self, tmp_path: Path) -> None:
        session = b"".join(
            (
                association_request(),
                *(store_request(f"1.2.{n}") + value(DATA[: 500 * n]) for n in (1, 2)),
                b"\5\0" + big(4) + bytes(4),
            )
        )
        kept = Kept()
        with running_scp(tmp_path / "in", kept) as address:

            @settings(max_examples=150, deadline=None)
            @given(st.data())
            def spoil(data: st.DataObject) -> None:
                spoiled = bytearray(session)
                for _ in range(data.draw(st.integers(0, 3))):
                    at = data.draw(st.integers(0, len(session) - 1))
                    spoiled[at] = data.draw(st.integers(0, 255))
                cut = data.draw(st.integers(len(session) // 2, len(session)))
                with RawPeer(address) as peer:
                    # The SCP may be gone before all is sent.
                    with suppress(OSError):
                        peer.send(bytes(spoiled[:cut]))
                        peer.socket.shutdown(socket.SHUT_WR)
                    peer.read_to_end()

            spoil()
            require_alive(address)

    def test_a_connection_that_says_nothing_is_closed(self, tmp_path: Path) -> None:
        limits = Limits(negotiation_timeout_s=0.1)
        with raw_peer(tmp_path / "in", Kept(), limits=limits) as peer:
            assert peer.read_to_end()[:1] == bytes([PduType.ABORT])

    def test_a_request_that_drips_is_closed(self, tmp_path: Path) -> None:
        """Each byte would come in time; the whole does not."""
        limits = Limits(negotiation_timeout_s=0.3)
        never = threading.Event()
        with raw_peer(tmp_path / "in", Kept(), limits=limits) as peer:
            peer.send(b"\1\0" + big(1_000_000))
            while drip(peer):
                never.wait(0.02)

    @pytest.mark.parametrize("sent", [b"", STORE, STORE + value(DATA, last=False), STORE[:20]])
    def test_a_peer_that_falls_silent_is_aborted(self, tmp_path: Path, sent: bytes) -> None:
        limits = Limits(idle_timeout_s=0.2, network_timeout_s=0.2)
        kept = Kept()
        with raw_peer(tmp_path / "in", kept, limits=limits) as peer:
            peer.associate()
            peer.send(sent)
            assert peer.read_to_end()[:1] == bytes([PduType.ABORT])

        assert kept.instances == []


class TestStopping:
    def test_an_idle_association_is_aborted_by_us(self, tmp_path: Path) -> None:
        scp = StorageScp(tmp_path, Kept(), port=0)
        with RawPeer(scp.start()) as peer:
            peer.associate()
            assert scp.stop(10)
            assert peer.read_to_end() == b"\7\0" + big(4) + bytes(4)

    def test_a_running_store_is_finished_and_acknowledged(self, tmp_path: Path) -> None:
        begun, go_on = threading.Event(), threading.Event()

        def keep(_: ReceivedInstance) -> StoreAnswer:
            begun.set()
            assert go_on.wait(30)
            return StoreAnswer.STORED

        scp = StorageScp(tmp_path, keep, port=0)
        with RawPeer(scp.start()) as peer:
            peer.associate()
            peer.send(STORE, value(DATA))
            assert begun.wait(30)
            ended: list[bool] = []
            stopping = threading.Thread(target=lambda: ended.append(scp.stop(30)))
            stopping.start()
            go_on.set()
            assert peer.read_status()[0] == 0
            assert peer.read_to_end()[:1] == bytes([PduType.ABORT])
            stopping.join()

        assert ended == [True]

    def test_a_transfer_that_does_not_end_is_cut_off_unacknowledged(self, tmp_path: Path) -> None:
        kept = Kept()
        scp = StorageScp(tmp_path, kept, port=0)
        with RawPeer(scp.start()) as peer:
            peer.associate()
            peer.send(STORE, value(DATA, last=False))
            assert scp.stop(0.1)
            assert peer.read_to_end()[:1] in (b"", bytes([PduType.ABORT]))

        assert kept.instances == []
        assert list(tmp_path.iterdir()) == []

    def test_nobody_is_served_any_more(self, tmp_path: Path) -> None:
        scp = StorageScp(tmp_path, Kept(), port=0)
        address = scp.start()
        scp.stop(10)

        with pytest.raises(NetworkError):
            require_alive(address)

    def test_one_that_never_started_is_stopped(self, tmp_path: Path) -> None:
        assert StorageScp(tmp_path, Kept(), port=0).stop()


class TestListening:
    def test_a_taken_port_is_told(self, tmp_path: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            scp = StorageScp(tmp_path, Kept(), port=other.getsockname()[1])
            with pytest.raises(NetworkError, match="cannot listen"):
                scp.start()

    def test_an_unknown_address_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(NetworkError, match="cannot listen"):
            StorageScp(tmp_path, Kept(), bind="203.0.113.9", port=0).start()

    def test_it_listens_on_ipv6_too(self, tmp_path: Path) -> None:
        if not socket.has_ipv6:
            pytest.skip("no IPv6 here")
        scp = StorageScp(tmp_path, Kept(), bind="::1", port=0)
        try:
            address = scp.start()
        except NetworkError:
            pytest.skip("no IPv6 loopback here")
        require_alive(address)
        assert scp.stop()
