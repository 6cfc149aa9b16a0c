from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RJ, A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    MaximumLengthNotification,
    SOPClassCommonExtendedNegotiation,
    SOPClassExtendedNegotiation,
)
from pynetdicom.presentation import build_context

from mediastation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from mediastation.network import pdu
from mediastation.network.pdu import (
    AnsweredContext,
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    ProposedContext,
    ProtocolError,
)

CT = "1.2.840.10008.5.1.4.1.1.2"
IMPLICIT_LE = "1.2.840.10008.1.2"
EXPLICIT_LE = "1.2.840.10008.1.2.1"

uids = st.lists(st.integers(0, 10**8), min_size=1, max_size=5).map(
    lambda arcs: "1." + ".".join(map(str, arcs))
)
titles = st.text("ABCXYZ_19", min_size=1, max_size=16)
contexts = st.lists(
    st.tuples(uids, st.lists(uids, min_size=1, max_size=4)), min_size=1, max_size=10
).map(
    lambda rows: tuple(
        ProposedContext(2 * index + 1, abstract, tuple(transfers))
        for index, (abstract, transfers) in enumerate(rows)
    )
)
requests = st.builds(
    AssociateRequest,
    titles,
    titles,
    contexts,
    st.integers(8, 1 << 31),
    extended=st.dictionaries(uids, st.binary(min_size=1, max_size=20), max_size=3),
)


def request_of_pynetdicom() -> A_ASSOCIATE:
    """A request with everything in it that matters here."""
    primitive = A_ASSOCIATE()
    primitive.application_context_name = pdu.APPLICATION_CONTEXT
    primitive.calling_ae_title, primitive.called_ae_title = "CALLING", "CALLED"
    context = build_context(CT, [IMPLICIT_LE, EXPLICIT_LE])
    context.context_id = 7
    primitive.presentation_context_definition_list = [context]
    length = MaximumLengthNotification()
    length.maximum_length_received = 16384
    implementation = ImplementationClassUIDNotification()
    implementation.implementation_class_uid = "1.2.3"
    extended = SOPClassExtendedNegotiation()
    extended.sop_class_uid = CT
    extended.service_class_application_information = b"\2\0\3\0\0\0"
    common = SOPClassCommonExtendedNegotiation()
    common.sop_class_uid = "1.2.840.10008.9.9.9"
    common.service_class_uid = "1.2.840.10008.4.2"
    common.related_general_sop_class_identification = [CT]
    primitive.user_information = [length, implementation, extended, common]
    return primitive


class TestAgainstPynetdicom:
    def test_its_request_is_read(self) -> None:
        theirs = A_ASSOCIATE_RQ()
        theirs.from_primitive(request_of_pynetdicom())
        request = pdu.read_associate_request(theirs.encode()[6:])

        assert (request.called_ae, request.calling_ae) == ("CALLED", "CALLING")
        assert request.contexts == (ProposedContext(7, CT, (IMPLICIT_LE, EXPLICIT_LE)),)
        assert request.max_length == 16384
        assert request.protocol_version == 1
        assert request.application_context == "1.2.840.10008.3.1.1.1"
        assert request.implementation_class_uid == "1.2.3"
        assert request.extended == {CT: b"\2\0\3\0\0\0"}
        assert request.service_classes == {"1.2.840.10008.9.9.9": "1.2.840.10008.4.2"}

    @given(requests)
    def test_our_request_is_read_by_it(self, request: AssociateRequest) -> None:
        theirs = A_ASSOCIATE_RQ()
        theirs.decode(pdu.write_associate_request(request))

        assert theirs.called_ae_title == request.called_ae
        assert theirs.calling_ae_title == request.calling_ae
        assert theirs.user_information.maximum_length == request.max_length
        assert theirs.user_information.implementation_class_uid == IMPLEMENTATION_CLASS_UID
        assert theirs.user_information.implementation_version_name == IMPLEMENTATION_VERSION_NAME
        got = [
            ProposedContext(c.context_id, c.abstract_syntax, tuple(c.transfer_syntax))
            for c in theirs.presentation_context
        ]
        assert tuple(got) == request.contexts

    @pytest.mark.parametrize("result", [0, 1, 2, 3, 4])
    def test_our_acceptance_is_read_by_it(self, result: int) -> None:
        accept = AssociateAccept(
            "CALLED", "CALLING", (AnsweredContext(9, result, EXPLICIT_LE),), 131072, {CT: bytes(6)}
        )
        theirs = A_ASSOCIATE_AC()
        theirs.decode(pdu.write_associate_accept(accept))

        (context,) = theirs.presentation_context
        assert (context.context_id, context.result) == (9, result)
        assert context.transfer_syntax == EXPLICIT_LE
        assert theirs.user_information.maximum_length == 131072
        assert pdu.read_associate_accept(theirs.encode()[6:]) == accept

    def test_our_rejection_is_read_by_it(self) -> None:
        theirs = A_ASSOCIATE_RJ()
        theirs.decode(pdu.write_associate_reject(pdu.LOCAL_LIMIT_EXCEEDED))

        assert (theirs.result, theirs.source, theirs.reason_diagnostic) == (2, 3, 2)
        assert pdu.read_associate_reject(theirs.encode()[6:]) == pdu.LOCAL_LIMIT_EXCEEDED


class TestRoundTrip:
    @given(requests)
    def test_a_request_survives_writing_and_reading(self, request: AssociateRequest) -> None:
        assert pdu.read_associate_request(pdu.write_associate_request(request)[6:]) == request


class TestBadBytes:
    @given(st.binary(max_size=300))
    def test_any_bytes_are_read_or_refused_in_words(self, body: bytes) -> None:
        for read in (pdu.read_associate_request, pdu.read_associate_accept):
            try:
                read(body)
            except ProtocolError as error:
                assert error.message  # noqa: PT017 - both outcomes are right

    @given(requests, st.data())
    def test_a_spoiled_request_is_read_or_refused_in_words(
        self, request: AssociateRequest, data: st.DataObject
    ) -> None:
        body = bytearray(pdu.write_associate_request(request)[6:])
        for _ in range(data.draw(st.integers(1, 4))):
            body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
        cut = data.draw(st.integers(0, len(body)))
        try:
            read = pdu.read_associate_request(bytes(body[:cut]))
        except ProtocolError:
            return
        assert len({context.context_id for context in read.contexts}) == len(read.contexts)
        assert all(context.context_id % 2 for context in read.contexts)
        assert read.calling_ae.isprintable()

    def test_what_cannot_be_printed_in_a_title_does_not_reach_the_log(self) -> None:
        body = pdu.write_associate_request(AssociateRequest("STATION", "AB", ()))[6:]
        spoiled = body.replace(b"AB      ", b"A\n\x1b[2J\xff ", 1)

        assert pdu.read_associate_request(spoiled).calling_ae == "A??[2J?"


def test_a_rejection_is_said_in_words() -> None:
    assert "called AE title" in pdu.CALLED_AE_NOT_RECOGNIZED.words()
    assert AssociateReject(1, 9, 9).words() == "it gives no reason"
