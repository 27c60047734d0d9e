"""Plans as data: loaded, checked, changed, saved."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from pydantic import ValidationError

from compmodel.errors import PlanError
from compmodel.money import exact
from compmodel.plan import Plan, example_plan, load_plan, load_plans, parsed_plan, save_plan
from histories import Row, plan_dicts

PLANS = sorted((Path(__file__).resolve().parents[1] / "data/plans").glob("*.yaml"))
HALVES = (PLANS[0].parent / "halves.yaml").read_text(encoding="utf-8")


def refused(tmp_path: Path, text: str) -> str:
    """The message for a plan file with this text."""
    path = tmp_path / "wrong.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PlanError) as error:
        load_plan(path)
    assert all(problem.place == str(path) for problem in error.value.problems)
    return str(error.value)


class TestFiles:
    """Every file in data/plans."""

    @pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
    def test_loads_cites_its_source_and_comes_back_from_saving(self, path: Path, tmp_path: Path) -> None:
        plan = load_plan(path)
        assert plan.name == path.stem
        assert any(said in plan.source for said in ("FlowFuse", "://", "address was not kept"))
        save_plan(plan, tmp_path / "saved.yaml")
        assert load_plan(tmp_path / "saved.yaml") == plan
        assert [left.name for left in tmp_path.iterdir()] == ["saved.yaml"]

    def test_the_published_plans_are_there(self) -> None:
        assert {path.stem for path in PLANS} >= {
            "flowfuse_cliff", "flowfuse_nrr_only", "gitlab_tam_fy2022", "half_year_nrr", "halves", "halves_signing",
            "opportunities", "posthog_2024_11", "posthog_2025_04", "posthog_2025_10", "posthog_2026_07",
            "posthog_2026_10", "rate_on_arr", "retain_and_expand", "revenue_playbook_tiers", "team_80_20", "thirds",
        }  # fmt: skip

    def test_titles_are_told_apart(self) -> None:
        plans = load_plans(*PLANS)
        assert len({plan.title for plan in plans}) == len({plan.name for plan in plans}) == len(PLANS)

    def test_an_open_decision_names_a_field_and_valid_options(self, tmp_path: Path) -> None:
        assert any(plan.open_decisions for plan in load_plans(*PLANS))
        (tmp_path / "a.yaml").write_text(HALVES.replace("options: [effective_on,", "options: [efective_on,"))
        (tmp_path / "b.yaml").write_text(HALVES.replace("field: credit_on.renewal", "field: credit_on.renewl"))
        with pytest.raises(PlanError) as error:
            load_plans(tmp_path / "a.yaml", tmp_path / "b.yaml")
        said = str(error.value)
        assert f"{tmp_path / 'a.yaml'}: open_decisions[0].options[0] has 'efective_on', but must be one of" in said
        assert f"{tmp_path / 'b.yaml'}: open_decisions[0].field is not a known key. Did you mean 'renewal'?" in said

    def test_an_open_weight_leaves_the_rest_to_the_last_other_component(self, tmp_path: Path) -> None:
        weight = "field: components.nrr.weight\n    question: Half?\n    options: [0.5, 0.7]\n"
        text = re.sub(r"field: credit_on.renewal\n.*?options: .*?\n", weight, HALVES, flags=re.DOTALL)
        (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
        plan = load_plan(tmp_path / "a.yaml").decided("components.nrr.weight", 0.7)
        assert [component.weight for component in plan.components] == [0.7, 0.3]
        assert [c.weight for c in plan.decided("components.kpi.weight", "1/4").components] == [0.75, 0.25]
        with pytest.raises(PlanError):
            plan.decided("components.nrr.weight", 1.2)

    def test_an_unknown_component_is_said_with_the_nearest(self) -> None:
        with pytest.raises(PlanError, match=r"has 'nr', but is no component of it\. Did you mean 'nrr'"):
            example_plan().component("nr")

    def test_problems_of_all_files_are_reported_together(self, tmp_path: Path) -> None:
        (tmp_path / "a.yaml").write_text(HALVES.replace("metric: nrr", "metric: nr"), encoding="utf-8")
        (tmp_path / "b.yaml").write_text(HALVES.replace("title:", "titel:"), encoding="utf-8")
        with pytest.raises(PlanError) as error:
            load_plans(tmp_path / "a.yaml", tmp_path / "b.yaml", PLANS[0], PLANS[0])
        said = str(error.value)
        assert "metric 'nr' is unknown. Did you mean 'nrr'?" in said
        assert "titel is not a known key. Did you mean 'title'?" in said
        assert f"repeats the plan name {load_plan(PLANS[0]).name!r}" in said

    @settings(max_examples=60)
    @given(plan_dicts())
    def test_any_plan_comes_back_from_saving(self, tmp_path_factory: pytest.TempPathFactory, written: Row) -> None:
        path = tmp_path_factory.mktemp("plan") / "saved.yaml"
        plan = parsed_plan(written, "drawn")
        save_plan(plan, path)
        assert load_plan(path) == plan


class TestWeights:
    """Shares written as decimals or fractions."""

    @pytest.mark.parametrize("written", ["1/3", " 1 / 3 ", 1 / 3])
    def test_a_third_is_a_third(self, written: object) -> None:
        (third,) = {component.weight for component in thirds(written).components}
        assert exact(third) == Fraction(1, 3)

    def test_a_third_is_saved_as_it_is_written(self, tmp_path: Path) -> None:
        save_plan(thirds("1/3"), tmp_path / "saved.yaml")
        saved = yaml.safe_load((tmp_path / "saved.yaml").read_text(encoding="utf-8"))
        assert [component["weight"] for component in saved["components"]] == ["1/3"] * 3
        assert load_plan(tmp_path / "saved.yaml") == thirds("1/3")

    @pytest.mark.parametrize(
        ("weight", "said"),
        [
            (0.333, "weights add up to 0.999, but must add up to 1. Change one of them."),
            (0.33333333, "weights add up to 1, but must add up to 1"),
            ("2/3", "weights add up to 2, but must add up to 1"),
            (1.5, "components[0].weight has '1.5', but must be at most 1. Write 1 or less."),
            ("-1/3", "components[0].weight"),
            ("1/0", "components[0].weight has '1/0', but must be a number. Write it as 1.15"),
            ("a third", "components[0].weight has 'a third', but must be a number. Write it as 1.15"),
            (float("nan"), "components[0].weight has 'nan'"),
        ],
    )
    def test_weights_that_do_not_add_up(self, weight: object, said: str) -> None:
        with pytest.raises(PlanError) as error:
            thirds(weight)
        assert said in str(error.value)


def thirds(weight: object) -> Plan:
    written = example_plan().model_dump(mode="json", exclude_unset=True)
    first, _ = written["components"]
    return parsed_plan(written | {"components": [{**first, "name": name, "weight": weight} for name in "abc"]}, "plan")


class TestErrors:
    """Words that say what is wrong, where, and what to do."""

    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            ("title:", "titel:", ["titel is not a known key. Did you mean 'title'?", "title is missing. Write it"]),
            ("churn:", "chrun:", ["chrun is not a known key. Did you mean 'churn'?", "credit_on.churn is missing"]),
            ("beyond: hold", "beyound: hold", ["[1].curve.beyound is not a known key. Did you mean 'beyond'?"]),
            ("by_role", "by_roles", ["components[0].level.by_roles is not a known key. Did you mean 'by_role'?"]),
            ("ends_on", "end_on", ["credit_on.churn[0] has 'end_on'", "Did you mean 'ends_on'?"]),
            ("metric: nrr", "metric: nnr", ["components[0] metric 'nnr' is unknown. Did you mean 'nrr'?"]),
            ("metric: nrr", "metric: kpi.", ["metric 'kpi.' is unknown"]),
            ("weight: 0.5", "weight: 0.6", ["weights add up to 1.2, but must add up to 1"]),
            ("target: 1.15", "target: 1.00", ["target.default is 1, but it must lie above the floor 1. Raise"]),
            ("target: 1.15", "target: {default: 1.15, by_segment: {smb: 0.9}}", ["by_segment.smb is 0.9, but it must"]),
            ("target: 10", "target: 0", ["components[1].target.default has '0', but must be above 0"]),
            ("target: 10", "target: .nan", ["components[1].target.default has 'nan', but must be a finite number"]),
            ("target: 10", "target: .inf", ["components[1].target.default has 'inf', but must be a finite number"]),
            ("floor: 1.00", "floor: -.inf", ["components[0].attainment.floor has '-inf', but must be a finite number"]),
            ("kind: from_floor, floor: 1.00", "kind: from_floor", ["no floor is written. Write floor: 1.00"]),
            ("kind: ratio", "kind: ratio, floor: 0.5", ["floor is given, but kind is ratio. Write kind: from_floor"]),
            ("[1, 1]]", "[0, 1]]", ["points[1] has attainment 0, but points must rise (the previous is 0). Reorder"]),
            ("[1, 1]]", "[1, .nan]]", ["curve.points[1][1] has 'nan', but must be a finite number"]),
            ("kind: linear", "kind: linera", ["kind has 'linera', but must be one of linear", "Did you mean 'linear'"]),
            ("default: individual", "default: teams", ["default has 'teams', but must be one of individual, team"]),
            ("name: kpi", "name: nrr", ["component 'nrr' occurs twice. Rename one."]),
            ("name: kpi", "name: KPI", ["components[1].name has 'KPI'"]),
            ("currency: USD", "currency: usd", ["pay.currency has 'usd'"]),
            ("period: quarter", "period: week", ["pay.period has 'week', but must be one of month, quarter"]),
            ("rounding: half_up", "", ["pay.rounding is missing"]),
            ("2026-04-01", "2026-02-30", ["must be valid YAML: day is out of range for month"]),
            ("2026-04-01", "soon", ["effective_on has 'soon'"]),
            ("title: Halves", "title: Halves\ntitle: Thirds", ["row 4 must be valid YAML: the key 'title' is"]),
            ("title: Halves", "title: [", ["must be valid YAML"]),
            ("title: Halves", "on: 1", ["on is not a known key"]),
            ("  - name: kpi", "\t- name: kpi", ["must be valid YAML: found character '\\t'"]),
        ],
    )  # fmt: skip
    def test_one_mistake(self, tmp_path: Path, old: str, new: str, said: list[str]) -> None:
        assert old in HALVES
        message = refused(tmp_path, HALVES.replace(old, new))
        for words in said:
            assert words in message

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("", "components is missing"),
            ("- halves", "must hold keys and values"),
            ("halves", "must hold keys and values"),
            ("name: a\ncomponents: []", "components"),
        ],
    )
    def test_no_plan_at_all(self, tmp_path: Path, text: str, said: str) -> None:
        assert said in refused(tmp_path, text)

    def test_every_missing_key_is_named(self, tmp_path: Path) -> None:
        message = refused(tmp_path, "name: a")
        for key in ("title", "source", "effective_on", "pay", "credit_on", "components"):
            assert f"{key} is missing. Write it" in message

    def test_files_that_cannot_be_read(self, tmp_path: Path) -> None:
        with pytest.raises(PlanError, match="cannot be read: No such file"):
            load_plan(tmp_path / "absent.yaml")
        with pytest.raises(PlanError, match="cannot be read"):
            load_plan(tmp_path)
        (tmp_path / "latin.yaml").write_bytes("title: Prämie".encode("latin-1"))
        with pytest.raises(PlanError, match="UTF-8"):
            load_plan(tmp_path / "latin.yaml")


class TestReplace:
    """A change is a new plan."""

    def test_the_original_stays(self) -> None:
        plan = example_plan()
        changed = plan.replace({"components.nrr.target": 1.1, "components.kpi.target": 12})
        assert (changed.component("nrr").target.default, changed.component("kpi").target.default) == (1.1, 12)
        assert plan == example_plan()
        with pytest.raises(ValidationError, match="frozen"):
            plan.title = "Other"  # type: ignore[misc]

    def test_nothing_changed_is_the_same_plan(self) -> None:
        for plan in load_plans(*PLANS):
            assert plan.replace({}) == plan

    def test_weights_change_together(self) -> None:
        plan = example_plan().replace({"components.nrr.weight": 0.7, "components.kpi.weight": 0.3})
        assert [component.weight for component in plan.components] == [0.7, 0.3]
        with pytest.raises(PlanError, match=r"plan example weights add up to 1\.2"):
            example_plan().replace({"components.nrr.weight": 0.7})

    def test_a_floor_of_0_stays_written(self, tmp_path: Path) -> None:
        """0 is also what a floor is where none is written, and from_floor needs one."""
        changes = {"components.nrr.metric": "expansion_rate", "components.nrr.attainment.floor": 0.0}
        plan = example_plan().replace(changes).replace({"title": "From nothing"})
        save_plan(plan, tmp_path / "saved.yaml")
        assert load_plan(tmp_path / "saved.yaml") == plan

    def test_below_a_plain_value(self) -> None:
        plan = example_plan().replace(
            {"components.kpi.level.by_role.lead": "team", "components.kpi.target.by_segment.enterprise": 12}
        )
        kpi = plan.component("kpi")
        assert (kpi.level.default, kpi.level.by_role) == ("individual", {"lead": "team"})
        assert (kpi.target.default, kpi.target.by_segment) == (10, {"enterprise": 12})

    @pytest.mark.parametrize(
        ("path", "said"),
        [
            ("components.nr.target", "has no components.nr. Did you mean 'nrr'?"),
            ("components.0.target", "has no components.0. Valid: nrr, kpi."),
            ("components.nrr", "components[0].name is missing"),
            ("components.nrr.targt.default", "components[0].targt is not a known key. Did you mean 'target'?"),
            ("components.nrr.curve.points.2.1", "has no components.nrr.curve.points.2. Write a number from 0 to 1."),
            ("titel", "titel is not a known key. Did you mean 'title'?"),
            ("credit_on.renewl", "credit_on.renewl is not a known key. Did you mean 'renewal'?"),
        ],
    )
    def test_a_path_that_leads_nowhere(self, path: str, said: str) -> None:
        with pytest.raises(PlanError) as error:
            example_plan().replace({path: {}})
        assert said in str(error.value)


class TestLevers:
    """What a slider may move."""

    @pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
    def test_a_lever_set_to_its_value_changes_nothing(self, path: Path) -> None:
        plan = load_plan(path)
        levers = plan.levers()
        assert plan.replace({lever.path: lever.value for lever in levers}) == plan
        for lever in levers:
            assert lever.lower <= lever.value <= lever.upper
            assert lever.step > 0
            assert lever.unit in ("share", "count", "amount")
        assert len({lever.path for lever in levers}) == len({lever.label for lever in levers}) == len(levers)

    def test_labels(self) -> None:
        labels = [lever.label for lever in example_plan().sliders()]
        assert labels == ["NRR weight", "NRR target", "NRR floor", "KPI weight", "KPI target"]
