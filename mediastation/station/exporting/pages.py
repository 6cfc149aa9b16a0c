"""What a volume carries besides DICOM: pages for people, digests for programs, the site's own."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mediastation.catalog.durable import disk_trouble_told
from mediastation.model.manifest import DIGEST_LIST_NAME, write_digest_list
from mediastation.model.profile import Security
from mediastation.pages.facts import IndexFacts, SiblingDisc
from mediastation.pages.index import INDEX_NAME, index_size_bound, render_index
from mediastation.pages.open_page import OPEN_NAME, OpenFacts, render_open
from mediastation.pages.readme import README_NAME, ReadmeFacts, readme_size_bound, render_readme
from mediastation.station.exporting.contents import Contents, read_contents
from mediastation.station.exporting.file_set import DICOMDIR, Volume
from mediastation.station.exporting.include import WEB_FOLDER
from mediastation.station.exporting.work import Work
from mediastation.station.sealing.plan import opens_in_browser


def add_pages(work: Work, volumes: Sequence[Volume]) -> None:
    """Put everything onto `volumes` that is no instance, the digests of it all last.

    `volumes` are all of the set: each page names the others.

    Raises
    ------
    ConfigError
        If a template of the site is faulty.
    MediaError
        If the disk of the home fails.
    """
    contents = [
        read_contents(volume.folder / DICOMDIR).without_dates(volume.undated_studies)
        for volume in volumes
    ]
    siblings = siblings_of_set(contents)
    numbers: dict[str, list[int]] = {}
    for volume, held in zip(volumes, contents, strict=True):
        for uid in held.study_uids:
            numbers.setdefault(uid, []).append(volume.plan.number)
    for volume, held in zip(volumes, contents, strict=True):
        volume.contents, volume.siblings = held, siblings
        volume.also_on = {
            uid: tuple(number for number in numbers[uid] if number != volume.plan.number)
            for uid in held.study_uids
        }
        _add_directory(work, volume)
        add_readme(work, volume, siblings, index=has_index(work))
        if has_open_page(work):
            _add_page(volume, OPEN_NAME, _open_page(work))
        if has_index(work):
            add_index(work, volume, held, siblings)
        add_included(work, volume)
        add_digest_list(volume)


def siblings_of_set(contents: Sequence[Contents]) -> tuple[SiblingDisc, ...]:
    """Return how the volumes of one set name each other; empty if there is one only."""
    if len(contents) < 2:
        return ()
    return tuple(held.as_sibling(number) for number, held in enumerate(contents, start=1))


def has_index(work: Work) -> bool:
    """Tell whether the medium gets INDEX.HTM: it names patients, so no sealed one does."""
    return work.profile.security is Security.NONE


def has_open_page(work: Work) -> bool:
    """Tell whether the medium gets OPEN.HTM: a password opens it, in a cipher of browsers."""
    sealing = work.sealing
    if sealing is None or not sealing.seals_files or sealing.password is None:
        return False
    return opens_in_browser(work.station.settings.secure)


def add_readme(
    work: Work, volume: Volume, siblings: tuple[SiblingDisc, ...] = (), *, index: bool
) -> None:
    """Put README.TXT onto the volume; `index` says whether it has INDEX.HTM."""
    page = render_readme(_readme_facts(work, volume, siblings, index), _templates(work))
    _add_page(volume, README_NAME, page)


def add_index(
    work: Work,
    volume: Volume,
    held: Contents,
    siblings: tuple[SiblingDisc, ...] = (),
) -> None:
    """Put INDEX.HTM onto the volume."""
    page = render_index(_index_facts(work, volume, held, siblings), _templates(work))
    _add_page(volume, INDEX_NAME, page)


def add_included(work: Work, volume: Volume) -> None:
    """Put what the site adds onto the volume."""
    for file in work.included.files:
        volume.add(file.path, file.source, file.size_bytes, file.sha256)


def add_digest_list(volume: Volume) -> None:
    """Put the digests of everything that is on the volume so far onto it."""
    listed = write_digest_list(sorted(volume.manifest_files, key=lambda file: file.path))
    _add_page(volume, DIGEST_LIST_NAME, listed.encode("ascii"))


def add_own_file(volume: Volume, name: str, uid: str = "") -> None:
    """Put a file of the volume's folder onto the volume."""
    path = volume.folder / name
    volume.add(name, path, path.stat().st_size, _digest_of(path), uid)


def _add_directory(work: Work, volume: Volume) -> None:
    path = volume.folder / DICOMDIR
    digest, size_bytes = _digest_of(path), path.stat().st_size
    volume.add_dicom(work.sealing, DICOMDIR, path, size_bytes, digest, volume.file_set_uid)


