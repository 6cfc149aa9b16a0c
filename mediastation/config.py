"""Settings of one station: from ``config.toml`` in the home, overridden by ``MEDIASTATION_*``."""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

from platformdirs import user_data_path
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

GIBIBYTE = 1 << 30
FILE_NAME = "config.toml"
ENVIRONMENT_PREFIX = "MEDIASTATION_"
AET_PATTERN = r"^[!-\[\]-~][ -\[\]-~]{0,15}$"
"""An Application Entity Title: up to 16 characters of ISO 646, no backslash (PS3.5 6.2)."""

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
"""What a peer may be called on the command line."""
_UID = re.compile(r"[0-9]+(\.[0-9]+)*")


def account_name() -> str:
    """Return the name of the account that runs this process; empty if it has none.

    Under cron or a service manager no variable tells it; the account does.
    """
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return ""


class Preset(BaseModel):
    """One way of making media that a site uses every day: ``[presets.NAME]`` in the file."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    title: str = ""
    """What people read; the preset's name by default."""
    key: str = Field(default="", pattern=r"^[a-z]?$")
    """The letter that chooses it in the console."""
    profile: str
    """Application Profile that the medium claims (PS3.11)."""
    medium: str = ""
    """Name of the medium; empty for the profile's default."""
    format: str = ""
    """Format, where the medium leaves a choice."""
    compress: str = ""
    """Compression without loss: ``jpeg-lossless``, ``j2k`` or ``rle``; empty for none."""
    include: tuple[Path, ...] = ()
    """Folders of the site's that go onto every medium, such as a viewer."""
    burn: bool = True
    """Burn what comes out, where it is an image of a disc."""
    copies: int = Field(default=1, ge=1, le=99)
    """Discs to be burned of each image."""
    reason: str = ""
    """What the ledger is told, unless the operator says otherwise."""
    given_to: str = ""
    """The same: who gets the medium."""
    recipients: tuple[Path, ...] = ()
    """Certificates (PEM or DER) of those who open the medium with a key, where `profile` seals."""
    password: Literal["", "ask", "make"] = ""
    """Where `profile` seals: ``make`` makes up a password, ``ask`` asks for one; empty for none
    where there are recipients. One of them opens it, or nobody could."""


PeerService = Literal["store", "find", "get", "move", "worklist"]
"""What a peer may be asked for."""


