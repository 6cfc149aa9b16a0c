"""One Application Profile in words: what it takes, onto what, and what it asks of objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from textwrap import wrap

from mediastation.model.attribute_rule import AttributeRule, Presence
from mediastation.model.medium import MEDIA
from mediastation.model.profile import (
    ApplicationProfile,
    IconRule,
    ObjectRule,
    Requirement,
    Role,
    Security,
    Session,
)
from mediastation.model.record import AdditionalKey, Condition
from mediastation.model.sop_class import MULTI_FRAME_CLASSES, SOP_CLASSES, sop_class_name
from mediastation.model.transfer_syntax import TRANSFER_SYNTAXES, transfer_syntax_name

_WIDTH = 80
_MOST_NAMED = 6

_REQUIREMENTS = {
    Requirement.MANDATORY: "must",
    Requirement.OPTIONAL: "may",
    Requirement.DECLARED: "as declared",
}
_SECURITY = {
    Security.NONE: "none; no file on the medium may be in an envelope",
    Security.MEDIA: "every file is in an encrypted envelope, the DICOMDIR as well (PS3.15 D.1)",
    Security.MAIL: "the e-mail is encrypted and signed as a whole, the files are plain "
    "(PS3.15 B.8)",
}
_SESSIONS = {
    Session.FINALISE: "closed for good",
    Session.MULTI_SESSION: "left open for another session",
    Session.PACKET_WRITING: "written in packets",
}
_CONDITIONS = {
    Condition.PRESENT: "if the object has it",
    Condition.NON_EMPTY: "if the object has it",
    Condition.SUBORDINATE: "if any object below the record has it",
    Condition.BIPLANE: "if value 3 of Image Type is BIPLANE A or BIPLANE B",
}
_PRESENCE = {
    Presence.PRESENT: "is there, even if empty",
    Presence.GIVEN: "has a value",
    Presence.ABSENT: "is not there",
}


def profile_lines(profile: ApplicationProfile) -> Iterator[str]:
    """Tell one profile in words, in lines of at most 80 characters."""
    yield profile.name
    yield from _wrapped(profile.title)
    yield ""
    facts = {
        "For": profile.clinical_use,
        "Retired": profile.retired,
        "Contains": profile.augments,
        "Medium": _media(profile),
        "Format": profile.medium_format,
        "Roles": f"{_listed(role.name.lower() for role in profile.roles)} of File-sets",
        "Security": _SECURITY[profile.security],
        "Session": _listed((_SESSIONS[session] for session in profile.sessions), "or"),
        "DICOMDIR": "required" if profile.directory_required else "optional",
        "Source": f"{profile.source} (edition {profile.edition})",
    }
    for label, text in facts.items():
        if text:
            yield from _wrapped(text, f"{label + ':':<11}", " " * 11)
    yield from _headed(f"Objects ({profile.objects_table})", map(_object, profile.objects))
    yield from _headed("What attributes have to be", _grouped_attributes(profile.attributes))
    keys = [
        line
        for record_type in dict.fromkeys(key.record_type for key in profile.keys)
        for line in (
            f"{record_type} records",
            *(f"  {_key(key)}" for key in profile.keys if key.record_type == record_type),
        )
    ]
    where = f" ({profile.keys_table})" if profile.keys_table else ""
    yield from _headed(f"Keys beyond those of PS3.3 Annex F{where}", keys)
    yield from _headed("Icons", map(_icon, profile.icons))


def _media(profile: ApplicationProfile) -> str:
    return _listed((f"{name} ({MEDIA[name].description})" for name in profile.media), "or")


def _object(rule: ObjectRule) -> str:
    known = frozenset(uid for uid, sop_class in SOP_CLASSES.items() if sop_class.record_type)
    if rule.sop_classes == known:
        what = "Any kind of object"
    elif rule.sop_classes == MULTI_FRAME_CLASSES & known:
        what = "Multi-frame objects"
    else:
        what = _classes(rule.sop_classes)
    if rule.label:
        what += f", {rule.label}"
    if set(rule.transfer_syntaxes) == set(TRANSFER_SYNTAXES):
        encoding = "any encoding"
    else:
        encoding = _listed(map(transfer_syntax_name, rule.transfer_syntaxes), "or")
    asked = {
        role: _REQUIREMENTS[requirement]
        for role in Role
        if (requirement := rule.requirement(role)) is not Requirement.NONE
    }
    return f"{what} in {encoding}: " + ", ".join(
        f"{role.name.lower()} {words}" for role, words in asked.items()
    )


def _grouped_attributes(rules: Iterable[AttributeRule]) -> Iterator[str]:
    for (classes, syntaxes, reference), group in groupby(
        rules, lambda rule: (rule.sop_classes, rule.transfer_syntaxes, rule.reference)
    ):
        what = _classes(classes) if classes else "All objects"
        if syntaxes:
            what += f" in {_listed(map(transfer_syntax_name, sorted(syntaxes)), 'or')}"
        yield f"{what} ({reference})"
        for rule in group:
            yield f"  {_demand(rule)}"
            for inner in rule.items:
                yield f"    each item: {_demand(inner)}"


def _demand(rule: AttributeRule) -> str:
    conditions = [f"if {_demand(inner)}" for inner in rule.when if inner.tags != rule.tags]
    return " ".join([f"{rule.keyword} ({rule.tag_text}) {_verb(rule)}", *conditions])


def _verb(rule: AttributeRule) -> str:
    if rule.presence is not Presence.ANY:
        return _PRESENCE[rule.presence]
    which = f"value {rule.value_number} " if rule.value_number else ""
    if rule.same_as and rule.same_as.plus:
        shift = rule.same_as.plus
        sign = "minus" if shift < 0 else "plus"
        return f"{which}is {rule.same_as.keyword} {sign} {abs(shift)}"
    return f"{which}is {rule.demand}"


def _key(key: AdditionalKey) -> str:
    words = [f"{key.keyword} ({key.tag >> 16:04X},{key.tag & 0xFFFF:04X})"]
    match key.type:
        case "1":
            words.append("with a value")
        case "2":
            words.append("though it may be empty")
        case "3":
            words.append("optional")
        case _:
            words.append(_CONDITIONS.get(key.condition, f"if {key.condition}"))
    if key.in_shared_groups:
        words.append("in itself or its shared functional groups")
    if key.sop_classes:
        words.append(f"for {_classes(key.sop_classes)}")
    if key.nested:
        words.append(f"each item with {_listed(inner.keyword for inner in key.nested)}")
    return ", ".join(words)


def _icon(rule: IconRule) -> str:
    records = _listed(rule.record_types)
    has = "have one" if rule.required else "may have one"
    return (
        f"{records} records {has} of {rule.rows} x {rule.columns}, {rule.bits_allocated} bits, "
        f"{_listed(rule.photometric_interpretations, 'or')} ({rule.reference})"
    )


def _classes(uids: Iterable[str]) -> str:
    names = sorted(map(sop_class_name, uids))
    return _listed(names) if len(names) <= _MOST_NAMED else f"{len(names)} SOP Classes"


def _listed(words: Iterable[str], last: str = "and") -> str:
    *rest, final = list(words) or [""]
    return f"{', '.join(rest)} {last} {final}" if rest else final


def _headed(heading: str, lines: Iterable[str]) -> Iterator[str]:
    """Yield a section, and nothing where it is empty."""
    told = list(lines)
    if not told:
        return
    yield ""
    yield from _wrapped(heading)
    for line in told:
        text = line.lstrip()
        indent = " " * (2 + len(line) - len(text))
        yield from _wrapped(text, indent, indent + "    ")


def _wrapped(text: str, first: str = "", next_lines: str = "") -> list[str]:
    return wrap(
        text,
        _WIDTH,
        initial_indent=first,
        subsequent_indent=next_lines,
        break_on_hyphens=False,
        break_long_words=False,
    )
