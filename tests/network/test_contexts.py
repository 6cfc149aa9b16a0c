from __future__ import annotations

import pytest
from pynetdicom import sop_class as theirs

from mediastation.network.contexts import (
    answer_contexts,
    choose_transfer_syntax,
    is_storage_class,
)
from mediastation.network.pdu import AssociateRequest, ProposedContext

# Typed from PS3.6, Table A-1.
CT = "1.2.840.10008.5.1.4.1.1.2"
IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
BIG_ENDIAN, DEFLATED = "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
JPEG, JPEG_LOSSLESS = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.70"
J2K_LOSSLESS, J2K = "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"
RLE, JPIP = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.94"
PRIVATE = "1.2.840.113619.5.2"


class TestStorageClasses:
    @pytest.mark.parametrize("uid", sorted(theirs._STORAGE_CLASSES.values()))
    def test_every_class_another_implementation_stores_is_taken(self, uid: str) -> None:
        assert is_storage_class(uid)

    @pytest.mark.parametrize(
        "table",
        [
            theirs._QR_CLASSES,
            theirs._BASIC_WORKLIST_CLASSES,
            theirs._PRINT_MANAGEMENT_CLASSES,
            theirs._PROCEDURE_STEP_CLASSES,
            theirs._STORAGE_COMMITMENT_CLASSES,
            theirs._MEDIA_CREATION_CLASSES,
            theirs._MEDIA_STORAGE_CLASSES,
            theirs._UNIFIED_PROCEDURE_STEP_CLASSES,
            theirs._VERIFICATION_CLASSES,
        ],
    )
    def test_no_class_of_another_service_is_taken(self, table: dict[str, str]) -> None:
        assert [uid for uid in table.values() if is_storage_class(uid)] == []

    @pytest.mark.parametrize(
        ("uid", "service", "taken"),
        [
            ("1.3.6.1.4.1.999.1", "", True),
            ("1.2.840.10008.5.1.4.1.1.999.7", "", True),
            ("1.2.840.10008.5.1.4.99.7", "", False),
            ("1.2.840.10008.5.1.4.99.7", "1.2.840.10008.4.2", True),
            ("1.2.840.10008.5.1.4.99.7", "1.2.840.10008.4.3", False),
            ("", "", False),
        ],
        ids=["private", "to come", "unknown", "declared", "declared otherwise", "none"],
    )
    def test_unknown_classes(self, uid: str, service: str, taken: bool) -> None:
        assert is_storage_class(uid, service) is taken


class TestTransferSyntaxes:
    @pytest.mark.parametrize(
        ("offered", "chosen"),
        [
            ([JPEG], JPEG),
            ([PRIVATE], PRIVATE),
            ([JPEG, EXPLICIT], EXPLICIT),
            ([J2K, JPEG, IMPLICIT], IMPLICIT),
            ([J2K, J2K_LOSSLESS], J2K_LOSSLESS),
            ([EXPLICIT, JPEG_LOSSLESS], EXPLICIT),
            ([JPEG_LOSSLESS, EXPLICIT], JPEG_LOSSLESS),
            ([IMPLICIT, EXPLICIT], EXPLICIT),
            ([BIG_ENDIAN, IMPLICIT], IMPLICIT),
            ([BIG_ENDIAN, DEFLATED, RLE], RLE),
            ([J2K, JPEG], J2K),
            ([PRIVATE, JPEG], JPEG),
            ([JPIP, IMPLICIT], IMPLICIT),
            ([JPIP], ""),
            ([], ""),
        ],
    )
    def test_what_loses_least_is_chosen_then_what_the_sender_names_first(
        self, offered: list[str], chosen: str
    ) -> None:
        assert choose_transfer_syntax(offered) == chosen


def test_a_context_without_syntaxes_is_refused_and_the_others_answered() -> None:
    request = AssociateRequest(
        "A", "B", (ProposedContext(1, CT, ()), ProposedContext(3, CT, (EXPLICIT,)))
    )

    answers = answer_contexts(request)

    assert [(answer.context_id, answer.result) for answer in answers] == [(1, 4), (3, 0)]
