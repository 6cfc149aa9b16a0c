"""Data sets as trees that can be spoiled and written again, so that mutants go deep.

Lengths fit again unless a node lies, and offsets that led to an item lead to it
wherever it went: what is wrong with a mutant is what was done to it, not what
followed from it.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field
from random import Random

from tests.fuzz.mutation import HOSTILE_TEXTS, Spot, boundary, havoc

UNDEFINED = 0xFFFFFFFF
ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
LONG = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
SHORT = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())
OFFSETS = (0x00041200, 0x00041202, 0x00041400, 0x00041420)
TAGS = (
    0x00020000, 0x00020002, 0x00020010, 0x00041130, 0x00041200, 0x00041202, 0x00041212, 0x00041220,
    0x00041400, 0x00041410, 0x00041420, 0x00041430, 0x00041432, 0x00041500, 0x00041510, 0x00041511,
    0x00080000, 0x00080005, 0x00080008, 0x00080016, 0x00080018, 0x00081115, 0x00081140, 0x00100010,
    0x00100020, 0x00101002, 0x0020000D, 0x0020000E, 0x00200013, 0x00280103, 0x00280106, 0x00281101,
    0x0040A043, 0x0040A073, 0x0040A730, 0x00420011, 0x00880200, 0x00091010, 0x00090010, 0x52009229,
    0x7FE00010, 0x7FE00008, 0xFFFAFFFA, 0xFFFCFFFC, ITEM, ITEM_END, SEQUENCE_END, 0, 0xFFFFFFFF,
)  # fmt: skip
SYNTAXES = (
    b"1.2.840.10008.1.2", b"1.2.840.10008.1.2.1", b"1.2.840.10008.1.2.2",
    b"1.2.840.10008.1.2.1.99", b"1.2.840.10008.1.2.4.50", b"1.2.840.10008.1.2.4.70",
    b"1.2.840.10008.1.2.4.95", b"1.2.840.10008.1.2.5", b"1.2.3.4", b"",
)  # fmt: skip
CHARSETS = (
    b"ISO_IR 192", b"ISO_IR 100", b"\\ISO 2022 IR 87", b"ISO 2022 IR 13\\ISO 2022 IR 87", b"GBK",
    b"\\ISO 2022 IR 149", b"\\ISO 2022 IR 58", b"GB18030\\ISO_IR 100", b"ISO-IR 100", b"\x1b",
)  # fmt: skip
TEXTS = (
    b"\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B", b"\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce", b"\x1b$)A\xff\xff",
    b"\x1b", b"\x1b$", b"\x1b$(", b"\x1b-A\xe4=\x1b", b"\xc4=\xcd=\xd0", b"\\" * 300, b"^" * 60,
    b"\xff" * 64, b"Doe^Jane " * 4000, b"A^" * 7000, b"=" * 900, b"1.2.840." + b"9" * 90,
    b"PATIENT ", b"IMAGE ", b"PRIVATE ", b"MRDR",
    b"HAS CONCEPT MOD ", *HOSTILE_TEXTS,
)  # fmt: skip


@dataclass(eq=False)
class Node:
    """An element, an item, or a delimiter; `lie` stands where its length should."""

    tag: int
    vr: bytes = b""
    value: bytes = b""
    children: list[Node] | None = None
    undefined: bool = False
    lie: int | None = None
    leads_to: Node | None = None
    at: int = 0


@dataclass
class DataSet:
    """What follows the file meta: its nodes, what could not be read, and how it is written."""

    nodes: list[Node] = field(default_factory=list)
    tail: bytes = b""
    explicit: bool = True
    big: bool = False

    def all_nodes(self) -> list[Node]:
        """Every node, those of sequences included."""
        found, waiting = [], list(self.nodes)
        while waiting:
            node = waiting.pop()
            found.append(node)
            waiting.extend(node.children or ())
        return found

    def lists(self) -> list[list[Node]]:
        """Every list of nodes: that of the data set, of each sequence, of each item."""
        return [self.nodes, *(n.children for n in self.all_nodes() if n.children is not None)]


def parse(
    data: bytes, start: int, *, explicit: bool, big: bool, only_meta: bool = False
) -> DataSet:
    """Read as far as it makes sense; the rest is the tail."""
    found = DataSet([], b"", explicit, big)
    order = ">" if big else "<"
    stack: list[tuple[list[Node], int, bool]] = [(found.nodes, len(data), False)]
    by_place: dict[int, Node] = {}
    at = start
    while True:
        while len(stack) > 1 and at >= stack[-1][1]:
            stack.pop()
        if at + 8 > len(data):
            break
        group, number = struct.unpack_from(order + "HH", data, at)
        tag = group << 16 | number
        if only_meta and group != 2:
            break
        vr = data[at + 4 : at + 6]
        if not explicit or group == 0xFFFE:
            vr, head = b"", 8
            (length,) = struct.unpack_from(order + "I", data, at + 4)
        elif vr in SHORT:
            head = 8
            (length,) = struct.unpack_from(order + "H", data, at + 6)
        elif vr in LONG and at + 12 <= len(data):
            head = 12
            (length,) = struct.unpack_from(order + "I", data, at + 8)
        else:
            break
        into, end, fragments = stack[-1]
        if tag in (ITEM_END, SEQUENCE_END) and len(stack) > 1:
            stack.pop()
            at += head
            continue
        node = Node(tag, vr, at=at, undefined=length == UNDEFINED)
        value_at = at + head
        if length != UNDEFINED and value_at + length > end:
            break
        is_sequence = vr == b"SQ" or (
            not explicit and data[value_at : value_at + 4] == b"\xfe\xff\x00\xe0"
        )
        if length == UNDEFINED or is_sequence or (tag == ITEM and not fragments):
            if len(stack) > 400:
                break
            node.children = []
            inner_end = len(data) if length == UNDEFINED else value_at + length
            stack.append((node.children, inner_end, vr in (b"OB", b"OW", b"UN")))
            at = value_at
        else:
            node.value = data[value_at : value_at + length]
            at = value_at + length
        if tag == ITEM:
            by_place[node.at] = node
        into.append(node)
    found.tail = data[at:]
    for node in found.all_nodes():
        if node.tag in OFFSETS and len(node.value) == 4:
            node.leads_to = by_place.get(int.from_bytes(node.value, "big" if big else "little"))
    return found


def serialised(data_set: DataSet, base: int) -> bytes:
    """Write it, links first followed to where their items now are."""
    raw = _written(data_set)
    links = [node for node in data_set.all_nodes() if node.leads_to is not None]
    for node in links:
        assert node.leads_to is not None
        node.value = (node.leads_to.at + base).to_bytes(4, "big" if data_set.big else "little")
    return bytes(_written(data_set) if links else raw) + data_set.tail


def _written(data_set: DataSet) -> bytearray:
    out = bytearray()
    order = ">" if data_set.big else "<"

    def head(node: Node, length: int) -> None:
        out.extend(struct.pack(order + "HH", node.tag >> 16, node.tag & 0xFFFF))
        if not data_set.explicit or node.tag >> 16 == 0xFFFE:
            out.extend(struct.pack(order + "I", length & UNDEFINED))
        elif node.vr in SHORT:
            out.extend(node.vr + struct.pack(order + "H", length & 0xFFFF))
        else:
            out.extend(
                (node.vr + b"  ")[:2] + b"\0\0" + struct.pack(order + "I", length & UNDEFINED)
            )

    # Each entry: a node to write, or one whose children were written, with where they began.
    waiting: list[tuple[Node, int]] = [(node, -1) for node in reversed(data_set.nodes)]
    while waiting:
        node, began = waiting.pop()
        if began < 0:
            node.at = len(out)
            if node.children is None:
                head(node, len(node.value) if node.lie is None else node.lie)
                out.extend(node.value)
                continue
            head(node, UNDEFINED if node.undefined else 0)
            waiting.append((node, len(out)))
            waiting.extend((child, -1) for child in reversed(node.children))
            continue
        length = len(out) - began
        if node.undefined and node.lie is None:
            end = Node(ITEM_END if node.tag == ITEM else SEQUENCE_END)
            head(end, 0)
        else:
            lie = length if node.lie is None else node.lie
            wide = node.vr not in SHORT or node.tag == ITEM or not data_set.explicit
            if wide:
                out[began - 4 : began] = struct.pack(order + "I", lie & UNDEFINED)
            else:
                out[began - 2 : began] = struct.pack(order + "H", lie & 0xFFFF)
    return out


def nested(
    levels: int, *, explicit: bool = True, closed: bool = True, tag: int = 0x00081140
) -> bytes:
    """Sequences inside each other, of undefined length."""
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    opening = (
        head + (b"SQ\0\0" if explicit else b"") + b"\xff" * 4 + b"\xfe\xff\x00\xe0" + b"\xff" * 4
    )
    closing = b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    return opening * levels + (closing * levels if closed else b"")


def mutate_nodes(rng: Random, data_set: DataSet, size: int) -> None:
    """Spoil one thing in the tree."""
    nodes = data_set.all_nodes()
    if not nodes:
        data_set.tail += nested(rng.choice((1, 40, 200)))
        return
    node = rng.choice(nodes)
    pick = rng.randrange(14)
    if pick == 0:
        raw = bytearray(len(node.value).to_bytes(4, "little"))
        node.lie = boundary(
            rng, Spot(0, 4, own=node.at), raw, (size, size - node.at, UNDEFINED, 12)
        )
    elif pick == 1:
        node.tag = (
            rng.choice(TAGS)
            if rng.random() < 0.7
            else rng.choice(nodes).tag ^ 1 << rng.randrange(32)
        )
    elif pick == 2:
        node.vr = rng.choice(
            (*sorted(LONG), *sorted(SHORT), b"??", b"\0\0", b"XX", b"OB", b"SQ", b"UN")
        )
    elif pick in (3, 4):
        _mutate_value(rng, node, nodes, size)
    elif pick == 5:
        node.undefined = not node.undefined
        if node.children is None and rng.random() < 0.5:
            node.children, node.value = [Node(ITEM, value=node.value)], b""
    elif pick == 6:
        levels = rng.choice((1, 2, 10, 60, 63, 64, 99, 100, 101, 127, 128, 129, 300, 2000))
        explicit = data_set.explicit and rng.random() < 0.9
        node.value = nested(levels, explicit=explicit, closed=rng.random() < 0.8)
        node.vr, node.children, node.leads_to = rng.choice((b"UN", b"SQ", b"OB")), None, None
        node.lie = None if rng.random() < 0.6 else UNDEFINED
    elif pick in (7, 8, 9):
        _rearrange(rng, data_set, node)
    elif pick == 10:
        links = [one for one in nodes if one.tag in OFFSETS]
        if links:
            link = rng.choice(links)
            items = [one for one in nodes if one.tag == ITEM]
            if items and rng.random() < 0.7:
                link.leads_to = rng.choice(items)
            else:
                link.leads_to = None
                raw = bytearray(link.value.ljust(4, b"\0")[:4])
                link.value = boundary(rng, Spot(0, 4, own=link.at), raw, (size,)).to_bytes(
                    4, "little"
                )
    elif pick == 11:
        data_set.tail = data_set.tail + rng.choice(
            (b"\0" * 8, b"\xfe\xff\x0d\xe0\0\0\0\0", nested(3), b"\x08")
        )
    elif pick == 12:
        raw = bytearray(node.value)
        havoc(rng, raw, 1 << 16)
        node.value, node.leads_to = bytes(raw), None
    else:
        data_set.explicit, data_set.big = rng.choice(((True, False), (False, False), (True, True)))


def _mutate_value(rng: Random, node: Node, nodes: list[Node], size: int) -> None:
    node.leads_to = None
    if node.tag == 0x00020010 or (node.vr == b"UI" and rng.random() < 0.2):
        node.value = rng.choice(SYNTAXES)
    elif node.tag == 0x00080005:
        node.value = rng.choice(CHARSETS)
    elif node.vr in (b"US", b"UL", b"SS", b"SL") and node.value:
        raw = bytearray(node.value)
        width = min(4, len(raw))
        raw[:width] = boundary(rng, Spot(0, width, own=node.at), raw, (size,)).to_bytes(
            width, "little"
        )
        node.value = bytes(raw)
    elif rng.random() < 0.8:
        node.value = rng.choice(TEXTS)
    else:
        node.value = rng.choice(nodes).value * rng.choice((1, 1, 2, 100))
    if len(node.value) % 2 and rng.random() < 0.7:
        node.value += b" "


def _rearrange(rng: Random, data_set: DataSet, node: Node) -> None:
    lists = data_set.lists()
    home = next((one for one in lists if node in one), None)
    if home is None:
        return
    at = home.index(node)
    pick = rng.randrange(6)
    if pick == 0:
        del home[at]
    elif pick == 1:
        home.insert(at, _copy(node))
    elif pick == 2:
        plain = node if node.children is None else Node(node.tag, node.vr, node.value)
        home[at:at] = [plain] * rng.choice((10, 100, 1000, 5000))
    elif pick == 3:
        other = rng.choice(lists)
        if node.children is None:
            other.insert(rng.randrange(len(other) + 1), home.pop(at))
    elif pick == 4:
        home[at:] = home[at:][::-1] if rng.random() < 0.5 else []
    else:
        inside = Node(ITEM, children=[_copy(node)], undefined=rng.random() < 0.5)
        home.insert(
            at, Node(rng.choice(TAGS), b"SQ", children=[inside], undefined=rng.random() < 0.5)
        )


def _copy(node: Node) -> Node:
    """A copy of a node and what hangs below it, not deeper than a few levels."""
    made = Node(node.tag, node.vr, node.value, undefined=node.undefined, leads_to=node.leads_to)
    if node.children is not None:
        made.children = [
            Node(c.tag, c.vr, c.value, undefined=c.undefined, leads_to=c.leads_to)
            for c in node.children
            if c.children is None
        ]
    return made


def mutate_file(rng: Random, data: bytes, most_bytes: int) -> bytes:
    """Spoil a DICOM file: its file meta, or the data set behind it, deflated ones too."""
    meta_at = 132 if data[128:132] == b"DICM" else 0
    meta = parse(data, meta_at, explicit=True, big=False, only_meta=True)
    rest_at = len(data) - len(meta.tail)
    syntax = next((n.value.rstrip(b"\0 ") for n in meta.nodes if n.tag == 0x00020010), b"")
    rest = data[rest_at:]
    deflated = syntax == SYNTAXES[3]
    if deflated:
        try:
            rest = zlib.decompressobj(-15).decompress(rest, 1 << 20)
        except zlib.error:
            deflated = False
    big, explicit = syntax == SYNTAXES[2], syntax != SYNTAXES[0]
    if rng.random() < 0.12 and meta.nodes:
        stated = next((n for n in meta.nodes if n.tag == 0x00020000), None)
        mutate_nodes(rng, meta, len(data))
        meta.tail = b""
        if stated is not None and len(meta.nodes) > 1 and rng.random() < 0.7:
            length = len(serialised(DataSet(meta.nodes[1:]), 0))
            stated.value = length.to_bytes(4, "little")
        front = data[:meta_at] + serialised(meta, meta_at)
    else:
        front = data[:rest_at]
        whole = parse(
            rest if deflated else data, 0 if deflated else rest_at, explicit=explicit, big=big
        )
        mutate_nodes(rng, whole, len(data))
        rest = serialised(whole, 0 if deflated else rest_at)
    if deflated:
        packer = zlib.compressobj(6, zlib.DEFLATED, -15)
        rest = packer.compress(rest) + packer.flush()
    made = bytearray(front + rest)
    if rng.random() < 0.1:
        havoc(rng, made, most_bytes)
    if rng.random() < 0.02:
        made[:128] = rng.choice((b"MZ", b"\x7fELF", b"II*\0", b"#!/bin/sh\n", b"DICM" * 32)).ljust(
            128, b"\0"
        )
    return bytes(made[:most_bytes])
