"""What the console asks with 10,000 studies and 1,000,000 instances, in milliseconds.

``python -m benchmarks.browsing [--studies 10000] [--instances 1000000] [--home DIR]``. The rows
are put in directly; with ``--home`` they stay there. The baseline is what SQLite needs to give as
many bare rows: one column of the studies in the order of their numbers, or rows by number.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import func, insert, select, text

from mediastation.catalog import browsing
from mediastation.catalog.catalog import Catalog
from mediastation.catalog.packing import pack_header
from mediastation.catalog.parent_rows import fill_studies
from mediastation.catalog.schema import instances, patients, series, studies
from mediastation.model.browsing import StudyOrder
from mediastation.model.instance import InstanceHeader
from mediastation.model.name_order import name_order

_SERIES_PER_STUDY = 5
_BATCH = 500
_LIMIT_MS = 50
_FAMILIES = [
    *("Doe", "Müller", "García", "Núñez", "Smith", "Łukasz", "Øster", "Nguyen"),
    *("山田^太郎", "김^철수", "Иванов", "عمر"),
]
_WHAT = ["Thorax", "Abdomen with contrast", "MRI Knee left", "Mammography screening", ""]


def fill(catalog: Catalog, number: int, total: int) -> None:
    """Insert `number` studies of half as many patients, `total` instances in five series each."""
    chance = random.Random(5)
    header = pack_header(InstanceHeader("1.2", "1.2", "1.2"))
    each = max(total // number // _SERIES_PER_STUDY, 1)
    with catalog.writing() as connection:
        for n in range(number // 2 + 1):
            name = f"{chance.choice(_FAMILIES)}{n % 977}^Given{n}"
            connection.execute(
                insert(patients),
                {
                    "id": n + 1,
                    "patient_id": f"P{n:06}",
                    "issuer_of_patient_id": "HOSPITAL",
                    "patient_sex": "O",
                    "patient_name": name,
                    "patient_birth_date": f"19{n % 90 + 10}0{n % 9 + 1}15",
                    "name_key": name_order(name),
                },
            )
    for start in range(0, number, _BATCH):
        some = range(start, min(start + _BATCH, number))
        with catalog.writing() as connection:
            connection.execute(insert(studies), [
                {"id": n + 1, "patient": n // 2 + 1, "study_instance_uid": f"1.2.840.99.{n}",
                 "study_date": f"20{n % 26:02}{n % 12 + 1:02}{n % 28 + 1:02}",
                 "study_time": f"{n % 24:02}1500", "study_id": str(n),
                 "accession_number": f"A{n:08}", "study_description": _WHAT[n % len(_WHAT)]}
                for n in some])  # fmt: skip
            connection.execute(insert(series), [
                {"id": n * _SERIES_PER_STUDY + k + 1, "study": n + 1,
                 "series_instance_uid": f"1.2.840.99.{n}.{k}",
                 "modality": ("CT", "MR", "US", "DX", "SR")[(n + k // 4) % 5],
                 "series_number": str(k), "series_description": f"Series {k}",
                 "instances": each, "size_bytes": each * 526_000}
                for n in some for k in range(_SERIES_PER_STUDY)])  # fmt: skip
            connection.execute(insert(instances), [
                {"series": n * _SERIES_PER_STUDY + k + 1, "kind": "original", "recipe": "",
                 "sop_instance_uid": f"1.2.840.99.{n}.{k}.{i}", "sop_class_uid": "1.2",
                 "transfer_syntax_uid": "1.2", "instance_number": i,
                 "sha256": f"{(n * 7919 + k * 104729 + i) * 2654435761 % 2**64:064x}",
                 "data_sha256": f"{(n * _SERIES_PER_STUDY + k) * 100_000 + i:064x}",
                 "size_bytes": 526_000, "header": header, "index_version": 1,
                 "source_kind": "network", "source_detail": "CT@10.0.0.1", "calling_ae": "CT",
                 "called_ae": "MEDIASTATION", "received_at": 1.7e9 + n}
                for n in some for k in range(_SERIES_PER_STUDY) for i in range(each)])  # fmt: skip
    with catalog.writing() as connection:
        fill_studies(connection)


def best_ms(query: Callable[[], object]) -> float:
    """Return the best of seven runs."""
    times = []
    for _ in range(7):
        start = time.perf_counter()
        query()
        times.append(time.perf_counter() - start)
    return min(times) * 1000


def measure(catalog: Catalog) -> bool:
    """Print each query beside its baseline; return whether all kept to the limit."""
    with catalog.reading() as connection:
        number = connection.execute(select(func.count()).select_from(studies)).scalar_one()
        held = connection.execute(select(func.sum(series.c.instances))).scalar_one()
    print(f"{number:,} studies, {held:,} instances; limit {_LIMIT_MS} ms")
    keys = browsing.study_keys(catalog)
    page = keys[number // 2 : number // 2 + 150]
    uids = [f"1.2.840.99.{n}" for n in range(0, min(number, 1000), 2)]

    def bare(statement: str) -> Callable[[], object]:
        def run() -> object:
            with catalog.reading() as connection:
                return connection.execute(text(statement)).all()

        return run

    everything = bare("SELECT id FROM studies")
    rows = bare(f"SELECT * FROM studies WHERE id BETWEEN {page[-1]:d} AND {page[0]:d}")  # noqa: S608 - numbers
    one = bare("SELECT 1")
    queries: list[tuple[str, Callable[[], object], Callable[[], object]]] = [
        ("whether anything changed", lambda: browsing.catalog_state(catalog), one),
        *(
            (
                f"all studies by {order}",
                lambda o=order: browsing.study_keys(catalog, "", o),
                everything,
            )  # type: ignore[misc]
            for order in StudyOrder
        ),
        *(
            (f"search {words!r}", lambda w=words: browsing.study_keys(catalog, w), everything)  # type: ignore[misc]
            for words in ("d", "doe", "muller contrast", "ct", "2019-04", "nothing like it", "山田")
        ),
        (
            "search 'given' by name",
            lambda: browsing.study_keys(catalog, "given", StudyOrder.NAME),
            everything,
        ),
        ("150 studies in view", lambda: browsing.study_rows(catalog, page), rows),
        ("their series", lambda: browsing.series_of_studies(catalog, page), rows),
        ("a patient's studies", lambda: browsing.studies_of_patient(catalog, 77), one),
        ("a series' instances", lambda: browsing.instance_rows(catalog, 777), one),
        ("total of 500 marked studies", lambda: browsing.totals(catalog, uids), rows),
        ("unfinished jobs", lambda: browsing.count_unfinished_jobs(catalog), one),
    ]
    kept = True
    for name, query, baseline in queries:
        took, least = best_ms(query), best_ms(baseline)
        kept = kept and took <= _LIMIT_MS
        over = "" if took <= _LIMIT_MS else "  OVER THE LIMIT"
        print(f"  {name:<28} {took:7.2f} ms   {took / least:5.1f} × bare select{over}")
    return kept


def main() -> None:
    """Fill a catalog, or take one that was filled, and measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=10_000)
    parser.add_argument("--instances", type=int, default=1_000_000)
    parser.add_argument("--home", type=Path)
    words = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as temporary,
        Catalog(words.home or Path(temporary) / "home") as catalog,
    ):
        if not browsing.study_keys(catalog):
            fill(catalog, words.studies, words.instances)
        kept = measure(catalog)
    if not kept:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
