"""OPEN.HTM in a browser, from a folder, without a network: what recipients of a medium do."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from mediastation.pages.open_page import OPEN_NAME, OpenFacts, render_open
from tests.support.browser import Browser
from tests.support.certificates import Identity
from tests.support.envelopes import Form, Signed, make_envelope
from tests.support.file_sets import PATHS, good_file_set, instance
from tests.support.open_page import OpenPage

PASSWORD = "correct Horse-battery 9 staple"  # noqa: S105 - of nothing
DICOM = b"\0" * 128 + b"DICM" + bytes(range(256)) * 20


@pytest.fixture(scope="module")
def signer(site: Identity) -> Signed:
    return site.key, site.certificate, ()


class Medium(OpenPage):
    """A medium that is still being written, with OPEN.HTM on it."""

    def __init__(self, browser: Browser, folder: Path) -> None:
        folder.mkdir()
        facts = OpenFacts("St. Elsewhere, Radiology", ("1 Main Street", "Tel. +1 555 0100"))
        (folder / OPEN_NAME).write_bytes(render_open(facts))
        super().__init__(browser, folder)

    def add(self, path: str, content: bytes) -> Path:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return file

    def open(self, password: str = PASSWORD) -> dict[str, str]:
        return super().open(password)


@pytest.fixture
def medium(browser: Browser, tmp_path: Path) -> Medium:
    return Medium(browser, tmp_path / "MEDIUM")


def test_a_whole_medium_comes_out_as_it_went_in(medium: Medium) -> None:
    """Also a file of real size, each function of key derivation and both ciphers."""
    plain = {"DICOMDIR": DICOM, "DICOM/ST01/LARGE": os.urandom(30_000_001), "DICOM/EMPTY": b""}
    for path, content in plain.items():
        medium.add(path, make_envelope(content, password=PASSWORD, salt=b"one salt"))
    for derivation in ("sha1", "sha256", "sha384", "sha512"):
        for cipher in ("aes128", "aes256"):
            name = f"DICOM/{derivation}.{cipher}".upper()
            plain[name] = DICOM + name.encode()
            sealed = make_envelope(
                plain[name], password=PASSWORD, derivation=derivation, cipher=cipher
            )
            medium.add(name, sealed)
    medium.add("README.TXT", b"MEDICAL IMAGES\r\n")

    medium.choose()
    results = medium.open()

    assert {path for path, said in results.items() if said.startswith("Opened")} == plain.keys()
    assert results["README.TXT"] == results[OPEN_NAME] == "Not encrypted. Use it as it is."
    assert medium.said() == f"All {len(plain)} files are open, and proved to be unchanged."
    assert medium.saved() == plain


def test_it_asks_for_nothing_and_has_nothing_to_complain_of(medium: Medium) -> None:
    """Not of its own policy either, under which it has to do all this."""
    medium.add("DICOMDIR", make_envelope(DICOM, password=PASSWORD))

    medium.choose()
    medium.open()
    medium.saved()

    asked = medium.browser.asked_for()
    assert [url for url in asked if not url.startswith("blob:")] == asked[:1]
    assert asked[0].endswith(OPEN_NAME)
    assert medium.browser.complaints() == []


@pytest.mark.parametrize("digest", ["sha1", "sha256", "sha384", "sha512"])
def test_each_digest_and_signature_of_the_profile_is_checked(
    medium: Medium, signer: Signed, digest: str
) -> None:
    medium.add("DIGESTED", make_envelope(DICOM, password=PASSWORD, digest=digest))
    signed = make_envelope(DICOM, password=PASSWORD, digest=digest, signer=signer)
    medium.add("SIGNED", signed)

    medium.choose()
    results = medium.open()

    assert results["DIGESTED"] == "Opened Save"
    assert "the signature fits" in results["SIGNED"]
    assert "“St. Elsewhere, Radiology”" in results["SIGNED"]
    assert "this page cannot prove" in results["SIGNED"]
    assert medium.saved() == {"DIGESTED": DICOM, "SIGNED": DICOM}


def test_whatever_the_profile_allows_opens(
    medium: Medium, recipient: Identity, signer: Signed
) -> None:
    forms: list[Form] = ["conforming", "content_info", "content_octets", "id_data_nested"]
    sealed = {
        "MIXED": make_envelope(DICOM, password=PASSWORD, certificates=[recipient.certificate] * 3),
        "SECOND": make_envelope(DICOM, passwords=["another", PASSWORD]),
        "WRAP": make_envelope(DICOM, password=PASSWORD, cipher="aes256", wrap_cipher="aes128"),
        "LENGTH": make_envelope(DICOM, password=PASSWORD, key_length=True),
        "TWICE": make_envelope(DICOM, password=PASSWORD, signers=[signer, signer]),
        "BARE": make_envelope(DICOM, password=PASSWORD, signer=signer, signed_attributes=False),
    }
    for form in forms:
        sealed[form.upper()] = make_envelope(DICOM, password=PASSWORD, form=form)
        sealed[f"{form}_S".upper()] = make_envelope(
            DICOM, password=PASSWORD, form=form, signer=signer
        )
        sealed[f"{form}_B".upper()] = make_envelope(
            DICOM, password=PASSWORD, form=form, indefinite=1000
        )
    for name, content in sealed.items():
        medium.add(name, content)

    medium.choose()
    medium.open()

    assert medium.said() == f"All {len(sealed)} files are open, and proved to be unchanged."
    assert medium.saved() == dict.fromkeys(sealed, DICOM)


def test_a_wrong_password_gives_nothing_out_and_the_right_one_does_afterwards(
    medium: Medium,
) -> None:
    for name in ("DICOMDIR", "DICOM/IM1"):
        medium.add(name, make_envelope(DICOM, password=PASSWORD))
    medium.choose()

    for wrong in (PASSWORD.lower(), f"{PASSWORD} ", "x"):
        results = medium.open(wrong)

        assert results["DICOMDIR"] == "Wrong password"
        assert results["DICOM/IM1"].startswith("Wrong password")
        assert medium.said().startswith("Wrong password. Nothing was opened.")
        assert not medium.shown("#zip")
        assert medium.browser.run("opened().length") == 0

    medium.open(PASSWORD)
    assert medium.saved() == {"DICOMDIR": DICOM, "DICOM/IM1": DICOM}


@pytest.mark.parametrize(
    ("typed", "said"),
    [("", "Type the password"), ("päßwort", "that DICOM passwords never have")],
)
def test_what_cannot_be_a_password_is_not_tried(medium: Medium, typed: str, said: str) -> None:
    medium.add("DICOMDIR", make_envelope(DICOM, password=PASSWORD))
    medium.choose()

    results = medium.open(typed)

    assert said in medium.said()
    assert results["DICOMDIR"] == ""


def test_the_password_is_shown_only_when_asked(medium: Medium) -> None:
    kinds = []
    for _ in range(3):
        kinds.append(medium.browser.run("document.querySelector('#password').type"))
        medium.browser.click("#show")

    assert kinds == ["password", "text", "password"]


def test_a_damaged_file_is_not_given_out(medium: Medium, signer: Signed) -> None:
    whole = make_envelope(DICOM, password=PASSWORD)
    middle, end = bytearray(whole), bytearray(whole)
    middle[len(whole) // 2] ^= 1
    end[-1] ^= 1
    sealed = {
        "MIDDLE": bytes(middle),
        "END": bytes(end),
        "SHORT": whole[:-16],
        "HALF": whole[: len(whole) // 2],
        "DIGEST": make_envelope(DICOM, password=PASSWORD, wrong_digest=True),
        "S_DIGEST": make_envelope(DICOM, password=PASSWORD, signer=signer, wrong_digest=True),
        "S_SIGN": make_envelope(DICOM, password=PASSWORD, signer=signer, wrong_signature=True),
    }
    for name, content in {**sealed, "WHOLE": whole}.items():
        medium.add(name, content)

    medium.choose()
    results = medium.open()

    assert results.pop("WHOLE").startswith("Opened")
    assert results.pop(OPEN_NAME).startswith("Not encrypted")
    assert {name: said.split()[0] for name, said in results.items()} == dict.fromkeys(
        sealed, "Damaged."
    )
    assert medium.said().startswith(f"1 of {len(sealed) + 1} encrypted files is open.")
    assert medium.saved() == {"WHOLE": DICOM}


@pytest.mark.parametrize("signed", [True, False])
def test_no_changed_byte_and_no_missing_end_makes_another_file(
    medium: Medium, recipient: Identity, signer: Signed, signed: bool
) -> None:
    """Every byte of a small envelope, and every length: the file as it was, or a refusal."""
    envelope = make_envelope(
        DICOM[:200],
        password=PASSWORD,
        certificates=[recipient.certificate],
        signer=signer if signed else None,
        iterations=1,
    )
    found = medium.browser.run(
        f"""(async () => {{
          const octets = text => Uint8Array.from(atob(text), each => each.charCodeAt(0));
          const sealed = octets("{base64.b64encode(envelope).decode()}");
          const plain = octets("{base64.b64encode(DICOM[:200]).decode()}");
          const ring = new KeyRing(new TextEncoder().encode({json.dumps(PASSWORD)}));
          const found = {{ same: 0, refused: 0, other: [], strange: [] }};
          const trial = async (name, bytes) => {{
            try {{
              const {{ content }} = await openEnvelope(new File([bytes], name), ring, () => {{}});
              if (same(content, plain)) found.same++; else found.other.push(name);
            }} catch (trouble) {{
              const known = refusalOf(trouble).kind !== "unread";
              if (known) found.refused++; else found.strange.push(`${{name}}: ${{trouble}}`);
            }}
          }};
          await trial("whole", sealed);
          for (let at = 0; at < sealed.length; at++) {{
            const bent = sealed.slice();
            bent[at] ^= at % 2 ? 1 : 128;
            await trial(`bent ${{at}}`, bent);
            await trial(`cut ${{at}}`, sealed.slice(0, at));
          }}
          return found;
        }})()"""
    )

    assert found["other"] == []
    assert found["strange"] == []
    assert found["same"] >= 1
    assert found["refused"] > len(envelope)


class TestAgainstTheDirectory:
    """Each file proves itself alone; the DICOMDIR tells which there should be."""

    FILES = good_file_set()

    def open(self, medium: Medium, files: Mapping[str, bytes]) -> str:
        for path, content in files.items():
            medium.add(path, make_envelope(content, password=PASSWORD, salt=b"one salt"))
        medium.choose()
        medium.open()
        return medium.said()

    @pytest.mark.parametrize("spelling", ["{}", "{};1", "{}.", "lower"])
    def test_what_fits_is_said_to_be_right(self, medium: Medium, spelling: str) -> None:
        shown = str.lower if spelling == "lower" else spelling.format
        files = {shown(path): data for path, data in self.FILES.items() if path != "README.TXT"}

        said = self.open(medium, files)

        assert said == f"All {len(files)} files are open, and proved to be unchanged."
        counted = "rows.filter(row => row.listed).map(row => row.listed.length)"
        assert medium.browser.run(counted) == [6]

    def test_an_image_under_the_name_of_another_is_told(self, medium: Medium) -> None:
        """It was sealed with the same password, on the medium of somebody else."""
        other = instance("1.2.9.9", patient_id="PID9")

        said = self.open(medium, self.FILES | {PATHS[1]: other})

        assert (
            f"1 file is not the image that DICOMDIR lists under that name, such as {PATHS[1]}"
            in said
        )
        assert medium.browser.run("parts.result.classList.contains('bad')")

    def test_files_that_are_not_there_are_told(self, medium: Medium) -> None:
        left = {path: data for path, data in self.FILES.items() if path not in PATHS[2:4]}

        said = self.open(medium, left)

        assert (
            f"2 files that DICOMDIR lists are not on the medium, or not chosen, such as {PATHS[2]}"
            in said
        )
        assert medium.browser.run("parts.result.classList.contains('bad')")

    def test_files_that_were_chosen_one_by_one_have_lost_their_folders(
        self, medium: Medium
    ) -> None:
        files = [
            medium.add(path, make_envelope(self.FILES[path], password=PASSWORD))
            for path in ("DICOMDIR", PATHS[0])
        ]
        medium.browser.set_files("#files", files)
        medium.browser.wait_until("rows.length > 0")

        medium.open()

        assert medium.said() == "All 2 files are open, and proved to be unchanged."

    @pytest.mark.parametrize("cut", [133, 400, 1001])
    def test_a_directory_that_cannot_be_followed_tells_nothing(
        self, medium: Medium, cut: int
    ) -> None:
        said = self.open(medium, {"DICOMDIR": self.FILES["DICOMDIR"][:-cut], "IM1": DICOM})

        assert said == "All 2 files are open, and proved to be unchanged."


def test_what_went_wrong_comes_first_in_a_long_list(medium: Medium) -> None:
    sealed = make_envelope(DICOM, password=PASSWORD, iterations=1)
    for number in range(30):
        medium.add(f"DICOM/IM{number:06}", sealed)
    medium.add("DICOM/IM000020", sealed[:-1])
    medium.browser.run("LIMITS.rows = 10; 0")
    medium.choose()

    results = medium.open()

    first = next(iter(results.items()))
    assert first == ("DICOM/IM000020", "Damaged. Nothing of it is given out.")
    assert len(results) == 12
    assert medium.browser.run("parts.more.innerText") == "And 19 more files."
    assert len(medium.saved()) == 29


def test_what_a_browser_cannot_open_is_sent_to_other_programs(
    medium: Medium, recipient: Identity
) -> None:
    sealed = {
        "AES192": make_envelope(DICOM, password=PASSWORD, cipher="aes192"),
        "DES": make_envelope(DICOM, password=PASSWORD, cipher="3des"),
        "WRAP": make_envelope(DICOM, password=PASSWORD, wrap_cipher="3des"),
        "KEY": make_envelope(DICOM, certificates=[recipient.certificate]),
        "UNPROVED": make_envelope(DICOM, password=PASSWORD, form="id_data_bare"),
    }
    for name, content in sealed.items():
        medium.add(name, content)

    medium.choose()
    results = medium.open()

    results.pop(OPEN_NAME)
    assert all(said.startswith("Needs another program. ") for said in results.values())
    assert "AES-192" in results["AES192"]
    assert "Triple-DES" in results["DES"]
    assert "certificate" in results["KEY"]
    assert "proves" in results["UNPROVED"]
    assert "README.TXT on the medium says how" in medium.said()


def test_absurd_rounds_and_sizes_are_refused_before_any_work(medium: Medium) -> None:
    sealed = make_envelope(DICOM, password=PASSWORD, iterations=1000)
    medium.add("ROUNDS", sealed.replace(b"\x02\x02\x03\xe8", b"\x02\x02\x7f\xff"))
    medium.add("LARGE", make_envelope(DICOM * 2, password=PASSWORD))
    medium.browser.run(f"LIMITS.rounds = 2000; LIMITS.file = {len(sealed) + 10}; 0")

    medium.choose()
    results = medium.open()

    assert results["ROUNDS"].startswith("Needs another program")
    assert "Larger than a browser can check" in results["LARGE"]


def test_a_file_that_lost_its_beginning_is_not_taken_for_a_plain_one(medium: Medium) -> None:
    """Its name, without a dot, is that of an image: it must be missed in the sum."""
    sealed = make_envelope(DICOM, password=PASSWORD)
    medium.add("DICOMDIR", sealed)
    medium.add("DICOM/IM1", b"\0" * 64 + sealed[64:])
    medium.add("DICOM/PLAIN", DICOM)
    medium.choose()

    results = medium.open()

    assert results["DICOM/IM1"].startswith("No encrypted DICOM file.")
    assert results["DICOM/PLAIN"].startswith("Not encrypted.")
    assert medium.said().startswith("1 of 2 encrypted files is open.")


def test_what_a_system_left_on_the_medium_is_not_missed(medium: Medium) -> None:
    medium.add("DICOMDIR", make_envelope(DICOM, password=PASSWORD))
    for path in ("System Volume Information/IndexerVolumeGuid", ".Trashes/501/IM1", "._DICOMDIR"):
        medium.add(path, b"of the system")
    medium.choose()

    results = medium.open()

    assert results.keys() == {"DICOMDIR", OPEN_NAME}
    assert medium.said() == "The file is open, and proved to be unchanged."


def test_a_browser_that_cannot_decrypt_says_so(medium: Medium) -> None:
    medium.browser.on_new_page("Object.defineProperty(crypto, 'subtle', { value: undefined })")

    medium.browser.go((medium.folder / OPEN_NAME).as_uri())

    assert medium.shown("#unfit")
    assert medium.browser.run("parts.open.disabled && parts['choose-files'].disabled")


def test_a_medium_without_envelopes_says_so(medium: Medium) -> None:
    medium.choose()
    medium.open()

    assert "None of these files is encrypted" in medium.said()


def test_one_file_is_saved_under_its_own_name(medium: Medium) -> None:
    file = medium.add("DICOM/IM000001", make_envelope(DICOM, password=PASSWORD))
    medium.browser.set_files("#files", [file])
    medium.browser.wait_until("rows.length > 0")
    medium.open()

    path = medium.browser.download("document.querySelector('#rows a').click()")

    assert path.name == "IM000001"
    assert path.read_bytes() == DICOM


def test_a_dropped_folder_is_taken_with_all_that_is_in_it(medium: Medium) -> None:
    for name in ("DICOMDIR", "DICOM/ST01/IM1", "DICOM/ST02/IM1"):
        medium.add(name, make_envelope(DICOM + name.encode(), password=PASSWORD))
    medium.browser.drop("#drop", [medium.folder])
    medium.browser.wait_until("rows.length > 0")

    medium.open()

    held = {
        name: DICOM + name.encode() for name in ("DICOMDIR", "DICOM/ST01/IM1", "DICOM/ST02/IM1")
    }
    assert medium.saved() == held


def test_dropped_files_are_taken_too(medium: Medium) -> None:
    files = [medium.add(name, make_envelope(DICOM, password=PASSWORD)) for name in ("A", "B")]

    medium.browser.drop("#drop", files)
    medium.browser.wait_until("rows.length > 0")

    assert {name: said[:6] for name, said in medium.open().items()} == {
        "A": "Opened",
        "B": "Opened",
    }


# Stands for the folder that a person picks; it keeps what is written in `tree`.
FOLDER = """
window.folderOf = tree => ({
  name: "", async getDirectoryHandle(name, how = {}) {
    if (!(name in tree) && !how.create) throw new DOMException("", "NotFoundError");
    return Object.assign(folderOf(tree[name] = tree[name] || {}), { name });
  },
  async removeEntry(name) { delete tree[name]; },
  async getFileHandle(name) {
    tree[name] = "";
    return { async createWritable() {
      let held = null;
      return { async write(blob) {
        if (window.full) throw new DOMException("the disk is full", "QuotaExceededError");
        held = blob;
      }, async abort() {}, async close() {
        const bytes = await crypto.subtle.digest("SHA-256", await held.arrayBuffer());
        tree[name] = hex(new Uint8Array(bytes));
      } };
    } };
  }
});
window.tree = { "dicom-opened": { DICOMDIR: "of somebody" } };
window.showDirectoryPicker = async () => folderOf(tree);
0
"""


@pytest.mark.parametrize("at_once", [True, False])
def test_a_folder_gets_every_file_and_loses_none(medium: Medium, at_once: bool) -> None:
    """Where the page cannot hold all at once, each file goes there when it is opened."""
    plain = {name: name.encode() * 1000 for name in ("DICOMDIR", "IM1", "IM2")}
    for name, content in plain.items():
        medium.add(name, make_envelope(content, password=PASSWORD))
    medium.browser.run(FOLDER)
    if at_once:
        medium.browser.run("LIMITS.held = 5000; 0")
    medium.choose()

    results = medium.open()
    if not at_once:
        medium.browser.click("#into")
        medium.browser.wait_until("!running && !parts.result.hidden && tree['dicom-opened-2']")

    assert results["IM2"].startswith("Opened and saved" if at_once else "Opened Save")
    assert medium.browser.run("tree") == {
        "dicom-opened": {"DICOMDIR": "of somebody"},
        "dicom-opened-2": {
            "MEDIUM": {name: hashlib.sha256(data).hexdigest() for name, data in plain.items()}
        },
    }


def test_a_full_disk_is_told(medium: Medium) -> None:
    medium.add("DICOMDIR", make_envelope(DICOM, password=PASSWORD))
    medium.browser.run(f"{FOLDER}; window.full = true")
    medium.choose()
    medium.open()

    medium.browser.click("#into")
    medium.browser.wait_until("!running && parts.result.classList.contains('bad')")

    assert medium.said() == "Only 0 files of 1 could be saved: the disk is full"


def test_a_folder_that_takes_no_more_is_not_called_a_medium_that_cannot_be_read(
    medium: Medium,
) -> None:
    """Files go there one by one; of one that did not fit, nothing is left under its name."""
    for name in ("DICOMDIR", "IM1"):
        medium.add(name, make_envelope(DICOM, password=PASSWORD))
    medium.browser.run(f"{FOLDER}; window.full = true; LIMITS.held = 5000; 0")
    medium.choose()

    results = medium.open()

    assert results["IM1"] == "Not saved. It opens, and the folder cannot take it: the disk is full"
    assert medium.said().startswith("0 of 2 encrypted files are open.")
    assert medium.browser.run("tree['dicom-opened-2']") == {"MEDIUM": {}}


def test_a_dicom_file_that_nobody_encrypted_is_told_in_the_sum(medium: Medium) -> None:
    """It is not among what is saved, and nobody with the password has to have put it there."""
    medium.add("DICOMDIR", make_envelope(DICOM, password=PASSWORD))
    medium.add("DICOM/IM1", DICOM)
    medium.choose()

    results = medium.open()

    assert results["DICOM/IM1"].startswith("Not encrypted. Nothing proves")
    assert medium.said().startswith("The file is open, and proved to be unchanged. 1 DICOM file")
    assert medium.browser.run("parts.result.classList.contains('bad')")
    assert medium.saved() == {"DICOMDIR": DICOM}


def test_without_a_folder_to_save_into_the_rest_waits(medium: Medium) -> None:
    for name in ("IM1", "IM2"):
        medium.add(name, make_envelope(DICOM, password=PASSWORD))
    (medium.folder / OPEN_NAME).unlink()
    medium.browser.run(f"LIMITS.held = {len(DICOM) + 1000}; 0")
    medium.browser.run("window.showDirectoryPicker = undefined")
    medium.choose()

    results = medium.open()

    assert results["IM1"].startswith("Opened")
    assert results["IM2"].startswith("Not opened yet")
    assert medium.saved() == {"IM1": DICOM}


def test_cancel_stops_and_the_next_try_goes_on(medium: Medium) -> None:
    plain = os.urandom(2_000_000)
    medium.add("LARGE", make_envelope(plain, password=PASSWORD))
    medium.choose()
    medium.browser.run("LIMITS.chunk = 16; 0")
    medium.browser.type("#password", PASSWORD)
    medium.browser.click("#open")
    medium.browser.wait_until("parts.progress.value > 0")

    medium.browser.click("#cancel")
    medium.browser.wait_until("!running")

    assert medium.results()["LARGE"] == "Stopped"
    assert not medium.shown("#zip")
    medium.browser.run("LIMITS.chunk = 100000 - 100000 % 16; 0")
    medium.open()
    assert medium.saved() == {"LARGE": plain}


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("A/../../B", "A/B"), ("/etc/passwd", "etc/passwd"), ("C:\\x", "C_/x"),
        ("a\x07<b>", "a__b_"), ("..", "file"), ("", "file"), ("Ä/é", "Ä/é"),
    ],
)  # fmt: skip
def test_no_path_leads_out_of_the_folder(medium: Medium, path: str, kept: str) -> None:
    assert medium.browser.run(f"cleaned({json.dumps(path)})") == kept


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_runs_over_the_edge(medium: Medium, signer: Signed, width: int) -> None:
    medium.add("DICOM/" + "LONGNAME/" * 5 + "IM", make_envelope(DICOM, password=PASSWORD))
    medium.add("SIGNED", make_envelope(DICOM, password=PASSWORD, signer=signer))
    medium.add("BROKEN", make_envelope(DICOM, password=PASSWORD)[:-1])
    medium.choose()
    medium.open()

    picture = medium.browser.picture(width, 800, whole=True)

    assert picture.startswith(b"\x89PNG")
    assert medium.browser.run("document.documentElement.scrollWidth <= innerWidth")
