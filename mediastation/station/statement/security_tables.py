"""The tables of media storage security (PS3.2, N.8.4.3), from the configuration in force."""

from __future__ import annotations

from typing import Final

from mediastation.model.document import Table
from mediastation.station.statement.facts import StatementFacts

_SIDES: Final = ("FSC", "FSR")
_AS_CONFIGURED: Final = "Written where it is configured"


def security_tables(facts: StatementFacts) -> dict[str, Table]:
    """Return what is written now, and what is opened always."""
    rules = facts.settings["secure"]
    signed = bool(rules["signing_key"])
    return {
        "media-encryption": Table(
            "Content encryption of media",
            ("Encryption", *_SIDES, "Comments"),
            tuple(
                (
                    words,
                    _yes(rules["cipher"] == name),
                    "Y",
                    "CBC; a key and an initialisation vector of its own for each file"
                    if name != "3des"
                    else "Read, never written",
                )
                for name, words in (
                    ("aes128", "AES, 128 bits"),
                    ("aes192", "AES, 192 bits"),
                    ("aes256", "AES, 256 bits"),
                    ("3des", "Triple-DES, 168 bits"),
                )
            ),
        ),
        "media-content-types": Table(
            "Content types of secure DICOM files",
            ("Type", *_SIDES, "Comments"),
            (
                ("Signed-data", _yes(signed), "Y",
                 "RSA, PKCS #1 v1.5, with the chain of certificates; written where a key to sign "
                 "with is configured"),
                ("Digested-data", _yes(not signed), "Y", "Written otherwise"),
            ),
        ),
        "media-digests": Table(
            "Digests of secure DICOM files",
            ("Algorithm", *_SIDES, "Comments"),
            tuple(
                (words, _yes(rules["digest"] == name), "Y", comment)
                for name, words, comment in (
                    ("sha1", "SHA-1", "Read, never written"),
                    ("sha256", "SHA-256", _AS_CONFIGURED),
                    ("sha384", "SHA-384", _AS_CONFIGURED),
                    ("sha512", "SHA-512", _AS_CONFIGURED),
                )
            ),
        ),
    }  # fmt: skip


def _yes(is_so: bool) -> str:
    return "Y" if is_so else "N"
