"""A profile of a site's own, as its administrator writes it."""

from __future__ import annotations


def private_profile(name: str, *, medium: str = "CD-80", annex: str = "F") -> str:
    """Return a file that describes `name`: CT images, uncompressed, to be made and read."""
    return f"""
[class]
name = "PRI-OWN"
annex = "none"
title = "CT between our houses"
clinical_use = "CT of our own"
edition = "2024c"
source = "Our conformance statement"
objects_table = "Our conformance statement, table 1"

[[profile]]
name = "{name}"
roles = ["FSC", "FSR"]
media = ["{medium}"]
medium_format = "PS3.12 Annex {annex}"
security = "none"

[[object]]
sop_classes = ["1.2.840.10008.5.1.4.1.1.2"]
transfer_syntaxes = ["1.2.840.10008.1.2.1"]
creator = "M"
reader = "M"
updater = "-"
"""
