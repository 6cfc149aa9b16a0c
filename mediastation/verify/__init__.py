"""Rereading a medium. Knows the medium, the manifest and the standard, never the writers.

`verify_medium` opens what lies at a path, `verify_volume` takes what is
already open; both return a `VerifyReport` that says what was wrong and how
much could be proved.
"""

from mediastation.verify.report import VerifyReport
from mediastation.verify.verifier import verify_medium, verify_volume

__all__ = ["VerifyReport", "verify_medium", "verify_volume"]
