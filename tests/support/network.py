"""Both ends of an association on loopback: an SCP that remembers, and a peer that may misbehave."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mediastation.model.file_meta import encode_file_meta
from mediastation.network import command as dimse
from mediastation.network import pdu
from mediastation.network.acceptor import Limits
from mediastation.network.connection import write_value_head
from mediastation.network.pdu import AssociateRequest, PduType, ProposedContext
from mediastation.network.storage_scp import ReceivedInstance, StorageScp, StoreAnswer

CT = "1.2.840.10008.5.1.4.1.1.2"
IMPLICIT_LE = "1.2.840.10008.1.2"
EXPLICIT_LE = "1.2.840.10008.1.2.1"

QUICK = Limits(negotiation_timeout_s=20, idle_timeout_s=20, network_timeout_s=20)


@dataclass
class Kept:
    """What an SCP received: the requests and the files' bytes, in order."""

    instances: list[ReceivedInstance] = field(default_factory=list)
    files: list[bytes] = field(default_factory=list)
    answer: StoreAnswer = StoreAnswer.STORED

    def __call__(self, received: ReceivedInstance) -> StoreAnswer:
        self.instances.append(received)
        self.files.append(received.path.read_bytes())
        return self.answer


@contextmanager
def running_scp(
    folder: Path, on_instance: Callable[[ReceivedInstance], StoreAnswer], **options: Any
) -> Iterator[tuple[str, int]]:
    """Run an SCP on a free port; at the end, all of it has ended and nothing is left behind."""
    folder.mkdir(exist_ok=True)
    options.setdefault("limits", QUICK)
    scp = StorageScp(folder, on_instance, port=0, **options)
    address = scp.start()
    try:
        yield address
    finally:
        ended = scp.stop(10)
    assert ended
    assert list(folder.iterdir()) == []


def association_request(
    *contexts: ProposedContext, called: str = "STATION", **options: Any
) -> bytes:
    """Return an A-ASSOCIATE-RQ; without contexts, for CT images in Explicit VR Little Endian."""
    proposed = contexts or (ProposedContext(1, CT, (EXPLICIT_LE,)),)
    return pdu.write_associate_request(AssociateRequest(called, "PEER", proposed, **options))


def store_request(
    uid: str = "1.2.3", sop_class: str = CT, *, context_id: int = 1, data_set: int = 0
) -> bytes:
    """Return the Command Set of a C-STORE request in one P-DATA-TF."""
    command = dimse.write_command(
        {
            dimse.AFFECTED_SOP_CLASS_UID: sop_class,
            dimse.AFFECTED_SOP_INSTANCE_UID: uid,
            dimse.COMMAND_FIELD: 1,
            dimse.MESSAGE_ID: 7,
            dimse.PRIORITY: 0,
            dimse.COMMAND_DATA_SET_TYPE: data_set,
        }
    )
    return value(command, context_id=context_id, command=True)


def value(data: bytes, *, context_id: int = 1, command: bool = False, last: bool = True) -> bytes:
    """Return `data` as the one Presentation Data Value of a P-DATA-TF."""
    return (
        write_value_head(context_id, (1 if command else 0) | (2 if last else 0), len(data)) + data
    )


class RawPeer:
    """A peer that sends what it is told, byte for byte."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.address = address
        self.socket = socket.create_connection(address, timeout=30)

    def __enter__(self) -> RawPeer:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def associate(self, *contexts: ProposedContext) -> None:
        """Establish an association, or fail the test."""
        self.send(association_request(*contexts))
        kind, _ = self.read()
        assert kind is PduType.ASSOCIATE_AC

    def send(self, *parts: bytes) -> None:
        self.socket.sendall(b"".join(parts))

    def read(self) -> tuple[PduType, bytes]:
        """Return the type and body of the next PDU."""
        head = self._read(6)
        return PduType(head[0]), self._read(int.from_bytes(head[2:], "big"))

    def read_status(self) -> tuple[int, str]:
        """Return status and comment of the response that comes next."""
        kind, body = self.read()
        assert kind is PduType.P_DATA
        command = dimse.read_command(body[6:])
        return dimse.number(command, dimse.STATUS), dimse.text(command, dimse.ERROR_COMMENT)

    def read_to_end(self) -> bytes:
        """Return what comes until the other side closes."""
        received = bytearray()
        try:
            while piece := self.socket.recv(65536):
                received += piece
        except ConnectionResetError:
            pass
        return bytes(received)

    def _read(self, count: int) -> bytes:
        received = bytearray()
        while len(received) < count:
            piece = self.socket.recv(count - len(received))
            assert piece, "the other side closed"
            received += piece
        return bytes(received)


@contextmanager
def raw_peer(
    folder: Path, on_instance: Callable[[ReceivedInstance], StoreAnswer], **options: Any
) -> Iterator[RawPeer]:
    """Run an SCP as `running_scp` does and give a peer that is connected to it."""
    with running_scp(folder, on_instance, **options) as address, RawPeer(address) as peer:
        yield peer


def ct_data_set(uid: str, *, pixel_bytes: int = 512, patient_id: str = "P1") -> bytes:
    """Return a small CT image's data set in Explicit VR Little Endian."""
    pixels = (uid.encode() * (pixel_bytes // len(uid) + 1))[:pixel_bytes]
    return b"".join(
        (
            _element(0x0008, 0x0016, b"UI", CT.encode()),
            _element(0x0008, 0x0018, b"UI", uid.encode()),
            _element(0x0008, 0x0060, b"CS", b"CT"),
            _element(0x0010, 0x0010, b"PN", b"Test^Patient"),
            _element(0x0010, 0x0020, b"LO", patient_id.encode()),
            _element(0x0020, 0x000D, b"UI", b"1.2.826.0.1.1"),
            _element(0x0020, 0x000E, b"UI", b"1.2.826.0.1.2"),
            b"\xe0\x7f\x10\0OW\0\0" + pixel_bytes.to_bytes(4, "little") + pixels,
        )
    )


def _element(group: int, element: int, vr: bytes, content: bytes) -> bytes:
    padded = content + (b"\0" if vr == b"UI" else b" ") * (len(content) % 2)
    head = group.to_bytes(2, "little") + element.to_bytes(2, "little") + vr
    return head + len(padded).to_bytes(2, "little") + padded


def write_ct(path: Path, uid: str, **options: Any) -> Path:
    """Write such an image with file meta and return `path`."""
    path.write_bytes(encode_file_meta(CT, uid, EXPLICIT_LE) + ct_data_set(uid, **options))
    return path
