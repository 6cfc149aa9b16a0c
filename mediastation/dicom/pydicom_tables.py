"""The tables of pydicom: data dictionary, names of UIDs, character sets.

pydicom takes a fifth of a second to load, which most commands need not spend;
so it is loaded when something is first looked up. Its modules import each
other: threads that load two of them at once may each find the other's half.
Therefore nothing else here imports it, and one thread at a time loads it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from functools import cache
from typing import NamedTuple

_LOADING = threading.Lock()


class Tables(NamedTuple):
    """What is looked up in pydicom.

    `vr_of` and `name_of` raise `KeyError` for a tag that the dictionary has not
    (PS3.6); `tag_of` returns None and `keyword_of` nothing. `uid_name` returns
    the UID itself where it has no name.
    """

    vr_of: Callable[[int], str]
    name_of: Callable[[int], str]
    keyword_of: Callable[[int], str]
    tag_of: Callable[[str], int | None]
    tag_by_keyword: Mapping[str, int]
    uid_name: Callable[[str], str]
    codec_by_term: Mapping[str, str]
    codec_by_escape: Mapping[bytes, str]
    codecs_seeing_escapes: tuple[str, ...]


@cache
def pydicom_tables() -> Tables:
    """Return the tables; safe to call from any thread."""
    with _LOADING:
        from pydicom import charset, config, datadict  # noqa: PLC0415
        from pydicom.uid import UID  # noqa: PLC0415

    return Tables(
        vr_of=datadict.dictionary_VR,
        name_of=datadict.dictionary_description,
        keyword_of=datadict.keyword_for_tag,
        tag_of=datadict.tag_for_keyword,
        tag_by_keyword=datadict.keyword_dict,
        # What is no valid UID has no name either, and is told where it was read.
        uid_name=lambda uid: str(UID(uid, config.IGNORE).name),
        codec_by_term=charset.python_encoding,
        codec_by_escape=charset.CODES_TO_ENCODINGS,
        codecs_seeing_escapes=tuple(charset.handled_encodings),
    )
