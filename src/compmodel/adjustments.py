"""What changes a component's pay after its curve, in the order written: gates, kickers, caps and floors.

Works on arrays with components on the last axis, in floats or exact fractions alike. `settlement.py` holds what is
settled on whole cents of the whole pay, such as draws and holdbacks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from compmodel.documents import AMOUNT, FACTOR, MEASURE, SHARE, Name, Number
from compmodel.money import NEAR, Array, exact

Truths = npt.NDArray[np.bool_]
Of = Literal["value", "attainment", "factor"]


PRORATED = "For part of a period only that part of the amount; the whole amount unless written."


class Condition(BaseModel):
    """What another component, or the own one, must have reached, or lie below."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    component: Name | None = Field(
        None, description="The component looked at; the own one unless written, for the whole plan every one."
    )
    of: Of = Field(description="Of which the threshold is: its value, attainment or payout factor.")
    reaches: Number | None = Field(
        None, description="Holds from this threshold on; exactly on it is reached.", json_schema_extra=MEASURE
    )
    below: Number | None = Field(
        None,
        description="Instead: holds below this threshold; exactly on it is not below.",
        json_schema_extra=MEASURE,
    )

    @model_validator(mode="after")
    def _one_threshold(self) -> Condition:
        if (self.reaches is None) == (self.below is None):
            raise ValueError("must have either reaches or below. Write exactly one of the two.")
        return self

    @property
    def threshold(self) -> float:
        """What must be reached, or not."""
        return self.reaches if self.reaches is not None else self.below or 0.0


class Gate(Condition):
    """Pay only where a condition holds."""

    kind: Literal["gate"] = Field(description="Pays only where the condition holds.")
    otherwise: Number = Field(
        0.0, ge=0, le=1, description="Share of the pay where it does not.", json_schema_extra=SHARE
    )


class Kicker(Condition):
    """A factor on pay where a condition holds."""

    kind: Literal["kicker"] = Field(description="Multiplies pay where the condition holds.")
    times: Number = Field(ge=0, description="The factor.", json_schema_extra=FACTOR)


class _Limit(BaseModel):
    """A limit as a factor of what factor 1 pays, or as an amount."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    factor: Number | None = Field(None, ge=0, description="As a factor of what 100% pays.", json_schema_extra=FACTOR)
    amount: Number | None = Field(
        None, ge=0, description="As an amount of a period, in the pay currency.", json_schema_extra=AMOUNT
    )
    prorated: bool = Field(False, description=PRORATED)

    @model_validator(mode="after")
    def _one_of_the_two(self) -> _Limit:
        if (self.factor is None) == (self.amount is None):
            raise ValueError("must have either a factor or an amount. Write exactly one of the two.")
        if self.prorated and self.amount is None:
            raise ValueError("a factor is of pay for the time on the plan. Delete prorated.")
        return self

    def of(self, base: Array, proration: Array) -> Array:
        """Returns the limit where factor 1 pays `base` for that share of the period."""
        number = self.factor if self.factor is not None else self.amount
        known = exact(number or 0) if base.dtype == object else number
        limit: Array = known * base if self.factor is not None else known + 0 * base
        return limit * proration if self.prorated else limit


class Cap(_Limit):
    """Pay at most so much."""

    kind: Literal["cap"] = Field(description="Pays at most so much.")


class Floor(_Limit):
    """Pay at least so much."""

    kind: Literal["floor"] = Field(description="Pays at least so much.")


Adjustment = Annotated[Gate | Kicker | Cap | Floor, Field(discriminator="kind")]


def adjusted(
    pay: Array,
    base: Array,
    rules: Sequence[Gate | Kicker | Cap | Floor],
    results: Mapping[str, Array],
    names: Sequence[str],
    own: int,
) -> tuple[Array, npt.NDArray[np.int8]]:
    """Returns a component's pay after its adjustments, and the position of the last rule that changed it, -1 for none.

    `pay` and `base` (what factor 1 pays) are arrays of any shape; `results` hold value, attainment and factor with the
    components, named in order, on one more last axis, and proration; a component without a value meets no condition.
    """
    last = np.full(pay.shape, -1, dtype=np.int8)
    for position, rule in enumerate(rules):
        before = pay
        if isinstance(rule, Gate | Kicker):
            met = is_met(rule, results, names, own)
            share = rule.otherwise if isinstance(rule, Gate) else rule.times
            number = exact(share) if pay.dtype == object else share
            pay = np.where(met == isinstance(rule, Kicker), number * pay, pay)
        else:
            pay = (np.minimum if isinstance(rule, Cap) else np.maximum)(pay, rule.of(base, results["proration"]))
            if pay.dtype != object:  # a float's last digits are no change
                pay = np.where(np.abs(pay - before) <= NEAR * np.maximum(1.0, np.abs(before)), before, pay)
        last[pay != before] = position
    return pay, last


def is_met(rule: Condition, results: Mapping[str, Array], names: Sequence[str], own: int | None) -> Truths:
    """Tells where a condition holds; `own` is the position of the component that has it, None for the whole plan."""
    looked_at = results[rule.of]
    chosen = _chosen(rule, names, own)
    number = exact(rule.threshold) if looked_at.dtype == object else rule.threshold
    is_absent, looked_at = results["is_absent"][..., chosen], looked_at[..., chosen]
    on_side = looked_at >= number if rule.reaches is not None else looked_at < number
    reached = on_side & ~results["is_empty"][..., chosen] & ~is_absent
    if rule.component is None and own is None:
        reached = reached | is_absent  # what the person's role does not have cannot be missed
    return np.asarray(reached.astype(bool).all(axis=-1))


def near_threshold(rule: Condition, results: Mapping[str, Array], names: Sequence[str], own: int | None) -> Truths:
    """Tells where floats cannot say whether a condition holds."""
    off = np.abs(results[rule.of][..., _chosen(rule, names, own)] - rule.threshold)
    return np.asarray((off < NEAR * max(1.0, abs(rule.threshold))).any(axis=-1))


def _chosen(rule: Condition, names: Sequence[str], own: int | None) -> list[int]:
    if rule.component is not None:
        return [list(names).index(rule.component)]
    return list(range(len(names))) if own is None else [own]
