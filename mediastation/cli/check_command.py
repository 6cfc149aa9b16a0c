"""The command `check`: what may lie on a medium, under which profile, and in which role."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from mediastation.cli.app import app
from mediastation.cli.export_commands import (
    CONFIRM_IDENTITY,
    SEVERAL_PATIENTS,
    SOURCES,
    Compression,
)
from mediastation.cli.output import (
    StepDisplay,
    Words,
    print_findings,
    print_json,
    say,
)
from mediastation.errors import RefusedError

if TYPE_CHECKING:
    from mediastation.conformance.fits import ProfileFit
    from mediastation.conformance.report import CheckReport
    from mediastation.model.finding import Finding
    from mediastation.model.profile import Role


class RoleWord(StrEnum):
    """Words for `mediastation.conformance.require.ROLES`."""

    CREATOR = "creator"
    READER = "reader"
    UPDATER = "updater"


@app.command("check")
def check_command(
    context: typer.Context,
    sources: SOURCES,
    profile: Annotated[
        str | None,
        typer.Option(help="Application Profile; without it, all are tried."),
    ] = None,
    role: Annotated[
        RoleWord, typer.Option(help="What the File-set is for: to be written, read or updated.")
    ] = RoleWord.CREATOR,
    compress: Annotated[
        Compression | None,
        typer.Option(help="Compress pixels without loss, where the profile lets them be."),
    ] = None,
    several_patients: SEVERAL_PATIENTS = False,
    confirm_identity: CONFIRM_IDENTITY = False,
    iod: Annotated[
        bool, typer.Option("--iod", help="Validate each object's contents with dciodvfy, too.")
    ] = False,
) -> None:
    """Check instances against an Application Profile, without taking them in."""
    from mediastation.conformance.require import ROLES  # noqa: PLC0415 - `--help` need not wait
    from mediastation.model.transfer_syntax import COMPRESSIONS  # noqa: PLC0415
    from mediastation.station.check import (  # noqa: PLC0415
        CheckRequest,
        check_sources,
        choose_profiles,
    )
    from mediastation.station.station import Station  # noqa: PLC0415

    words: Words = context.obj
    request = CheckRequest(
        sources=tuple(sources),
        profile=profile or "",
        role=ROLES[role],
        compress=COMPRESSIONS[compress] if compress else "",
        several_patients=several_patients,
        confirm_identity=confirm_identity,
        iod=iod,
    )
    with Station(words.home) as station, StepDisplay(words) as display:
        if profile is None:
            fits, findings = choose_profiles(station, request, display)
        else:
            report = check_sources(station, request, display)
    if profile is None:
        _show_fits(words, fits, findings, request.role)
    else:
        _show_report(words, report)


def _show_fits(
    words: Words, fits: Sequence[ProfileFit], findings: Sequence[Finding], role: Role
) -> None:
    from mediastation.conformance.fit_summary import group_fits  # noqa: PLC0415
    from mediastation.model.profile import Role  # noqa: PLC0415

    if words.json:
        print_json(
            {
                "profiles": [fit.as_dict() for fit in fits],
                "findings": [finding.as_dict() for finding in findings],
            }
        )
        return
    print_findings(words, findings)
    common, groups = group_fits(fits)
    if common:
        say(
            "Readers of no profile have to take all of it:"
            if role is Role.READER
            else "It may not go out under any profile:"
        )
        for reason in common:
            say(f"      {reason}")
        say("But for that:")
    heading = ""
    for group in groups:
        if group.heading(role) != heading:
            heading = group.heading(role)
            say(f"{heading}:")
        counted = f" ({group.count})" if group.count > 1 else ""
        after = f", after {', '.join(group.after)}" if group.after else ""
        say(f"  {', '.join(group.names)}{counted}{after}")
        for reason in group.reasons:
            say(f"      {reason}")
    if not any(fit.fits for fit in fits):
        say("No profile carries all of it: `check --profile NAME` says what one would leave out.")


def _show_report(words: Words, report: CheckReport) -> None:
    if words.json:
        print_json(report.as_dict())
    else:
        print_findings(words, report.findings)
        counted = f"{report.accepted:,} of {report.instances:,} instances"
        told = (
            f"a reader has to take {counted}, {report.refused:,} it need not"
            if report.role == RoleWord.READER
            else f"{counted} may go out, {report.refused:,} may not"
        )
        if report.ignored:
            told += f", {report.ignored:,} are passed over"
        say(f"{report.profile}: {told}")
        if not report.passed and not report.refused:
            who = "The medium does" if report.role == RoleWord.READER else "Together they may"
            say(f"{who} not: see the errors above.")
    if not report.passed:
        raise typer.Exit(RefusedError.exit_code)
