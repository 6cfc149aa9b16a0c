"""What leaves the station: export, verify, demo."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from mediastation.cli.app import app, no_empty_words, path_word
from mediastation.cli.disclosure_options import GIVEN_TO, REASON, REQUESTED_BY
from mediastation.cli.output import (
    StepDisplay,
    Words,
    print_findings,
    print_json,
    print_table,
    say,
    tell,
)
from mediastation.cli.queueing import QUEUE, put_into_queue
from mediastation.cli.sealing_options import (
    MAKE_PASSWORD,
    RECIPIENT,
    SHEET,
    choose_password,
)
from mediastation.cli.secrets import KEY, PASSWORD_FILE, read_key_ring
from mediastation.errors import ConfigError, RefusedError
from mediastation.model.finding import Finding
from mediastation.model.ledger import Disclosure
from mediastation.model.medium import Format
from mediastation.model.text import size_text


class Compression(StrEnum):
    """Words for `mediastation.model.transfer_syntax.COMPRESSIONS`."""

    JPEG_LOSSLESS = "jpeg-lossless"
    J2K = "j2k"
    RLE = "rle"


SOURCES = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE…",
        callback=no_empty_words,
        help="Folders, files, images; or study:UID, series:UID, patient:ID of the catalog.",
    ),
]
SEVERAL_PATIENTS = Annotated[
    bool,
    typer.Option(
        "--several-patients",
        help="A collection of several people is meant; who shares a Patient ID goes apart.",
    ),
]
CONFIRM_IDENTITY = Annotated[
    bool,
    typer.Option(
        "--confirm-identity", help="People whom the findings call likely one are one: I know."
    ),
]


@app.command("export")
def export_command(
    context: typer.Context,
    sources: SOURCES,
    profile: Annotated[str, typer.Option(help="Application Profile that the medium claims.")],
    output: Annotated[
        Path,
        typer.Option(parser=path_word, metavar="PATH", help="The image file, or a new folder."),
    ],
    medium: Annotated[
        str, typer.Option(help="Medium, such as CD-80; by default the profile's.")
    ] = "",
    form: Annotated[
        Format | None,
        typer.Option("--format", help="Format, where the medium leaves a choice."),
    ] = None,
    capacity: Annotated[
        int | None, typer.Option(min=1, metavar="BYTES", help="Capacity, where it differs.")
    ] = None,
    label: Annotated[str, typer.Option(help="Label; becomes the File-set ID.")] = "",
    include: Annotated[
        list[Path] | None,
        typer.Option(
            parser=path_word,
            metavar="DIR",
            help="Folder of the site's for the root of the medium, such as VIEWER; repeatable.",
        ),
    ] = None,
    timestamp: Annotated[
        str | None,
        typer.Option(metavar="ISO8601", help="Moment that the medium bears; fixes every byte."),
    ] = None,
    compress: Annotated[
        Compression | None,
        typer.Option(help="Compress pixels without loss, where the profile lets them be."),
    ] = None,
    icons: Annotated[
        bool, typer.Option("--icons", help="Icons in the directory also where they are optional.")
    ] = False,
    unsealed: Annotated[
        bool,
        typer.Option(
            "--unsealed", help="Plain folder of what a SEC profile would seal; not to be given out."
        ),
    ] = False,
    recipient: RECIPIENT = None,
    password_file: PASSWORD_FILE = None,
    make_password: MAKE_PASSWORD = False,
    sheet: SHEET = None,
    queue: QUEUE = False,
    plan: Annotated[bool, typer.Option("--plan", help="Only show what would be written.")] = False,
    drop_refused: Annotated[
        bool, typer.Option("--drop-refused", help="Write without what may not go out.")
    ] = False,
    several_patients: SEVERAL_PATIENTS = False,
    confirm_identity: CONFIRM_IDENTITY = False,
    requested_by: REQUESTED_BY = "",
    given_to: GIVEN_TO = "",
    reason: REASON = "",
) -> None:
    """Write a verified image: check, prepare, File-set, image, reread."""
    from mediastation.station.clock import Clock, read_timestamp  # noqa: PLC0415
    from mediastation.station.exporting.export import export  # noqa: PLC0415
    from mediastation.station.exporting.request import ExportRequest  # noqa: PLC0415
    from mediastation.station.sealing.recipient_sheet import sheet_first  # noqa: PLC0415
    from mediastation.station.station import Station  # noqa: PLC0415

    words: Words = context.obj
    request = ExportRequest(
        sources=tuple(sources),
        profile=profile,
        output=output,
        medium=medium,
        format=form or "",
        capacity_bytes=capacity,
        label=label,
        compress=compress or "",
        icons=icons,
        include=tuple(include or ()),
        recipients=tuple(recipient or ()),
        unsealed=unsealed,
        plan_only=plan,
        drop_refused=drop_refused,
        several_patients=several_patients,
        confirm_identity=confirm_identity,
        disclosure=Disclosure(requested_by, given_to, reason),
    )
    if queue and (plan or timestamp):
        raise ConfigError(
            f"--queue and {'--plan' if plan else '--timestamp'} do not go together.",
            "A job in the queue writes media, and bears the moment when it was put there.",
        )
    clock = Clock(read_timestamp(timestamp) if timestamp else None)
    with Station(words.home, clock) as station:
        unprinted: tuple[Finding, ...] = ()
        password = choose_password(
            words, station, request, password_file, make=make_password, sheet=sheet
        )
        request = replace(request, with_password=password is not None)
        if not queue:
            with ExitStack() as stack:
                finish = None
                if sheet is not None and password is not None and not plan:
                    finish = stack.enter_context(sheet_first(station, sheet, password, request))
                with StepDisplay(words) as display:
                    result = export(station, request, display, password=password)
                if finish is not None and result.volumes:
                    unprinted = finish(result.volumes)
    if queue:
        put_into_queue(words, request, password, sheet)
        return
    show_export(words, result)
    print_findings(words, unprinted)
    if sheet is not None and result.volumes and not plan and not words.quiet:
        tell(f"The password is on {sheet}: hand that over apart from the medium.")


@app.command("verify")
def verify_command(
    context: typer.Context,
    medium: Annotated[
        Path, typer.Argument(parser=path_word, metavar="MEDIUM", help="Image, device or folder.")
    ],
    manifest: Annotated[
        Path | None, typer.Option(help="Manifest of the job, or a list of digests.")
    ] = None,
    profile: Annotated[
        str, typer.Option(help="Application Profile that the directory is held against.")
    ] = "",
    as_recipient: Annotated[
        bool,
        typer.Option(
            "--as-recipient", help="See it as other readers do, and let installed programs read it."
        ),
    ] = False,
    report_file: Annotated[
        Path | None,
        typer.Option(
            "--report", parser=path_word, metavar="FILE", help="Report as .html, .pdf or .json."
        ),
    ] = None,
    key: KEY = None,
    password_file: PASSWORD_FILE = None,
) -> None:
    """Reread a medium and prove what can be proved of it."""
    from mediastation.station.station import Station  # noqa: PLC0415 - `--help` need not wait
    from mediastation.station.verification import verify  # noqa: PLC0415

    words: Words = context.obj
    # Nobody is asked: without a password an envelope proves its own bytes.
    keys = read_key_ring(words, password_file, key)
    with Station(words.home) as station, StepDisplay(words) as display:
        report = verify(
            station,
            medium,
            manifest,
            display,
            profile=profile,
            as_recipient=as_recipient,
            report_file=report_file,
            keys=keys,
        )
    if words.json:
        print_json(
            {
                "path": str(medium),
                "ok": report.ok,
                "manifest": report.manifest,
                "files": report.files,
                "bytes": report.bytes,
                "envelopes": report.envelopes,
                "opened": report.opened,
                "signatures": report.signatures,
                "findings": [finding.as_dict() for finding in report.findings],
            }
            | (
                {"compatibility": [row.as_dict() for row in report.compatibility]}
                if as_recipient
                else {}
            )
        )
    else:
        print_findings(words, report.findings)
        for row in report.compatibility:
            reached = f"{row.instances:,} of {row.expected:,} instances" if row.expected else ""
            told = ", ".join(filter(None, (row.verdict, reached, row.detail)))
            say(f"  {row.reader}: {told}")
        say(f"{medium}: {_headline(report)}")
        counted = f"{report.files:,} file{'' if report.files == 1 else 's'}"
        say(f"{counted}, {size_text(report.bytes)}. {report.proved}")
    if not report.ok:
        raise typer.Exit(RefusedError.exit_code)


@app.command("demo")
def demo_command(
    context: typer.Context,
    output: Annotated[
        Path | None,
        typer.Option(
            parser=path_word, metavar="PATH", help="The image file; by default in the home."
        ),
    ] = None,
) -> None:
    """Run the whole pipeline once on one patient's test images."""
    from mediastation.station.demo import demo  # noqa: PLC0415 - `--help` need not wait for it
    from mediastation.station.station import Station  # noqa: PLC0415

    words: Words = context.obj
    with Station(words.home) as station, StepDisplay(words) as display:
        result = demo(station, output, display)
    show_export(words, result)


