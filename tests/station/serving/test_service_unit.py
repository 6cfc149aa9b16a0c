"""The unit for systemd: what it says of this installation, and what systemd says of it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from mediastation.cli.app import run
from mediastation.config import account_name
from mediastation.errors import ConfigError
from mediastation.station.serving.service_unit import service_unit


def value_of(unit: str, key: str) -> str:
    (found,) = [line for line in unit.splitlines() if line.startswith(f"{key}=")]
    return found.partition("=")[2]


def test_it_names_this_installation(tmp_path: Path) -> None:
    unit = service_unit(tmp_path / "home")

    program, *words = value_of(unit, "ExecStart").split(" ")
    assert Path(program).exists()
    assert words[-3:] == ["--home", str(tmp_path / "home"), "serve"]
    assert value_of(unit, "User") == account_name()
    assert value_of(unit, "ReadWritePaths") == f"-{tmp_path / 'home'}"
    assert value_of(unit, "Type") == "exec"
    # With "control-group" each worker would be told a second time, and leave its disc.
    assert value_of(unit, "KillMode") == "mixed"


def test_it_waits_longer_than_serve_waits_for_a_disc(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(
        f'finish_disc_seconds = 7200\nimages = "{tmp_path}/images"\nstore = "shared"\n'
    )
    unit = service_unit(tmp_path)

    assert int(value_of(unit, "TimeoutStopSec")) > 7200 + 300
    assert value_of(unit, "ReadWritePaths").split() == [
        f"-{tmp_path}", f"-{tmp_path}/images", f"-{tmp_path}/shared"
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["two words", "100%", "$HOME", 'quo"te', "back\\slash", "naïve"])
def test_systemd_takes_it(tmp_path: Path, name: str) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze here")
    home = tmp_path / name / "home"
    path = tmp_path / "mediastation.service"
    path.write_text(service_unit(home))

    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    about = [line for line in done.stderr.splitlines() if "mediastation" in line]
    assert (done.returncode, about) == (0, []), done.stderr


def test_a_path_that_would_forge_a_line_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot stand in a unit"):
        service_unit(tmp_path / "a\nExecStartPre=x")


def test_the_command_prints_it_and_serves_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"

    assert run(["serve", "--print-unit", "--home", str(home)]) == 0

    out, _ = capsys.readouterr()
    assert out == service_unit(home)
    assert not (home / "serve.lock").exists()
