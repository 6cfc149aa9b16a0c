"""What one profile says of every instance of one kind: nothing here names a single one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from mediastation.conformance.copy_check import CopyCheck
from mediastation.conformance.prepare_plan import pixels_contradict, plan_preparation
from mediastation.conformance.restrictions import told
from mediastation.conformance.rulebook import ClassRules, Rulebook, lacks
from mediastation.dicom.codestream import FAMILY_OF_SYNTAX
from mediastation.model.finding import Finding, error, has_errors, note, warning
from mediastation.model.identity import shown
from mediastation.model.instance import InstanceHeader, PixelEncoding, Preamble
from mediastation.model.preparation import Preparation
from mediastation.model.profile import IconRule, Role
from mediastation.model.record import AdditionalKey
from mediastation.model.sop_class import SOP_CLASSES, sop_class_name
from mediastation.model.transfer_syntax import TRANSFER_SYNTAXES, transfer_syntax_name

LEAVE_OUT = "Leave it out with --drop-refused and pass it on over the network instead."
MAY_SHOW = "Look whether the reader at hand shows it all the same."
_STANDARD_ROOT = "1.2.840.10008."
_ABOVE_INSTANCES = frozenset({"PATIENT", "STUDY", "SERIES"})


class Outcome(StrEnum):
    """What becomes of an instance: it goes out, stays behind, or is none of the set."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Opinion:
    """What a profile says to a kind of instance.

    Parameters
    ----------
    outcome : Outcome
        As far as the profile is concerned.
    preparation : Preparation
        What an accepted instance needs before.
    transfer_syntax_uid : str
        The syntax on the medium; empty if it does not get there.
    icon : IconRule or None
        The icon that its record has to have.
    findings : tuple of Finding
        Without subject.
    alone : bool
        Whether nothing else that could be said would help: the class itself
        has no place there.
    """

    outcome: Outcome
    preparation: Preparation = Preparation.NONE
    transfer_syntax_uid: str = ""
    icon: IconRule | None = None
    findings: tuple[Finding, ...] = ()
    alone: bool = False


def form_opinion(
    copy: CopyCheck, book: Rulebook, elsewhere: Callable[[], str] = lambda: LEAVE_OUT
) -> Opinion:
    """Return what the profile of `book` says to instances like this one.

    Parameters
    ----------
    copy : CopyCheck
        One of the kind; no DICOMDIR.
    book : Rulebook
        Profile and role.
    elsewhere : callable
        Returns the hint for what no preparation mends: other profiles that
        take the instance, or to leave it out.
    """
    header = copy.header
    rules = book.of_class(header.sop_class_uid)
    if not rules.transfer_syntaxes:
        return _class_refused(header, book, elsewhere)
    if book.role is Role.READER:
        return _reading(copy, book, rules, elsewhere)
    plan = plan_preparation(copy, book, elsewhere)
    findings = [
        *_check_keys(header, book, rules, elsewhere),
        *_check_icon(header, book, rules, elsewhere),
        *plan.findings,
    ]
    if has_errors(findings):
        return Opinion(Outcome.REFUSED, findings=tuple(findings))
    return Opinion(
        Outcome.ACCEPTED, plan.preparation, plan.transfer_syntax_uid, rules.icon, tuple(findings)
    )


def _class_refused(header: InstanceHeader, book: Rulebook, elsewhere: Callable[[], str]) -> Opinion:
    uid = header.sop_class_uid
    sop_class = SOP_CLASSES.get(uid)
    if not uid:
        finding = error(
            "sop-class",
            "",
            "The object does not say of which SOP Class it is.",
            "It is probably no image or report; fetch it again from where it was made.",
            "PS3.4 I.4",
        )
    elif book.role is Role.READER:
        return Opinion(Outcome.IGNORED, findings=(_passed_over(uid, book),), alone=True)
    elif sop_class is None:
        whose = "standard" if uid.startswith(_STANDARD_ROOT) else "private"
        finding = error(
            "sop-class",
            "",
            f"The {whose} SOP Class {shown(uid)} is none that a medium can hold.",
            LEAVE_OUT,
            "PS3.4 I.4",
        )
    elif not sop_class.record_type:
        finding = error(
            "sop-class",
            "",
            f"{sop_class.name} has no Directory Record type, so no DICOMDIR could refer to it.",
            LEAVE_OUT,
            "PS3.3 F.4 and F.5",
        )
    else:
        finding = error(
            "sop-class",
            "",
            f"{book.profile.name} does not carry {sop_class_name(uid)}.",
            elsewhere(),
            book.profile.objects_table,
        )
    return Opinion(Outcome.REFUSED, findings=(finding,), alone=True)


