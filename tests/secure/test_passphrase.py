"""Passphrases: made, read back however they were typed, and never made of a patient."""

from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import chain, cycle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediastation.errors import SecrecyError
from mediastation.model.secrecy import Password
from mediastation.secure.passphrase import (
    LEAST_WORDS,
    MOST_WORDS,
    Form,
    UnknownWord,
    checksum_word,
    make_passphrase,
    read_words,
    require_not_personal,
    require_strong,
    require_typed_right,
    strength_bits,
    word_list,
    words_for,
)

# The digests are those of `printf '%s' WORDS | openssl dgst -sha256`, their first 11 bits in
# decimal: 2469 -> 291, a046 -> 1282, d391 -> 1692; the words are on lines 292, 1283 and 1693.
KNOWN = [
    ("abandon ability able about above absent", 291, "caught"),
    ("zoo zone zero youth young you", 1282, "park"),
    ("legal winner thank year", 1692, "squeeze"),
]
OURS = "zoo zone zero youth young you park"
FREE = "Xk7!pWq2@vZr9#Lm"


def drawing(numbers: Iterable[int]) -> Callable[[int], int]:
    """Dice that fall as told, and as often as they are thrown."""
    given_numbers = iter(numbers)

    def throw(sides: int) -> int:
        assert sides == 2048
        return next(given_numbers)

    return throw


def read(text: str) -> Form:
    return read_words(Password(text)).form


class TestTheList:
    def test_it_is_that_of_bip_39(self) -> None:
        """The SHA-256 of english.txt of BIP-39; another list would not prove old passphrases."""
        listed = "".join(f"{word}\n" for word in word_list()).encode()
        digest = "2f5eed53a4727b4bf8880d8f3f199efc90e58503646d9ff8eff3a2ed3b24dbda"

        assert hashlib.sha256(listed).hexdigest() == digest

    def test_four_letters_tell_every_word(self) -> None:
        assert len({word[:4] for word in word_list()}) == 2048

    def test_neither_list_nor_estimator_is_loaded_before_it_is_needed(self) -> None:
        asked = (
            "import sys, mediastation.secure.passphrase;"
            "print([name for name in ('mnemonic', 'zxcvbn') if name in sys.modules])"
        )
        said = subprocess.run(
            [sys.executable, "-c", asked], capture_output=True, text=True, check=True, timeout=60
        )

        assert said.stdout.strip() == "[]"


class TestMaking:
    @pytest.mark.parametrize(("words", "index", "checksum"), KNOWN)
    def test_the_checksum_word_is_known(self, words: str, index: int, checksum: str) -> None:
        assert checksum_word(words.split()) == checksum
        assert word_list()[index] == checksum

    def test_the_words_are_those_that_were_drawn(self) -> None:
        assert make_passphrase(random=drawing([2047, 2046, 2045, 2043, 2042, 2041])) == OURS

    @given(st.integers(LEAST_WORDS, MOST_WORDS))
    def test_whatever_is_made_reads_as_made(self, words: int) -> None:
        made = make_passphrase(words)
        checked = read_words(Password(made))

        assert checked.form is Form.FITS
        assert checked.words == words
        assert checked.password.octets == made.encode()
        assert checked.trouble == ""

    def test_two_are_not_the_same(self) -> None:
        assert len({make_passphrase() for _ in range(50)}) == 50

    @pytest.mark.parametrize("words", [LEAST_WORDS - 1, MOST_WORDS + 1, 0, -1])
    def test_a_length_out_of_range_is_a_mistake(self, words: int) -> None:
        with pytest.raises(ValueError, match="4 to 24"):
            make_passphrase(words)

    def test_a_word_of_a_patients_name_is_drawn_again(self) -> None:
        """Drawn or checksum word: Zoo and Park are in the names."""
        zoo, alphabet = [2047, 2046, 2045, 2043, 2042, 2041], [0, 1, 2, 3, 4, 5]

        for name in ("Zoo^Anna", "PARK^JI-WOO"):
            made = make_passphrase(random=drawing(chain(zoo, alphabet)), personal=[name])
            assert made == f"{KNOWN[0][0]} caught"

    def test_where_every_word_is_a_name_somebody_has_to_choose(self) -> None:
        with pytest.raises(SecrecyError, match="in the name of a patient") as caught:
            make_passphrase(random=drawing(cycle([2047, 0, 1, 2, 3, 4])), personal=["Zoo^Anna"])

        assert caught.value.exit_code == 4


