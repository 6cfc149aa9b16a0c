"""The Storage SCP and SCU against DCMTK's and pynetdicom's, with real instances."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from mediastation.errors import NetworkError, RefusedError
from mediastation.network.part10 import SendableFile, read_sendable_file
from mediastation.network.storage_scp import StoreAnswer
from mediastation.network.storage_scu import send_files
from tests.support.corpus import corpus_files
from tests.support.network import Kept, running_scp, write_ct
from tests.support.pacs import started
from tests.support.peers import peer, run_peer

DIRECTORY = "1.2.840.10008.1.3.10"
IMPLICIT_LE = "1.2.840.10008.1.2"
EXPLICIT_LE = "1.2.840.10008.1.2.1"
DEFLATED_LE = "1.2.840.10008.1.2.1.99"

# DCMTK's options that make storescu propose one syntax, and no other, first.
PROPOSALS = {
    "-xe": "1.2.840.10008.1.2.1",
    "-xb": "1.2.840.10008.1.2.2",
    "-xi": "1.2.840.10008.1.2",
    "-xs": "1.2.840.10008.1.2.4.70",
    "-xy": "1.2.840.10008.1.2.4.50",
    "-xx": "1.2.840.10008.1.2.4.51",
    "-xv": "1.2.840.10008.1.2.4.90",
    "-xw": "1.2.840.10008.1.2.4.91",
    "-xt": "1.2.840.10008.1.2.4.80",
    "-xu": "1.2.840.10008.1.2.4.81",
    "-xr": "1.2.840.10008.1.2.5",
    "-xd": "1.2.840.10008.1.2.1.99",
}


def dcmtk(name: str) -> str:
    """Return DCMTK's program: a wheel in the environment brings others of the same names."""
    beside = Path(sys.executable).parent
    folders = [each for each in os.get_exec_path() if Path(each) != beside]
    return shutil.which(name, path=os.pathsep.join(folders)) or peer(f"{name} of DCMTK")


