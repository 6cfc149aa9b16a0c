"""What preparing an instance for a profile takes: decided here, done elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mediastation.conformance.copy_check import CopyCheck, is_compressed
from mediastation.conformance.restrictions import Breach, told
from mediastation.conformance.rulebook import ClassRules, Rulebook
from mediastation.dicom.codestream import FAMILY_OF_SYNTAX
from mediastation.dicom.encodable import ENCODABLE, obstacle
from mediastation.model.finding import Finding, error, note, warning
from mediastation.model.instance import InstanceHeader, PixelEncoding, Preamble
from mediastation.model.preparation import Preparation
from mediastation.model.transfer_syntax import (
    DEFLATED_LE,
    EXPLICIT_BE,
    EXPLICIT_LE,
    IMPLICIT_LE,
    JPEG_2000_LOSSLESS,
    JPEG_LOSSLESS_SV1,
    RLE_LOSSLESS,
    TRANSFER_SYNTAXES,
    transfer_syntax_name,
)

_PLAIN = frozenset({IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE, DEFLATED_LE})
_LOSSY_INSIDE = "codestream-lossy"
"""What the header scan says of a lossy frame under a lossless name."""
_IN_ORDER = (JPEG_LOSSLESS_SV1, JPEG_2000_LOSSLESS, RLE_LOSSLESS)
"""What pixels are encoded in where a profile leaves no other choice, best known first."""


@dataclass(frozen=True, slots=True)
class PreparationPlan:
    """What happens to one instance on its way to the medium.

    `transfer_syntax_uid` is the syntax on the medium; with an error among
    `findings` there is none, and it is empty. The findings name no subject:
    they hold for every instance of the same kind.
    """

    preparation: Preparation
    transfer_syntax_uid: str
    findings: tuple[Finding, ...] = ()


def plan_preparation(
    copy: CopyCheck, book: Rulebook, elsewhere: Callable[[], str]
) -> PreparationPlan:
    """Decide how the instance gets into an encoding that a profile lets onto the medium.

    An instance whose syntax the profile names for its SOP Class keeps its data
    set, as long as the attribute restrictions let it (PS3.11 Table C.3-2 pairs
    colours with syntaxes). Any other is encoded anew: in the compression that
    was asked for, else in Explicit VR Little Endian, else in the first
    lossless compression that the profile takes and the pixels allow. Video,
    and what the station knows no decoder for, is refused. Nothing is ever
    compressed with loss, and nothing that was compressed with loss is
    compressed again as long as the profile takes it as it is.

    Parameters
    ----------
    copy : CopyCheck
        The instance. That the profile takes its SOP Class was found before.
    book : Rulebook
        The profile the medium is to claim, and what was asked for.
    elsewhere : callable
        Returns the hint that names other profiles, asked only where there is
        no other remedy.

    Notes
    -----
    Annexes B, H, J and M want each JPEG frame in interchange format, with its
    own tables. A header cannot tell of an abbreviated stream; one that is
    decoded is found out there.
    """
    header = copy.header
    rules = book.of_class(header.sop_class_uid)
    if contradiction := pixels_contradict(header):
        return PreparationPlan(Preparation.NONE, "", (contradiction,))
    candidates = list(_candidates(header, book, rules))
    if not candidates:
        return PreparationPlan(Preparation.NONE, "", (_syntax_refused(header, book, elsewhere),))
    refused: list[Breach] = []
    for target in candidates:
        breaches = copy.breaches(rules.attributes, target)
        if not breaches:
            return _plan(copy, book, rules, target)
        if not refused or len(breaches) < len(refused):
            refused = breaches
    return PreparationPlan(Preparation.NONE, "", (_restricted(refused, book, elsewhere),))


def pixels_contradict(header: InstanceHeader) -> Finding | None:
    """Return the error of compressed pixels in a syntax that has none; None if all is well."""
    known = TRANSFER_SYNTAXES.get(header.transfer_syntax_uid)
    if known and not known.encapsulated and header.pixels is PixelEncoding.ENCAPSULATED:
        return error(
            "pixel-encoding",
            "",
            f"The pixels are compressed, yet the file calls itself {known.name}.",
            "Fetch the object again from where it was made; which codec it has is not told.",
            "PS3.5 A.4",
        )
    return None


def _candidates(header: InstanceHeader, book: Rulebook, rules: ClassRules) -> Iterator[str]:
    """Yield the syntaxes that the copy could have, the preferred one first."""
    syntax = header.transfer_syntax_uid
    allowed = rules.transfer_syntaxes
    stays = (
        syntax in allowed and not _is_native_in_compressed(header) and not is_lossy_inside(header)
    )
    compress = book.compress
    if compress and not (stays and is_compressed(header)) and _encodes(header, compress, rules):
        yield compress
    if stays:
        yield syntax
    if (
        EXPLICIT_LE in allowed
        and syntax != EXPLICIT_LE
        and (syntax in _PLAIN or syntax in FAMILY_OF_SYNTAX)
    ):
        yield EXPLICIT_LE
    for target in _IN_ORDER:
        if target not in (syntax, compress) and _encodes(header, target, rules):
            yield target


def _encodes(header: InstanceHeader, target: str, rules: ClassRules) -> bool:
    return (
        target in rules.transfer_syntaxes
        and target in ENCODABLE
        and not _is_native_in_compressed(header)
        and not (target == header.transfer_syntax_uid and is_lossy_inside(header))
        and header.pixels is not PixelEncoding.ABSENT
        and not obstacle(header, target)
    )


def is_lossy_inside(header: InstanceHeader) -> bool:
    """Tell whether frames that lost something bear the name of a lossless syntax (PS3.5, A.4).

    Decoded, such pixels are called what they are; as they came they would pass for whole.
    """
    return any(finding.rule == _LOSSY_INSIDE for finding in header.findings)


def _is_native_in_compressed(header: InstanceHeader) -> bool:
    """Tell whether native pixels lie in a syntax that has none such: the name is wrong there."""
    known = TRANSFER_SYNTAXES.get(header.transfer_syntax_uid)
    return known is not None and known.encapsulated and header.pixels is PixelEncoding.NATIVE


def _plan(copy: CopyCheck, book: Rulebook, rules: ClassRules, target: str) -> PreparationPlan:
    header = copy.header
    syntax = header.transfer_syntax_uid
    preparation = Preparation.NONE
    findings: list[Finding] = []
    if target != syntax:
        preparation = Preparation.FILE_META
        if is_compressed(header):
            preparation |= Preparation.DECODE
        elif syntax != EXPLICIT_LE:
            preparation |= Preparation.VR
        if target != EXPLICIT_LE:
            preparation |= Preparation.ENCODE
        findings.append(_re_encoded(copy, book, rules, target))
        if header.signed:
            findings.append(_signature())
    if book.compress and target != book.compress and not is_compressed(header):
        findings.extend(_not_compressed(copy, book, rules))
    findings.extend(_around(header, book, preparation))
    if findings and any(finding.rule in ("preamble-cleared", "file-meta") for finding in findings):
        preparation |= Preparation.FILE_META
    return PreparationPlan(preparation, target, tuple(findings))


def _around(header: InstanceHeader, book: Rulebook, preparation: Preparation) -> Iterator[Finding]:
    """Yield what becomes of preamble and File Meta Information."""
    wanted = book.keep_tiff_preamble
    kept = wanted and preparation is Preparation.NONE and header.file_meta_conformant
    if header.preamble is Preamble.FOREIGN or (header.preamble is Preamble.TIFF and not kept):
        if header.preamble is Preamble.FOREIGN:
            what = "The preamble holds foreign content, which could be a program; it is zeroed"
        elif wanted:
            what = "The TIFF header in the preamble would point astray in the copy; it is zeroed"
        else:
            what = "The preamble holds a TIFF header; it is zeroed"
        yield note("preamble-cleared", "", f"{what} on the medium.", "", "PS3.10 7.1 and 7.5")
    elif preparation is Preparation.NONE and not header.file_meta_conformant:
        what = (
            "The File Meta Information lacks something or contradicts the data set"
            if header.has_file_meta
            else "The file has no File Meta Information"
        )
        yield note(
            "file-meta", "", f"{what}; the copy on the medium gets a new one.", "", "PS3.10 7.1"
        )


def _re_encoded(copy: CopyCheck, book: Rulebook, rules: ClassRules, target: str) -> Finding:
    header = copy.header
    profile = book.profile
    syntax = TRANSFER_SYNTAXES[header.transfer_syntax_uid]
    compressed = is_compressed(header)
    reference = profile.objects_table
    if syntax.uid not in rules.transfer_syntaxes:
        why = f"{syntax.name} is not in {profile.name}"
    elif target == book.compress:
        why = "Compression was asked for"
    elif _is_native_in_compressed(header):
        why = f"The pixels are not compressed as {syntax.name} says"
    elif is_lossy_inside(header):
        why = f"The frames have lost something, which {syntax.name} does not"
    else:
        breaches, where = told(copy.breaches(rules.attributes, syntax.uid))
        why = f"{profile.name} does not carry it in {syntax.name} ({breaches})"
        reference = where or reference
    if target != EXPLICIT_LE:
        how = "encoded without loss"
    else:
        how = "decoded" if compressed else "encoded anew"
    loss = "; what the compression lost stays lost" if compressed and not syntax.lossless else ""
    return note(
        "transfer-syntax",
        "",
        f"{why}: the copy on the medium is {how} in {transfer_syntax_name(target)}{loss}.",
        "",
        reference,
    )


def _not_compressed(copy: CopyCheck, book: Rulebook, rules: ClassRules) -> Iterator[Finding]:
    """Yield the note why an image stays uncompressed; what has no pixels needs none."""
    header = copy.header
    if header.pixels is PixelEncoding.ABSENT:
        return
    name = transfer_syntax_name(book.compress)
    if book.compress not in rules.transfer_syntaxes:
        why = f"{book.profile.name} does not carry objects of its class in {name}"
    elif why := obstacle(header, book.compress):
        pass
    else:
        breaches, _ = told(copy.breaches(rules.attributes, book.compress))
        why = f"{book.profile.name} does not carry it in {name} ({breaches})"
    yield note(
        "not-compressed",
        "",
        f"It goes out uncompressed: {why}.",
        "",
        book.profile.objects_table,
    )


def _restricted(breaches: list[Breach], book: Rulebook, elsewhere: Callable[[], str]) -> Finding:
    words, reference = told(breaches)
    return error(
        "attributes",
        "",
        f"{book.profile.name} does not carry such an object: {words}.",
        elsewhere(),
        reference or book.profile.objects_table,
    )


def _syntax_refused(
    header: InstanceHeader, book: Rulebook, elsewhere: Callable[[], str]
) -> Finding:
    syntax = header.transfer_syntax_uid
    name = transfer_syntax_name(syntax) if syntax in TRANSFER_SYNTAXES else f"the syntax {syntax!r}"
    allowed = book.of_class(header.sop_class_uid).transfer_syntaxes
    targets = [target for target in _IN_ORDER if target in allowed]
    decodable = syntax in _PLAIN or syntax in FAMILY_OF_SYNTAX
    if _is_native_in_compressed(header):
        why = "the pixels are not compressed as it says"
    elif syntax in allowed and is_lossy_inside(header):
        why = "the frames have lost something, which it does not"
    elif decodable and targets and (reason := obstacle(header, targets[0])):
        why = f"it cannot be encoded in {transfer_syntax_name(targets[0])}: {reason}"
    elif decodable:
        why = "what it carries in its place is not encoded here"
    else:
        why = "this station cannot re-encode it"
    carries = "carries" if syntax in allowed else "does not carry"
    return error(
        "transfer-syntax",
        "",
        f"{book.profile.name} {carries} {name}, and {why}.",
        elsewhere(),
        book.profile.objects_table,
    )


def _signature() -> Finding:
    return warning(
        "signature",
        "",
        "The object is digitally signed; after re-encoding its signature will not verify on "
        "the medium.",
        "Tell the recipient, who can have the signed original over the network; it stays here "
        "untouched.",
        "PS3.15 C.1",
    )
