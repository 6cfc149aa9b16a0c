"""Whose signatures are believed here: the certificates that the site named, and its own."""

from __future__ import annotations

from mediastation.secure.opening.trust import TrustStore, read_trust
from mediastation.station.station import Station


def read_site_trust(station: Station) -> TrustStore | None:
    """Return the certificates of ``[secure] trust`` and the one that the site signs with.

    Those above its own count only where the list has them, too: who issued it
    issues others. None where the site has neither.

    Raises
    ------
    ConfigError
        If what it named cannot be read.
    """
    rules = station.settings.secure
    trusted = [*read_trust(rules.trust)] if rules.trust else []
    if rules.signing_certificate is not None:
        chain = list(read_trust(rules.signing_certificate))
        trusted += [
            one
            for one in chain
            if not any(other.was_issued_by(one) for other in chain if other is not one)
        ]
    return TrustStore(trusted) if trusted else None