class TestReading:
    @pytest.mark.parametrize(
        "typed",
        [
            OURS,
            OURS.upper(),
            "  Zoo  zone zero   youth young you park ",
            "zoo-zone-zero-youth-young-you-park",
            "1. zoo 2. zone 3. zero 4. youth 5. young 6. you 7. park",
            "zoo, zone, zero, yout, youn, you, park",
        ],
    )
    def test_one_of_ours_gives_its_octets_however_it_was_typed(self, typed: str) -> None:
        checked = read_words(Password(typed))

        assert checked.form is Form.FITS
        assert checked.password.octets == OURS.encode()
        octets = [one.octets for one in checked.to_try]
        assert octets == ([OURS.encode()] if typed == OURS else [OURS.encode(), typed.encode()])

    def test_a_short_word_is_not_taken_for_a_longer_one(self) -> None:
        """``act`` is in the list, and ``acti`` begins ``action``; ``ac`` is nothing."""
        words = "act action actor actress"
        ours = f"{words} {checksum_word(words.split())}"

        assert read_words(Password(ours.replace("action", "acti"))).password.octets == ours.encode()
        assert read(ours.replace("act ", "ac ")) is Form.UNKNOWN_WORD

    def test_a_mistyped_word_is_placed_and_the_nearest_offered(self) -> None:
        checked = read_words(Password("zoo zone zreo youth young you park"))

        assert checked.form is Form.UNKNOWN_WORD
        assert checked.unknown == (UnknownWord(3, "zero"),)
        assert "Word 3 of" in checked.trouble
        assert "zreo" not in checked.trouble
        assert "zero" not in checked.trouble

    def test_two_mistyped_words_are_both_placed(self) -> None:
        checked = read_words(Password("zoo zone zreo youth qqqqqqq you park"))

        assert checked.unknown == (UnknownWord(3, "zero"), UnknownWord(5, ""))
        assert "Words 3 and 5" in checked.trouble

    @pytest.mark.parametrize(
        "typed",
        [
            "zone zoo zero youth young you park",
            "zoo zone zero youth young zebra park",
            "zoo zone zero youth young you",
            "zoo zone zero youth young you park park",
        ],
        ids=["swapped", "another", "missing", "twice"],
    )
    def test_words_of_the_list_that_are_not_those_do_not_fit(self, typed: str) -> None:
        checked = read_words(Password(typed))

        assert checked.form is Form.WRONG_CHECKSUM
        assert "does not fit" in checked.trouble
        assert checked.password.octets == typed.encode()

    @pytest.mark.parametrize(
        "typed",
        [
            FREE,
            "zoo zone zero",
            "zoo!zone zero youth young you park",
            "my dog barks at the cat next door",
            "zoo " * 26,
            "qqqq",
            " ",
            "x" * 1024,
            "zo " * 300,
        ],
    )
    def test_any_other_password_stays_what_it_is(self, typed: str) -> None:
        checked = read_words(Password(typed))

        assert checked.form is Form.FREE
        assert [one.octets for one in checked.to_try] == [typed.encode()]
        assert checked.trouble == ""

    @given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1))
    def test_what_does_not_fit_is_used_as_it_was_typed(self, typed: str) -> None:
        checked = read_words(Password(typed))

        if checked.form is not Form.FITS:
            assert checked.password.octets == typed.encode()

    @given(st.permutations(range(7)), st.data())
    def test_other_words_pass_by_a_chance_of_one_in_2048_only(
        self, order: list[int], data: st.DataObject
    ) -> None:
        """Whatever passes has the very checksum: nothing is let through for another reason."""
        words = [OURS.split()[place] for place in order]
        words[data.draw(st.integers(0, 6))] = data.draw(st.sampled_from(word_list()))

        fits = checksum_word(words[:-1]) == words[-1]
        assert read(" ".join(words)) is (Form.FITS if fits else Form.WRONG_CHECKSUM)

    def test_nothing_of_it_is_shown_or_kept(self) -> None:
        checked = read_words(Password("zoo zone zreo youth young you park"))

        assert not any(word in repr(checked) for word in ("zoo", "zreo", "zero", "park"))
        with pytest.raises(TypeError):
            pickle.dumps(checked)