class Peer(BaseModel):
    """One DICOM application of the site's network: ``[peers.NAME]`` in the file."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    aet: str = Field(pattern=AET_PATTERN)
    """Its Application Entity Title."""
    host: str = Field(min_length=1, max_length=255)
    """Its address or name."""
    port: int = Field(default=104, ge=1, le=65535)
    """The port it listens on."""
    title: str = ""
    """What people read; the peer's name by default."""
    calling_aet: str = Field(default="", pattern=rf"^$|{AET_PATTERN}")
    """The title that we call it by; `aet` of the station by default. What it moves to us goes
    to the title that `serve` answers to."""
    services: tuple[PeerService, ...] = ("store", "find", "get", "move")
    """What it is for: ``store``, ``find``, ``get``, ``move``, ``worklist``. Studies are fetched by
    ``get`` or ``move``, whichever stands first; the other one is tried where it is not served."""
    information_model: Literal["study", "patient"] = "study"
    """Study Root or Patient Root (PS3.4 C.6) for queries and retrievals."""
    transfer_syntaxes: tuple[str, ...] = ()
    """UIDs of the Transfer Syntaxes that it is to get, best first. Instances in none of them are
    converted without loss where they can be; empty sends them as they are."""
    character_set: str = "ISO_IR 192"
    """Specific Character Set of queries with more than ASCII in them."""
    max_pdu_bytes: int = Field(default=131_072, ge=4096, le=131_072)
    """The longest PDU that is sent to it and asked of it."""
    connect_timeout_s: float = Field(default=10.0, gt=0, le=600)
    """Longest wait for a connection."""
    timeout_s: float = Field(default=60.0, gt=0, le=3600)
    """Longest silence while something is sent or queried."""
    retrieve_timeout_s: float = Field(default=600.0, gt=0, le=86_400)
    """Longest silence while it retrieves: archives fetch from slow shelves."""
    retries: int = Field(default=3, ge=0, le=100)
    """How often a lost association is tried again without any instance getting through."""
    retry_seconds: float = Field(default=5.0, ge=0, le=3600)
    """Wait before the first of these; each one after waits twice as long, ten minutes at most."""
    tls: bool = False
    """TLS is not there yet: nothing but false is taken."""

    @field_validator("tls")
    @classmethod
    def _no_tls(cls, value: bool) -> bool:
        if value:
            raise ValueError("TLS to peers is not supported yet; use a tunnel or a closed network")
        return value

    @field_validator("transfer_syntaxes")
    @classmethod
    def _are_uids(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for uid in value:
            if not _UID.fullmatch(uid) or len(uid) > 64:
                raise ValueError(f"{uid!r} is no UID")
        return value


NOBODY = "-"
"""In the place of a peer's name: nobody is to be asked."""


class ReconcileRules(BaseModel):
    """How outside patients become patients of this site: ``[reconcile]`` in the file."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    worklist: str = Field(default="", max_length=64)
    """The peer whose worklist has the orders of imports (IHE IRWF.b). Empty asks every peer that is
    there for ``worklist``, ``-`` nobody."""
    patients: str = Field(default="", max_length=64)
    """The peer that is asked for patients (C-FIND); empty for none. Its patients are taken for
    patients of this site: no archive of another institution belongs here."""
    catalog: bool = True
    """Look among the patients of the catalog, too, that came from this site."""
    typed: bool = False
    """Let an operator type the values where nobody knows the patient. They are marked as typed."""
    automatic: bool = False
    """Reconcile without asking where exactly one patient, of the worklist or of the peer, agrees
    with the outside one in name, birth date and sex, and in no spelling differs."""
    issuer: str = Field(default="", max_length=64, pattern=r"^[^\\\x00-\x1f\x7f]*$")
    """Issuer of Patient ID of this site, for patients whose source gives none."""
    undeclared_text: str = Field(default="", max_length=16, pattern=r"^[A-Z0-9_ ]*$")
    """Specific Character Set in which outside text is read that declares none and is not ASCII,
    such as ``ISO_IR 100``. Empty takes it where it is sound UTF-8, and refuses it otherwise."""
    accession_from_order: bool = True
    """Give imports the Accession Number of the order they were matched with."""


class SecureRules(BaseModel):
    """How files are sealed and opened (PS3.15 D.1): ``[secure]`` in the file."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    cipher: Literal["aes256", "aes192", "aes128"] = "aes256"
    """How content is encrypted. OPEN.HTM opens no ``aes192``: browsers do not know it."""
    digest: Literal["sha256", "sha384", "sha512"] = "sha256"
    """What proves that content is whole, and what is signed."""
    derivation: Literal["sha1", "sha256", "sha384", "sha512"] = "sha1"
    """The HMAC that makes keys of passwords (PBKDF2). Readers that know no more than the RFC 2898
    that PS3.15 names open ``sha1`` only; the count makes up for it."""
    iterations: int = Field(default=0, ge=0, le=10_000_000)
    """How often it is applied; 0 for what is advised today: 1,300,000 of ``sha1``, 600,000 of
    ``sha256``, 210,000 of ``sha384`` and ``sha512``. Fewer than 100,000 are never taken."""
    escrow: Path | None = None
    """Certificate of the site (PEM or DER) that everything sealed here can be opened with, too. Its
    key belongs into a safe."""
    signing_key: Path | None = None
    """RSA key (PEM) that content is signed with; without one it is protected by a digest."""
    signing_certificate: Path | None = None
    """The certificate to that key and those between it and its root, in one PEM file."""
    signing_key_password_file: Path | None = None
    """File with the password of `signing_key`, where it has one."""
    trust: Path | None = None
    """PEM file, or folder of such, with the certificates whose signatures are believed: of
    authorities, or of single senders. The site's own counts without being there."""
    least_bits: int = Field(default=60, ge=40, le=128)
    """How hard a password has to be to guess, in bits."""

    @field_validator(
        "escrow", "signing_key", "signing_certificate", "signing_key_password_file", "trust",
        mode="before",
    )  # fmt: skip
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("iterations")
    @classmethod
    def _enough(cls, value: int) -> int:
        if 0 < value < 100_000:
            raise ValueError("fewer than 100,000 iterations protect no password")
        return value

    @model_validator(mode="after")
    def _key_and_certificate(self) -> SecureRules:
        if (self.signing_key is None) != (self.signing_certificate is None):
            raise ValueError("signing_key and signing_certificate go together")
        return self


STANDARD_PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "patient-cd": Preset(
            title="Patient CD", key="c", profile="STD-GEN-CD", reason="copy for the patient"
        ),
        "referral-dvd": Preset(
            title="Referral DVD",
            key="d",
            profile="STD-GEN-DVD-JPEG",
            compress="jpeg-lossless",
            reason="referral",
        ),
        "usb-stick": Preset(title="USB stick", key="s", profile="STD-GEN-USB-JPEG", burn=False),
        "usb-encrypted": Preset(
            title="Encrypted stick",
            key="e",
            profile="STD-GEN-SEC-USB-JPEG",
            password="make",  # noqa: S106 - how it comes about
            burn=False,
        ),
        "zip": Preset(
            title="ZIP file", key="z", profile="STD-GEN-ZIP-MAIL", medium="ZIP", burn=False
        ),
    }
)
"""What there is where the site's file has no ``[presets]``."""


