"""The Protocol Data Units of the upper layer (PS3.8, 9.3), P-DATA-TF excepted.

P-DATA-TF carries whole objects and is streamed, see `connection`. The others are
small, and are decoded here from bytes whose number is already bounded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from struct import Struct

from mediastation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from mediastation.errors import NetworkError

APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"
MAX_CONTEXTS = 128
MAX_ASSOCIATE_BYTES = 1 << 20
"""What an A-ASSOCIATE PDU may weigh: 128 contexts of 100 syntaxes each fit."""

_FIXED = Struct(">HH16s16s32s")
_ITEM = Struct(">BxH")


class PduType(IntEnum):
    """First byte of a PDU."""

    ASSOCIATE_RQ = 1
    ASSOCIATE_AC = 2
    ASSOCIATE_RJ = 3
    P_DATA = 4
    RELEASE_RQ = 5
    RELEASE_RP = 6
    ABORT = 7


class ContextResult(IntEnum):
    """The acceptor's word on one Presentation Context (PS3.8, 9.3.3.2)."""

    ACCEPTED = 0
    USER_REJECTION = 1
    NO_REASON = 2
    ABSTRACT_SYNTAX_NOT_SUPPORTED = 3
    TRANSFER_SYNTAXES_NOT_SUPPORTED = 4


class AbortReason(IntEnum):
    """Why the provider aborts (PS3.8, 9.3.8)."""

    NOT_SPECIFIED = 0
    UNRECOGNIZED_PDU = 1
    UNEXPECTED_PDU = 2
    UNRECOGNIZED_PARAMETER = 4
    UNEXPECTED_PARAMETER = 5
    INVALID_PARAMETER = 6


class ProtocolError(NetworkError):
    """The peer broke the protocol; `reason` is for the A-ABORT that answers it."""

    def __init__(self, message: str, reason: AbortReason = AbortReason.INVALID_PARAMETER) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ProposedContext:
    """One Presentation Context of a request: an odd identifier, one class, its syntaxes."""

    context_id: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AnsweredContext:
    """One Presentation Context of an acceptance; the syntax counts only if accepted."""

    context_id: int
    result: int
    transfer_syntax: str


