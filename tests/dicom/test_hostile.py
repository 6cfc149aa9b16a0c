"""Data made to hurt: the answer is a header or `NotDicom`, in bounded memory."""

from __future__ import annotations

import tracemalloc
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediastation.dicom import source
from mediastation.dicom.elements import iter_elements, iter_items
from mediastation.dicom.header import NotDicom, read_header
from mediastation.model.element_encoding import encode_element
from mediastation.model.instance import InstanceHeader
from mediastation.model.transfer_syntax import DEFLATED_LE, EXPLICIT_LE, IMPLICIT_LE
from tests.dicom.instances import ENCODINGS, ct_image, header_of, rules, written

MEBIBYTE = 1024 * 1024
SAMPLES = {name: written(ct_image(), syntax) for name, syntax in ENCODINGS.items()}


def prefix(syntax: str) -> bytes:
    """Preamble, prefix and the least file meta that names an encoding."""
    body = encode_element(0x00020010, "UI", syntax.encode())
    body += encode_element(0x00020003, "UI", b"1.2.3")
    length = encode_element(0x00020000, "UL", len(body).to_bytes(4, "little"))
    return bytes(128) + b"DICM" + length + body


def header_or_not(data: bytes) -> InstanceHeader | None:
    try:
        return header_of(data)
    except NotDicom:
        return None


def peak_bytes(data: bytes) -> int:
    """What reading `data` needs in memory beyond the data."""
    tracemalloc.start()
    try:
        header_or_not(data)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@given(st.binary(max_size=600), st.sampled_from(["", *ENCODINGS.values(), "1.2.3.4"]))
@settings(max_examples=300, deadline=None)
def test_arbitrary_bytes_behind_a_prefix_do_no_harm(content: bytes, syntax: str) -> None:
    header_or_not(prefix(syntax) + content)


@given(st.binary(max_size=600))
@settings(max_examples=300, deadline=None)
def test_arbitrary_bytes_do_no_harm(content: bytes) -> None:
    header_or_not(content)
    header_or_not(b"\x08\0" + content)
    header_or_not(b"\x02\0" + content)


heads = st.builds(
    lambda tag, vr, length: tag + vr + length,
    st.sampled_from(
        [b"\xfe\xff\0\xe0", b"\xfe\xff\x0d\xe0", b"\xfe\xff\xdd\xe0", b"\x08\0\x40\x11",
         b"\x40\0\x30\xa7", b"\x40\0\x10\xa0", b"\x09\0\x10\x10", b"\xe0\x7f\x10\0",
         b"\x28\0\x03\x01", b"\0\x52\x29\x92", b"\x88\0\0\x02", b"\x08\0\x18\0", b"\0\0\0\0"]
    ),
    st.sampled_from([b"", b"SQ\0\0", b"UN\0\0", b"OB\0\0", b"US", b"UI", b"ZZ\0\0"]),
    st.sampled_from([b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x02\0\0\0", b"\x08\0\0\0",
                     b"\x10\0", b"\0\0"]),
)  # fmt: skip


@given(st.lists(heads, max_size=40), st.sampled_from(list(ENCODINGS.values())))
@settings(max_examples=500, deadline=None)
def test_heads_in_any_order_do_no_harm(parts: list[bytes], syntax: str) -> None:
    body = b"".join(parts)
    if syntax == DEFLATED_LE:
        packer = zlib.compressobj(wbits=-15)
        body = packer.compress(body) + packer.flush()
    header = header_or_not(prefix(syntax) + body)
    assert header is None or header.transfer_syntax_uid


