"""A component of a plan: one measure with its level, baseline, weight, target and payout curve.

`Component` composes the parameter models of the stages and checks what belongs together.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Annotated, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from compmodel.adjustments import Adjustment, Condition
from compmodel.attainment import AttainmentRule
from compmodel.baselines import Baseline, window_months
from compmodel.basis import Basis
from compmodel.curves import Curve
from compmodel.documents import Name, Number
from compmodel.errors import nearest
from compmodel.measurement import KPI_FORMS, Combined, KpiForm, Level, UnitFigure
from compmodel.metrics import METRICS, QUALIFYING
from compmodel.money import exact
from compmodel.periods import Period
from compmodel.qualifying import Qualifies
from compmodel.targets import Annualising, Target, period_target

KPI = "kpi."
LEVELS: tuple[Level, ...] = get_args(Level)
NO_YEAR = ("half_start", "year_start", "trailing_twelve_months")
"""Baselines whose windows are of several lengths, or a year already."""
FALLING = ("churn_rate", "contraction_rate")
"""Metrics of which less is better."""
LARGEST_SHARE = 5.0
"""A retention target or floor above 500% is a percentage written without its sign."""


def written_share(written: object) -> object:
    """Returns 1/3 for "1/3"; anything else as it is."""
    if isinstance(written, str) and "/" in written:
        above, _, below = written.partition("/")
        try:
            return float(Fraction(int(above), int(below)))
        except (ValueError, ZeroDivisionError):
            return written
    return written


def _written_share(share: float) -> float | str:
    fraction = exact(share)
    return share if len(repr(share)) <= 8 else f"{fraction.numerator}/{fraction.denominator}"


Share = Annotated[Number, BeforeValidator(written_share), PlainSerializer(_written_share)]
"""A share of 1, written 0.5 or as a fraction, 1/3."""


def _level(written: object) -> object:
    if isinstance(written, dict):
        for name in written:
            if name not in LEVELS:
                raise ValueError(f"must name levels, not {name!r}. {nearest(str(name), LEVELS)}")
        shares = {name: written_share(share) for name, share in written.items()}
        known = [share for share in shares.values() if isinstance(share, int | float) and share is not True]
        if len(known) < len(shares) or not all(0 < share <= 1 for share in known):
            raise ValueError("must give each level a share of 1, above 0. Write {individual: 0.5, team: 0.5}.")
        if sum(exact(share) for share in known) != 1:
            raise ValueError("must have shares that add up to 1. Write {individual: 0.5, team: 0.5}, for example.")
        return {name: shares[name] for name in LEVELS if name in shares}
    if written not in LEVELS:
        raise ValueError(f"must be one of {', '.join(LEVELS)}, or shares of them. {nearest(str(written), LEVELS)}")
    return written


LevelShares = Annotated[Level | dict[Level, Share], BeforeValidator(_level)]
"""A level, or shares of several: {individual: 0.5, team: 0.5}."""


class LevelRule(BaseModel):
    """Whose result a component measures: the payee's own book or a team's, and other levels by role."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    default: LevelShares = Field(
        description="Level for everyone not named below: individual, team, segment, region, company, or shares of them."
    )
    by_role: dict[str, LevelShares] = Field({}, description="Level by role, such as lead: team.")

    @model_validator(mode="before")
    @classmethod
    def _plain_name(cls, written: object) -> object:
        is_blend = isinstance(written, dict) and bool(written) and set(written) <= set(LEVELS)
        return {"default": written} if is_blend or not isinstance(written, dict | LevelRule) else written

    def shares(self, roles: pd.Series) -> dict[Level, npt.NDArray[np.float64]]:
        """Returns the share of each level in what is measured of people of these roles, without unused levels."""
        by_role = {role: self.by_role.get(role, self.default) for role in [*roles.unique()] or [""]}
        spread = {role: level if isinstance(level, dict) else {level: 1.0} for role, level in by_role.items()}
        used = [level for level in LEVELS if any(level in shares for shares in spread.values())]
        return {
            level: roles.map({role: shares.get(level, 0.0) for role, shares in spread.items()}).to_numpy(dtype=float)
            for level in used
        }

    @property
    def has_units(self) -> bool:
        """Whether anybody is measured on more than the own book."""
        every = [self.default, *self.by_role.values()]
        return any(set(level if isinstance(level, dict) else (level,)) != {"individual"} for level in every)

    @property
    def is_blended(self) -> bool:
        """Whether anybody's result is shares of several levels."""
        return any(isinstance(level, dict) for level in (self.default, *self.by_role.values()))

    @property
    def roles_never_alone(self) -> tuple[str, ...]:
        """Roles of which nobody is measured individually, such as leads."""
        return tuple(
            role
            for role, level in self.by_role.items()
            if "individual" not in (level if isinstance(level, dict) else (level,))
        )


