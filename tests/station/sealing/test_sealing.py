"""What the label of a sealed medium may not say."""

from __future__ import annotations

import pytest

from mediastation.errors import RefusedError
from mediastation.model.identity import PatientIdentity
from mediastation.station.sealing.plan import require_neutral_label


def person(name: str, patient_id: str = "", birth_date: str = "") -> PatientIdentity:
    return PatientIdentity(name=name, patient_id=patient_id, birth_date=birth_date)


class TestNeutralLabel:
    @pytest.mark.parametrize(
        ("label", "who"),
        [
            ("Müller", person("Müller^Eva")),
            ("MULLER_7", person("Müller^Eva")),
            ("Mueller", person("Müller^Eva")),
            ("obrien", person("O'Brien^Pat")),
            ("O_BRIEN", person("O'Brien^Pat")),
            ("LI_2026", person("Li^Na")),
            ("ct na", person("Li^Na")),
            ("J_O_H_N", person("Roe^John")),
            ("YAMADA", person("Yamada^Tarou=山田^太郎")),
            ("IVANOV", person("Иванов^Иван")),
            ("PHANTOM", person("Phantom 3")),
            ("03.02.1961", person("", "", "19610203")),
            ("1961_02_03", person("", "", "19610203")),
            ("WARD-AB 77", person("Roe^Ann", "AB77")),
        ],
    )
    def test_whose_it_is_is_seen_in_any_writing(self, label: str, who: PatientIdentity) -> None:
        with pytest.raises(RefusedError) as refused:
            require_neutral_label(label, [person("Doe^Jane", "4711"), who])

        assert [finding.rule for finding in refused.value.findings] == ["label-names-patient"]

    def test_an_accession_number_tells_it_too(self) -> None:
        with pytest.raises(RefusedError):
            require_neutral_label("ORDER_20-5511", [], ["205511"])

    @pytest.mark.parametrize("label", ["", "REFERRAL_7", "LINZ", "WARD_4", "SECURE_12"])
    @pytest.mark.parametrize(
        "who",
        [
            person("Li^Na"),
            person("", "", ""),
            person("van der Berg^A^B", "7", "19610203"),
            person("山田^太郎"),
        ],
    )  # fmt: skip
    def test_what_tells_nothing_is_taken(self, label: str, who: PatientIdentity) -> None:
        require_neutral_label(label, [who], [""])