@given(st.sampled_from(sorted(SAMPLES)), st.data())
@settings(max_examples=500, deadline=None)
def test_flipped_bits_and_cuts_do_no_harm(name: str, data: st.DataObject) -> None:
    spoiled = bytearray(SAMPLES[name])
    for _ in range(data.draw(st.integers(1, 6))):
        bit = data.draw(st.integers(0, len(spoiled) * 8 - 1))
        spoiled[bit // 8] ^= 1 << bit % 8
    length = data.draw(st.integers(0, len(spoiled)))

    header_or_not(bytes(spoiled))
    header_or_not(bytes(spoiled[:length]))


@pytest.mark.parametrize("tag", [0x00100020, 0x00081140, 0x7FE00010, 0x00420010])
@pytest.mark.parametrize("length", [0xFFFFFFFE, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_length_of_gigabytes_in_a_small_file_allocates_nothing(tag: int, length: int) -> None:
    head = (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little")
    for vr in (b"OB", b"UN", b"SQ", b"UT"):
        body = head + vr + b"\0\0" + length.to_bytes(4, "little") + bytes(range(1, 251))
        assert not header_of(prefix(EXPLICIT_LE) + body).complete
        assert peak_bytes(prefix(EXPLICIT_LE) + body) < MEBIBYTE


@pytest.mark.timeout(20)
@pytest.mark.parametrize("tag", [b"\x08\0\x40\x11", b"\x09\0\x10\x10", b"\x40\0\x30\xa7"])
@pytest.mark.parametrize("vr", [b"SQ\0\0", b"UN\0\0", b""])
def test_a_hundred_thousand_nested_sequences_are_refused(tag: bytes, vr: bytes) -> None:
    nest = (tag + vr + b"\xff\xff\xff\xff" + b"\xfe\xff\0\xe0\xff\xff\xff\xff") * 100_000
    data = prefix(EXPLICIT_LE if vr else IMPLICIT_LE) + nest
    header = header_of(data)

    assert "too-deep" in rules(header)
    assert not header.complete
    assert peak_bytes(data) < 2 * MEBIBYTE


@pytest.mark.parametrize("length", [0xFFFD, 0xFFFE, 0xFFFF, 0x10000])
def test_implicit_values_too_long_for_their_own_explicit_form_are_survived(length: int) -> None:
    value = b"\x20\0\x52\0" + length.to_bytes(4, "little") + b"1" * length
    items = b"\xfe\xff\0\xe0" + len(value).to_bytes(4, "little") + value
    inside = b"\x08\0\x40\x11" + len(items).to_bytes(4, "little") + items
    header = header_of(prefix(IMPLICIT_LE) + inside + value)

    fits = length < 0xFFFF
    (item,) = iter_items(header.elements[0x00081140].value)
    ((_, element),) = iter_elements(item)
    assert element.vr == ("UI" if fits else "UN")
    assert (0x00200052 in header.elements) is fits
    assert ("value-too-long" in rules(header)) is not fits


def nested(depth: int) -> bytes:
    """Sequences of defined length, one in the other."""
    value = b""
    for _ in range(depth):
        item = b"\xfe\xff\0\xe0" + len(value).to_bytes(4, "little") + value
        value = encode_element(0x00081140, "SQ", item)
    return value


def test_nesting_up_to_the_limit_is_kept_and_beyond_it_left_out() -> None:
    assert header_of(prefix(EXPLICIT_LE) + nested(60)).elements[0x00081140].value
    header = header_of(prefix(EXPLICIT_LE) + nested(2000))

    assert 0x00081140 not in header.elements
    assert "bad-sequence" in rules(header)
    assert header.complete  # its length is defined: what follows can be found


@pytest.mark.timeout(60)
def test_nothing_but_heads_comes_to_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mediastation.dicom.limits.STEP_LIMIT", 50_000)
    empty = encode_element(0x00091010, "LO", b"") * 100_000

    header = header_of(prefix(EXPLICIT_LE) + empty)

    assert "too-long" in rules(header)
    assert not header.complete


@pytest.mark.timeout(20)
def test_zeros_in_the_middle_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking ahead anew from every eight zeros would take hours."""
    data = prefix(EXPLICIT_LE) + encode_element(0x00080018, "UI", b"1.2.3")
    header = header_of(data + bytes(32 * MEBIBYTE) + b"\1")

    assert "bad-length" in rules(header)
    assert not header.complete


def test_many_long_values_do_not_add_up_without_end() -> None:
    long = b"".join(
        encode_element(0x00081140, "SQ", b"\xfe\xff\0\xe0" + len(item).to_bytes(4, "little") + item)
        for item in [encode_element(0x00091010, "OB", bytes(900_000))] * 12
    )

    assert peak_bytes(prefix(EXPLICIT_LE) + long) < 24 * MEBIBYTE


def test_a_deflate_bomb_is_inflated_only_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "INFLATE_LIMIT_BYTES", 40 * MEBIBYTE)
    packer = zlib.compressobj(9, wbits=-15)
    head = encode_element(0x00080018, "UI", b"1.2.3") + b"\xe0\x7f\x10\0OB\0\0\0\0\0\x30"
    packed = packer.compress(head)
    for _ in range(80):
        packed += packer.compress(bytes(MEBIBYTE))
    packed += packer.flush()
    data = prefix(DEFLATED_LE) + packed

    header = header_of(data)

    assert "too-long" in rules(header)
    assert not header.complete
    assert peak_bytes(data) < 64 * MEBIBYTE


def test_a_file_that_is_mostly_a_hole_is_not_read_through(tmp_path: Path) -> None:
    """The pixels are passed over: 8 GiB of them take no longer than none."""
    head = prefix(EXPLICIT_LE) + encode_element(0x00080018, "UI", b"1.2.3")
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.write(head + b"\xe0\x7f\x10\0OB\0\0\xfe\xff\xff\xff")
        file.truncate(len(head) + 12 + 0xFFFFFFFE)

    tracemalloc.start()
    header = read_header(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert header.complete
    assert peak < MEBIBYTE


def test_a_file_that_shrinks_while_it_is_read_is_incomplete(tmp_path: Path) -> None:
    path = tmp_path / "shrinking"
    path.write_bytes(SAMPLES["explicit"])

    with path.open("rb") as file:
        shrunk = source.FileSource(file.fileno(), len(SAMPLES["explicit"]) + 5000)
        assert len(shrunk.window(0)) == len(SAMPLES["explicit"])
        assert shrunk.size == len(SAMPLES["explicit"])
