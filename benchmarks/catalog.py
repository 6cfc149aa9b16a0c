"""Queries of the catalog with a million instances, in milliseconds.

``python -m benchmarks.catalog [--instances 1000000]``. The rows are put in
directly: what is measured is looking them up.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import insert

from mediastation.catalog.catalog import Catalog
from mediastation.catalog.listing import list_rows
from mediastation.catalog.packing import pack_header
from mediastation.catalog.schema import instances, patients, series, studies
from mediastation.catalog.selection import find_entries
from mediastation.model.instance import InstanceHeader

_PER_SERIES = 100
_BATCH = 20_000


def fill(catalog: Catalog, number: int) -> None:
    """Insert `number` instances, a hundred to a series, a series to a study and a patient."""
    header = pack_header(InstanceHeader("1.2", "1.2", "1.2"))
    with catalog.writing() as connection:
        for start in range(0, number, _BATCH):
            groups = range(start // _PER_SERIES, (start + _BATCH) // _PER_SERIES)
            connection.execute(
                insert(patients),
                [
                    {
                        "id": n + 1,
                        "patient_id": f"P{n}",
                        "issuer_of_patient_id": "",
                        "patient_sex": "",
                        "patient_name": f"Name{n}^Given",
                        "patient_birth_date": "",
                    }
                    for n in groups
                ],
            )
            connection.execute(
                insert(studies),
                [
                    {
                        "id": n + 1,
                        "patient": n + 1,
                        "study_instance_uid": f"1.2.{n}",
                        "study_date": f"2026{n % 12 + 1:02}01",
                        "study_time": "",
                        "study_id": "",
                        "accession_number": f"A{n}",
                        "study_description": "CT",
                    }
                    for n in groups
                ],
            )
            connection.execute(
                insert(series),
                [
                    {
                        "id": n + 1,
                        "study": n + 1,
                        "series_instance_uid": f"1.2.{n}.1",
                        "modality": "CT",
                        "series_number": "1",
                        "series_description": "",
                        "instances": _PER_SERIES,
                        "size_bytes": 1,
                    }
                    for n in groups
                ],
            )
            connection.execute(insert(instances), [
                {"series": n // _PER_SERIES + 1, "kind": "original", "recipe": "",
                 "sop_instance_uid": f"1.2.{n // _PER_SERIES}.1.{n}", "sop_class_uid": "1.2",
                 "transfer_syntax_uid": "1.2", "instance_number": n % _PER_SERIES,
                 "sha256": f"{n * 2654435761 % 2**64:064x}", "data_sha256": f"{n:064x}",
                 "size_bytes": 1, "header": header, "index_version": 1, "source_kind": "",
                 "source_detail": "", "calling_ae": "", "called_ae": "", "received_at": 0.0}
                for n in range(start, start + _BATCH)])  # fmt: skip


def main() -> None:
    """Fill a catalog and time each query, the best of five."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--instances", type=int, default=1_000_000)
    number = parser.parse_args().instances
    with tempfile.TemporaryDirectory() as temporary, Catalog(Path(temporary) / "home") as catalog:
        fill(catalog, number)
        queries: dict[str, Callable[[], object]] = {
            "patient:ID": lambda: find_entries(catalog, "patient:P77"),
            "study:UID": lambda: find_entries(catalog, "study:1.2.77"),
            "series:UID": lambda: find_entries(catalog, "series:1.2.77.1"),
            "instance:UID": lambda: find_entries(catalog, "instance:1.2.77.1.7701"),
            "list studies, 200 of them": lambda: list_rows(catalog, "studies", "", 200),
            "list studies NAME": lambda: list_rows(catalog, "studies", "name77"),
            "list instances of one study": lambda: list_rows(catalog, "instances", "1.2.77.1"),
        }
        print(f"{number:,} instances")
        for name, query in queries.items():
            best = float("inf")
            for _ in range(5):
                start = time.perf_counter()
                query()
                best = min(best, time.perf_counter() - start)
            print(f"  {name}: {best * 1000:.1f} ms")


if __name__ == "__main__":
    main()