class TestSealing:
    def test_the_octets_to_seal_with_are_those_of_the_sheet(self) -> None:
        assert require_typed_right(Password(OURS.title())).octets == OURS.encode()
        assert require_typed_right(Password(FREE)).octets == FREE.encode()

    @pytest.mark.parametrize("typed", ["zoo zone zreo youth young you park", OURS + " you"])
    def test_a_slip_of_the_hand_seals_nothing(self, typed: str) -> None:
        with pytest.raises(SecrecyError) as caught:
            require_typed_right(Password(typed))

        assert "zone" not in f"{caught.value} {caught.value.hint}"


class TestStrength:
    @pytest.mark.parametrize(("words", "bits"), [(4, 44), (6, 66), (12, 132)])
    def test_ours_have_11_bits_a_word(self, words: int, bits: float) -> None:
        numbers = drawing(range(words))

        assert strength_bits(Password(make_passphrase(words, random=numbers))) == bits
        assert strength_bits(Password(make_passphrase(words, random=drawing(range(words))).upper()))

    def test_one_word_again_and_again_is_worth_one(self) -> None:
        words = ["abandon"] * 6

        assert strength_bits(Password(" ".join([*words, checksum_word(words)]))) == 11

    def test_a_word_that_chance_repeats_takes_nothing_away(self) -> None:
        once, twice = [7, 7, 1, 2, 3, 4], [7, 7, 7, 1, 2, 3]
        numbers = drawing([*twice, *once])

        assert strength_bits(Password(make_passphrase(random=numbers))) == 66
        with pytest.raises(StopIteration):
            numbers(2048)

    @pytest.mark.parametrize(
        "weak",
        ["password", "P@ssw0rd1!", "qwertyuiop", "a" * 72, "a" * 1024, "19600101", "letmein" * 100],
    )
    def test_what_everybody_takes_is_weak(self, weak: str) -> None:
        assert strength_bits(Password(weak)) < 40

    def test_random_signs_are_strong(self) -> None:
        assert strength_bits(Password(FREE + "h3$T")) > 60

    @pytest.mark.parametrize("noise", [FREE * 2, "0123456789"[::3] * 3])
    def test_a_long_one_is_worth_at_least_its_better_end(self, noise: str) -> None:
        alone = strength_bits(Password(noise))

        assert strength_bits(Password("a" * 900 + noise)) >= alone
        assert strength_bits(Password(noise + "a" * 900)) >= alone

    @pytest.mark.parametrize(
        ("text", "most"), [("7", 3.33), ("zq", 9.41), ("Zq", 11.41), ("~", 5.05), ("Z9~q", 26.28)]
    )
    def test_length_and_alphabet_are_the_ceiling(self, text: str, most: float) -> None:
        """The logarithm of 10, 26, 52, 33 and 95 signs, times their number."""
        assert strength_bits(Password(text)) <= most

    def test_what_is_known_of_the_patient_is_worth_little(self) -> None:
        text = Password("Szczepaniak4471990")

        assert strength_bits(text, ["Szczepaniak^Jan", "4471990"]) < strength_bits(text) / 2

    def test_what_one_patient_is_called_is_forgotten_before_the_next(self) -> None:
        text = Password("Szczepaniak4471990")
        before = strength_bits(text)
        strength_bits(text, ["Szczepaniak^Jan", "4471990"])

        assert strength_bits(text) == before

    def test_several_at_once_do_not_learn_from_each_other(self) -> None:
        text = Password("Szczepaniak4471990")
        known: list[list[str]] = [["Szczepaniak^Jan"], [], ["4471990"], []] * 5
        alone = [strength_bits(text, values) for values in known]

        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(strength_bits, [text] * len(known), known)) == alone

    @pytest.mark.parametrize(("bits", "words"), [(40, 6), (60, 6), (66, 6), (67, 7), (128, 12)])
    def test_as_many_words_as_a_floor_needs(self, bits: int, words: int) -> None:
        assert words_for(bits) == words


class TestRequireStrong:
    def test_ours_are_enough_and_four_words_are_not(self) -> None:
        require_strong(Password(OURS), 60, ())
        with pytest.raises(SecrecyError, match="44 bits, where this station asks for 60"):
            require_strong(Password("legal winner thank year squeeze"), 60, ())

    @pytest.mark.parametrize("weak", ["password", "zoo", "Tr0ub4dor&3"])
    def test_a_weak_one_is_refused_with_a_way_out_and_never_said(self, weak: str) -> None:
        with pytest.raises(SecrecyError) as caught:
            require_strong(Password(weak), 60, ())

        assert caught.value.exit_code == 4
        assert "mediastation passphrase --words 6" in caught.value.hint
        assert weak not in f"{caught.value} {caught.value.hint}".replace("The password", "")

    def test_a_strong_one_with_a_patient_in_it_is_refused(self) -> None:
        with pytest.raises(SecrecyError, match="the name of a patient"):
            require_strong(Password(f"{FREE}doe{FREE}"), 60, iter(["Doe^Jane"]))


