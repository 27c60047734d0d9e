"""What a component pays at factor 1: a share of target incentive, a rate on a result, or a part of a pool.

`base_pay` times the payout factor is a component's pay. With a rate the factor is the result over its target, so rate x
target x factor is the rate on the result, and a curve's bands are bands of that result.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from compmodel.documents import AMOUNT, Number
from compmodel.money import Array, exact, rounded

BasisKind = Literal["target_incentive", "rate", "rate_of_incentive", "pool"]
Shared = Literal["equally", "target_incentive", "opening_arr", "value"]


class Basis(BaseModel):
    """What the payout factor is a factor of."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: BasisKind = Field(
        "target_incentive",
        description="target_incentive: weight x target incentive. rate: so much for each unit of the result (ARR, a "
        "count). rate_of_incentive: a rate on the result, worked out from weight x target incentive. pool: a part of "
        "an amount that several share.",
    )
    rate: Number | None = Field(
        None,
        ge=0,
        description="Of rate: pay for each unit of the result: 0.04 of ARR, or 250 for each one counted.",
        json_schema_extra={"lever": "rate"},
    )
    over: Literal["target", "opening_arr"] | None = Field(
        None,
        description="Of rate_of_incentive: what the incentive is divided by: the period's over the target, or the "
        "year's over the ARR managed when the period opens.",
    )
    rounded_to: Number | None = Field(
        None, gt=0, description="Of rate_of_incentive: the rate is rounded to this, half up, such as 0.0001."
    )
    amount: Number | None = Field(
        None, ge=0, description="Of pool: the amount of a period, in the pay currency.", json_schema_extra=AMOUNT
    )
    shared: Shared | None = Field(
        None, description="Of pool: equally, or by target incentive, ARR managed or the component's own value."
    )

    @model_validator(mode="before")
    @classmethod
    def _plain_kind(cls, written: object) -> object:
        return {"kind": written} if isinstance(written, str) else written

    @model_validator(mode="after")
    def _whole(self) -> Basis:
        needs = {"rate": {"rate"}, "rate_of_incentive": {"over"}, "pool": {"amount", "shared"}}.get(self.kind, set())
        for name in ("rate", "over", "amount", "shared"):
            if (getattr(self, name) is None) == (name in needs):
                fix = f"Write {name} with it." if name in needs else f"Delete {name}."
                raise ValueError(f"kind is {self.kind}, {'which needs' if name in needs else 'but has'} {name}. {fix}")
        if self.rounded_to is not None and self.kind != "rate_of_incentive":
            raise ValueError(f"kind is {self.kind}, but has rounded_to. Delete rounded_to.")
        return self

    @property
    def is_of_incentive(self) -> bool:
        """Whether the component has a weight in target incentive."""
        return self.kind in ("target_incentive", "rate_of_incentive")


def base_pay(
    basis: Basis,
    incentive: Array,
    yearly_incentive: Array,
    target: Array,
    opening: Array,
    pool_share: Array,
) -> Array:
    """Returns what factor 1 pays: arrays of one shape, floats or exact fractions, in the pay currency.

    `incentive` is weight x target incentive x proration of the period, `yearly_incentive` the weight's part of the
    year's. Nothing is paid at a rate over no opening ARR.

    >>> one = np.array([1.0])
    >>> base_pay(Basis(kind="rate", rate=0.04), one, one, np.array([75000.0]), one, one).tolist()
    [3000.0]
    """
    is_exact = incentive.dtype == object
    if basis.kind == "target_incentive":
        return incentive
    if basis.kind == "pool":
        return (exact(basis.amount or 0) if is_exact else basis.amount) * pool_share
    if basis.kind == "rate":
        return (exact(basis.rate or 0) if is_exact else basis.rate) * target
    over, above = (target, incentive) if basis.over == "target" else (opening, yearly_incentive)
    is_some = over > 0
    rate = np.where(is_some, above / np.where(is_some, over, 1 + 0 * over), 0 * over)
    paid: Array = (rate if basis.rounded_to is None else rounded(rate, basis.rounded_to)) * target
    return paid