def _headline(report: Any) -> str:
    """Say in two words what a reread came to; without a job's manifest, no more than it proved."""
    if not report.ok:
        return "NOT verified"
    return "no fault found" if report.manifest in {"medium", "structure only"} else "verified"


_MOST_STUDIES = 20


def _say_studies(result: Any, place: int) -> None:
    """Say what would lie on a volume that is only planned."""
    if place >= len(result.plan):
        return
    studies = result.plan[place]["studies"]
    for study in studies[:_MOST_STUDIES]:
        date = study["study_date"] or "no date"
        also = ", ".join(map(str, study["also_on"]))
        say(
            f"  {date} {study['study_description']}: {study['series']:,} series, "
            f"{study['instances']:,} instances{f'; more of it on {also}' if also else ''}"
        )
    if len(studies) > _MOST_STUDIES:
        say(f"  … and {len(studies) - _MOST_STUDIES:,} more studies")


def _say_media(result: Any) -> None:
    """Put the media that a plan compares side by side."""
    if not result.media:
        return
    rows = [
        {
            "medium": row.name,
            "volumes": f"{row.volumes:,}",
            "size": size_text(row.size_bytes),
            "capacity": size_text(row.capacity_bytes),
            "fill": f"{row.fill:.0%}",
            "left out": f"{row.unplaced:,}" if row.unplaced else "",
        }
        for row in result.media
    ]
    columns = {"medium": "Medium", "volumes": "Volumes", "size": "Size", "capacity": "Capacity",
               "fill": "Full", "left out": "Too large"}  # fmt: skip
    print_table(rows, columns)


def show_export(words: Words, result: Any) -> None:
    """Print what came of an export or an update, and exit as its result asks."""
    if words.json:
        stopped = {"error": result.stopped, "hint": result.hint} if result.stopped else {}
        print_json(result.as_dict() | stopped)
    else:
        print_findings(words, result.findings)
        if result.stopped:
            tell(f": {result.stopped}", mark="error", colour="31")
            if result.hint:
                tell(f"  → {result.hint}")
        for number, volume in enumerate(result.volumes):
            say(f"{volume.path}: {'verified' if volume.verified else 'planned, not written'}")
            say(
                f"  {volume.instances:,} instances, {size_text(volume.size_bytes)}, "
                f"File-set {volume.file_set_id or '(no ID)'}"
            )
            if volume.sha256:
                say(f"  sha256 {volume.sha256}")
            if volume.label:
                say(f"  label  {volume.label}")
            _say_studies(result, number)
        _say_media(result)
        if not result.stopped:
            say(
                f"job {result.job}: {result.profile}, {result.transcoded:,} re-encoded, "
                f"{result.refused:,} left out"
            )
    if result.stopped:
        raise typer.Exit(RefusedError.exit_code)
