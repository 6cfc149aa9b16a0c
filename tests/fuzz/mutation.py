"""Spoil bytes where it hurts: numbers by what they may be taken for, structures as wholes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

Order = Literal["little", "big"]


@dataclass(frozen=True, slots=True)
class Spot:
    """A number in the data: where, how wide, and in which byte order.

    `both` tells that the same number follows in the other order (ISO 9660).
    `own` is the place of the structure that holds it, in its own unit.
    """

    at: int
    width: int
    order: Order = "little"
    both: bool = False
    own: int = 0


@dataclass(frozen=True, slots=True)
class Block:
    """A structure that can be left out, doubled, moved or exchanged as a whole."""

    at: int
    length: int


HOSTILE_TEXTS = (
    b"..", b".", b"../../etc/passwd", b"/etc/passwd", b"C:\\WINDOWS", b"\\\\HOST\\SHARE", b"",
    b"A\0B", b"\x1b[2J\x1b]0;x\x07", b"\r\n", b"\xff\xfe\xfd", b"\xed\xa0\x80", b"A" * 300,
    b"\xe2\x80\xae" + b"TXT", b"CON", b"A;1", b"a.b.c;32767", b" ", b".;1", b";1", b"%", b"%2E",
    b"\\..\\..", b"A\\B\\C\\D\\E\\F\\G\\H\\I\\J", b"\x85\x9b31m", b"\\" * 40, b"/" * 40,
)  # fmt: skip


def boundary(rng: Random, spot: Spot, data: Sequence[int], others: Sequence[int] = ()) -> int:
    """Return a value worth trying at `spot`: limits, sizes, its own place, its neighbours."""
    size, top = len(data), (1 << 8 * spot.width) - 1
    raw = bytes(data[spot.at : spot.at + spot.width])
    now = int.from_bytes(raw, spot.order)
    pick = rng.randrange(10)
    if pick == 0:
        value = rng.choice((0, 1, 2, 3, 4, 7, 8, 16, 255, 256))
    elif pick == 1:
        value = top - rng.choice((0, 0, 1, 2, 7, 8, 15))
    elif pick == 2:
        value = (top >> 1) + rng.choice((-1, 0, 1, 2))
    elif pick == 3:
        value = rng.choice((size, size // 2048, size // 512)) + rng.choice((-2, -1, 0, 1, 2))
    elif pick == 4:
        value = spot.own + rng.choice((-1, 0, 0, 0, 1))
    elif pick == 5 and others:
        value = rng.choice(others)
    elif pick == 6:
        value = now + rng.choice((-2048, -512, -8, -4, -2, -1, 1, 2, 4, 8, 512, 2048))
    elif pick == 7:
        value = now * rng.choice((2, 3, 16, 256)) if rng.random() < 0.5 else now >> 1
    elif pick == 8:
        value = 1 << rng.randrange(8 * spot.width)
    else:
        value = rng.getrandbits(8 * spot.width)
    return value & top


def set_number(data: bytearray, spot: Spot, value: int, *, both: bool = True) -> None:
    """Write `value` at `spot`, in the other byte order too where it has one."""
    raw = value.to_bytes(spot.width, spot.order)
    data[spot.at : spot.at + spot.width] = raw
    if spot.both and both:
        data[spot.at + spot.width : spot.at + 2 * spot.width] = raw[::-1]


def havoc(rng: Random, data: bytearray, most_bytes: int, other: bytes = b"") -> None:
    """Spoil `data` knowing nothing of it: bits, runs, cuts, doublings, pieces of another."""
    pick, size = rng.randrange(9), len(data)
    if not size:
        data += rng.randbytes(16)
        return
    at = rng.randrange(size)
    length = min(1 << rng.randrange(12), size - at)
    if pick == 0:
        data[at] ^= 1 << rng.randrange(8)
    elif pick == 1:
        data[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFE, 0xFF, rng.randrange(256)))
    elif pick == 2:
        del data[at : at + length]
    elif pick == 3 and size + length <= most_bytes:
        data[at:at] = data[at : at + length]
    elif pick == 4:
        data[at : at + length] = bytes([rng.choice((0, 0xFF, 0x20))]) * length
    elif pick == 5:
        del data[at:]
    elif pick == 6 and size + length <= most_bytes:
        data += bytes(length) if rng.random() < 0.5 else rng.randbytes(length)
    elif pick == 7 and other:
        start = rng.randrange(len(other))
        data[at : at + length] = other[start : start + length]
    else:
        text = rng.choice(HOSTILE_TEXTS)
        data[at : at + len(text)] = text
    del data[most_bytes:]


def rearrange(rng: Random, data: bytearray, blocks: Sequence[Block], most_bytes: int) -> None:
    """Leave out, double, repeat many times, move or exchange whole structures."""
    if not blocks:
        return
    block = rng.choice(blocks)
    raw = bytes(data[block.at : block.at + block.length])
    pick = rng.randrange(6)
    if pick == 0:
        del data[block.at : block.at + block.length]
    elif pick == 1:
        data[block.at : block.at] = raw
    elif pick == 2 and raw:
        room = max(0, most_bytes - len(data)) // len(raw)
        data[block.at : block.at] = raw * min(1 << rng.randrange(1, 12), room)
    elif pick == 3:
        other = rng.choice(blocks)
        data[other.at : other.at + len(raw)] = raw
    elif pick == 4:
        other = rng.choice(blocks)
        del data[block.at : block.at + block.length]
        data[other.at : other.at] = raw
    else:
        data[block.at : block.at + block.length] = bytes(block.length)
    del data[most_bytes:]
