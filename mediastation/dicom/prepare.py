"""The copy of an instance that goes onto a medium: Explicit VR Little Endian with clean file meta.

The store keeps the original. Three ways lead to the copy: a new header before
the data set's own bytes, another encoding of every element, or compressed
pixels written native. Whichever it was, the copy is reread and held against
the source before anybody gets to see it. PS3.10 7.1; PS3.11 D.3.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from mediastation.dicom.codestream import FAMILY_OF_SYNTAX
from mediastation.dicom.compress import iter_encapsulated, not_encodable, plan_encapsulation
from mediastation.dicom.compress_proof import require_same_image
from mediastation.dicom.decompress import (
    Rewrite,
    plan_rewrite,
    require_whole_pixels,
)
from mediastation.dicom.elements import Encoding
from mediastation.dicom.encodable import obstacle
from mediastation.dicom.file_meta import read_carried_elements, require_identity
from mediastation.dicom.frame_pool import FramePool
from mediastation.dicom.inflate import iter_inflated
from mediastation.dicom.native_pixels import iter_rewritten, require_same_content
from mediastation.dicom.new_file import NewFile, Output, Scratch
from mediastation.dicom.prepared import Prepared
from mediastation.dicom.progress import Progress, Report, Watched
from mediastation.dicom.recognition import ENCODING_OF
from mediastation.dicom.reencode import (
    EXPLICIT,
    DifferentError,
    iter_explicit,
    require_same_elements,
)
from mediastation.dicom.refusal import RefusalError
from mediastation.dicom.store_trouble import stored_file_gone
from mediastation.dicom.vr import PIXEL_DATA
from mediastation.dicom.walk import (
    Kind,
    MalformedError,
    TruncatedError,
    Walk,
    Window,
)
from mediastation.errors import MediaError
from mediastation.model import transfer_syntax as ts
from mediastation.model.file_meta import encode_file_meta
from mediastation.model.finding import Finding, error, note, warning
from mediastation.model.instance import InstanceHeader, PixelEncoding

_RESEND = "The object is incomplete; ask the sender to send it again."
_FOLLOWERS = ("Photometric Interpretation", "Planar Configuration")


class CannotPrepare(Exception):  # noqa: N818 - a refusal of data, not a fault of the program
    """The instance cannot be written in the wanted Transfer Syntax with certainty.

    `finding` says why. Nothing is left where the copy would have been.
    """

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


def prepare_instance(
    source: Path,
    output: Path,
    header: InstanceHeader,
    *,
    target: str = ts.EXPLICIT_LE,
    progress: Progress | None = None,
) -> Prepared:
    """Write `source` in Transfer Syntax `target` to `output`, and prove the copy.

    Memory does not grow with the object: values are streamed, pixels are
    decoded one frame at a time.

    Parameters
    ----------
    source : Path
        The instance as it was received; it is only read.
    output : Path
        The copy, which must not exist. Its bytes are durable on return, its
        name in the folder is not: the caller renames and syncs the folder.
    header : InstanceHeader
        What was read of `source`.
    target : str
        UID of the Transfer Syntax to write: Explicit VR Little Endian, one of
        `mediastation.dicom.encodable.ENCODABLE`, or the one that the source
        has; under that the data set stays as it is, byte for byte.
    progress : callable, optional
        Called with bytes written and bytes expected, also while the copy is
        proved; may raise to stop.

    Returns
    -------
    Prepared
        Findings, size and digest.

    Raises
    ------
    CannotPrepare
        The data do not allow it. Rules: ``"truncated"``, ``"malformed"``,
        ``"uid"``, ``"transfer-syntax"``, ``"not-decodable"``,
        ``"pixels-contradict"``, ``"pixel-attributes"``, ``"colour-unclear"``,
        ``"frames-missing"``, ``"frames-unclear"``, ``"word-order"``, ``"too-large"``,
        ``"not-encodable"``,
        ``"pixels-differ"``, ``"elements-differ"``.
    MediaError
        `source` cannot be read, or `output` cannot be written.
    """
    subject = header.sop_instance_uid or str(source)
    try:
        with source.open("rb") as file, NewFile(output) as out, FramePool() as pool:
            plain = header.transfer_syntax_uid == ts.EXPLICIT_LE
            stages = 1 if plain or target in (ts.EXPLICIT_LE, header.transfer_syntax_uid) else 2
            report = Report(progress, stages)
            task = _Task(Window(file.fileno()), header, subject, pool, report)
            task.run(target, out, output.parent)
            return Prepared(tuple(task.findings), out.size_bytes, out.sha256)
    except RefusalError as fault:
        raise CannotPrepare(error(fault.rule, subject, fault.message, fault.hint)) from fault
    except TruncatedError as fault:
        raise CannotPrepare(
            error("truncated", subject, str(fault), _RESEND, "PS3.5 7.1")
        ) from fault
    except MalformedError as fault:
        raise CannotPrepare(
            error(
                "malformed",
                subject,
                f"the data set does not follow its encoding: {fault}",
                "Ask the sender for a corrected instance; the store keeps this one as it came.",
                "PS3.5 7",
            )
        ) from fault
    except DifferentError as fault:
        rule = "pixels-differ" if fault.tag == PIXEL_DATA else "elements-differ"
        raise CannotPrepare(
            error(
                rule,
                subject,
                f"the prepared copy does not equal its source: {fault}",
                "Nothing was written; report this instance to whoever looks after the station.",
            )
        ) from fault
    except OSError as fault:
        if isinstance(fault, FileNotFoundError) and not source.exists():
            raise stored_file_gone(subject, source) from fault
        raise MediaError(
            f"{fault.filename or output}: {fault.strerror or fault}",
            "Look at free space and permissions in the station's home.",
        ) from fault


class _Task:
    def __init__(
        self,
        window: Window,
        header: InstanceHeader,
        subject: str,
        pool: FramePool,
        report: Report,
    ) -> None:
        self._window = window
        self._header = header
        self._subject = subject
        self._pool = pool
        self._report = report
        self._changes: list[str] = []
        self.findings: list[Finding] = []

    def run(self, target: str, out: NewFile, folder: Path) -> None:
        """Write the copy; `folder` takes what lies between two stages."""
        header, window = self._header, self._window
        kept = target == header.transfer_syntax_uid
        self._require_preparable(header.transfer_syntax_uid, target)
        require_identity(header.sop_class_uid, header.sop_instance_uid)
        meta = encode_file_meta(
            header.sop_class_uid,
            header.sop_instance_uid,
            target,
            read_carried_elements(window, header.dataset_offset),
        )
        if kept:
            out.write(meta)
            self._copy(header.dataset_offset, window.size, out)
        elif target == ts.EXPLICIT_LE:
            self._write_native(meta, out)
        elif header.transfer_syntax_uid == ts.EXPLICIT_LE:
            self._compress(window, header.dataset_offset, target, meta, out, folder)
        else:
            with Scratch(folder) as scratch:
                self._write_native(b"", scratch)
                self._compress(scratch.reread(), 0, target, meta, out, folder)
        if what := ", ".join(self._changes):
            message = f"The copy differs from the original in more than its encoding: {what}."
            self.findings.append(note("re-encoded", self._subject, message, "", "PS3.5 A.2"))

    def _write_native(self, meta: bytes, out: Output) -> None:
        """Write the data set as Explicit VR Little Endian, after `meta`, and prove it."""
        syntax = self._header.transfer_syntax_uid
        start, end = self._header.dataset_offset, self._window.size
        family = FAMILY_OF_SYNTAX.get(syntax)
        rewrite = None if family is None else plan_rewrite(self._window, start, end, syntax, family)
        out.write(meta)
        if syntax == ts.DEFLATED_LE:
            self._inflate(start, end, out)
        elif rewrite is not None:
            self._decompress(rewrite, out)
        else:
            self._reencode(start, end, out, ENCODING_OF[syntax])

    def _compress(
        self, native: Window, start: int, target: str, meta: bytes, out: NewFile, folder: Path
    ) -> None:
        plan = plan_encapsulation(native, start, target, self._header.sop_class_uid, self._pool)
        self._report.begin(plan.image.size_bytes)
        out.write(meta)

        def encoded(frames: int) -> None:
            self._report.done(frames * plan.frame_bytes)

        for chunk in iter_encapsulated(native, plan, folder, self._pool, encoded):
            out.write(chunk)
        written = out.reread()
        require_same_image(native, plan, written, len(meta), self._pool, self._report.again)
        # What a stage undoes or repeats of the one before is told once.
        topics = {_topic(item) for item in plan.changed}
        self._changes = [item for item in self._changes if _topic(item) not in topics]
        self._changes += plan.changed

    def _require_preparable(self, syntax: str, target: str) -> None:
        plain = (ts.EXPLICIT_LE, ts.IMPLICIT_LE, ts.EXPLICIT_BE, ts.DEFLATED_LE)
        if syntax not in plain and syntax not in FAMILY_OF_SYNTAX:
            raise RefusalError(
                "transfer-syntax",
                f"nothing here decodes {ts.transfer_syntax_name(syntax)}",
                "Ask the sender for the instance in another encoding.",
            )
        if not self._header.complete:
            raise RefusalError(
                "truncated", "the data set does not end where the file does", _RESEND
            )
        if syntax in plain and self._header.pixels is PixelEncoding.ENCAPSULATED:
            raise MalformedError("its pixels are encapsulated and its transfer syntax has none")
        if target not in (ts.EXPLICIT_LE, syntax) and (why := obstacle(self._header, target)):
            raise not_encodable(why)

    def _copy(self, start: int, end: int, out: Output) -> None:
        first = out.size_bytes
        self._write(self._window.chunks(start, end - start), end - start, out)
        written = self._reread(out)
        copied = zip(
            self._window.chunks(start, end - start),
            written.chunks(first, end - start),
            strict=True,
        )
        if any(ours != theirs for ours, theirs in copied):
            raise DifferentError("a value differs")

    def _inflate(self, start: int, end: int, out: Output) -> None:
        first = out.size_bytes
        self._write(iter_inflated(self._window, start, end), 4 * (end - start), out)
        written = self._reread(out)
        at = first
        for chunk in iter_inflated(self._window, start, end):
            if written.read(at, len(chunk)) != chunk:
                raise DifferentError("a value differs")
            at += len(chunk)
        for token in Walk(written, first, written.size, EXPLICIT):
            if token.kind is Kind.FRAGMENTS:
                raise MalformedError("its pixels are encapsulated and its transfer syntax has none")
        require_whole_pixels(written, first)

    def _reencode(self, start: int, end: int, out: Output, encoding: Encoding) -> None:
        first = out.size_bytes
        done: Counter[str] = Counter()
        self._write(iter_explicit(self._window, start, end, encoding, done), end - start, out)
        written = self._reread(out)
        require_same_elements(self._window, (start, end), encoding, written, first)
        require_whole_pixels(written, first)
        texts = {
            "dropped": "{} group lengths or foreign groups removed",
            "padded": "{} values of odd length padded",
            "unknown": "{} values written as UN, which alone has room for them",
            "trailing": "zeros after the data set removed",
        }
        self._changes += [text.format(done[key]) for key, text in texts.items() if done[key]]

    def _decompress(self, rewrite: Rewrite, out: Output) -> None:
        first = out.size_bytes
        pictures = rewrite.pictures()
        total = rewrite.end - rewrite.start + sum(picture.value_bytes for picture in pictures)
        digests: list[bytes] = []
        self._write(iter_rewritten(self._window, rewrite, self._pool, digests), total, out)
        written = self._reread(out)
        require_same_content(self._window, rewrite, written, first, self._pool, digests)
        self._changes += rewrite.changed
        for doubt in rewrite.doubts:
            self.findings.append(
                warning(
                    "pixels-contradict",
                    self._subject,
                    f"Data set and codestream disagree: {doubt}.",
                    "Look at the image before it is handed over.",
                    "PS3.5 8.2",
                )
            )

    def _write(self, chunks: Iterable[bytes], expected: int, out: Output) -> None:
        before = out.size_bytes
        self._report.begin(expected)
        for chunk in chunks:
            out.write(chunk)
            self._report.done(out.size_bytes - before)
        self._report.end()

    def _reread(self, out: Output) -> Window:
        """Return the written file for reading, which counts as progress as well."""
        return Watched(out.reread().descriptor, self._report.again)


def _topic(change: str) -> str:
    """Return what a change is about: the attribute, or all of it."""
    return next((name for name in _FOLLOWERS if change.startswith(name)), change)
