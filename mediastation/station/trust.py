"""Whose signatures are believed here: the certificates that the site named."""

from __future__ import annotations

from mediastation.secure.opening.trust import TrustStore, read_trust
from mediastation.station.station import Station


def read_site_trust(station: Station) -> TrustStore | None:
    """Return the certificates of ``[secure] trust``; None where the site named none.

    Raises
    ------
    ConfigError
        If what it named cannot be read.
    """
    path = station.settings.secure.trust
    return read_trust(path) if path else None
