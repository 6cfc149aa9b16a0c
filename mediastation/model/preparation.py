"""What an instance needs before it may lie on the medium."""

from __future__ import annotations

from enum import Flag, auto


class Preparation(Flag):
    """What has to be made anew; the stored original is never touched.

    ``FILE_META`` replaces preamble and File Meta Information and leaves the
    data set as it is (PS3.10, 7.1). ``VR`` encodes the data set anew without
    touching its pixels (PS3.5, A.1, A.3 and A.5). ``DECODE`` takes the pixels
    out of their compression as well, ``ENCODE`` puts them into a lossless one
    (PS3.5, A.4). The latter three bring a File Meta Information of their own,
    so ``FILE_META`` is then set with them.
    """

    NONE = 0
    FILE_META = auto()
    VR = auto()
    DECODE = auto()
    ENCODE = auto()

    @property
    def touches_dataset(self) -> bool:
        """Whether the bytes of the data set change."""
        return bool(self & (Preparation.VR | Preparation.DECODE | Preparation.ENCODE))
