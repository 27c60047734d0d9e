"""The people of a period, and attainment: the actual against the target.

`ratio` is actual over target (115% of a 125% goal is 92%); `from_floor` is (actual - floor) over (target - floor),
so 115% between a floor of 100% and a goal of 125% is 60%. A payee's `proration` is the days with a target incentive
over the days of the period; the period's target incentive is the day-weighted yearly amount over the periods a year.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from compmodel.documents import FACTOR, MEASURE, Number
from compmodel.money import NEAR, Array, exact, exact_array, rounded
from compmodel.targets import Annualising


def yearly_value(value: Array, months: int, how: Annualising, at_rest: float = 1.0) -> Array:
    """Returns what a value of so many months (1, 2, 3, 4, 6 or 12) makes in a year; floats or exact fractions.

    A retention below 0 compounds as 0.

    >>> quarter = np.array([0.875])
    >>> yearly_value(quarter, 3, "adding").tolist(), yearly_value(quarter, 3, "compounding").tolist()
    ([0.5], [0.586181640625])
    """
    times, rest = 12 // months, type(value.flat[0])(at_rest) if value.size else at_rest
    if how == "adding":
        return rest + (value - rest) * times
    floored: Array = np.maximum(value, 0 * value) ** times
    return floored


class AttainmentRule(BaseModel):
    """How the actual is held against the target."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["ratio", "from_floor", "reverse", "scores"] = Field(
        description="ratio: actual over target. from_floor: (actual - floor) / (target - floor). reverse, where lower "
        "is better: target over actual. scores: the score of the actual in a grid, whatever the target."
    )
    floor: Number = Field(
        0.0,
        description="Result that counts as nothing attained; only with from_floor. Above the target, lower is better.",
        json_schema_extra={"unit": "share", "lower": 0.8, "upper": 1.2, "step": 0.01},
    )
    scores: tuple[tuple[Number, Number], ...] = Field(
        (),
        description="Of scores: [lower edge of the actual, attainment], edges rising; below the first nothing.",
        json_schema_extra={"each": [MEASURE, FACTOR]},
    )
    edge: Literal["lower", "upper"] | None = Field(
        None, description="Of scores: an actual exactly on an edge belongs to what begins there, or to what is below."
    )
    rounded_to: Number | None = Field(
        None, gt=0, description="Attainment is rounded to this, half up, such as 0.01; not at all unless written."
    )

    @model_validator(mode="after")
    def _floor_belongs(self) -> AttainmentRule:
        if self.kind != "from_floor" and self.floor:
            raise ValueError(f"floor is given, but kind is {self.kind}. Write kind: from_floor or delete the floor.")
        if self.kind == "from_floor" and "floor" not in self.model_fields_set:
            raise ValueError("kind is from_floor, but no floor is written. Write floor: 1.00, for example.")
        if (self.kind == "scores") != (bool(self.scores) and self.edge is not None):
            raise ValueError("kind scores, scores and edge belong together. Write all three or none.")
        edges = [at for at, _ in self.scores]
        if edges != sorted(set(edges)):
            raise ValueError("scores must rise from edge to edge. Reorder or delete one.")
        return self


FAR_BEYOND = 1000
"""Attainment of an actual of nothing, where lower is better: far beyond any curve's last point."""


def attain(value: Array, target: Array, rule: AttainmentRule) -> Array:
    """Returns attainment (1.0 is on target) for values and targets of the same shape; NaN stays NaN.

    Source: FlowFuse pull request 4754 (`from_floor`), Retain and expand (`ratio`).

    >>> attain(np.array([1.15]), np.array([1.25]), AttainmentRule(kind="from_floor", floor=1.0)).round(4).tolist()
    [0.6]
    """
    is_exact = value.dtype == object
    if rule.kind == "scores":
        at, score = np.array(rule.scores, dtype=float).T
        if is_exact:
            at, score = exact_array(at), exact_array(score)
        reached = np.searchsorted(at, value, "left" if rule.edge == "upper" else "right")
        attained = np.append(0 * score[:1], score)[reached] + 0 * value
    elif rule.kind == "reverse":
        is_some = value > 0
        attained = np.where(is_some, target / np.where(is_some, value, 1 + 0 * value), FAR_BEYOND + 0 * value)
    elif rule.kind == "ratio":
        attained = np.divide(value, target)
    else:
        floor = exact(rule.floor) if is_exact else rule.floor
        attained = np.divide(value - floor, target - floor)
    return attained if rule.rounded_to is None else rounded(attained, rule.rounded_to)


def doubtful(value: Array, target: Array, rule: AttainmentRule) -> npt.NDArray[np.bool_]:
    """Tells where floats cannot say which score or which rounded attainment it is; arrays of one shape."""
    found = np.zeros(value.shape, dtype=bool)
    for at, _ in rule.scores:
        found |= np.abs(value - at) < NEAR * max(1.0, abs(at))
    if rule.rounded_to is not None:
        unrounded = attain(value, target, rule.model_copy(update={"rounded_to": None})) / rule.rounded_to
        found |= np.abs(unrounded - np.floor(unrounded) - 0.5) < NEAR
    return found