def run_dcmtk(
    name: str, *arguments: str | Path, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run it and return what it said."""
    return subprocess.run(
        [dcmtk(name), *map(str, arguments)],
        check=check,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=120,
    )


def sendable(paths: list[Path]) -> list[SendableFile]:
    """Those of `paths` with usable file meta and an even data set that are no DICOMDIR."""
    found = []
    for path in paths:
        with suppress(RefusedError):
            file = read_sendable_file(path)
            even = file.dataset_length % 2 == 0 or file.transfer_syntax_uid == DEFLATED_LE
            if file.sop_class_uid != DIRECTORY and even:
                found.append(file)
    return found


def data_set(file: SendableFile) -> bytes:
    """The bytes behind the file meta, a deflated stream padded as PS3.5, A.5 asks."""
    content = file.path.read_bytes()[file.dataset_offset :]
    return content + bytes(len(content) % 2)


def kept_data_set(folder: Path, content: bytes) -> bytes:
    """The bytes behind the file meta of a kept file."""
    path = folder / hashlib.sha256(content).hexdigest()
    path.write_bytes(content)
    return data_set(read_sendable_file(path))


def test_every_instance_of_the_corpus_arrives_byte_for_byte(tmp_path: Path) -> None:
    files = sendable(corpus_files())
    if not files:
        pytest.skip("the corpus is not here")
    kept = Kept()
    with running_scp(tmp_path / "in", kept) as address:
        report = send_files(
            *address, [file.path for file in files], calling_ae="SCU", called_ae="SCP"
        )

    assert report.refused == ()
    for file, received, content in zip(files, kept.instances, kept.files, strict=True):
        assert received.sop_class_uid == file.sop_class_uid
        assert received.sop_instance_uid == file.sop_instance_uid
        assert received.transfer_syntax_uid == file.transfer_syntax_uid
        assert kept_data_set(tmp_path, content) == data_set(file)


def test_dcmtk_is_answered_an_echo(tmp_path: Path) -> None:
    with running_scp(tmp_path / "in", Kept()) as (address, port):
        run_dcmtk("echoscu", "-aec", "STATION", address, str(port))
        # All the syntaxes that it knows, in 128 contexts.
        run_dcmtk("echoscu", "-pts", "38", "-ppc", "128", address, str(port))
        # It ends with an abort.
        run_dcmtk("echoscu", "--abort", "--repeat", "10", address, str(port))


@pytest.mark.parametrize("option", PROPOSALS)
def test_dcmtk_sends_each_transfer_syntax(tmp_path: Path, option: str) -> None:
    syntax = PROPOSALS[option]
    files = [
        file
        for file in sendable(corpus_files("transfer_syntaxes", "us", "xa_rf", "mr"))
        if file.transfer_syntax_uid == syntax
    ]
    kept = Kept()
    with running_scp(tmp_path / "in", kept) as (address, port):
        if not files:
            files = [made(tmp_path, option, syntax)]
        sent = []
        for file in files[:10]:
            result = run_dcmtk("storescu", option, address, str(port), file.path, check=False)
            if result.returncode == 0:
                sent.append(file)

    assert sent
    assert [received.transfer_syntax_uid for received in kept.instances] == [syntax] * len(sent)
    for file, content in zip(sent, kept.files, strict=True):
        run_peer("dcmdump", write(tmp_path / "kept.dcm", content))
        if syntax not in (IMPLICIT_LE, EXPLICIT_LE):
            assert pixels(tmp_path / "kept.dcm") == pixels(file.path)


def made(folder: Path, option: str, syntax: str) -> SendableFile:
    """An image in `syntax`, by DCMTK from one of ours."""
    plain, path = write_ct(folder / "plain.dcm", "1.2.826.0.1"), folder / "made.dcm"
    converters = {"-xb": "+tb", "-xi": "+ti", "-xd": "+td", "-xe": "+te"}
    if option not in converters:
        pytest.skip(f"no instance in {syntax}")
    run_peer("dcmconv", converters[option], plain, path)
    return read_sendable_file(path)


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def pixels(path: Path) -> bytes:
    """Pixel Data as pydicom finds it, undecoded."""
    from pydicom import dcmread  # noqa: PLC0415

    ds = dcmread(path, force=True)
    return bytes(ds.PixelData) if "PixelData" in ds else b""


def test_dcmtk_sends_a_whole_folder_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for number in range(200):
        write_ct(folder / f"{number:03}.dcm", f"1.2.826.0.{number + 1}")
    kept = Kept()
    with running_scp(tmp_path / "in", kept) as (address, port):
        run_dcmtk("storescu", "+sd", address, str(port), folder)

    got = {received.sop_instance_uid for received in kept.instances}
    assert got == {f"1.2.826.0.{number + 1}" for number in range(200)}
    sent = {path.read_bytes()[-512:] for path in folder.iterdir()}
    assert {content[-512:] for content in kept.files} == sent


def test_dcmtk_is_told_a_refusal(tmp_path: Path) -> None:
    kept = Kept(answer=StoreAnswer.OUT_OF_RESOURCES)
    with running_scp(tmp_path / "in", kept) as (address, port):
        file = write_ct(tmp_path / "file.dcm", "1.2.826.0.1")
        result = run_dcmtk("storescu", "-v", address, str(port), file, check=False)

    assert result.returncode != 0
    assert "Refused: OutOfResources" in result.stdout + result.stderr


def test_dcmtk_that_aborts_leaves_nothing_and_others_are_served(tmp_path: Path) -> None:
    kept = Kept()
    file = write_ct(tmp_path / "file.dcm", "1.2.826.0.1")
    with running_scp(tmp_path / "in", kept) as (address, port):
        run_dcmtk("storescu", "--abort", address, str(port), file, check=False)
        run_dcmtk("storescu", address, str(port), file)

    assert {received.sop_instance_uid for received in kept.instances} == {"1.2.826.0.1"}


@contextmanager
def dcmtk_storescp(folder: Path, *options: str) -> Iterator[tuple[str, int]]:
    """Run DCMTK's storescp."""
    program = dcmtk("storescp")
    with started(lambda port: [program, *options, "-od", str(folder), str(port)]) as port:
        yield "127.0.0.1", port


def test_dcmtk_receives_what_we_send_byte_for_byte(tmp_path: Path) -> None:
    """Bit-preserving reception (+B) keeps the data set as it came."""
    files = sendable(corpus_files("transfer_syntaxes", "mr", "us", "xa_rf"))
    if not files:
        pytest.skip("the corpus is not here")
    unique = list({file.sop_instance_uid: file for file in files}.values())
    folder = tmp_path / "received"
    folder.mkdir()
    with dcmtk_storescp(folder, "+B", "+xa") as address:
        report = send_files(
            *address, [file.path for file in unique], calling_ae="SCU", called_ae="STORESCP"
        )

    stored = {outcome.path for outcome in report.instances if outcome.stored}
    assert len(stored) > len(unique) // 2
    got = {}
    for path in folder.iterdir():
        file = read_sendable_file(path)
        got[file.sop_instance_uid] = (file.transfer_syntax_uid, data_set(file))
    for file in unique:
        if file.path in stored:
            assert got[file.sop_instance_uid] == (file.transfer_syntax_uid, data_set(file))


def test_what_dcmtk_does_not_take_is_said_and_the_rest_sent(tmp_path: Path) -> None:
    """Without +xa, storescp takes uncompressed syntaxes only."""
    plain = write_ct(tmp_path / "plain.dcm", "1.2.826.0.1")
    compressed = tmp_path / "compressed.dcm"
    content = plain.read_bytes().replace(
        b"UI\x14\x00" + EXPLICIT_LE.encode() + b"\0", b"UI\x16\x00" + b"1.2.840.10008.1.2.4.90"
    )
    compressed.write_bytes(content)
    folder = tmp_path / "received"
    folder.mkdir()
    with dcmtk_storescp(folder) as address:
        report = send_files(*address, [compressed, plain], calling_ae="SCU", called_ae="STORESCP")

    assert [outcome.status for outcome in report.instances] == [None, 0]
    assert "1.2.840.10008.1.2.4.90" in report.instances[0].comment
    assert len(list(folder.iterdir())) == 1


def test_dcmtk_that_rejects_is_quoted(tmp_path: Path) -> None:
    shutil.copy(write_ct(tmp_path / "a", "1.2.826.0.1"), tmp_path / "b")
    with (
        dcmtk_storescp(tmp_path, "--refuse") as address,
        pytest.raises(NetworkError, match="refused the association"),
    ):
        send_files(*address, [tmp_path / "a"], calling_ae="SCU", called_ae="STORESCP")
