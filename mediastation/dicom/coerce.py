"""The copy of an outside instance under an identity of this site.

The store keeps the original. The copy has its data set byte for byte, but for
the attributes that the coercion names, what says so (Original Attributes,
Contributing Equipment), and, where the new name needs it, the character set.
Values are streamed, pixels never looked at. IHE RAD IRWF.b; PS3.3 2024c C.12.1.1.9;
PS3.10 7.1.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from mediastation.dicom.coerce_echoes import Echoes
from mediastation.dicom.coerce_edits import iter_edited, plan_edits
from mediastation.dicom.coerce_outline import outline_changes
from mediastation.dicom.coerce_survey import Survey, survey_dataset
from mediastation.dicom.coerce_text import Conversion, Edit, TextPlan, plan_conversion, plan_text
from mediastation.dicom.elements import Encoding
from mediastation.dicom.inflate import iter_deflated, iter_inflated
from mediastation.dicom.new_file import NewFile, Scratch
from mediastation.dicom.progress import Progress, Report
from mediastation.dicom.recognition import DEFLATED, ENCODING_OF, guess_encoding, seems
from mediastation.dicom.reencode import DifferentError
from mediastation.dicom.refusal import RefusalError
from mediastation.dicom.store_trouble import stored_file_gone
from mediastation.dicom.walk import MalformedError, TruncatedError, Window
from mediastation.errors import MediaError
from mediastation.model.coercion import SPECIFIC_CHARACTER_SET, Attribute, Coercion
from mediastation.model.file_meta import encode_file_meta
from mediastation.model.finding import Finding, error, note, warning
from mediastation.model.identity import shown
from mediastation.model.instance import InstanceHeader
from mediastation.model.uid import is_usable_uid

_STORED = "The store keeps it as it came."


@dataclass(frozen=True, slots=True)
class Coerced:
    """What `coerce_file` wrote.

    Parameters
    ----------
    findings : tuple of Finding
        Those of the coercion, and what only the object's own bytes could tell:
        a character set that was changed, places where the outside identity
        still stands, values that were kept raw.
    size_bytes : int
        Of the written file.
    sha256 : str
        Of the written file, in hexadecimal.
    """

    findings: tuple[Finding, ...]
    size_bytes: int
    sha256: str


class CannotCoerce(Exception):  # noqa: N818 - a refusal of data, not a fault of the program
    """The instance cannot be put under another identity with certainty.

    `finding` says why. Nothing is left where the copy would have been.
    """

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


def coerce_file(
    source: Path,
    target: Path,
    header: InstanceHeader,
    coercion: Coercion,
    *,
    progress: Progress | None = None,
) -> Coerced:
    """Write the copy of `source` that `coercion` asks for to `target`.

    Memory does not grow with the object. The Transfer Syntax stays; File Meta
    Information is written anew, with a zero preamble. That nothing else differs
    is proved by `mediastation.dicom.coerce_check.check_coerced`.

    Parameters
    ----------
    source : Path
        The instance as it was received; it is only read.
    target : Path
        The copy, which must not exist. Its bytes are durable on return, its
        name in the folder is not: the caller renames and syncs the folder.
    header : InstanceHeader
        What was read of `source`.
    coercion : Coercion
        What to change.
    progress : callable, optional
        Called with bytes written and bytes expected; may raise to stop.

    Returns
    -------
    Coerced
        Findings, size and digest.

    Raises
    ------
    CannotCoerce
        The data do not allow it. Rules: ``"truncated"``, ``"malformed"``,
        ``"uid"``, ``"twice"``, ``"value-too-long"``, ``"too-many"``, ``"too-large"``,
        ``"bad-sequence"``, ``"character-set-unknown"``, ``"text-undecodable"``,
        ``"coercion-differs"``.
    MediaError
        `source` cannot be read, or `target` cannot be written.
    """
    subject = shown(header.sop_instance_uid) or str(source)
    try:
        with source.open("rb") as file, NewFile(target) as out, ExitStack() as stack:
            _require_whole(header)
            window, start = Window(file.fileno()), header.dataset_offset
            deflated = header.transfer_syntax_uid in DEFLATED
            if deflated:
                scratch = stack.enter_context(Scratch(target.parent))
                for chunk in iter_inflated(window, start, window.size):
                    scratch.write(chunk)
                window, start = scratch.reread(), 0
            task = _Task(window, start, header, coercion, subject)
            chunks = iter_edited(window, task.survey, task.edits())
            report = Report(progress, 1)
            report.begin(window.size)
            out.write(
                encode_file_meta(
                    header.sop_class_uid, header.sop_instance_uid, header.transfer_syntax_uid
                )
            )
            for chunk in iter_deflated(chunks) if deflated else chunks:
                out.write(chunk)
                report.done(out.size_bytes)
            report.end()
            out.reread()
            return Coerced(tuple(task.findings), out.size_bytes, out.sha256)
    except RefusalError as fault:
        hint = f"{fault.hint} {_STORED}".strip()
        raise CannotCoerce(error(fault.rule, subject, fault.message, hint)) from fault
    except TruncatedError as fault:
        hint = f"The object is incomplete; ask the sender to send it again. {_STORED}"
        raise CannotCoerce(error("truncated", subject, str(fault), hint, "PS3.5 7.1")) from fault
    except MalformedError as fault:
        message = f"the data set does not follow its encoding: {fault}"
        hint = f"Ask the sender for a corrected instance. {_STORED}"
        raise CannotCoerce(error("malformed", subject, message, hint, "PS3.5 7")) from fault
    except DifferentError as fault:
        message = f"the copy would not be what was decided: {fault}"
        hint = "Nothing was written; report this instance to whoever looks after the station."
        raise CannotCoerce(error("coercion-differs", subject, message, hint)) from fault
    except OSError as fault:
        if isinstance(fault, FileNotFoundError) and not source.exists():
            raise stored_file_gone(subject, source) from fault
        raise MediaError(
            f"{fault.filename or target}: {fault.strerror or fault}",
            "Look at free space and permissions in the station's home.",
        ) from fault


def _require_whole(header: InstanceHeader) -> None:
    if not header.complete:
        raise RefusalError(
            "truncated",
            "the data set does not end where the file does",
            "The object is incomplete; ask the sender to send it again.",
        )
    for name, uid in (
        ("SOP Class UID", header.sop_class_uid),
        ("SOP Instance UID", header.sop_instance_uid),
        ("Transfer Syntax UID", header.transfer_syntax_uid),
    ):
        if not is_usable_uid(uid):
            raise RefusalError(
                "uid",
                f"the {name} is {'missing' if not uid else 'no UID'}",
                "No archive takes an instance without identity; ask the sender to correct it.",
            )


class _Task:
    """One object: what is known of it, what changes, what has to be told."""

    def __init__(
        self,
        window: Window,
        start: int,
        header: InstanceHeader,
        coercion: Coercion,
        subject: str,
    ) -> None:
        self._window = window
        self._subject = subject
        self._coercion = coercion
        self.findings = list(coercion.findings)
        echoes = Echoes(coercion.outside, coercion.local)
        encoding = _encoding_of(window, start, header.transfer_syntax_uid)
        self.survey: Survey = survey_dataset(window, start, encoding, coercion.tags, echoes)
        self.findings += echoes.findings(subject)

    def edits(self) -> list[Edit]:
        """Decide what the copy's bytes are."""
        window, survey = self._window, self.survey
        outline = outline_changes(window, survey, self._coercion)
        plan = plan_text(survey, outline.texts(), self._coercion.undeclared_text)
        conversion = None
        if plan.redeclared:
            text = plan.value.decode("ascii")
            outline.replaced[SPECIFIC_CHARACTER_SET] = Attribute(SPECIFIC_CHARACTER_SET, "CS", text)
            if plan.converts or plan.verifies:
                conversion = plan_conversion(window, survey, plan, outline.gone)
            self._tell_character_set(plan, conversion)
        if not plan.converts:
            conversion = None
        return plan_edits(window, survey, outline, plan, conversion)

    def _tell_character_set(self, plan: TextPlan, conversion: Conversion | None) -> None:
        how = "all its text was converted" if plan.converts else "its other text kept its bytes"
        message = f"Specific Character Set became {plan.value.decode('ascii')}; {how}."
        self.findings.append(
            note("character-set-changed", self._subject, message, "", "PS3.3 C.12.1.1.2")
        )
        if plan.note:
            self.findings.append(
                warning(
                    "character-set-assumed",
                    self._subject,
                    plan.note,
                    "Look at the text of the copy before it is relied upon.",
                    "PS3.3 C.12.1.1.2",
                )
            )
        if plan.converts and conversion is not None and conversion.unread:
            self.findings.append(
                note(
                    "unknown-values-kept",
                    self._subject,
                    f"{conversion.unread} values of unknown representation kept their bytes; "
                    "if they are text, it reads otherwise now.",
                    "",
                    "PS3.5 6.2.2",
                )
            )


def _encoding_of(window: Window, start: int, transfer_syntax: str) -> Encoding:
    """Return how the data set is written, as the header scan found it."""
    encoding = ENCODING_OF.get(transfer_syntax, Encoding())
    if transfer_syntax in DEFLATED or seems(window, start, encoding):
        return encoding
    return guess_encoding(window, start) or encoding
