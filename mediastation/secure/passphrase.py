"""Passphrases that are made here, and how hard a password is to guess.

A passphrase is words of the English list of BIP-39, drawn at random, with one
checksum word behind them: small letters of ASCII with one blank between, so that
it is the same octets on every keyboard (PS3.15 D.1.1) and can be told by
telephone. The list has 2,048 words, no two with the same first four letters.
"""

from __future__ import annotations

import difflib
import hashlib
import math
import re
import secrets
import string
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import Final

from mediastation.errors import SecrecyError
from mediastation.model.secrecy import Password
from mediastation.secure.personal import PersonalData

USUAL_WORDS: Final = 6
LEAST_WORDS: Final = 4
MOST_WORDS: Final = 24
"""Words that are drawn; the checksum word is one more and proves nothing of strength."""
BITS_PER_WORD: Final = 11

_LIST_LENGTH = 1 << BITS_PER_WORD
_TELLING_LETTERS = 4
_MOST_DRAWS = 1000
_LONGEST_WORD = 16
_NEAR_ENOUGH = 0.6
_WRITTEN_WORDS = re.compile(r"[A-Za-z0-9 ,.;:)_-]+")
_WINDOW = 72
"""Characters that zxcvbn takes."""
_MOST_PIECES = 20_000
_ALPHABETS = (string.ascii_lowercase, string.ascii_uppercase, string.digits)
_OTHER_SIGNS = 33
_estimating = threading.Lock()


def make_passphrase(
    words: int = USUAL_WORDS,
    *,
    random: Callable[[int], int] = secrets.randbelow,
    personal: Iterable[str] = (),
) -> str:
    """Return a new passphrase: `words` words drawn at random, and the checksum word.

    Parameters
    ----------
    words : int
        How many are drawn, each worth 11 bits; 4 to 24.
    random : callable
        Gives a whole number from 0 up to, and without, its argument.
    personal : iterable of str
        Values of the patients, as in `PersonalData.of`. A draw with a word that is
        in one of their names is drawn again: it would look as if made of it.

    Raises
    ------
    ValueError
        If `words` is out of range.
    SecrecyError
        If hardly any word is in nobody's name.
    """
    if not LEAST_WORDS <= words <= MOST_WORDS:
        raise ValueError(f"a passphrase has {LEAST_WORDS} to {MOST_WORDS} words")
    names = PersonalData.of(personal).names
    for _ in range(_MOST_DRAWS):
        drawn = [word_list()[random(_LIST_LENGTH)] for _ in range(words)]
        made = [*drawn, checksum_word(drawn)]
        if _looks_drawn(len(set(drawn)), words) and names.isdisjoint(made):
            return " ".join(made)
    raise SecrecyError(
        "No passphrase was found without a word that is in the name of a patient.",
        "Give a password of your own.",
    )


def _looks_drawn(different: int, words: int) -> bool:
    """Tell whether chance repeats a word as often: among six it does once in 140 times."""
    return different >= words - 1


def checksum_word(words: Sequence[str]) -> str:
    """Return the word that belongs behind `words`.

    It is the one whose index in the list, counted from 0, is the number in the
    first 11 bits, the most significant first, of the SHA-256 over the octets of
    the words with one blank (20 hex) between and none around.
    """
    digest = hashlib.sha256(" ".join(words).encode("ascii")).digest()
    return word_list()[int.from_bytes(digest[:2], "big") >> (16 - BITS_PER_WORD)]


@cache
def word_list() -> tuple[str, ...]:
    """Return the English list of BIP-39 in its order, which is that of the alphabet."""
    from mnemonic import Mnemonic  # noqa: PLC0415 - only where words are needed

    return tuple(Mnemonic("english").wordlist)


class Form(StrEnum):
    """What a typed password is, seen as one of ours.

    ``fits`` is one of ours, typed right. ``unknown word`` and ``wrong checksum``
    look like one of ours that was mistyped. ``free`` is any other password, of
    which nothing can be told.
    """

    FITS = "fits"
    UNKNOWN_WORD = "unknown word"
    WRONG_CHECKSUM = "wrong checksum"
    FREE = "free"


