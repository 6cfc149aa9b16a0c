"""Label and cover of a volume, as PDF in the job's folder: printed when the disc is ready."""

from __future__ import annotations

from pathlib import Path

from mediastation.catalog.durable import disk_trouble_told, write_bytes_durably
from mediastation.model.ledger import LedgerHead
from mediastation.model.profile import Security
from mediastation.pages.facts import LabelFacts
from mediastation.station.exporting.file_set import Volume
from mediastation.station.exporting.work import Work

LABEL_NAME = "label.pdf"
COVER_NAME = "cover.pdf"


def keep_labels(work: Work, volume: Volume, head: LedgerHead) -> Path | None:
    """Write label and cover of a disc; return the label's path, None for what is no disc.

    Raises
    ------
    MediaError
        If the disk of the home fails.
    """
    if not work.target.format.is_disc or volume.contents is None:
        return None
    from mediastation.pages.cover import render_cover  # noqa: PLC0415 - fonts are slow to load
    from mediastation.pages.label import render_label  # noqa: PLC0415

    settings = work.station.settings
    facts = LabelFacts(
        created=work.station.clock.moment(),
        file_set_uid=volume.file_set_uid,
        file_set_id=volume.file_set_id,
        profile=work.target.claims,
        patients=volume.contents.patients(volume.also_on),
        institution=settings.institution,
        contact=tuple(settings.contact),
        volume=volume.plan.number,
        volumes=volume.plan.volumes,
        siblings=volume.siblings,
        has_web_content=bool(work.included.web_page),
        is_encrypted=work.sealing is not None,
        is_neutral=work.profile.security is not Security.NONE,
        ledger_head=head.sha256,
    )
    for name, render in ((LABEL_NAME, render_label), (COVER_NAME, render_cover)):
        printed = render(facts)
        work.job.found(printed.findings)
        with disk_trouble_told(volume.folder):
            write_bytes_durably(volume.folder / name, printed.content)
    return volume.folder / LABEL_NAME