class TestRequireNotPersonal:
    @pytest.mark.parametrize(
        ("value", "password"),
        [
            ("DOE^JANE", "xxDoe!77"),
            ("DOE^JANE", "mary-JANE-9"),
            ("Doe^Mary Ann^Zoe", "fXoezzoe"),
            ("Müller^Jürgen", "Muller77"),
            ("Müller^Jürgen", "mueller77"),
            ("Mueller^Jurgen", "muller77"),
            ("O'Brien^Pat", "o'brien!!"),
            ("O'Brien^Pat", "OBRIEN!!"),
            ("Großmann^Ute", "grossmann"),
            ("Søren^X", "soeren 1"),
            ("Meyer-Landrut^A", "landrut4"),
            ("Иванов^Юрий", "ivanov-1"),
            ("Yamada^Tarou=山田^太郎=やまだ^たろう", "xyamadax"),
            ("=山田^太郎=やまだ^たろう", "yamada"),
            ("DOE JANE", "doe"),
            ("4711", "ab4711cd"),
            ("0004711", "x4711"),
            ("PAT-4711/2", "pat 47112"),
            ("PAT-4711/2", "Pat47-112"),
            ("PAT-4711/2", "zz4711zz"),
            ("ACC2024X", "my-acc2024x"),
            ("A12", "za12z"),
        ],
    )
    def test_names_and_numbers_are_found_wherever_they_stand(
        self, value: str, password: str
    ) -> None:
        with pytest.raises(SecrecyError) as caught:
            require_not_personal(Password(password), [value])

        assert value not in caught.value.message
        assert password not in f"{caught.value} {caught.value.hint}"

    @pytest.mark.parametrize("written", ["19600203", "1960-02-03", "1960.02.03"])
    @pytest.mark.parametrize(
        "password",
        [
            "x19600203x",
            "1960-02-03",
            "03.02.1960",
            "3.2.1960",
            "02/03/1960",
            "2/3/1960!",
            "030260",
            "020360",
            "600203",
            "03 Feb 1960",
            "3feb60",
            "February 3, 1960",
            "1960 feb 3",
            "3. february 60",
        ],
    )
    def test_a_birth_date_is_found_in_every_common_writing(
        self, written: str, password: str
    ) -> None:
        with pytest.raises(SecrecyError, match="birth date"):
            require_not_personal(Password(password), [written])

    @pytest.mark.parametrize(
        ("value", "password"),
        [
            ("Li^Bo", "believable"),
            ("von der Leyen^X", "understand"),
            ("Doe^Jane^^Prof", "profile77"),
            ("", "anything"),
            ("^^^^", "anything"),
            ("山田^太郎", "anything"),
            ("12", "1212121"),
            ("19600203", "1960 was fine"),
            ("19601399", "13991960"),
            ("DOE^JANE", FREE),
            ("\x00\ud800^\u202e", "anything"),
        ],
    )
    def test_less_than_that_is_no_patients_data(self, value: str, password: str) -> None:
        require_not_personal(Password(password), [value])

    def test_drawn_words_count_as_a_whole_only(self) -> None:
        """``one`` and ``her`` lie inside drawn words; nobody made those of them."""
        require_not_personal(Password(OURS), ["One^Her", "Out^Zon"])

        with pytest.raises(SecrecyError, match="the name of a patient"):
            require_not_personal(Password(OURS.upper()), ["Young^Ann"])

    def test_thousands_of_patients_are_looked_through(self) -> None:
        values = [f"Name{chr(97 + n % 26)}{chr(97 + n // 26 % 26)}q^Zq" for n in range(20_000)]

        require_not_personal(Password(FREE), values)
        with pytest.raises(SecrecyError):
            require_not_personal(Password("x-namecdq"), values)

    @given(st.lists(st.text(max_size=600), max_size=5))
    def test_no_value_stops_the_judging(self, values: list[str]) -> None:
        with suppress(SecrecyError):
            require_not_personal(Password(FREE), values)