@dataclass(frozen=True, slots=True)
class UnknownWord:
    """A word that is not in the list.

    `place` counts from 1. `nearest` is the word of the list that is most like
    it, for the eyes of whoever typed it and for nothing that is kept; empty if
    none is.
    """

    place: int
    nearest: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Checked:
    """A typed password, compared with the form of ours.

    Parameters
    ----------
    form : Form
        What it is.
    password : Password
        The octets to use: of one of ours as it was made, whatever case, spacing or
        abbreviation was typed; of any other exactly what was typed.
    typed : Password
        What was typed.
    words : int
        Words without the checksum word; 0 for a free password.
    different : int
        How many of them are different ones.
    unknown : tuple of UnknownWord
        Words that are not in the list.
    """

    form: Form
    password: Password
    typed: Password
    words: int = 0
    different: int = 0
    unknown: tuple[UnknownWord, ...] = ()

    @property
    def to_try(self) -> tuple[Password, ...]:
        """What to try envelopes with: the octets as made, then as typed where they differ."""
        if self.password.octets == self.typed.octets:
            return (self.password,)
        return (self.password, self.typed)

    @property
    def trouble(self) -> str:
        """What is wrong in a sentence without any word of it; empty if nothing is."""
        if self.form is Form.UNKNOWN_WORD:
            places = " and ".join(str(one.place) for one in self.unknown)
            if len(self.unknown) > 1:
                return f"Words {places} of the passphrase are not in the list of words."
            return f"Word {places} of the passphrase is not in the list of words."
        if self.form is Form.WRONG_CHECKSUM:
            return (
                "The last word of the passphrase does not fit the others: one of them is another "
                "word, or two are swapped, or one is missing."
            )
        return ""


def read_words(password: Password) -> Checked:
    """Tell whether a typed password is one of ours, and what is mistyped if it is not.

    Upper case counts as lower case; blanks, hyphens, commas, full stops and
    numbers may part the words; the first four letters of a word stand for it.
    A passphrase with one word mistyped for another of the list passes by chance
    once in 2,048 times.
    """
    text = password.octets.decode("ascii")
    if not _WRITTEN_WORDS.fullmatch(text):
        return Checked(Form.FREE, password, password)
    typed = re.findall(r"[a-z]+", text.lower())
    known = [_known(word) for word in typed]
    strange = [place for place, word in enumerate(known) if not word]
    if not LEAST_WORDS < len(typed) <= MOST_WORDS + 1 or len(strange) > (len(typed) - 1) // 3:
        return Checked(Form.FREE, password, password)
    *drawn, last = known
    form, used = Form.WRONG_CHECKSUM, password
    unknown = tuple(UnknownWord(place + 1, _nearest(typed[place])) for place in strange)
    if strange:
        form = Form.UNKNOWN_WORD
    elif checksum_word(drawn) == last:
        form, used = Form.FITS, Password(" ".join(known))
    return Checked(form, used, password, len(drawn), len(set(drawn)), unknown)


@cache
def _by_beginning() -> dict[str, str]:
    return {word[:_TELLING_LETTERS]: word for word in word_list()}


def _known(typed: str) -> str:
    """Return the word of the list that `typed` is or begins; empty if there is none."""
    word = _by_beginning().get(typed[:_TELLING_LETTERS], "")
    is_it = word == typed or (len(typed) >= _TELLING_LETTERS and word.startswith(typed))
    return word if is_it else ""


def _nearest(typed: str) -> str:
    near = difflib.get_close_matches(typed[:_LONGEST_WORD], word_list(), 1, _NEAR_ENOUGH)
    return near[0] if near else ""