def level_words(level: Level | dict[Level, float]) -> str:
    """Returns a level in words, such as "50% individual and 50% team"."""
    if not isinstance(level, dict):
        return level
    return " and ".join(f"{100 * share:.4g}% {name}" for name, share in level.items())


class Component(BaseModel):
    """One measure of a plan with its weight, target and payout curve."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: Name = Field(description="Name within the plan.")
    metric: str = Field(description="A name in METRICS, such as nrr, or kpi.NAME.")
    form: KpiForm = Field("count", description="For a KPI: count, share of what was scheduled, mean score, or nps.")
    qualifies: Qualifies | None = Field(
        None, description="Of qualifying_events and qualifying_arr: which events these are."
    )
    level: LevelRule = Field(description="Whose result is measured.")
    weight: Share = Field(
        0.0,
        ge=0,
        le=1,
        description="Share of target incentive; a rate and a pool have none.",
        json_schema_extra={"unit": "share", "lower": 0.0, "upper": 1.0, "step": 0.05},
    )
    target: Target = Field(description="What 100% attainment asks for.")
    attainment: AttainmentRule = Field(description="How the actual is held against the target.")
    curve: Curve = Field(description="Attainment to payout factor.")
    basis: Basis = Field(Basis(), description="What the payout factor is a factor of.")
    adjustments: tuple[Adjustment, ...] = Field(
        (), description="Gates, kickers, caps and floors, in the order in which they are applied."
    )
    roles: tuple[str, ...] = Field((), description="Only payees of these roles have the component; all unless written.")
    to_date: Literal["elapsed", "full_year"] | None = Field(
        None,
        description="The year so far is measured and paid, less what was paid of it before; with baseline year_start. "
        "elapsed: against the target and incentive of the months so far. full_year: against those of the whole year.",
    )
    baseline: Baseline = Field(
        "period_start",
        description="From when ARR is measured, and over which window. In a window longer than a quarter an account "
        "may change hands: books.holder opening or time_weighted then keeps gains and opening ARR together.",
    )
    combined: Combined | None = Field(
        None, description="With month_start: the months' sums, the mean of their ratios, or the ratios chained."
    )
    unit_figure: UnitFigure = Field(
        "ratio_of_sums", description="A team's figure: the ratio of its members' sums, or the mean of their ratios."
    )
    annualised: Annualising | None = Field(
        None, description="The result is held against a yearly target: compounded to a year, or added up to one."
    )

    @property
    def title(self) -> str:
        """What people call it: the metric's name; for a KPI the component's own."""
        metric, name = METRICS.get(self.metric), self.name.replace("_", " ")
        return metric.title if metric else name.upper() if len(name) <= 4 else name

    @property
    def unit(self) -> str:
        """What values and targets are: share, count, score, ratio or amount (reporting currency)."""
        return METRICS[self.metric].unit if self.metric in METRICS else KPI_FORMS[self.form][0]

    @property
    def at_rest(self) -> float:
        """The value where nothing moves: 1 for retention, 0 otherwise."""
        return METRICS[self.metric].at_rest if self.metric in METRICS else 0.0

    def months(self, period: Period) -> int:
        """Returns the months in which a period's value came about; two quarters against two lie half a year apart."""
        return window_months(self.baseline, period) * (period.months if self.combined == "chained" else 1)

    @model_validator(mode="after")
    def _metric_exists(self) -> Component:
        if self.metric not in METRICS and not (self.metric.startswith(KPI) and len(self.metric) > len(KPI)):
            raise ValueError(f"metric {self.metric!r} is unknown. {nearest(self.metric, [*METRICS, 'kpi.NAME'])}")
        if (self.qualifies is None) == (self.metric in QUALIFYING):
            raise ValueError(
                f"metric {self.metric} and qualifies do not go together. Write qualifies with {QUALIFYING[0]}."
            )
        if self.form != "count" and self.metric in METRICS:
            raise ValueError(f"form is {self.form}, but {self.metric} is no KPI. Delete the form.")
        targets = {f"target.{name}": target for name, target in self.target.named().items()}
        shares = {"attainment.floor": self.attainment.floor, **targets}
        for name, share in shares.items() if self.unit == "share" else ():
            if share > LARGEST_SHARE:
                raise ValueError(f"{name} is {share:g}, which is {share:.0%}. Write a share of 1: 1.15, not 115.")
        floor = self.attainment.floor
        lower_is_better = self.metric in FALLING and self.target.default < floor
        for name, target in targets.items() if self.attainment.kind == "from_floor" else ():
            if target == floor or (target < floor) != lower_is_better:
                side, fix = ("below", "Lower") if lower_is_better else ("above", "Raise")
                raise ValueError(
                    f"{name} is {target:g}, but it must lie {side} the floor {floor:g}. "
                    f"{fix} the target or {'raise' if lower_is_better else 'lower'} attainment.floor."
                )
        return self

    @model_validator(mode="after")
    def _is_payable(self) -> Component:
        if self.basis.is_of_incentive != ("weight" in self.model_fields_set):
            if self.basis.is_of_incentive:
                raise ValueError("weight is missing. Write it; it is never guessed.")
            raise ValueError(f"basis {self.basis.kind} has no weight. Delete weight.")
        if self.attainment.kind == "reverse" and self.curve.beyond != "hold":
            raise ValueError("attainment is reverse, which grows without end near 0. Write curve.beyond: hold.")
        if self.basis.kind == "rate_of_incentive" and self.unit != "amount":
            raise ValueError(
                f"basis rate_of_incentive is a rate on an amount of ARR, not {self.metric}. Choose another."
            )
        if self.to_date and (self.baseline != "year_start" or self.basis.kind not in ("target_incentive", "rate")):
            raise ValueError("to_date pays the year so far. Write baseline: year_start, and no other basis, with it.")
        limits = [rule for rule in self.adjustments if not isinstance(rule, Condition)]
        is_of_period = any(rule.kind == "floor" or rule.amount is not None for rule in limits)
        if self.to_date and (is_of_period or self.target.ramp or self.target.cases):
            raise ValueError(
                "to_date cannot go with a floor, a cap of an amount, or a target's ramp or cases, which would be of "
                "the year so far and of the period at once. Delete one of them."
            )
        if self.to_date and (self.to_date == "elapsed") != bool(self.target.yearly):
            fix = "Write target.yearly with elapsed, and only with it."
            raise ValueError(f"to_date is {self.to_date}, which does not go with its target. {fix}")
        over_opening = self.basis.over == "opening_arr" or self.basis.shared == "opening_arr"
        is_one_ratio = self.metric in METRICS and self.combined in (None, "sums") and self.baseline != "two_quarters"
        if over_opening and not (is_one_ratio and self.unit_figure == "ratio_of_sums" and not self.level.is_blended):
            fix = "Choose a metric of ARR on one level."
            raise ValueError(f"basis needs the opening ARR, which a value of several ratios or a count has not. {fix}")
        if self.target.ramp:
            self._refuse_ramp()
        for i, rule in enumerate(self.adjustments):
            if isinstance(rule, Condition) and rule.component is None and rule.of == "factor":
                raise ValueError(f"adjustments[{i}] looks at the own factor. Write of: attainment, or the curve so.")
        return self

    def _refuse_ramp(self) -> None:
        """A ramp must make a target easier, and keep it above the floor."""
        is_falling = self.metric in FALLING or self.attainment.kind == "reverse"
        if is_falling or min(self.target.named().values()) < self.at_rest:
            raise ValueError("target.ramp would ask more of new people here than of others. Delete it.")
        if self.attainment.kind == "from_floor":
            for name, target in self.target.named().items():
                least = self.at_rest + (target - self.at_rest) * min(self.target.ramp)
                if least <= self.attainment.floor:
                    rule = f"target.{name} ramps from {least:g}, but must lie above attainment.floor"
                    raise ValueError(f"{rule}. Lower the floor or raise the ramp.")

    @model_validator(mode="after")
    def _is_measurable(self) -> Component:
        is_kpi = self.metric not in METRICS
        if is_kpi and (self.baseline != "period_start" or self.unit_figure != "ratio_of_sums"):
            raise ValueError(f"{self.metric} is counted over the period itself. Delete baseline and unit_figure.")
        if self.baseline == "due_in_period" and self.metric not in ("renewal_rate", "renewal_nrr"):
            raise ValueError("baseline due_in_period is for renewal_rate and renewal_nrr alone. Choose another one.")
        if (self.combined is None) == (self.baseline == "month_start"):
            fix = "Write combined: chained, mean or sums with it, and only with it."
            raise ValueError(f"baseline month_start and combined belong together. {fix}")
        if self.combined == "chained" and self.at_rest != 1:
            raise ValueError(
                f"combined is chained, which is for retention alone, not {self.metric}. Write sums or mean."
            )
        if self.unit == "amount" and self.baseline in ("month_start", "two_quarters"):
            raise ValueError(f"{self.metric} is an amount, which one window holds whole. Choose another baseline.")
        if self.unit_figure == "mean_of_ratios" and not self.level.has_units:
            raise ValueError("unit_figure is of a team or more, but level is individual. Delete unit_figure.")
        if self.annualised and (self.at_rest != 1 or self.baseline in NO_YEAR):
            fix = "Delete annualised, or write target.yearly instead."
            raise ValueError(f"annualised is for retention over windows of one length below a year. {fix}")
        if self.target.yearly == "compounding" and self.at_rest != 1:
            raise ValueError("target.yearly compounding is for retention alone. Write adding.")
        grows = self.unit not in ("score", "ratio") and self.form != "share" and not self.metric.startswith("renewal")
        if self.target.yearly and (self.annualised or not grows):
            raise ValueError("target.yearly needs a result that grows with the months. Delete target.yearly.")
        if self.target.yearly and self.attainment.kind == "from_floor":
            for name, yearly in self.target.named().items():
                least = period_target(yearly, 1, self.target.yearly, self.at_rest)
                if least <= self.attainment.floor:
                    rule = f"target.{name} makes {least:g} in a month, but must lie above attainment.floor, which holds"
                    raise ValueError(f"{rule} for the months measured. Lower the floor.")
        return self


def mixed_years(components: Sequence[Component], has_conditions: bool) -> str:
    """Returns where a period's result would decide over pay of the year so far; empty where none does.

    `has_conditions`: whether the whole plan has gates or kickers, which would be on all components.
    """
    so_far = [component.name for component in components if component.to_date]
    for component in (component for component in components if component.to_date):
        for rule in component.adjustments:
            if isinstance(rule, Condition) and rule.component not in (None, *so_far):
                return f"{component.name} is to_date, but its {rule.kind} looks at {rule.component}, which is not"
    is_mixed = has_conditions and 0 < len(so_far) < len(components)
    return "a gate or kicker of the whole plan needs all components to_date, or none" if is_mixed else ""
