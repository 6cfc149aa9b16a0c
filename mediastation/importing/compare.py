"""How arriving instances stand to those that are here, and to each other.

What is usual on real discs is no contradiction, and is told apart from one:

- The same instance twice, on one medium or on two, with the same attributes and
  pixels is a duplicate, also where it is encoded or compressed otherwise, and
  where it is a copy that this station made and that comes back.
- Objects without pixels of their own (reports, presentation states, what has
  nothing but an icon) copy no pixels.
- Blank images (padding, empty frames and pages) are alike everywhere: they copy
  nothing.
- Localizers, key images and saved screens are repeated within a study under new
  UIDs. Copied pixels of the same person's same study are therefore new
  instances, and nothing is said.
- A person's name is spelt in many ways, and numbered by every hospital. Only an
  identity that cannot be the same person contradicts one
  (`mediastation.model.likeness`); one that names nobody contradicts none.

What stays a false alarm: test patterns, logos and cover pages that a device
puts into every study are pictures, and are told as copied (they are taken, with
a warning); a lossy copy beside its original under one UID cannot be told from
other pixels, and is held; and so is an object whose private sequences were
written anew without their VR.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import astuple, replace
from itertools import islice
from pathlib import Path

from mediastation.catalog.catalog import Catalog
from mediastation.catalog.durable import disk_trouble_told, make_private_folder
from mediastation.catalog.lookups import (
    BATCH,
    KnownInstance,
    KnownPatient,
    has_unseen_pixels,
    instances_with_uids,
    known_instance,
    originals_with_pixels,
    patients_of_studies,
)
from mediastation.catalog.selection import read_entry
from mediastation.conformance.identity import patient_identity
from mediastation.dicom.attribute_differences import Differences
from mediastation.dicom.pixel_comparison import same_pixels, shows_nothing
from mediastation.dicom.pixel_key import is_blank_key
from mediastation.importing.came_before import MOST_TOLD, CameBefore
from mediastation.importing.comparison import Comparison, Counterpart, is_stranger
from mediastation.importing.judge import Judge, PixelVerdict
from mediastation.importing.lend import Lend
from mediastation.importing.look import OutsideError
from mediastation.model.entry import Kind
from mediastation.model.finding import Finding, note
from mediastation.model.identity import PatientIdentity
from mediastation.model.importing import ArrivedFile, Standing

_HOLE = "\N{REPLACEMENT CHARACTER}"
_MOST_RIVALS = 6
"""Instances of one UID that are compared in full."""


def check_knowledge(catalog: Catalog) -> list[Finding]:
    """Say, once for a medium, if comparing knows less than it could."""
    if not has_unseen_pixels(catalog):
        return []
    return [
        note(
            "pixels-unseen",
            str(catalog.home),
            "The catalog holds instances from before pixels were recognised: a copy of them under "
            "another UID is not noticed. All else is compared.",
            "Run `mediastation reindex` when there is time.",
        )
    ]


def iter_standings(
    catalog: Catalog, arrivals: Iterable[ArrivedFile], lend: Lend, scratch: Path
) -> Iterator[tuple[ArrivedFile, Comparison]]:
    """Yield how arriving instances stand, in their order.

    Streams, in batches of `BATCH`: each is looked up in the catalog at once,
    and memory does not grow with the medium. Files are read only where the
    index cannot tell: same UID and other content, or same pixel key.

    Parameters
    ----------
    catalog : Catalog
        What is here. It should not change meanwhile.
    arrivals : iterable of ArrivedFile
        The instances of one medium.
    lend : callable
        Gives an instance's file (`mediastation.importing.lend`). Its
        `OutsideError` says that the medium cannot be read again: two instances
        of one UID then count as different.
    scratch : Path
        A folder of the job's own, private; what is put there is removed.

    Raises
    ------
    MediaError
        If our own disk or the index fails, or decoders cannot be started.
    """
    with disk_trouble_told(scratch.parent):
        make_private_folder(scratch)
    rest = iter(arrivals)
    with CameBefore(scratch / "came-before.sqlite") as before, Judge(scratch) as judge:
        comparer = _Comparer(catalog, before, judge, lend)
        while batch := list(islice(rest, BATCH)):
            comparer.look_up(batch)
            for arrived in batch:
                yield arrived, comparer.compare(arrived)


class _Comparer:
    def __init__(self, catalog: Catalog, before: CameBefore, judge: Judge, lend: Lend) -> None:
        self._catalog = catalog
        self._before = before
        self._judge = judge
        self._lend = lend
        self._by_uid: dict[str, list[KnownInstance]] = {}
        self._by_pixels: dict[str, list[KnownInstance]] = {}
        self._by_study: dict[str, list[KnownPatient]] = {}
        self._belonging: set[tuple[str, PatientIdentity]] = set()

    def look_up(self, batch: Sequence[ArrivedFile]) -> None:
        """Ask the index about a batch."""
        keys = {one.pixel_key for one in batch if not is_blank_key(one.pixel_key)}
        self._by_uid = instances_with_uids(self._catalog, {one.sop_instance_uid for one in batch})
        self._by_pixels = originals_with_pixels(self._catalog, keys)
        self._by_study = patients_of_studies(
            self._catalog, {one.study_instance_uid for one in batch}
        )
        self._belonging.clear()

    def compare(self, arrived: ArrivedFile) -> Comparison:
        """Return how one instance of the batch stands."""
        alike = self._before.with_uid(arrived.sop_instance_uid)
        comparison = (
            self._duplicate(arrived, alike)
            or self._same_uid(arrived, alike)
            or self._other_patient(arrived)
            or self._copied(arrived)
            or Comparison(Standing.NEW)
        )
        about = (arrived.study_instance_uid, arrived.identity)
        # What is held for another reason has not shown that it is this patient's.
        belongs = comparison.standing in (Standing.NEW, Standing.COPIED_PIXELS)
        self._before.add(arrived, person_counts=belongs and about not in self._belonging)
        if belongs:
            self._belonging.add(about)
        return comparison

    def _duplicate(self, arrived: ArrivedFile, alike: list[ArrivedFile]) -> Comparison | None:
        uid, data = arrived.sop_instance_uid, arrived.data_sha256
        known = next((one for one in self._by_uid.get(uid, ()) if one.data_sha256 == data), None)
        if known is not None:
            return Comparison(Standing.DUPLICATE, Counterpart.of_known(known))
        before = next((one for one in alike if one.data_sha256 == data), None)
        if before is None and len(alike) == MOST_TOLD:
            before = self._before.equal(uid, data)
        if before is not None:
            return Comparison(Standing.DUPLICATE, Counterpart.of_arrived(before))
        return None

    def _same_uid(self, arrived: ArrivedFile, alike: list[ArrivedFile]) -> Comparison | None:
        # A prepared copy tells what its original tells.
        rivals: list[KnownInstance | ArrivedFile] = [
            one
            for one in self._by_uid.get(arrived.sop_instance_uid, ())
            if one.kind is not Kind.PREPARED
        ]
        rivals = rivals or [*alike]
        nearest = None
        for rival in rivals[:_MOST_RIVALS]:
            comparison = self._in_full(arrived, rival)
            if comparison.standing is Standing.DUPLICATE:
                return comparison
            milder = comparison.standing is Standing.OTHER_HEADER
            if nearest is None or (milder and nearest.standing is Standing.OTHER_PIXELS):
                nearest = comparison
        return nearest

    def _in_full(self, arrived: ArrivedFile, rival: KnownInstance | ArrivedFile) -> Comparison:
        """Compare two instances of one UID from end to end."""
        counterpart = _counterpart(rival)
        with ExitStack() as borrowed:
            try:
                ours, theirs = self._files(arrived, rival, borrowed)
                pixels, differences = self._judge.judge(theirs, ours)
            except (OutsideError, OSError) as fault:
                unread = Differences(unread=f"the files cannot be read: {_reason(fault)}")
                untold = PixelVerdict.UNTOLD
                return Comparison(Standing.OTHER_PIXELS, counterpart, untold, unread)
        standing = Standing.OTHER_PIXELS
        if pixels is PixelVerdict.SAME:
            standing = Standing.OTHER_HEADER if differences else Standing.DUPLICATE
        rewritten = standing is Standing.DUPLICATE
        return Comparison(standing, counterpart, pixels, differences, rewritten)

    def _other_patient(self, arrived: ArrivedFile) -> Comparison | None:
        study = arrived.study_instance_uid
        if not study or (study, arrived.identity) in self._belonging:
            return None
        # What was decided before, or elsewhere, made the study this person's already.
        here = self._by_study.get(study, [])
        known: Sequence[KnownPatient | ArrivedFile] = here or self._before.of_study(study)
        if not known or not all(self._is_stranger(one, arrived) for one in known):
            return None
        first = known[0]
        if isinstance(first, ArrivedFile):
            return Comparison(Standing.OTHER_PATIENT, Counterpart.of_arrived(first))
        entry = known_instance(self._catalog, first.entry)
        if entry is None:
            return None  # forgotten just now
        counterpart = replace(Counterpart.of_known(entry), identity=first.identity)
        return Comparison(Standing.OTHER_PATIENT, counterpart)

    def _copied(self, arrived: ArrivedFile) -> Comparison | None:
        key = arrived.pixel_key
        if not key or is_blank_key(key):
            return None
        rivals: list[KnownInstance | ArrivedFile] = [
            one
            for one in (*self._by_pixels.get(key, ()), *self._before.with_pixels(key))
            if one.sop_instance_uid != arrived.sop_instance_uid
            and (
                one.study_instance_uid != arrived.study_instance_uid
                or self._is_stranger(one, arrived)
            )
        ]
        # A stranger's image weighs more than one's own.
        rivals.sort(key=lambda one: not self._is_stranger(one, arrived))
        for rival in rivals:
            with ExitStack() as borrowed:
                try:
                    ours, theirs = self._files(arrived, rival, borrowed)
                    copied = same_pixels(ours, theirs) and not shows_nothing(ours)
                except (OutsideError, OSError):
                    continue  # it is only a warning, and says nothing that is not known
            if copied:
                pixels = PixelVerdict.SAME
                return Comparison(Standing.COPIED_PIXELS, _counterpart(rival), pixels)
        return None

    def _is_stranger(
        self, one: KnownInstance | KnownPatient | ArrivedFile, arrived: ArrivedFile
    ) -> bool:
        identity = one.identity
        if not isinstance(one, ArrivedFile) and any(_HOLE in fact for fact in astuple(identity)):
            # What nobody can read is a hole in the index; arrivals have it byte by byte.
            entry = read_entry(self._catalog, one.entry)
            identity = patient_identity(entry.header) if entry else identity
        return is_stranger(identity, arrived.identity)

    def _files(
        self, arrived: ArrivedFile, rival: KnownInstance | ArrivedFile, borrowed: ExitStack
    ) -> tuple[Path, Path]:
        """Return the files of both, as far as they can be had."""
        ours = borrowed.enter_context(self._lend(arrived))
        if isinstance(rival, ArrivedFile):
            return ours, borrowed.enter_context(self._lend(rival))
        return ours, self._catalog.store.path(rival.sha256, rival.kind)


def _counterpart(rival: KnownInstance | ArrivedFile) -> Counterpart:
    if isinstance(rival, ArrivedFile):
        return Counterpart.of_arrived(rival)
    return Counterpart.of_known(rival)


def _reason(fault: Exception) -> str:
    return str(getattr(fault, "strerror", None) or fault).rstrip(".")