def strength_bits(password: Password, personal: Iterable[str] = ()) -> float:
    """Return how hard a password is to guess: the binary logarithm of the tries it takes.

    One of ours has 11 bits for each of its words, the checksum word left out.
    Any other is estimated by zxcvbn, which knows common passwords, names, dates
    and keyboards, and never above what its length and its alphabet allow. Of a
    long one the better of its ends of 72 characters counts: less than it is
    worth, and enough for every floor.

    Parameters
    ----------
    password : Password
        What is to be judged.
    personal : iterable of str
        What an attacker would try first, as in `PersonalData.of`.
    """
    checked = read_words(password)
    if checked.form is Form.FITS:
        drawn = _looks_drawn(checked.different, checked.words)
        return float(BITS_PER_WORD * (checked.words if drawn else checked.different))
    text = password.octets.decode("ascii")
    known = PersonalData.of(personal)
    pieces = sorted(known.names | known.numbers)[:_MOST_PIECES]
    ends = dict.fromkeys((text[:_WINDOW], text[-_WINDOW:]))
    return min(max(_estimated(end, pieces) for end in ends), _most_bits(text))


def _estimated(text: str, pieces: list[str]) -> float:
    from zxcvbn import zxcvbn  # noqa: PLC0415 - its dictionaries take time
    from zxcvbn.matching import RANKED_DICTIONARIES  # noqa: PLC0415

    # The library keeps what an attacker knows in a table that belongs to the module.
    with _estimating:
        try:
            guesses = zxcvbn(text, user_inputs=pieces)["guesses_log10"]
        finally:
            RANKED_DICTIONARIES.pop("user_inputs", None)
    return float(guesses) / math.log10(2)


def _most_bits(text: str) -> float:
    signs = set(text)
    size = sum(len(alphabet) for alphabet in _ALPHABETS if signs & set(alphabet))
    if signs - set("".join(_ALPHABETS)):
        size += _OTHER_SIGNS
    return len(text) * math.log2(size)


def require_not_personal(password: Password, personal: Iterable[str]) -> None:
    """Raise `SecrecyError` where a password has anything of a patient in it.

    A name component of three letters or more, an identifier, an accession number
    or a birth date in any common writing, wherever it stands. A passphrase of
    ours was drawn at random: of that only a whole word that is in a name counts.
    """
    known = PersonalData.of(personal)
    checked = read_words(password)
    text = checked.password.octets.decode("ascii")
    if checked.form is Form.FITS:
        found = "" if known.names.isdisjoint(text.split()) else "the name of a patient"
    else:
        found = known.found_in(text)
    if found:
        raise SecrecyError(
            f"The password has {found} on the medium in it; that is what is tried first.",
            "Let `mediastation passphrase` make one, or choose one that has nothing to do with "
            "the patient.",
        )


def require_strong(password: Password, least_bits: int, personal: Iterable[str]) -> None:
    """Raise `SecrecyError` unless a password may protect a medium; it never says the password.

    Parameters
    ----------
    password : Password
        What files are to be sealed with.
    least_bits : int
        How hard to guess it has to be: ``least_bits`` of ``[secure]``.
    personal : iterable of str
        Names, identifiers, birth dates and accession numbers of all patients on the
        medium, as in `PersonalData.of`.

    Raises
    ------
    SecrecyError
        If it has anything of a patient in it, whatever its strength, or is too
        easy to guess.
    """
    values = list(personal)
    require_not_personal(password, values)
    bits = strength_bits(password, values)
    if bits < least_bits:
        raise SecrecyError(
            f"The password is too easy to guess: {math.floor(bits)} bits, where this station asks "
            f"for {least_bits}.",
            f"Let `mediastation passphrase --words {words_for(least_bits)}` make one, or choose "
            "a longer one.",
        )


def require_typed_right(password: Password) -> Password:
    """Return the octets to seal with; `SecrecyError` if it is one of ours and mistyped.

    A medium sealed with a slip of the hand opens with no sheet that was printed.
    """
    checked = read_words(password)
    if checked.trouble:
        raise SecrecyError(
            checked.trouble,
            "Compare it with the sheet and type it again. If it is a password of your own that "
            "only looks like one of ours, put a sign such as ! into it.",
        )
    return checked.password


def words_for(least_bits: int) -> int:
    """Return how many words have at least so many bits, and no fewer than is usual."""
    return min(MOST_WORDS, max(USUAL_WORDS, -(-least_bits // BITS_PER_WORD)))
