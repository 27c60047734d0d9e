"""Case files: every one under tests/cases runs; the stages a case may begin with; mistakes that Finance may make."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from compmodel.cases import load_cases
from compmodel.cli import main
from compmodel.errors import CaseError
from compmodel.verification import verify
from histories import Row
from test_pay import part, plan_of

CASES = Path(__file__).resolve().parent / "cases"
FILES = sorted(CASES.glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_case_comes_out_as_expected(path: Path) -> None:
    names, differences = verify(path)
    assert names
    assert differences == []


def case(**more: object) -> Row:
    rows = [{"payee_id": "a", "period": "2026Q3", "value": 1.075, "target_incentive": 10000}]
    nrr = part(metric="nrr", target=1.15, attainment={"kind": "from_floor", "floor": 1.0})
    expect = {"payouts": [{"payee_id": "a", "period": "2026Q3", "payout": 5000.00}]}
    written = {"case": "half", "source": "by hand", "plan": plan_of([nrr]), "measurements": rows, "expect": expect}
    return {key: value for key, value in (written | more).items() if value is not None}


def verified(tmp_path: Path, *cases: Row) -> list[str]:
    path = tmp_path / "some.yaml"
    written = {"cases": list(cases)} if len(cases) > 1 else cases[0]
    path.write_text(yaml.safe_dump(written), encoding="utf-8")
    return [difference.said for difference in verify(path)[1]]


def expecting(**figures: object) -> Row:
    return case(expect={"payouts": [{"payee_id": "a", "period": "2026Q3", **figures}]})


def test_what_comes_out_is_compared_to_the_cent(tmp_path: Path) -> None:
    assert verified(tmp_path, case()) == []
    assert verified(tmp_path, expecting(payout=5000.01)) == [
        "payee_id a, period 2026Q3: payout 5000.01 comes out as 5,000.00"
    ]


def test_other_figures_are_compared_to_the_decimals_that_are_written(tmp_path: Path) -> None:
    assert verified(tmp_path, expecting(attainment=0.5, factor=0.5, value=1.08)) == []
    (said,) = verified(tmp_path, expecting(value=1.07))
    assert said == "payee_id a, period 2026Q3: value 1.07 comes out as 1.075"


def test_a_slip_of_the_source_must_not_come_out(tmp_path: Path) -> None:
    def slip(payout: float) -> Row:
        return case(expect={"not_payouts": [{"payee_id": "a", "period": "2026Q3", "payout": payout}]})

    assert verified(tmp_path, slip(5100)) == []
    assert verified(tmp_path, slip(5000)) == [
        "payee_id a, period 2026Q3: payout 5000 comes out too, which the source has by its own slip"
    ]


def test_a_row_that_is_not_paid_is_said(tmp_path: Path) -> None:
    wanted = {"payouts": [{"payee_id": "b", "period": "2026Q3", "payout": 0}]}
    assert verified(tmp_path, case(expect=wanted)) == ["payee_id b, period 2026Q3: nothing comes out"]


def test_several_cases_of_a_file(tmp_path: Path) -> None:
    assert len(verified(tmp_path, case(), expecting(payout=1), expecting(payout=2))) == 2


def test_a_case_of_tables_runs_as_a_replay(tmp_path: Path) -> None:
    later = {"arr_delta": 75, "currency": "USD", "effective_on": "2025-01-01"}
    first = {"arr_delta": 1000, "currency": "USD", "effective_on": "2024-01-01"}
    tables = {
        "accounts": [{"account_id": "x"}],
        "arr_events": [
            {"event_id": "1", "account_id": "x", "event_type": "new", **first},
            {"event_id": "2", "account_id": "x", "event_type": "expansion", **later},
        ],
        "assignments": [{"account_id": "x", "payee_id": "a", "starts_on": "2024-01-01", "split": 1}],
        "payees": [
            {"payee_id": "a", "starts_on": "2024-01-01", "role": "csm", "target_incentive": 40000, "currency": "USD"}
        ],
    }
    expect = {
        "payouts": [{"payee_id": "a", "period": "2025Q1", "payout": 5000, "value": 1.075}],
        "credits": [{"payee_id": "a", "event_id": "2", "period": "2025Q1", "credited_arr": 75}],
        "measurements": [{"payee_id": "a", "period": "2025Q1", "component": "nrr", "numerator": 1075}],
    }
    written = case(measurements=None, tables=tables, periods="2025Q1", expect=expect)
    assert verified(tmp_path, written) == []


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (case(measurments=[]), "measurments is not a known key. Did you mean 'measurements'?"),
        (
            case(measurements=None),
            "begins with nothing. Write exactly one of measurements, credited, attainments and tables",
        ),
        (case(expect=None), "expect is missing"),
        (case(expect={}), "expects nothing. Write payouts"),
        (expecting(payot=1), "is not a column of what comes out. Did you mean 'payout'?"),
        (
            case(measurements=[{"payee_id": "a", "period": "2026M07", "value": 1}]),
            "is no period by which the plan pays",
        ),
        (case(measurements=[{"payee_id": "a", "period": "Q3", "value": 1}]), "'Q3' is not a period"),
        (
            case(measurements=[{"payee_id": "a", "period": "2026Q3", "attainment": 1}]),
            "has attainment, which is of attain",
        ),
        (
            case(measurements=[{"payee_id": "a", "period": "2026Q3", "component": "nr", "value": 1}]),
            "must name a component of the plan. Did you mean 'nrr'?",
        ),
        (case(measurements=[{"payee_id": "a", "period": "2026Q3", "value": "half"}]), "must be a number"),
        (case(plan="no.yaml"), "cannot be read"),
        (case(changes={"components.nr.target": 1}), "has no components.nr"),
        (case(expect={"credits": [{"payee_id": "a"}]}), "has no credits, as it does not begin with tables"),
        (case(measurements=None, tables={"event": []}, periods="2025Q1"), "is not a table. Did you mean 'arr_events'?"),
    ],
)
def test_mistakes_name_what_to_do(tmp_path: Path, wrong: Row, said: str) -> None:
    """What is wrong with the file is an error; what is wrong with one case is said of it, and the others run."""
    try:
        found = verified(tmp_path, wrong, case())[0]
    except CaseError as error:
        found = str(error)
    else:
        assert found.startswith("cannot be run. ")
    assert said in found


@pytest.mark.parametrize("wrong", [True, [5000.0], "5,000.00", "lots"])
def test_a_figure_that_is_no_number(tmp_path: Path, wrong: object) -> None:
    (said,) = verified(tmp_path, expecting(payout=wrong))
    assert "must be a number. Write it as 5000.00" in said


def test_an_expectation_without_a_figure_tests_nothing(tmp_path: Path) -> None:
    assert "names a row but no figure" in verified(tmp_path, expecting())[0]


def test_the_decimals_that_are_written_count(tmp_path: Path) -> None:
    """1.00 is not 0.957, and neither is 1."""
    row = {"payee_id": "a", "period": "2026Q3", "value": 1.1435, "target_incentive": 10000}
    path = tmp_path / "some.yaml"
    for written, agrees in (("0.957", True), ("0.96", True), ("1.00", False), ("1", False), ("1.0", True)):
        expect = {"payouts": [{"payee_id": "a", "period": "2026Q3", "attainment": "FIGURE"}]}
        text = yaml.safe_dump(case(measurements=[row], expect=expect)).replace("FIGURE", written)
        path.write_text(text, encoding="utf-8")
        assert (verify(path)[1] == []) == agrees, written


def test_two_values_of_one_component_are_refused(tmp_path: Path) -> None:
    twice = case()["measurements"] * 2
    assert "has two measurements of one component" in verified(tmp_path, case(measurements=twice))[0]


def test_cases_stand_alone(tmp_path: Path) -> None:
    path = tmp_path / "some.yaml"
    for written in ({"cases": []}, {"cases": [case()], "title": "x"}):
        path.write_text(yaml.safe_dump(written), encoding="utf-8")
        with pytest.raises(CaseError, match="must hold cases alone, and at least one"):
            load_cases(path)


def test_a_file_that_is_no_case(tmp_path: Path) -> None:
    path = tmp_path / "no.yaml"
    path.write_text("- a\n- b\n", encoding="utf-8")
    with pytest.raises(CaseError, match="must hold keys and values"):
        load_cases(path)


def test_the_command_says_which_cases_agree(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad, no = (tmp_path / f"{name}.yaml" for name in ("good", "bad", "no"))
    no.write_text("- a\n", encoding="utf-8")
    good.write_text(yaml.safe_dump(case()), encoding="utf-8")
    bad.write_text(yaml.safe_dump(expecting(payout=1)), encoding="utf-8")
    with pytest.raises(SystemExit) as ended:
        main(["verify", str(good)])
    assert ended.value.code == 0
    assert capsys.readouterr().out == "agrees   good.yaml: half\n"
    with pytest.raises(SystemExit) as ended:
        main(["verify", str(no), str(good), str(bad)])
    assert ended.value.code == 1
    printed = capsys.readouterr()
    assert "differs  bad.yaml: half\n         payee_id a, period 2026Q3: payout 1 comes out" in printed.out
    assert "agrees   good.yaml: half" in printed.out
    assert "no.yaml must hold keys and values" in printed.err
