"""pydicom's tables: whoever asks first, from whichever thread, gets all of them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import mediastation

# The first thread is stopped within the first import of pydicom, until the second
# one has had the time to ask for something else of it.
_TWO_ASK_AT_ONCE = """
import sys, threading, traceback
from mediastation.dicom.charset import decode_text
from mediastation.dicom.vr import dictionary_vr
from mediastation.model.instance import Element

assert "pydicom" not in sys.modules
inside, faults = threading.Event(), []

class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == "pydicom.dataelem" and not inside.is_set():
            inside.set()
            threading.Event().wait(0.5)

def ask(what):
    try:
        what()
    except BaseException:
        faults.append(traceback.format_exc())

def decode():
    inside.wait(30)
    text = decode_text(Element("PN", b"M\\xfcller "), Element("CS", b"ISO_IR 100"))
    assert text.rstrip() == "M\\xfcller", text

sys.meta_path.insert(0, Slow())
threads = [
    threading.Thread(target=ask, args=(what,))
    for what in (lambda: dictionary_vr(0x00100010), decode)
]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert inside.is_set()
sys.exit("\\n".join(faults) or 0)
"""


def test_threads_that_ask_at_once_do_not_meet_half_of_a_module() -> None:
    result = subprocess.run(
        [sys.executable, "-c", _TWO_ASK_AT_ONCE],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert result.stderr == ""
    assert result.returncode == 0


def test_nothing_else_loads_pydicom_in_its_own_way() -> None:
    package = Path(mediastation.__file__).parent
    loads = re.compile(r"^\s*(from|import) pydicom\b", re.MULTILINE)

    loading = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if loads.search(path.read_text(encoding="utf-8"))
    }

    # The demo, a command of its own, takes its example files from there.
    assert loading == {"dicom/pydicom_tables.py", "station/demo.py"}
