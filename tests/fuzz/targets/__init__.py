"""The readers, by the names that the command line knows."""

from __future__ import annotations

from collections.abc import Callable

from tests.fuzz.engine import Target
from tests.fuzz.targets.coerce import CoerceTarget
from tests.fuzz.targets.dicomdir import DicomdirTarget
from tests.fuzz.targets.doctor import DoctorTarget
from tests.fuzz.targets.envelope import EnvelopeTarget
from tests.fuzz.targets.fat import FatTarget
from tests.fuzz.targets.folder import FolderTarget
from tests.fuzz.targets.header import HeaderTarget
from tests.fuzz.targets.hostile import HostileTarget
from tests.fuzz.targets.iso import IsoTarget
from tests.fuzz.targets.mime import MimeTarget
from tests.fuzz.targets.recovery import RecoveryTarget
from tests.fuzz.targets.secure_mail import SecureMailTarget
from tests.fuzz.targets.udf import UdfTarget
from tests.fuzz.targets.volume import VolumeTarget
from tests.fuzz.targets.zip import ZipTarget

TARGETS: dict[str, Callable[[], Target]] = {
    "dicomdir": DicomdirTarget,
    "header": HeaderTarget,
    "iso": IsoTarget,
    "udf": UdfTarget,
    "fat": FatTarget,
    "zip": ZipTarget,
    "mime": MimeTarget,
    "volume": VolumeTarget,
    "folder": FolderTarget,
    "recovery": RecoveryTarget,
    "doctor": DoctorTarget,
    "hostile": HostileTarget,
    "coerce": CoerceTarget,
    "envelope": EnvelopeTarget,
    "secure-mail": SecureMailTarget,
}
