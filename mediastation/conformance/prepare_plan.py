"""What preparing an instance for a profile takes: decided here, done elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mediastation.dicom.codestream import FAMILY_OF_SYNTAX
from mediastation.model.finding import Finding, error, note, warning
from mediastation.model.instance import InstanceHeader, PixelEncoding, Preamble
from mediastation.model.preparation import Preparation
from mediastation.model.profile import ApplicationProfile
from mediastation.model.transfer_syntax import (
    DEFLATED_LE,
    EXPLICIT_BE,
    EXPLICIT_LE,
    IMPLICIT_LE,
    TRANSFER_SYNTAXES,
    transfer_syntax_name,
)

_VIDEO = "1.2.840.10008.1.2.4."
_VIDEO_PROFILES = {
    _VIDEO + "100": "STD-DVD-MPEG2-MPML or STD-GEN-BD-MPEG2-MPML",
    _VIDEO + "101": "STD-GEN-BD-MPEG2-MPHL",
    _VIDEO + "102": "STD-GEN-BD-MPEG4-HPLV41",
    _VIDEO + "103": "STD-GEN-BD-MPEG4-HPLV41BD",
    _VIDEO + "104": "STD-GEN-BD-MPEG4-HPLV42-2D",
    _VIDEO + "105": "STD-GEN-BD-MPEG4-HPLV42-3D",
    _VIDEO + "106": "STD-GEN-BD-MPEG4-SHPLV42",
}
"""Where PS3.11 2024c (Annexes I, M and N) puts video that no profile of this station carries."""

_PLAIN = frozenset({IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE, DEFLATED_LE})


@dataclass(frozen=True, slots=True)
class PreparationPlan:
    """What happens to one instance on its way to the medium.

    `transfer_syntax_uid` is the syntax on the medium; with an error among
    `findings` there is none, and it is empty.
    """

    preparation: Preparation
    transfer_syntax_uid: str
    findings: tuple[Finding, ...] = ()


def plan_preparation(
    header: InstanceHeader,
    profile: ApplicationProfile,
    *,
    subject: str,
    alternatives: Iterable[ApplicationProfile] = (),
    keep_tiff_preamble: bool = False,
) -> PreparationPlan:
    """Decide how the instance gets into an encoding that `profile` lets onto the medium.

    An instance whose syntax the profile names for its SOP Class keeps its data
    set. Any other is encoded anew in Explicit VR Little Endian where the
    profile takes that, after its pixels were decoded if they are compressed
    (PS3.11, X.3.1 and PS3.5, A.2). Video, and what the station knows no
    decoder for, is refused: a lossy stream decoded for a medium would grow
    hundredfold and stay lossy.

    Parameters
    ----------
    header : InstanceHeader
        The instance. That the profile takes its SOP Class was found before.
    profile : ApplicationProfile
        The profile the medium is to claim.
    subject : str
        What findings name.
    alternatives : iterable of ApplicationProfile
        Profiles that a hint may point to.
    keep_tiff_preamble : bool
        Whether a TIFF header in the preamble stays, as long as nothing moves
        under its offsets (PS3.10, 7.1 and 7.5).
    """
    syntax = header.transfer_syntax_uid
    allowed = profile.transfer_syntaxes(header.sop_class_uid)
    known = TRANSFER_SYNTAXES.get(syntax)
    if known and not known.encapsulated and header.pixels is PixelEncoding.ENCAPSULATED:
        finding = error(
            "pixel-encoding",
            subject,
            f"The pixels are compressed, yet the file calls itself {known.name}.",
            "Fetch the object again from where it was made; which codec it has is not told.",
            "PS3.5 A.4",
        )
        return PreparationPlan(Preparation.NONE, "", (finding,))
    if syntax in allowed:
        preparation = Preparation.NONE
        target = syntax
        findings = []
    elif EXPLICIT_LE in allowed and (syntax in _PLAIN or syntax in FAMILY_OF_SYNTAX):
        compressed = header.pixels is PixelEncoding.ENCAPSULATED
        preparation = Preparation.FILE_META | (Preparation.DECODE if compressed else Preparation.VR)
        target = EXPLICIT_LE
        findings = [_re_encoded(header, profile, subject, compressed=compressed)]
        if header.signed:
            findings.append(_signature(subject))
    else:
        finding = _syntax_refused(header, profile, subject, alternatives)
        return PreparationPlan(Preparation.NONE, "", (finding,))

    kept = keep_tiff_preamble and preparation is Preparation.NONE and header.file_meta_conformant
    if header.preamble is Preamble.FOREIGN or (header.preamble is Preamble.TIFF and not kept):
        preparation |= Preparation.FILE_META
        findings.append(_preamble(header, subject, wanted=keep_tiff_preamble))
    elif preparation is Preparation.NONE and not header.file_meta_conformant:
        preparation = Preparation.FILE_META
        findings.append(_file_meta(header, subject))
    return PreparationPlan(preparation, target, tuple(findings))


def profiles_for(
    sop_class_uid: str, transfer_syntax_uid: str, profiles: Iterable[ApplicationProfile]
) -> list[str]:
    """Return the names of the profiles that carry the class in this syntax as it is."""
    return [
        profile.name
        for profile in profiles
        if transfer_syntax_uid in profile.transfer_syntaxes(sop_class_uid)
    ]


def _re_encoded(
    header: InstanceHeader, profile: ApplicationProfile, subject: str, *, compressed: bool
) -> Finding:
    syntax = TRANSFER_SYNTAXES[header.transfer_syntax_uid]
    how = "decoded" if compressed else "encoded anew"
    loss = "; what the compression lost stays lost" if compressed and not syntax.lossless else ""
    return note(
        "transfer-syntax",
        subject,
        f"{syntax.name} is not in {profile.name}: the copy on the medium is {how} in "
        f"{transfer_syntax_name(EXPLICIT_LE)}{loss}.",
        "",
        profile.objects_table,
    )


def _syntax_refused(
    header: InstanceHeader,
    profile: ApplicationProfile,
    subject: str,
    alternatives: Iterable[ApplicationProfile],
) -> Finding:
    syntax = header.transfer_syntax_uid
    carriers = profiles_for(header.sop_class_uid, syntax, alternatives)
    if carriers:
        hint = f"Export it under a profile that carries it: {', '.join(carriers)}."
    else:
        hint = "Leave it out with --drop-refused and pass it on over the network instead"
        elsewhere = _VIDEO_PROFILES.get(syntax)
        hint += f"; PS3.11 carries it under {elsewhere}." if elsewhere else "."
    name = transfer_syntax_name(syntax) if syntax in TRANSFER_SYNTAXES else f"the syntax {syntax!r}"
    return error(
        "transfer-syntax",
        subject,
        f"{profile.name} does not carry {name}, and this station cannot re-encode it.",
        hint,
        profile.objects_table,
    )


def _signature(subject: str) -> Finding:
    return warning(
        "signature",
        subject,
        "The object is digitally signed; after re-encoding its signature will not verify on "
        "the medium.",
        "Tell the recipient, who can have the signed original over the network; it stays here "
        "untouched.",
        "PS3.15 C.1",
    )


def _preamble(header: InstanceHeader, subject: str, *, wanted: bool) -> Finding:
    if header.preamble is Preamble.FOREIGN:
        what = "The preamble holds foreign content, which could be a program; it is zeroed"
    elif wanted:
        what = "The TIFF header in the preamble would point astray in the copy; it is zeroed"
    else:
        what = "The preamble holds a TIFF header; it is zeroed"
    return note("preamble-cleared", subject, f"{what} on the medium.", "", "PS3.10 7.1 and 7.5")


def _file_meta(header: InstanceHeader, subject: str) -> Finding:
    what = (
        "The File Meta Information lacks something or contradicts the data set"
        if header.has_file_meta
        else "The file has no File Meta Information"
    )
    return note(
        "file-meta", subject, f"{what}; the copy on the medium gets a new one.", "", "PS3.10 7.1"
    )
