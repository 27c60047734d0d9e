"""Payout curves: attainment to payout factor, the share of target incentive that is paid.

What happens beyond the last point is always written in the plan, and below the first one too unless its factor is 0.
The functions take floats or exact fractions alike, so a cent near a tie is settled by the same code.
Currently implemented: linear.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from compmodel.documents import Number
from compmodel.money import Array, exact


class Curve(BaseModel):
    """A payout curve: straight lines between points of [attainment, factor]."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["linear"] = Field(description="Straight lines between the points.")
    points: tuple[tuple[Number, Number], ...] = Field(
        min_length=2, description="Points [attainment, payout factor] in rising order of attainment."
    )
    beyond: Literal["hold", "extend"] = Field(
        description="Above the last point: hold its factor, or extend the last line."
    )

    below: Literal["hold", "zero"] | None = Field(
        None, description="Below the first point: hold its factor, or pay nothing; needed unless that factor is 0."
    )

    @model_validator(mode="after")
    def _below_is_written(self) -> Curve:
        if self.points[0][1] > 0 and self.below is None:
            at, factor = self.points[0]
            raise ValueError(
                f"points start with factor {factor:g} at attainment {at:g}, but what pays below is not written. "
                "Write below: zero or below: hold."
            )
        return self

    @field_validator("points")
    @classmethod
    def _points_rise(cls, points: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
        if points[0][1] < 0:
            raise ValueError(f"points[0] has factor {points[0][1]:g}, but pay is never negative. Write 0 or more.")
        for i, (before, here) in enumerate(pairwise(points), start=1):
            if here[0] <= before[0]:
                raise ValueError(
                    f"points[{i}] has attainment {here[0]:g}, but points must rise (the previous is {before[0]:g}). "
                    "Reorder or delete one."
                )
            if here[1] < before[1]:
                raise ValueError(
                    f"points[{i}] has factor {here[1]:g}, below the previous {before[1]:g}, so doing better would pay "
                    "less. Raise it."
                )
        return points


def payout_factor(attainment: Array, curve: Curve) -> Array:
    """Returns the payout factor of each attainment, same shape and number type; NaN stays NaN.

    >>> curve = Curve(kind="linear", points=((0, 0), (1, 1)), beyond="extend")
    >>> payout_factor(np.array([-0.2, 0.5, 1.2]), curve).tolist()
    [0.0, 0.5, 1.2]
    """
    is_exact = attainment.dtype == object
    number = np.vectorize(exact, otypes=[object]) if is_exact else np.asarray
    at, factor = (number(np.array(axis, dtype=float)) for axis in zip(*curve.points, strict=True))
    piece = np.clip(np.searchsorted(at, attainment, "right") - 1, 0, len(at) - 2)
    slope = (factor[1:] - factor[:-1]) / (at[1:] - at[:-1])
    paid: Array = factor[piece] + slope[piece] * (attainment - at[piece])
    paid = np.where(attainment < at[0], 0 * factor[0] if curve.below == "zero" else factor[0], paid)
    return np.where(attainment > at[-1], factor[-1], paid) if curve.beyond == "hold" else paid
