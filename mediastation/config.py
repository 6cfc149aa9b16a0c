"""Settings of one station: from ``config.toml`` in the home, overridden by ``MEDIASTATION_*``."""

from __future__ import annotations

import getpass
import os
from pathlib import Path

from platformdirs import user_data_path
from pydantic import Field
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

GIBIBYTE = 1 << 30
AET_PATTERN = r"^[!-\[\]-~][ -\[\]-~]{0,15}$"
"""An Application Entity Title: up to 16 characters of ISO 646, no backslash (PS3.5 6.2)."""


def account_name() -> str:
    """Return the name of the account that runs this process; empty if it has none.

    Under cron or a service manager no variable tells it; the account does.
    """
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return ""


class Settings(BaseSettings):
    """What a site decides. Every field has a default that is safe without a decision."""

    model_config = SettingsConfigDict(env_prefix="MEDIASTATION_", extra="forbid")

    aet: str = Field(default="MEDIASTATION", pattern=AET_PATTERN)
    """Application Entity Title of the Storage SCP (PS3.5 6.2, VR AE)."""
    require_called_aet: bool = False
    """Reject associations that call another title than `aet` (PS3.8 9.3.4)."""
    bind: str = "127.0.0.1"
    """Address the Storage SCP listens on; loopback unless the site says otherwise."""
    port: int = Field(default=11112, ge=0, le=65535)
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
    queue: str = Field(default="", repr=False)
    """Where several stations share one queue of jobs: a redis:// or postgresql:// URL."""
    workers: int = Field(default=2, ge=1, le=64)
    """Processes that work on jobs at the same time; jobs on drives have their own besides."""
    operator: str = Field(default_factory=account_name)
    """Goes with every job."""

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
        model_config = SettingsConfigDict(toml_file=home / "config.toml")

    return HomeSettings()
