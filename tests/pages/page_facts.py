"""Facts of invented patients for the pages, and strategies that make more of them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from hypothesis import strategies as st

from mediastation.pages.facts import (
    IndexFacts,
    IndexPatient,
    IndexSeries,
    IndexStudy,
    LabelFacts,
    SiblingDisc,
)

CREATED = datetime(2024, 2, 29, 23, 59, 58, tzinfo=timezone(timedelta(hours=1)))
UID = "2.25.213456789012345678901234567890123456789"
HEAD = "0123456789abcdef" * 4

LATIN, JAPANESE, KOREAN = (
    "Müller^Jürgen^^Dr.",
    "Yamada^Tarou=山田^太郎=やまだ^たろう",
    "Hong^Gildong=洪^吉洞=홍^길동",
)
ARABIC, HEBREW = "قباني^لنزار", "כהן^דוד"
GREEK, CYRILLIC = "Διονυσιος^Νίκος", "Люксембург^Анна"
THAI, DEVANAGARI = "สมชาย^ใจดี", "शर्मा^राज"
VIETNAMESE = "Nguye\u0302\u0303n^Thi\u0323 Ho\u0302\u0300ng"
LONG = "A" * 40 + "^" + "B" * 23

SERIES = (IndexSeries("CT", "1", "Scout", 2), IndexSeries("SR", "99", "Dose & report", 1234))
STUDY = IndexStudy("20240229", "CT Thorax", "A0001", SERIES)
OLDER = IndexStudy("20191231", "Röntgen <Thorax>", "", SERIES[:1], also_on=(2,))
PATIENT = IndexPatient(LATIN, "4711", "19500102", "M", (STUDY, OLDER))
DISCS = (SiblingDisc(1, 2, 3, 1238, "20191231", "20240229"), SiblingDisc(2, 1, 1, 17, "20180101"))

INDEX = IndexFacts(
    created=CREATED,
    file_set_uid=UID,
    file_set_id="MUELLER_1",
    profile="STD-GEN-CD",
    patients=(PATIENT,),
    institution="St. Elsewhere, Radiology",
    contact=("1 Main Street", "Tel. +1 555 0100"),
)
LABEL = LabelFacts(
    created=CREATED,
    file_set_uid=UID,
    file_set_id="MUELLER_1",
    profile="STD-GEN-CD",
    patients=(PATIENT,),
    institution="St. Elsewhere, Radiology",
    contact=("1 Main Street",),
    volume=2,
    volumes=3,
    siblings=DISCS,
    ledger_head=HEAD,
)

words = st.text(max_size=30)
series = st.builds(IndexSeries, words, words, words, st.integers(0, 5000))
studies = st.builds(IndexStudy, words, words, words, st.lists(series, max_size=4).map(tuple))
patients = st.builds(
    IndexPatient,
    st.text(st.characters() | st.sampled_from("^=^= אשק&<"), max_size=30),
    words,
    words,
    words,
    st.lists(studies, max_size=3).map(tuple),
)