class Settings(BaseSettings):
    """What a site decides. Every field has a default that is safe without a decision."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX, extra="forbid", use_attribute_docstrings=True
    )

    aet: str = Field(default="MEDIASTATION", pattern=AET_PATTERN)
    """Application Entity Title of the Storage SCP (PS3.5 6.2, VR AE)."""
    require_called_aet: bool = False
    """Reject associations that call another title than `aet` (PS3.8 9.3.4)."""
    bind: str = "127.0.0.1"
    """Address the Storage SCP listens on; loopback unless the site says otherwise."""
    port: int = Field(default=11112, ge=0, le=65535)
    """Port that the Storage SCP listens on; 0 takes a free one."""
    disk_reserve_bytes: int = Field(default=GIBIBYTE, ge=0)
    """Free space in the home below which nothing more is accepted."""
    keep_tiff_preamble: bool = False
    """Keep a TIFF preamble on the medium (PS3.10 7.5); any other content is zeroed."""
    institution: str = ""
    """Named on what people read."""
    contact: tuple[str, ...] = ()
    """Lines under the institution: address, telephone; on README.TXT, INDEX.HTM and the cover."""
    disclaimer: str = ""
    """The institution's word on privacy and use, on INDEX.HTM; empty for a general one."""
    presets: dict[str, Preset] = Field(default_factory=lambda: dict(STANDARD_PRESETS))
    """Ways of making media, by name; the site's own stand in the place of the standard ones."""
    peers: dict[Annotated[str, StringConstraints(pattern=NAME_PATTERN)], Peer] = Field(
        default_factory=dict
    )
    """DICOM applications to send to, to query and to fetch from, by name."""
    reconcile: ReconcileRules = Field(default_factory=ReconcileRules)
    """How the patients of outside media become patients of this site."""
    secure: SecureRules = Field(default_factory=SecureRules)
    """How files are sealed and opened."""
    images: Path | None = None
    """Folder for the images that the console has made; ``images`` in the home by default."""
    database: str = Field(default="", repr=False)
    """Where several stations share one catalog and one table of jobs: a postgresql+psycopg:// URL
    of a database of their own. Empty for SQLite in the home."""
    store: Path | None = None
    """Folder of stored instances, ledger and what jobs keep; the home by default. Stations that
    share a database share this folder as well, on a file system whose locks hold between hosts."""
    queue: str = Field(default="", repr=False)
    """Where several stations share one queue of jobs: a redis:// or postgresql:// URL. Empty for
    SQLite in the home; workers then find what other stations submitted within seconds."""
    share_jobs: bool = False
    """Whether any station that shares `database` may run a job that needs no drive: the folders
    that jobs read and write are then the same on all of them. Their host names have to differ."""
    workers: int = Field(default=2, ge=1, le=64)
    """Processes that work on jobs at the same time; jobs on drives have their own besides."""
    finish_disc_seconds: int = Field(default=3600, ge=0)
    """How long `serve` lets a disc be finished when it is told to stop."""
    serve_with_console: bool = True
    """Begin to listen and to work on jobs, in a process that stays, when the console is opened and
    nobody does."""
    growing_seconds: int = Field(default=60, ge=0)
    """A study that an instance came for within so many seconds may not be complete yet."""
    stopped_import_days: int = Field(default=7, ge=0)
    """How long the copy of a disc stays that an import was stopped over, for another one to go on
    with."""
    operator: str = Field(default_factory=account_name)
    """Who works here, said with every job and in the ledger; the account's name by default."""

    @field_validator("images", "store", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        return None if value == "" else value

    @field_validator("reconcile")
    @classmethod
    def _rules_name_peers(cls, rules: ReconcileRules, info: ValidationInfo) -> ReconcileRules:
        peers = info.data.get("peers")
        if peers is None:
            return rules  # wrong themselves, and told
        for key, name, service in (
            ("worklist", rules.worklist, "worklist"),
            ("patients", rules.patients, "find"),
        ):
            if name in ("", NOBODY):
                continue
            if name not in peers:
                raise ValueError(f"{key} names {name!r}, and there is no such peer")
            if service not in peers[name].services:
                raise ValueError(f"{key} names {name!r}, which is not there for {service!r}")
        return rules

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read the command's words first, then the environment, then the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def default_home() -> Path:
    """Return the home where neither ``--home`` nor ``MEDIASTATION_HOME`` names one."""
    named = os.environ.get("MEDIASTATION_HOME")
    return Path(named) if named else user_data_path("mediastation")


def load_settings(home: Path) -> Settings:
    """Read the settings of `home`; `ValueError` or `OSError` if they cannot be used."""

    class HomeSettings(Settings):
        model_config = SettingsConfigDict(toml_file=home / FILE_NAME)

    return HomeSettings()
