"""The Application Profiles, as a list and one by one in words."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from mediastation.cli.app import app
from mediastation.cli.output import Words, print_json, print_table, say
from mediastation.model.profile import ApplicationProfile


@app.command("profiles")
def profiles_command(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="One profile in full.")] = None,
    retired: Annotated[
        bool, typer.Option("--retired", help="List those that are only read nowadays, too.")
    ] = False,
) -> None:
    """Show the Application Profiles."""
    from mediastation.conformance.load import (  # noqa: PLC0415 - `--help` need not wait for it
        find_profile,
        load_profiles,
        load_retired_profiles,
    )
    from mediastation.station.profile_words import profile_lines  # noqa: PLC0415

    words: Words = context.obj
    site = words.home / "profiles"
    if name is not None:
        profile = find_profile(name, site)
        if words.json:
            print_json({"profiles": [profile.as_dict()]})
        else:
            for line in profile_lines(profile):
                say(line)
        return
    profiles = [*load_profiles(site).values()]
    if retired:
        profiles += load_retired_profiles().values()
    rows = [_row(profile) for profile in profiles]
    if words.json:
        print_json({"profiles": rows})
        return
    for row, profile in zip(rows, profiles, strict=True):
        row["media"] = "retired" if profile.retired else profile.media[0]
    print_table(rows, {"name": "Profile", "media": "Medium", "clinical_use": "Clinical use"})


def _row(profile: ApplicationProfile) -> dict[str, Any]:
    return {
        "name": profile.name,
        "annex": profile.annex,
        "title": profile.title,
        "clinical_use": profile.clinical_use,
        "media": list(profile.media),
        "medium_format": profile.medium_format,
        "security": str(profile.security),
        "retired": profile.retired,
    }
