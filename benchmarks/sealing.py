"""Sealing against what the ciphers allow and against ``openssl cms -encrypt``, in the same run.

``python -m benchmarks.sealing [--files 400] [--big 512] [--rounds 3]``: CT
slices of half a megabyte, and two files of ``--big`` MiB; in one thread and in two.
Everything is in the page cache. One certificate and one password open what is
sealed; the password is stretched before, as it is once for a whole export.

The bound is threads / (1 / AES-256-CBC + 1 / SHA-256), both measured on pieces
as large as ours. "sealed" reads and seals and drops the envelopes, "into files" writes
them, "copied" reads and writes the same bytes and does nothing else: what is
between the first two is the file system's. OpenSSL starts once a file, as many at
once as threads; it encrypts and takes no digest. The second ratio of each is of
processor time: where other programs run, too, it says more than the first.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from benchmarks.export import timed
from benchmarks.generate import write_series
from mediastation.model.secrecy import Password
from mediastation.secure.sealing.files import SealTask, seal_files
from mediastation.secure.sealing.recipients import read_recipient
from mediastation.secure.sealing.sealer import CHUNK_BYTES, Sealer

_PASSWORD = "only for measuring"  # noqa: S105
_PIECES = 256


def cipher_seconds() -> float:
    """Return seconds a byte for one thread that encrypts and digests, and does nothing else."""
    piece, output = bytes(CHUNK_BYTES), bytearray(CHUNK_BYTES + 16)
    encryptor = Cipher(AES(bytes(32)), CBC(bytes(16))).encryptor()
    digest = hashlib.sha256()
    start = time.thread_time()
    for _ in range(_PIECES):
        encryptor.update_into(piece, output)
    for _ in range(_PIECES):
        digest.update(piece)
    return (time.thread_time() - start) / (_PIECES * CHUNK_BYTES)


def processor_seconds() -> float:
    """Return what this process and the programs it started have used."""
    usage = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in usage)


def in_threads(threads: int, work: Callable[[Path], object], files: Sequence[Path]) -> None:
    """Do the work for each file, so many at once."""
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(work, files):
            pass


def seal_and_drop(sealer: Sealer, file: Path) -> None:
    """Seal a file and write the envelope nowhere."""
    with file.open("rb", buffering=0) as source:
        sealer.seal(source, file.stat().st_size, len)


def copy(output: Path, file: Path) -> None:
    """Copy a file as sealing reads and writes it."""
    buffer = memoryview(bytearray(CHUNK_BYTES))
    with file.open("rb", buffering=0) as source, (output / file.name).open("xb", 0) as target:
        while count := source.readinto(buffer):
            target.write(buffer[:count])


def openssl(output: Path, certificate: Path, file: Path) -> None:
    """Encrypt a file with OpenSSL for the same recipients."""
    command = ["openssl", "cms", "-encrypt", "-binary", "-stream", "-aes256", "-outform", "DER",
               "-pwri_password", _PASSWORD, "-in", file, "-out", output / file.name,
               certificate]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)


def make_sealer(certificate: Path) -> Sealer:
    """Return a sealer for the certificate and the password, which is stretched already."""
    moment = datetime.now(UTC)
    sealer = Sealer([read_recipient(certificate, moment)], Password(_PASSWORD), moment=moment)
    with tempfile.TemporaryFile() as nothing:
        sealer.seal(nothing, 0, len)
    return sealer


def seal_all(sealer: Sealer, files: Sequence[Path], output: Path, threads: int) -> None:
    """Seal the files as an export does."""
    tasks = [SealTask(file, file.stat().st_size, digest(file), output / file.name)
             for file in files]  # fmt: skip
    for _ in seal_files(sealer, tasks, threads=threads):
        pass


@functools.cache
def digest(file: Path) -> str:
    """Return the SHA-256 of a file; taken once, as the catalog does."""
    with file.open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def measure(
    name: str, files: Sequence[Path], certificate: Path, folder: Path, threads: int, rounds: int
) -> None:
    """Print what each way needs: the best of rounds in which they take turns."""
    sealer = make_sealer(certificate)
    size_bytes = sum(file.stat().st_size for file in files)
    output = folder / "none"
    ways: dict[str, Callable[[], object]] = {
        "sealed": lambda: in_threads(threads, functools.partial(seal_and_drop, sealer), files),
        "into files": lambda: seal_all(sealer, files, output, threads),
        "copied": lambda: in_threads(threads, functools.partial(copy, output), files),
        "openssl": lambda: in_threads(
            threads, functools.partial(openssl, output, certificate), files
        ),
    }
    for file in files:
        digest(file)
    best = {way: (float("inf"), float("inf")) for way in ways}
    cipher = float("inf")
    for _ in range(rounds):
        for way, work in ways.items():
            output = Path(tempfile.mkdtemp(dir=folder))
            cipher = min(cipher, cipher_seconds() * size_bytes)
            used, start = processor_seconds(), time.perf_counter()
            work()
            seconds, used = time.perf_counter() - start, processor_seconds() - used
            best[way] = min(best[way][0], seconds), min(best[way][1], used)
            # Removed names would slow down the making of new ones for some seconds; their
            # memory should be there for the next, as it is on a machine that runs for long.
            for written in output.iterdir():
                os.truncate(written, 0)
    bound = cipher / threads
    print(f"{name}, {threads} threads: bound {size_bytes / bound / 1e6:,.0f} MB/s")
    for way, (seconds, used) in best.items():
        print(
            f"  {way:10} {size_bytes / seconds / 1e6:6,.0f} MB/s: {bound / seconds:5.2f} of the "
            f"bound, of processor time {cipher / used:5.2f}"
        )
    ours, peer = best["into files"], best["openssl"]
    print(
        f"  into files against openssl: {peer[0] / ours[0]:.1f} times as fast, processor time "
        f"{ours[1] / peer[1]:.2f}; cipher and copy in a row would be "
        f"{cipher / (cipher + best['copied'][1]):.2f} of the bound"
    )


def main() -> int:
    """Measure small and big files, and the memory of a process that seals."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.sealing", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--files", type=int, default=400)
    parser.add_argument("--big", type=int, default=512, help="MiB of each big file")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only-seal", type=Path, nargs=3, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.only_seal:
        certificate, source, output = chosen.only_seal
        seal_all(make_sealer(certificate), sorted(source.iterdir()), output, 2)
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        certificate = folder / "recipient.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=Benchmark", "-keyout", folder / "key.pem",
                        "-out", certificate], check=True, capture_output=True)  # fmt: skip
        slices, big = folder / "slices", folder / "big"
        write_series(slices, chosen.files, 512)
        big.mkdir()
        for name in "ab":
            with (big / name).open("wb") as file:
                for _ in range(chosen.big):
                    file.write(os.urandom(1 << 20))
        for source in (slices, big):
            files = sorted(source.iterdir())
            name = f"{len(files)} files of {files[0].stat().st_size / 1e6:,.1f} MB"
            for threads in (1, 2):
                measure(name, files, certificate, folder, threads, chosen.rounds)
            output = Path(tempfile.mkdtemp(dir=folder))
            _, peak = timed([sys.executable, "-m", "benchmarks.sealing", "--only-seal",
                             certificate, source, output])  # fmt: skip
            shutil.rmtree(output)
            print(f"  peak memory of a process that seals them: {peak / 1e6:.0f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
