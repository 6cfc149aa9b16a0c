"""Application Profiles: those that travel with the program, and a site's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from types import MappingProxyType

from mediastation.conformance.profile_file import ProfileFile
from mediastation.errors import ProfileError
from mediastation.model.profile import ApplicationProfile
from mediastation.resources import resource_folder

_OWN = ("STD-",)
_SITE = ("AUG-", "PRI-")
_MOST_FILES = 256


@cache
def load_profiles(site: Path | None = None) -> Mapping[str, ApplicationProfile]:
    """Return the profiles in force, by name, sorted.

    They are read at the first call.

    Parameters
    ----------
    site : Path, optional
        Folder with a site's augmented and private profiles; it need not exist.

    Raises
    ------
    ProfileError
        If a file is faulty, naming file and key, or if there is none.
    """
    return MappingProxyType(
        {name: profile for name, profile in _all_profiles(site).items() if not profile.retired}
    )


@cache
def load_retired_profiles() -> Mapping[str, ApplicationProfile]:
    """Return the retired profiles, by name, sorted: known and read, never written."""
    return MappingProxyType(
        {name: profile for name, profile in _all_profiles(None).items() if profile.retired}
    )


def find_profile(name: str, site: Path | None = None) -> ApplicationProfile:
    """Return the profile called `name`, in either case; a retired one as well.

    The deprecated prefix ``APL-`` is taken for ``STD-`` (PS3.11, X.1).

    Raises
    ------
    ProfileError
        If there is none; the hint says which names come nearest.
    """
    wanted = name.strip().upper()
    if wanted.startswith("APL-"):
        wanted = "STD-" + wanted.removeprefix("APL-")
    found = _all_profiles(site).get(wanted)
    if found is not None:
        return found
    in_force = load_profiles(site)
    near = get_close_matches(wanted[:64], in_force, n=3, cutoff=0.5)
    raise ProfileError(
        f"no Application Profile is called {name[:64]!r}",
        f"Did you mean {' or '.join(near)}?"
        if near
        else f"`mediastation profiles` lists all {len(in_force)}.",
    )


@cache
def _all_profiles(site: Path | None) -> Mapping[str, ApplicationProfile]:
    if site is None:
        folder = resource_folder("profiles")
        profiles = _read({}, sorted(folder.glob("*.toml")), _OWN)
        if not profiles:
            raise ProfileError(f"there is no profile in {folder}", "Install the program again.")
    else:
        profiles = _read(_all_profiles(None), _site_files(site), _SITE)
    return MappingProxyType(dict(sorted(profiles.items())))


def _site_files(site: Path) -> list[Path]:
    try:
        paths = sorted(path for path in site.iterdir() if path.suffix == ".toml")
    except FileNotFoundError:
        return []
    except OSError as fault:
        raise ProfileError(
            f"The profiles in {site} cannot be read: {fault.strerror}.",
            "The folder and its files belong to the account that runs this.",
        ) from fault
    if len(paths) > _MOST_FILES:
        raise ProfileError(
            f"{site} holds more than {_MOST_FILES} profile files.",
            "One file can describe many profiles.",
        )
    return paths


def _read(
    known: Mapping[str, ApplicationProfile], paths: Iterable[Path], prefixes: tuple[str, ...]
) -> dict[str, ApplicationProfile]:
    """Return `known` and what the files describe; those that share others' keys are read last."""
    profiles = dict(known)
    for file in sorted(map(ProfileFile, paths), key=lambda file: file.borrows):
        for profile in file.profiles(profiles):
            if not profile.name.startswith(prefixes):
                raise ProfileError(
                    f"{file.path}: {profile.name} does not begin with {' or '.join(prefixes)}",
                    "Standard profiles come with the program; a site's own are AUG- or PRI-.",
                )
            if profile.name in profiles:
                raise ProfileError(
                    f"{file.path}: {profile.name} is described twice",
                    "Give one of them another name.",
                )
            profiles[profile.name] = profile
    return profiles