@dataclass(frozen=True, slots=True)
class AssociateRequest:
    """A-ASSOCIATE-RQ (PS3.8, 9.3.2).

    Parameters
    ----------
    called_ae, calling_ae : str
        Without the padding.
    contexts : tuple of ProposedContext
        In the order proposed.
    max_length : int
        The longest P-DATA-TF that the requestor takes, in bytes; 0 for any.
    extended : mapping of str to bytes
        Service class application information by SOP Class (PS3.7, D.3.3.5).
    service_classes : mapping of str to str
        The service class that a SOP Class is said to belong to (PS3.7, D.3.3.6).
    roles : mapping of str to tuple of bool
        By SOP Class, whether the requestor is its SCU and its SCP (PS3.7,
        D.3.3.4); a class that is missing makes it the SCU.
    """

    called_ae: str
    calling_ae: str
    contexts: tuple[ProposedContext, ...]
    max_length: int = 0
    application_context: str = APPLICATION_CONTEXT
    protocol_version: int = 1
    implementation_class_uid: str = IMPLEMENTATION_CLASS_UID
    implementation_version_name: str = IMPLEMENTATION_VERSION_NAME
    extended: Mapping[str, bytes] = field(default_factory=dict)
    service_classes: Mapping[str, str] = field(default_factory=dict)
    roles: Mapping[str, tuple[bool, bool]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AssociateAccept:
    """A-ASSOCIATE-AC (PS3.8, 9.3.3); fields as in the request."""

    called_ae: str
    calling_ae: str
    contexts: tuple[AnsweredContext, ...]
    max_length: int = 0
    extended: Mapping[str, bytes] = field(default_factory=dict)
    roles: Mapping[str, tuple[bool, bool]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AssociateReject:
    """A-ASSOCIATE-RJ: result, source and reason of PS3.8, 9.3.4."""

    result: int
    source: int
    reason: int

    @property
    def is_transient(self) -> bool:
        """Whether the same request may be accepted later."""
        return self.result == 2

    def words(self) -> str:
        """Say why in plain words."""
        return _REJECT_WORDS.get((self.source, self.reason), "it gives no reason")


PROTOCOL_VERSION_NOT_SUPPORTED = AssociateReject(1, 2, 2)
APPLICATION_CONTEXT_NOT_SUPPORTED = AssociateReject(1, 1, 2)
CALLED_AE_NOT_RECOGNIZED = AssociateReject(1, 1, 7)
LOCAL_LIMIT_EXCEEDED = AssociateReject(2, 3, 2)

_REJECT_WORDS = {
    (1, 1): "it gives no reason",
    (1, 2): "it does not speak DICOM's application context",
    (1, 3): "it does not know the calling AE title",
    (1, 7): "it does not answer to the called AE title",
    (2, 1): "it gives no reason",
    (2, 2): "it speaks another version of the protocol",
    (3, 1): "it is congested for the moment",
    (3, 2): "it has no association to spare for the moment",
}


def _text(value: bytes) -> str:
    """Return an AE title or name; what is not printable ASCII becomes a question mark."""
    text = value.decode("ascii", "replace").strip(" \0")
    return "".join(letter if " " <= letter <= "~" else "?" for letter in text)


def _uid(value: bytes) -> str:
    try:
        return value.decode("ascii").strip(" \0")
    except UnicodeDecodeError:
        raise ProtocolError("a UID in the association request is not ASCII") from None


def _iter_items(body: bytes) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while offset < len(body):
        if offset + 4 > len(body):
            raise ProtocolError("an item of the association PDU is cut off")
        kind, length = _ITEM.unpack_from(body, offset)
        offset += 4
        if offset + length > len(body):
            raise ProtocolError("an item of the association PDU is longer than the PDU")
        yield kind, body[offset : offset + length]
        offset += length


def _prefixed(value: bytes) -> tuple[bytes, bytes]:
    """Split off a field that stands behind its 16-bit length."""
    length = int.from_bytes(value[:2], "big")
    if len(value) < 2 + length:
        raise ProtocolError("a field of the association PDU is longer than its item")
    return value[2 : 2 + length], value[2 + length :]


def _proposed(body: bytes) -> ProposedContext:
    if len(body) < 4:
        raise ProtocolError("a Presentation Context is cut off")
    abstract, transfers = "", []
    for kind, value in _iter_items(body[4:]):
        if kind == 0x30:
            abstract = _uid(value)
        elif kind == 0x40:
            transfers.append(_uid(value))
    if body[0] % 2 == 0:
        raise ProtocolError(f"Presentation Context {body[0]} has an even identifier")
    return ProposedContext(body[0], abstract, tuple(uid for uid in transfers if uid))


def _answered(body: bytes) -> AnsweredContext:
    if len(body) < 4:
        raise ProtocolError("a Presentation Context is cut off")
    transfer = ""
    for kind, value in _iter_items(body[4:]):
        if kind == 0x40:
            transfer = _uid(value)
    return AnsweredContext(body[0], body[2], transfer)


@dataclass(slots=True)
class _UserInformation:
    max_length: int = 0
    implementation_class_uid: str = ""
    implementation_version_name: str = ""
    extended: dict[str, bytes] = field(default_factory=dict)
    service_classes: dict[str, str] = field(default_factory=dict)
    roles: dict[str, tuple[bool, bool]] = field(default_factory=dict)

    def read(self, body: bytes) -> None:
        for kind, value in _iter_items(body):
            if kind == 0x51:
                self.max_length = int.from_bytes(value, "big") if len(value) == 4 else 0
            elif kind == 0x52:
                self.implementation_class_uid = _uid(value)
            elif kind == 0x54:
                uid, roles = _prefixed(value)
                if len(roles) < 2:
                    raise ProtocolError("a role selection is cut off")
                self.roles[_uid(uid)] = roles[0] == 1, roles[1] == 1
            elif kind == 0x55:
                self.implementation_version_name = _text(value)
            elif kind == 0x56:
                uid, information = _prefixed(value)
                self.extended[_uid(uid)] = information
            elif kind == 0x57:
                uid, rest = _prefixed(value)
                service, _ = _prefixed(rest)
                self.service_classes[_uid(uid)] = _uid(service)
        if 0 < self.max_length < 8:
            raise ProtocolError("the peer takes PDUs that can hold nothing")


def read_associate_request(body: bytes) -> AssociateRequest:
    """Return the request whose PDU body (without the six bytes in front) is `body`.

    Raises
    ------
    ProtocolError
        If lengths contradict each other, a Presentation Context identifier is
        even or used twice, or more than 128 contexts are proposed.
    """
    version, called, calling = _fixed(body)
    application_context, user = "", _UserInformation()
    contexts: dict[int, ProposedContext] = {}
    for kind, value in _iter_items(body[_FIXED.size :]):
        if kind == 0x10:
            application_context = _uid(value)
        elif kind == 0x20:
            context = _proposed(value)
            if context.context_id in contexts:
                raise ProtocolError(f"Presentation Context {context.context_id} comes twice")
            contexts[context.context_id] = context
        elif kind == 0x50:
            user.read(value)
    return AssociateRequest(
        called,
        calling,
        tuple(contexts.values()),
        user.max_length,
        application_context,
        version,
        user.implementation_class_uid,
        user.implementation_version_name,
        user.extended,
        user.service_classes,
        user.roles,
    )


def read_associate_accept(body: bytes) -> AssociateAccept:
    """Return the acceptance whose PDU body is `body`; ProtocolError as for the request."""
    _, called, calling = _fixed(body)
    user = _UserInformation()
    contexts = []
    for kind, value in _iter_items(body[_FIXED.size :]):
        if kind == 0x21:
            contexts.append(_answered(value))
        elif kind == 0x50:
            user.read(value)
    return AssociateAccept(
        called, calling, tuple(contexts), user.max_length, user.extended, user.roles
    )


def read_associate_reject(body: bytes) -> AssociateReject:
    """Return the rejection whose PDU body is `body`."""
    if len(body) < 4:
        raise ProtocolError("an A-ASSOCIATE-RJ is cut off")
    return AssociateReject(body[1], body[2], body[3])


def _fixed(body: bytes) -> tuple[int, str, str]:
    if len(body) < _FIXED.size:
        raise ProtocolError("an association PDU is cut off")
    version, _, called, calling, _ = _FIXED.unpack_from(body)
    return version, _text(called), _text(calling)


def _item(kind: int, value: bytes) -> bytes:
    return _ITEM.pack(kind, len(value)) + value


def _user_information(
    max_length: int,
    extended: Mapping[str, bytes],
    roles: Mapping[str, tuple[bool, bool]],
) -> bytes:
    items = [
        _item(0x51, max_length.to_bytes(4, "big")),
        _item(0x52, IMPLEMENTATION_CLASS_UID.encode()),
    ]
    for uid, (is_scu, is_scp) in roles.items():
        prefix = len(uid).to_bytes(2, "big") + uid.encode()
        items.append(_item(0x54, prefix + bytes((is_scu, is_scp))))
    items.append(_item(0x55, IMPLEMENTATION_VERSION_NAME.encode()))
    for uid, information in extended.items():
        items.append(_item(0x56, len(uid).to_bytes(2, "big") + uid.encode() + information))
    return _item(0x50, b"".join(items))


def _associate(
    kind: PduType, called_ae: str, calling_ae: str, contexts: bytes, user: bytes
) -> bytes:
    titles = (called_ae.encode("ascii").ljust(16), calling_ae.encode("ascii").ljust(16))
    application = _item(0x10, APPLICATION_CONTEXT.encode())
    body = _FIXED.pack(1, 0, *titles, bytes(32)) + application + contexts + user
    return write_pdu(kind, body)


def write_pdu(kind: PduType, body: bytes) -> bytes:
    """Return `body` with the six bytes of a PDU in front."""
    return bytes((kind, 0)) + len(body).to_bytes(4, "big") + body


def write_associate_request(request: AssociateRequest) -> bytes:
    """Return the whole A-ASSOCIATE-RQ; our own implementation identity stands in it."""
    contexts = b"".join(
        _item(
            0x20,
            bytes((context.context_id, 0, 0, 0))
            + _item(0x30, context.abstract_syntax.encode())
            + b"".join(_item(0x40, uid.encode()) for uid in context.transfer_syntaxes),
        )
        for context in request.contexts
    )
    user = _user_information(request.max_length, request.extended, request.roles)
    return _associate(PduType.ASSOCIATE_RQ, request.called_ae, request.calling_ae, contexts, user)


def write_associate_accept(accept: AssociateAccept) -> bytes:
    """Return the whole A-ASSOCIATE-AC; our own implementation identity stands in it."""
    contexts = b"".join(
        _item(
            0x21,
            bytes((context.context_id, 0, context.result, 0))
            + _item(0x40, context.transfer_syntax.encode()),
        )
        for context in accept.contexts
    )
    user = _user_information(accept.max_length, accept.extended, accept.roles)
    return _associate(PduType.ASSOCIATE_AC, accept.called_ae, accept.calling_ae, contexts, user)


def write_associate_reject(reject: AssociateReject) -> bytes:
    """Return the whole A-ASSOCIATE-RJ."""
    body = bytes((0, reject.result, reject.source, reject.reason))
    return write_pdu(PduType.ASSOCIATE_RJ, body)


def write_abort(reason: AbortReason | None) -> bytes:
    """Return an A-ABORT: the provider's for `reason`, the user's without one."""
    source = 0 if reason is None else 2
    return write_pdu(PduType.ABORT, bytes((0, 0, source, reason or 0)))
