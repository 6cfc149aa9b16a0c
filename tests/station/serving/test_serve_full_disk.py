"""A disk that fills while instances arrive: a small file system of its own, in a namespace."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

# Runs in its own mount namespace; prints one JSON object.
_SCRIPT = """
import json, os, subprocess, sys, threading
from pathlib import Path

folder = Path(sys.argv[1])
small = folder / "small"
small.mkdir()
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "none", small], check=True)

from mediastation.catalog.listing import list_rows
from mediastation.network.storage_scu import send_files
from mediastation.station.serving.serve import serve
from mediastation.station.station import Station
from tests.support.network import write_ct

ballast = small / "ballast"
ballast.write_bytes(bytes(4 << 20))
files = [write_ct(folder / str(n), f"1.2.826.0.{n + 1}", pixel_bytes=1 << 20) for n in range(32)]
ready, stop, address = threading.Event(), threading.Event(), []

def on_ready(*bound):
    address.extend(bound)
    ready.set()

def run():
    with Station(small / "home") as station:
        serve(station, stop=stop, on_ready=on_ready, port=0)

serving = threading.Thread(target=run)
serving.start()
assert ready.wait(60)
titles = {"calling_ae": "SCU", "called_ae": "MEDIASTATION"}
full = send_files(*address, files, **titles)
left = sum(path.stat().st_size for path in (small / "home/incoming").rglob("*") if path.is_file())
ballast.unlink()
again = send_files(*address, [files[-1]], **titles)
stop.set()
serving.join()
with Station(small / "home") as station:
    rows = [row["sop_instance_uid"] for row in list_rows(station.catalog, "instances")]
    kept = [station.catalog.store.path(each) for each in station.catalog.store.iter_digests()]
    # Both ends have the same file meta, so whole files can be compared.
    whole = {path.read_bytes() for path in files} >= {path.read_bytes() for path in kept}
print(json.dumps({
    "full": [outcome.status for outcome in full.instances],
    "acknowledged": [o.sop_instance_uid for o in full.instances + again.instances if o.stored],
    "again": [outcome.status for outcome in again.instances],
    "rows": rows,
    "kept": len(kept),
    "whole": whole,
    "left": left,
}))
"""


def namespace() -> list[str]:
    """The words in front of a command that may mount; skip where that is not allowed."""
    words = ["unshare", "--map-root-user", "--mount"]
    probe = "mount -t tmpfs none /mnt"
    try:
        subprocess.run([*words, "sh", "-c", probe], check=True, capture_output=True, timeout=30)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no mount namespaces here")
    return words


def test_a_full_disk_refuses_what_comes_and_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    environment = os.environ | {"MEDIASTATION_DISK_RESERVE_BYTES": "0"}
    done = subprocess.run(
        [*namespace(), sys.executable, "-c", _SCRIPT, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=environment,
        cwd=Path(__file__).parents[3],
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)

    assert set(result["full"]) == {0, 0xA700}
    assert result["full"][0] == 0
    assert result["full"][-1] == 0xA700
    assert result["again"] == [0]
    assert result["left"] == 0
    assert sorted(result["rows"]) == sorted(result["acknowledged"])
    assert result["whole"]
    assert result["kept"] == len(result["rows"])
    assert "Traceback" not in done.stderr
