"""All benchmarks, one after the other: ``python -m benchmarks``."""

from __future__ import annotations

import subprocess
import sys

_NAMES = (
    "header_scan importing check dicomdir iso9660 export media catalog browsing transcode sealing "
    "console"
)

for name in _NAMES.split():
    print(f"\n{name}", flush=True)
    subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=True)
