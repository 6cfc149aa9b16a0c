"""Which Presentation Contexts the station accepts, and in which Transfer Syntax.

The station takes whatever can lie in a file: every storage class, private and
yet unknown ones included, in every transfer syntax (PS3.4, B.2; conformance at
level 2). What it cannot keep as a file it does not accept.
"""

from __future__ import annotations

from collections.abc import Sequence

from mediastation.model.sop_class import MEDIA_STORAGE_DIRECTORY, SOP_CLASSES
from mediastation.model.transfer_syntax import (
    DEFLATED_LE,
    EXPLICIT_BE,
    IMPLICIT_LE,
    TRANSFER_SYNTAXES,
)
from mediastation.network.pdu import (
    AnsweredContext,
    AssociateRequest,
    ContextResult,
    ProposedContext,
)

VERIFICATION = "1.2.840.10008.1.1"
STORAGE_SERVICE = "1.2.840.10008.4.2"

_STANDARD_ROOT = "1.2.840.10008."
_COMPOSITE_ROOT = "1.2.840.10008.5.1.4.1.1."
_QUERY_CLASSES = frozenset(
    # Information models and other services beside their objects (PS3.6, Table A-1).
    _COMPOSITE_ROOT + leaf
    for leaf in ("200.4", "200.5", "200.6", "201.2", "201.3", "201.4", "201.5", "201.6")
)
NOT_IN_FILES = (
    # Pixels elsewhere (JPIP), or no data set at all (MIME, XML, real-time
    # video, Papyrus): PS3.10, 7.1 and PS3.5, Annex A.
    "1.2.840.10008.1.2.4.94",
    "1.2.840.10008.1.2.4.95",
    "1.2.840.10008.1.2.4.204",
    "1.2.840.10008.1.2.4.205",
    "1.2.840.10008.1.2.6.1",
    "1.2.840.10008.1.2.6.2",
    "1.2.840.10008.1.2.7.1",
    "1.2.840.10008.1.2.7.2",
    "1.2.840.10008.1.2.7.3",
    "1.2.840.10008.1.20",
)
_LAST_RESORTS = (IMPLICIT_LE, DEFLATED_LE, EXPLICIT_BE)

# Level 2: everything kept, private elements included. The original keeps its
# signatures bit for bit, yet what leaves the station may be a re-encoded copy
# whose signatures no longer verify, so they count as not preserved (1).
# Nothing is coerced (PS3.4, Table B.3-1).
STORAGE_LEVELS = bytes((2, 0, 1, 0, 0, 0))


def is_storage_class(uid: str, service_class: str = "") -> bool:
    """Tell whether objects of the class `uid` can be kept.

    Classes outside the standard's root are private, and taken at the sender's
    word. Of the standard's, the known storage classes count, whatever else
    lies in their arc (classes to come), and what the sender declares to
    belong to the Storage Service Class (`service_class`; PS3.7, D.3.3.6).
    """
    if not uid or uid in _QUERY_CLASSES or uid in (MEDIA_STORAGE_DIRECTORY, VERIFICATION):
        return False
    return (
        uid in SOP_CLASSES
        or not uid.startswith(_STANDARD_ROOT)
        or uid.startswith(_COMPOSITE_ROOT)
        or service_class == STORAGE_SERVICE
    )


def choose_transfer_syntax(offered: Sequence[str]) -> str:
    """Return the syntax to accept of those that one context offers; empty if none can be kept.

    The sender converts to whatever is accepted, so a lossy syntax is accepted
    only where nothing lossless is offered: it would invite the sender to
    compress what it holds uncompressed. Among lossless ones the sender's order
    decides, except that Implicit VR (which drops the VR of private elements),
    deflated and big endian come after the rest. Syntaxes that nobody has heard
    of come last.
    """
    kept = [uid for uid in offered if uid and uid not in NOT_IN_FILES]
    return min(kept, key=reluctance, default="")


def reluctance(uid: str) -> int:
    """Return the place of a syntax in the order of preference; the lowest is preferred."""
    syntax = TRANSFER_SYNTAXES.get(uid)
    if syntax is None:
        return 9
    if not syntax.lossless:
        return 8
    return 1 + _LAST_RESORTS.index(uid) if uid in _LAST_RESORTS else 0


def answer_contexts(request: AssociateRequest) -> tuple[AnsweredContext, ...]:
    """Answer every proposed context: C-ECHO and storage accepted, the rest refused by reason."""
    return tuple(
        _answer(context, request.service_classes.get(context.abstract_syntax, ""))
        for context in request.contexts
    )


def _answer(context: ProposedContext, service_class: str) -> AnsweredContext:
    first = context.transfer_syntaxes[0] if context.transfer_syntaxes else IMPLICIT_LE
    if context.abstract_syntax == VERIFICATION:
        return AnsweredContext(context.context_id, ContextResult.ACCEPTED, first)
    if not is_storage_class(context.abstract_syntax, service_class):
        refused = ContextResult.ABSTRACT_SYNTAX_NOT_SUPPORTED
        return AnsweredContext(context.context_id, refused, first)
    chosen = choose_transfer_syntax(context.transfer_syntaxes)
    if not chosen:
        refused = ContextResult.TRANSFER_SYNTAXES_NOT_SUPPORTED
        return AnsweredContext(context.context_id, refused, first)
    return AnsweredContext(context.context_id, ContextResult.ACCEPTED, chosen)