def _digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def rewrite_digest_list(volume: Volume) -> None:
    """Write the digests again, now that all are known; the list is as long as it was.

    Raises
    ------
    MediaError
        If the disk of the home fails.
    """
    place = next(
        number for number, file in enumerate(volume.manifest_files) if file.path == DIGEST_LIST_NAME
    )
    others = [file for file in volume.manifest_files if file.path != DIGEST_LIST_NAME]
    listed = write_digest_list(sorted(others, key=lambda file: file.path)).encode("ascii")
    path = volume.folder / DIGEST_LIST_NAME
    with disk_trouble_told(volume.folder):
        path.write_bytes(listed)
        volume.manifest_files[place] = replace(
            volume.manifest_files[place], sha256=_digest_of(path)
        )


class PageRoom:
    """How much room the pages of any volume need, before it is known what will be on which.

    Parameters
    ----------
    work : Work
        The export.
    volumes : sequence of Volume
        Its first attempt, together the whole set.
    """

    def __init__(self, work: Work, volumes: Sequence[Volume]) -> None:
        self._work = work
        contents = [volume.contents for volume in volumes if volume.contents is not None]
        self._patients = tuple(one for held in contents for one in held.patients())
        self._without_patient = sum(held.without_patient for held in contents)
        self._volume = volumes[0]
        self._instances = sum(volume.instances for volume in volumes)

    def files(self, volumes: int, *, with_included: bool = True) -> list[tuple[str, int]]:
        """Return path and size, at most, of what each of `volumes` carries beside its File-set."""
        work, templates = self._work, _templates(self._work)
        readme = _readme_facts(work, self._volume, (), has_index(work), self._instances)
        files = [(README_NAME, readme_size_bound(readme, volumes, templates))]
        if has_open_page(work):
            files.append((OPEN_NAME, len(_open_page(work))))
        if has_index(work):
            held = Contents(without_patient=self._without_patient)
            index = _index_facts(work, self._volume, held)
            index = replace(index, patients=self._patients)
            files.append((INDEX_NAME, index_size_bound(index, volumes, templates)))
        if not with_included:
            return files
        return files + [(file.path, file.size_bytes) for file in work.included.files]


def _readme_facts(
    work: Work, volume: Volume, siblings: tuple[SiblingDisc, ...], index: bool, instances: int = 0
) -> ReadmeFacts:
    settings, included = work.station.settings, work.included
    sealing = work.sealing if work.sealing and work.sealing.seals_files else None
    return ReadmeFacts(
        created=work.station.clock.moment(),
        profile=work.target.claims,
        file_set_id=volume.file_set_id,
        file_set_uid=volume.file_set_uid,
        instances=instances or volume.instances,
        institution=settings.institution,
        contact=tuple(settings.contact),
        volume=volume.plan.number,
        volumes=volume.plan.volumes,
        siblings=siblings,
        index_page=INDEX_NAME if index else "",
        web_folder=WEB_FOLDER if included.web_page else "",
        viewer=included.viewer,
        other_folders=_other_folders(work),
        encrypted=sealing is not None,
        password=sealing is not None and sealing.password is not None,
        certificates=len(sealing.recipients) if sealing else 0,
        signed=sealing is not None and sealing.signer is not None,
        open_page=OPEN_NAME if has_open_page(work) else "",
    )


def _open_page(work: Work) -> bytes:
    settings = work.station.settings
    facts = OpenFacts(institution=settings.institution, contact=tuple(settings.contact))
    return render_open(facts, _templates(work))


def _index_facts(
    work: Work,
    volume: Volume,
    held: Contents,
    siblings: tuple[SiblingDisc, ...] = (),
) -> IndexFacts:
    settings, included = work.station.settings, work.included
    return IndexFacts(
        created=work.station.clock.moment(),
        file_set_uid=volume.file_set_uid,
        file_set_id=volume.file_set_id,
        profile=work.target.claims,
        patients=held.patients(volume.also_on),
        institution=settings.institution,
        contact=tuple(settings.contact),
        disclaimer=settings.disclaimer,
        without_patient=held.without_patient,
        volume=volume.plan.number,
        volumes=volume.plan.volumes,
        siblings=siblings,
        web_page=included.web_page,
        viewer=included.viewer,
        other_folders=_other_folders(work),
    )


def _other_folders(work: Work) -> tuple[str, ...]:
    return tuple(name for name in work.included.folders if name != WEB_FOLDER)


def _templates(work: Work) -> Path:
    return work.station.home / "templates"


def _add_page(volume: Volume, name: str, content: bytes) -> None:
    with disk_trouble_told(volume.folder):
        (volume.folder / name).write_bytes(content)
        add_own_file(volume, name)