def _passed_over(uid: str, book: Rulebook) -> Finding:
    return note(
        "sop-class",
        "",
        f"{shown(sop_class_name(uid))} is none of {book.profile.name}; its readers pass over it.",
        "",
        "PS3.2 7.2",
    )


# What a reader meets


def _reading(
    copy: CopyCheck, book: Rulebook, rules: ClassRules, elsewhere: Callable[[], str]
) -> Opinion:
    """Hold an instance that lies on a medium already against what a reader has to take."""
    header = copy.header
    syntax = header.transfer_syntax_uid
    findings: list[Finding] = []
    if syntax not in rules.transfer_syntaxes:
        known = syntax in TRANSFER_SYNTAXES
        name = transfer_syntax_name(syntax) if known else f"the syntax {shown(syntax)!r}"
        findings.append(
            error(
                "transfer-syntax",
                "",
                f"No reader of {book.profile.name} has to take this in {name}.",
                elsewhere(),
                book.profile.objects_table,
            )
        )
    elif contradiction := pixels_contradict(header):
        findings.append(contradiction)
    if breaches := copy.breaches(rules.attributes, syntax):
        words, reference = told(breaches)
        findings.append(
            warning(
                "attributes",
                "",
                f"Readers of {book.profile.name} need not expect this: {words}.",
                MAY_SHOW,
                reference or book.profile.objects_table,
            )
        )
    findings.extend(_around(header))
    if has_errors(findings):
        return Opinion(Outcome.REFUSED, findings=tuple(findings))
    return Opinion(Outcome.ACCEPTED, transfer_syntax_uid=syntax, findings=tuple(findings))


def _around(header: InstanceHeader) -> Iterator[Finding]:
    if not header.has_file_meta:
        yield error(
            "file-meta",
            "",
            "The file has no File Meta Information, so readers do not know it for DICOM.",
            "Take it in with `mediastation add`; what it exports has one.",
            "PS3.10 7.1",
        )
    elif not header.file_meta_conformant and header.preamble is not Preamble.FOREIGN:
        yield warning(
            "file-meta",
            "",
            "The File Meta Information lacks something or contradicts the data set.",
            "Strict readers may refuse it.",
            "PS3.10 7.1",
        )
    if header.preamble is Preamble.FOREIGN:
        yield warning(
            "preamble",
            "",
            "The preamble holds foreign content, which could be a program.",
            "Open it with nothing but a DICOM reader.",
            "PS3.10 7.5",
        )


# What a creator has to put into the directory


def _check_keys(
    header: InstanceHeader, book: Rulebook, rules: ClassRules, elsewhere: Callable[[], str]
) -> Iterator[Finding]:
    for key in rules.keys:
        if not lacks(key, header.elements):
            continue
        name = _key_name(key)
        if key.record_type in _ABOVE_INSTANCES:
            yield warning(
                "directory-keys",
                "",
                f"{book.profile.name} wants {name} in the {key.record_type} record, and the "
                "object has none.",
                "Make sure that another object of the same one has it.",
                book.profile.keys_table,
            )
            continue
        yield error(
            "directory-keys",
            "",
            f"{book.profile.name} wants {name} in the {key.record_type} record; the object has "
            "none, and none can be made up.",
            f"Have it corrected where it was made. {elsewhere()}",
            book.profile.keys_table,
        )


def _key_name(key: AdditionalKey) -> str:
    return f"{key.keyword} ({key.tag >> 16:04X},{key.tag & 0xFFFF:04X})"


def _check_icon(
    header: InstanceHeader, book: Rulebook, rules: ClassRules, elsewhere: Callable[[], str]
) -> Iterator[Finding]:
    icon = rules.icon
    if icon is None:
        return
    if header.pixels is PixelEncoding.ABSENT:
        why = "the object has no pixels to make it of"
    elif (
        header.pixels is PixelEncoding.ENCAPSULATED
        and header.transfer_syntax_uid not in FAMILY_OF_SYNTAX
    ):
        why = f"nothing here decodes {shown(transfer_syntax_name(header.transfer_syntax_uid))}"
    else:
        return
    yield error(
        "icon",
        "",
        f"{book.profile.name} wants an icon of {icon.rows} x {icon.columns} in the record, and "
        f"{why}.",
        elsewhere(),
        icon.reference,
    )
