"""Which envelopes of a medium open, with which keys, and who has signed what lies in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from mediastation.catalog.listing import list_rows
from mediastation.errors import SecrecyError
from mediastation.model.finding import Severity
from mediastation.model.job import JobState
from mediastation.station.intake.import_medium import import_medium
from mediastation.station.intake.keys import look_for_seal
from mediastation.station.intake.request import ImportRequest
from mediastation.station.station import Station
from tests.station.intake.sealed_sticks import (
    digests,
    enumerate_files,
    ring,
    rules,
    stick,
    stored,
    take,
)
from tests.support.certificates import issue
from tests.support.objects import write_ct
from tests.support.outside.damage import good_tree
from tests.support.outside.patients import COUNT
from tests.support.sealed_media import WORDS, sealed, sealed_tree

pytestmark = pytest.mark.usefixtures("quick")


class TestWrongKeys:
    def test_a_wrong_password_leaves_nothing(self, station: Station, tmp_path: Path) -> None:
        medium = stick(tmp_path, sealed_tree(good_tree()))

        with pytest.raises(SecrecyError, match="sealed for a password") as told:
            take(station, medium, "wrong")

        assert told.value.exit_code == 4
        assert stored(station) == set()
        assert list_rows(station.catalog, "instances") == []
        assert not list((station.home / "jobs").rglob("*"))
        (job,) = station.jobs.latest(station.clock.now())
        assert job.state is JobState.FAILED

    def test_nothing_at_hand_is_told_with_what_to_give(
        self, station: Station, tmp_path: Path
    ) -> None:
        with pytest.raises(SecrecyError) as told:
            import_medium(station, ImportRequest(stick(tmp_path, sealed_tree(good_tree()))))

        assert "--password-file" in told.value.hint
        assert stored(station) == set()

    def test_somebody_elses_medium_says_for_whom_it_is(
        self, station: Station, tmp_path: Path
    ) -> None:
        ann, bob = issue("Ann"), issue("Bob", number=1)
        _, key = bob.write(tmp_path, "bob")
        medium = stick(tmp_path, sealed_tree(good_tree(), certificates=[ann.certificate]))
        serial = f"{ann.certificate.serial_number:X}"

        for keys in (ring(keys=(key,)), ring("any"), None):
            with pytest.raises(SecrecyError, match=f"certificate {serial} of .*Ann"):
                import_medium(station, ImportRequest(medium), keys=keys)

        told = look_for_seal(medium)
        assert told is not None
        assert not told.takes_password

    def test_the_right_key_after_a_wrong_one_brings_everything(
        self, station: Station, tmp_path: Path
    ) -> None:
        medium = stick(tmp_path, sealed_tree(good_tree()))
        with pytest.raises(SecrecyError):
            take(station, medium, "wrong")

        result = take(station, medium, WORDS)

        assert result.imported == COUNT
        assert "goes-on" not in rules(result), "there was nothing to go on with"

    def test_a_wrong_key_is_noticed_also_where_the_first_files_are_none(
        self, station: Station, tmp_path: Path
    ) -> None:
        """No DICOMDIR, and a large viewer in front of the images."""
        tree = {f"A{number:03}.TXT": b"text" for number in range(300)}
        tree |= {f"Z/{name}": sealed(c) for name, c in enumerate_files(tmp_path, 3).items()}
        medium = stick(tmp_path, tree)

        with pytest.raises(SecrecyError, match="What was given opens nothing"):
            take(station, medium, "wrong")
        with pytest.raises(SecrecyError, match="is sealed for a password"):
            import_medium(station, ImportRequest(medium))

        assert take(station, medium, WORDS).imported == 3


class TestMixtures:
    def test_they_come_in_as_well_where_the_first_hundreds_are_of_another(
        self, station: Station, tmp_path: Path
    ) -> None:
        files = enumerate_files(tmp_path, 3)
        other = sealed(b"x", password="another", salt=b"another!")  # noqa: S106
        tree = {f"A{number:03}": other for number in range(300)}
        tree |= {f"Z/{name}": sealed(content) for name, content in files.items()}

        result = take(station, stick(tmp_path, tree), WORDS)

        assert (result.imported, result.opened) == (3, 3)

    def test_a_few_among_many_of_another_password_come_in(
        self, station: Station, tmp_path: Path
    ) -> None:
        """The small ones are all of another sender: that makes no password wrong."""
        files = enumerate_files(tmp_path, 3)
        tree = {f"A{n:02}": sealed(b"x", password="another", salt=b"another!") for n in range(40)}  # noqa: S106
        tree |= {name: sealed(content) for name, content in files.items()}

        result = take(station, stick(tmp_path, tree), WORDS)

        assert (result.imported, result.opened) == (3, 3)

    def test_what_opens_comes_in_and_each_other_envelope_is_told(
        self, station: Station, tmp_path: Path
    ) -> None:
        ann = issue("Ann")
        files = enumerate_files(tmp_path, 5)
        tree = {name: sealed(content) for name, content in files.items()}
        tree["IM1"] = sealed(files["IM1"], certificates=[ann.certificate])
        tree["IM2"] = sealed(files["IM2"], passwords=["another one"])
        tree["IM3"] = tree["IM3"][:-40] + bytes(40)

        result = take(station, stick(tmp_path, tree), WORDS)

        assert (result.found, result.imported, result.refused) == (5, 2, 3)
        assert result.exit_code == 1
        told = {one.subject: one for one in result.findings if one.severity is Severity.ERROR}
        assert {path: one.rule for path, one in told.items()} == {
            "IM1": "sealed",
            "IM2": "sealed",
            "IM3": "sealed-damaged",
        }
        assert "Ann" in told["IM1"].message
        assert stored(station) == digests({"0": files["IM0"], "4": files["IM4"]})

    def test_others_envelopes_that_are_smaller_do_not_hide_ones_own(
        self, station: Station, tmp_path: Path
    ) -> None:
        ann, bob = issue("Ann"), issue("Bob", number=1)
        _, key = bob.write(tmp_path, "bob")
        files = enumerate_files(tmp_path, 30)
        tree = {n: sealed(c[:400], certificates=[ann.certificate]) for n, c in files.items()}
        tree["OURS"] = sealed(files["IM7"], certificates=[bob.certificate])

        result = import_medium(
            station, ImportRequest(stick(tmp_path, tree)), keys=ring(keys=(key,))
        )

        assert (result.imported, result.refused) == (1, 30)

    def test_plain_files_among_sealed_ones_are_told(self, station: Station, tmp_path: Path) -> None:
        files = enumerate_files(tmp_path, 4)
        tree = {"IM0": files["IM0"], **{n: sealed(files[n]) for n in ("IM1", "IM2", "IM3")}}

        result = take(station, stick(tmp_path, tree), WORDS)

        assert (result.imported, result.opened, result.exit_code) == (4, 3, 0)
        (told,) = (one for one in result.findings if one.rule == "mixed-security")
        assert (told.severity, told.subject) == (Severity.WARNING, "IM0")

    def test_an_envelope_far_behind_plain_files_is_opened_too(
        self, station: Station, tmp_path: Path
    ) -> None:
        """Until it is met, the medium is looked at as quickly as any plain one."""
        files = enumerate_files(tmp_path, 301)
        tree = {f"A{name}": content for name, content in files.items() if name != "IM300"}
        tree["Z"] = sealed(files["IM300"])

        result = take(station, stick(tmp_path, tree), WORDS)

        assert (result.imported, result.opened, result.exit_code) == (301, 1, 0)
        assert "mixed-security" in rules(result)

    def test_plain_files_come_in_without_a_key_and_the_others_later(
        self, station: Station, tmp_path: Path
    ) -> None:
        """Somebody is at the door who has no password: what anybody can read is not held up."""
        files = enumerate_files(tmp_path, 4)
        tree = {"IM0": files["IM0"], **{n: sealed(files[n]) for n in ("IM1", "IM2", "IM3")}}
        medium = stick(tmp_path, tree)

        first = import_medium(station, ImportRequest(medium))
        second = take(station, medium, WORDS)

        assert (first.imported, first.refused, first.exit_code) == (1, 3, 1)
        assert "for a password" in next(
            one.message for one in first.findings if one.rule == "sealed"
        )
        assert (second.imported, second.duplicates, second.exit_code) == (3, 1, 0)

    def test_a_directory_for_somebody_else_leaves_the_files(
        self, station: Station, tmp_path: Path
    ) -> None:
        tree = sealed_tree(good_tree())
        tree["DICOMDIR"] = sealed(good_tree()["DICOMDIR"], passwords=["another one"])

        result = take(station, stick(tmp_path, tree), WORDS)

        assert (result.imported, result.exit_code) == (COUNT, 1)
        assert {"sealed", "directory-unreadable"} <= set(rules(result))

    @pytest.mark.parametrize("form", ["content_info", "content_octets", "id_data_nested"])
    def test_forms_that_deviate_are_taken_with_a_warning(
        self, station: Station, tmp_path: Path, form: str
    ) -> None:
        tree = {"A": sealed(write_ct(tmp_path / "a").read_bytes(), form=form)}

        result = take(station, stick(tmp_path, tree), WORDS)

        assert (result.imported, result.exit_code) == (1, 0)
        assert rules(result)["envelope-nesting"] is Severity.WARNING

    def test_what_nothing_proves_does_not_come_in(self, station: Station, tmp_path: Path) -> None:
        tree = enumerate_files(tmp_path, 2)
        tree = {"IM0": sealed(tree["IM0"]), "IM1": sealed(tree["IM1"], form="id_data_bare")}

        result = take(station, stick(tmp_path, tree), WORDS)

        assert (result.imported, result.refused, result.exit_code) == (1, 1, 1)
        assert rules(result)["sealed-damaged"] is Severity.ERROR


class TestSignatures:
    @pytest.fixture
    def signed(self, tmp_path: Path) -> Path:
        root = issue("Root", number=2, authority=True)
        ann = issue("Ann", issuer=root)
        (tmp_path / "trust.pem").write_bytes(root.pem)
        signer = (ann.key, ann.certificate, ann.above)
        return stick(tmp_path, sealed_tree(good_tree(), signer=signer))

    def test_an_unknown_signer_is_one_warning_for_all_files(
        self, station: Station, signed: Path
    ) -> None:
        result = take(station, signed, WORDS)

        assert (result.imported, result.exit_code) == (COUNT, 0)
        (told,) = (one for one in result.findings if one.rule == "signature-unknown")
        assert told.severity is Severity.WARNING
        assert f"{COUNT + 1} files" in told.message
        assert "Ann" in told.message

    def test_a_trusted_signer_is_one_note_for_all_files(
        self, station: Station, signed: Path, tmp_path: Path
    ) -> None:
        rules_ = station.settings.secure.model_copy(update={"trust": tmp_path / "trust.pem"})
        station.settings = station.settings.model_copy(update={"secure": rules_})

        result = take(station, signed, WORDS)

        (told,) = (one for one in result.findings if one.rule.startswith("signature"))
        assert (told.rule, told.severity) == ("signature", Severity.NOTE)
        assert f"{COUNT + 1} files" in told.message

    def test_a_broken_signature_keeps_its_file_out(self, station: Station, tmp_path: Path) -> None:
        ann = issue("Ann")
        files = enumerate_files(tmp_path, 2)
        signer = (ann.key, ann.certificate, ())
        tree = {
            "IM0": sealed(files["IM0"], signer=signer),
            "IM1": sealed(files["IM1"], signer=signer, wrong_signature=True),
        }

        result = take(station, stick(tmp_path, tree), WORDS)

        assert (result.imported, result.refused, result.exit_code) == (1, 1, 1)
        (told,) = (one for one in result.findings if one.rule == "signature-broken")
        assert (told.severity, told.subject) == (Severity.ERROR, "IM1")

    def test_many_signers_are_no_flood(self, station: Station, tmp_path: Path) -> None:
        tree = {}
        for name, content in enumerate_files(tmp_path, 24).items():
            one = issue(f"Signer of {name}")
            tree[name] = sealed(content, signer=(one.key, one.certificate, ()))

        result = take(station, stick(tmp_path, tree), WORDS)

        assert result.imported == 24
        assert sum(one.rule == "signature-unknown" for one in result.findings) == 21
        assert "4 more findings of this kind" in {one.message for one in result.findings}

    def test_the_report_tells_how_they_were_opened_and_proved(
        self, station: Station, signed: Path
    ) -> None:
        page = Path(take(station, signed, WORDS).report).read_text("utf-8")

        assert "Secure envelopes" in page
        assert "AES-256" in page
        assert "SHA-256" in page
        assert "Ann" in page
        assert WORDS not in page
