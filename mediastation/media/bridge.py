"""Images with UDF 1.02 and ISO 9660 over the same files, as PS3.12 Annex P lets a DVD be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from mediastation.errors import RefusedError
from mediastation.media.bridge_iso import IsoSide, iso_moment
from mediastation.media.level1 import VOLUME_ID, MediumFile, check_level1_names
from mediastation.media.sequential_image import SequentialImage
from mediastation.media.udf.image import UdfImage
from mediastation.media.udf.layout import (
    FIRST_ANCHOR,
    PARTITION,
    Layout,
    plan_layout,
    require_addressable,
    whole_units,
)

_REVISION = "1.02"


class BridgeImage(UdfImage):
    """A volume of `files` that readers of UDF and readers of ISO 9660 find alike.

    UDF 1.02, with which every reader of Annex P begins, and ISO 9660 with the
    names of Level 1. Every file is recorded once; what one side describes are
    the extents of the other. Everything is decided here and nothing is opened;
    `write` only performs. The same arguments give the same bytes on any machine.

    Parameters
    ----------
    files : iterable of MediumFile
        In any order.
    volume_id : str
        The File-set ID. On the ISO 9660 side empty gives 32 spaces, on the
        UDF side ``DICOM_`` and eight digits of the volume set.
    moment : datetime
        With a time zone. Every date on the medium, in UTC, in whole seconds.
    volume_set_seed : str
        As for `UdfImage`.

    Attributes
    ----------
    size_sectors : int
        Size of the image in sectors of 2048 bytes, exactly.

    Raises
    ------
    RefusedError
        If a name, a size or the depth cannot be recorded on both sides; with
        the findings of `check_level1_names`, `check_udf` or `plan_layout`.
    ValueError
        If `volume_id` is no File-set ID, or `moment` cannot be recorded.

    Notes
    -----
    ::

        16   ISO 9660 descriptor, terminator · UDF recognition sequence
        32   main sequence · 64 integrity · 256 anchor
        257  path tables L and M, directories of ISO 9660
        P    UDF partition: File Set, entries and directories, files
        end  + 31 anchor · + 32 reserve sequence · + 287 anchor, the last sector

    In sectors, `up(x)` being the next multiple of 32 and `s(x)` the sectors of
    x bytes: the image has ``P + up(U + D) + 288``, where

    * ``P = up(257 + 2 s(T) + sum of s(R))``, at least 288;
    * T, the bytes of a path table: 10 for the root, and 8 and the name for each
      other directory, made even;
    * R, the bytes of an ISO 9660 directory: 68, and 34 and the identifier less
      one, made even, for each entry (a directory's identifier is its name; a
      file's is its name with ``.;1``, or with ``;1`` where it has a point), a
      record that does not fit its sector beginning the next one;
    * ``U = 2 + files + directories (the root too) + sum of s(F)``, with F the
      bytes of a UDF directory: 40, and 39 and the name made a multiple of 4 for
      each entry;
    * D, the sum of s(size) over the files.

    A file above 4 GiB less 2048 bytes has several entries in its ISO 9660
    directory, one for each 4 GiB less 2048 bytes begun.
    """

    def __init__(
        self,
        files: Iterable[MediumFile],
        *,
        volume_id: str,
        moment: datetime,
        volume_set_seed: str = "",
    ) -> None:
        if not VOLUME_ID.fullmatch(volume_id):
            raise ValueError(f"{volume_id!r} is no File-set ID")
        files = tuple(files)
        findings = check_level1_names(files)
        if findings:
            raise RefusedError(f"{findings[0].message} No image was made.", findings)
        self._moment = iso_moment(moment)
        self._volume_id = volume_id
        super().__init__(
            files,
            revision=_REVISION,
            volume_id=volume_id,
            moment=moment,
            volume_set_seed=volume_set_seed,
        )

    def _plan(self, files: Iterable[MediumFile]) -> Layout:
        layout = plan_layout(files, self._revision)
        self._iso = IsoSide(layout.directories, FIRST_ANCHOR + 1)
        partition = whole_units(FIRST_ANCHOR + 1 + self._iso.size_sectors)
        layout = replace(layout, partition=max(PARTITION, partition))
        require_addressable(layout)
        return layout

    def _put_other_descriptors(self, image: SequentialImage) -> None:
        image.put_structure(self._iso.descriptors(self._volume_id, self._moment, self.size_sectors))

    def _put_other_structure(self, image: SequentialImage) -> None:
        data = self._layout.partition + self._layout.data
        for sectors in self._iso.iter_structure(data, self._moment):
            image.put_structure(sectors)
