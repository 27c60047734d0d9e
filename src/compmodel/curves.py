"""Payout curves: attainment to payout factor, the share of target incentive that is paid.

Every curve is straight pieces, so all kinds share one evaluation, one slope and one list of jumps. Bands name one lower
edge each, so gaps and overlaps cannot be written; what happens beyond the last point or edge is always written. The
functions take floats or exact fractions alike, so a cent near a tie is settled by the same code.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from compmodel.documents import FACTOR, Number
from compmodel.money import Array, exact_array

CURVE_WORDS = {
    "linear": "straight lines between points of [attainment, factor]",
    "table": "a factor of its own in each band",
    "step": "retroactive: the whole attainment times the multiplier of the band reached",
    "marginal": "each slice of attainment times the multiplier of its own band",
    "overage": "up to 100% as marginal; everything above it times the multiplier of the band reached",
}
Edge = Literal["lower", "upper"]
JUMPING = ("table", "step", "overage")
"""Kinds whose factor may jump at an edge."""


class Curve(BaseModel):
    """A payout curve: straight lines between points, or bands of attainment with a factor or multiplier each."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["linear", "table", "step", "marginal", "overage"] = Field(
        description="; ".join(f"{kind}: {words}" for kind, words in CURVE_WORDS.items()) + "."
    )
    points: tuple[tuple[Number, Number], ...] = Field(
        (),
        description="Of linear: points [attainment, payout factor] in rising order of attainment.",
        json_schema_extra={"each": [FACTOR, FACTOR]},
    )
    bands: tuple[tuple[Number, Number], ...] = Field(
        (),
        description="Of the other kinds: [lower edge of attainment, factor or multiplier] in rising order.",
        json_schema_extra={"each": [FACTOR, FACTOR]},
    )
    beyond: Literal["hold", "extend"] = Field(
        description="Above the last point or edge: hold the factor reached there, or extend the last line or band."
    )
    below: Literal["hold", "zero", "extend"] | None = Field(
        None,
        description="Of linear, below the first point: hold its factor, pay nothing, or extend the first line (which "
        "can take pay away); needed unless that factor is 0. Below the first band nothing is paid.",
    )
    edge: Edge | tuple[Edge, ...] | None = Field(
        None,
        description="Where the factor jumps, exactly at the edge: lower belongs to the band that begins there, upper "
        "to the one below; a list has one for each band. Needed for table, step and overage.",
    )
    may_fall: bool = Field(False, description="Doing better may pay less somewhere; refused unless this is written.")

    @model_validator(mode="after")
    def _is_whole(self) -> Curve:
        is_linear = self.kind == "linear"
        name, other = ("points", "bands") if is_linear else ("bands", "points")
        written = self.points or self.bands
        if getattr(self, other) or not getattr(self, name):
            raise ValueError(f"kind is {self.kind}, which has {name}. Write {name}: [[0, 0], [1, 1]], for example.")
        if is_linear and len(self.points) < 2:
            raise ValueError("points has too few entries. Add what is missing.")
        for i, (before, here) in enumerate(pairwise(written), start=1):
            if here[0] <= before[0]:
                raise ValueError(
                    f"{name}[{i}] has attainment {here[0]:g}, but {name} must rise (the previous is {before[0]:g}). "
                    "Reorder or delete one."
                )
        if not is_linear and self.below:
            raise ValueError("below is of linear curves; below the first band nothing is paid. Delete it.")
        if (self.edge is None) == (self.kind in JUMPING) and not (is_linear and self.below == "zero"):
            fix = "Write edge: lower or edge: upper" if self.kind in JUMPING else "Delete edge"
            raise ValueError(f"kind is {self.kind}, but edge is {self.edge or 'not written'}. {fix}.")
        if isinstance(self.edge, tuple) and len(self.edge) != len(self.bands):
            said = f"edge has {len(self.edge)} entries, but there are {len(self.bands)} bands"
            raise ValueError(f"{said}. Write one for each, or one word for all.")
        if self.kind == "overage" and 1 not in (at for at, _ in self.bands):
            raise ValueError("kind is overage, but no band begins at 1, the target. Add a band [1, multiplier].")
        return self

    @model_validator(mode="after")
    def _never_falls(self) -> Curve:
        if self.may_fall:
            return self
        for i, (before, here) in enumerate(pairwise(self.points), start=1):
            if here[1] < before[1]:
                raise ValueError(
                    f"points[{i}] has factor {here[1]:g}, below the previous {before[1]:g}, so doing better would pay "
                    "less. Raise it, or write may_fall: true."
                )
        found = pieces(self, is_exact=True)
        falls = [float(at) for at, slope in zip(found.at, found.slope, strict=True) if slope < 0]
        falls += [at for at, left, right in jumps(self) if right < left]
        if falls:
            said = f"at attainment {min(falls):g} the curve falls, so doing better would pay less"
            raise ValueError(f"{said}. Change the band there, or write may_fall: true.")
        return self

    @model_validator(mode="after")
    def _pays_something(self) -> Curve:
        (at, factor), *_ = self.points or self.bands
        if factor < 0 and self.below != "extend":
            name = "points" if self.points else "bands"
            raise ValueError(f"{name}[0] has factor {factor:g}, but pay is never negative. Write 0 or more.")
        if self.points and factor > 0 and self.below is None:
            raise ValueError(
                f"points start with factor {factor:g} at attainment {at:g}, but what pays below is not written. "
                "Write below: zero or below: hold."
            )
        return self


class Pieces(NamedTuple):
    """Straight pieces: where each begins, the factor there, its slope; the factor and slope below the first."""

    at: Array
    factor: Array
    slope: Array
    below: Any
    below_slope: Any


def pieces(curve: Curve, is_exact: bool) -> Pieces:
    """Returns the straight pieces of a curve, in floats or exact fractions.

    >>> tiers = Curve(kind="marginal", bands=((0, 1), (1, 1.4), (1.2, 1.6)), beyond="extend")
    >>> pieces(tiers, is_exact=False).factor.round(2).tolist()
    [0.0, 1.0, 1.28]
    """
    written = np.array(curve.points or curve.bands, dtype=float).T
    at, number = exact_array(written) if is_exact else written
    zero = 0 * at[0]
    if curve.kind == "linear":
        rises = (number[1:] - number[:-1]) / (at[1:] - at[:-1])
        factor, slope = number, np.array([*rises, zero], dtype=at.dtype)
        if curve.beyond == "extend":
            at, factor, slope = at[:-1], factor[:-1], slope[:-1]
        below_slope = slope[0] if curve.below == "extend" else zero
        return Pieces(at, factor, slope, zero if curve.below == "zero" else factor[0], below_slope)
    slope = np.full_like(number, zero) if curve.kind == "table" else number.copy()
    if curve.kind == "table":
        factor = number
    elif curve.kind == "step":
        factor = at * number
    else:
        factor = np.append(zero, np.cumsum(number[:-1] * np.diff(at)))
        if curve.kind == "overage":
            target = int(np.flatnonzero(at == 1)[0])
            factor[target:] = factor[target] + (at[target:] - 1) * number[target:]
    if curve.beyond == "hold":
        slope[-1] = zero
    return Pieces(at, factor, slope, zero, zero)


def payout_factor(attainment: Array, curve: Curve) -> Array:
    """Returns the payout factor of each attainment, same shape and number type; NaN stays NaN.

    >>> curve = Curve(kind="linear", points=((0, 0), (1, 1)), beyond="extend")
    >>> payout_factor(np.array([-0.2, 0.5, 1.2]), curve).tolist()
    [0.0, 0.5, 1.2]
    """
    found = pieces(curve, attainment.dtype == object)
    piece = np.searchsorted(found.at, attainment, "right") - 1
    is_upper = np.broadcast_to(np.array(curve.edge) == "upper", len(found.at))
    if is_upper.any():
        at = np.maximum(piece, 0)
        piece = piece - ((piece >= 0) & is_upper[at] & (found.at[at] == attainment).astype(bool))
    first = np.maximum(piece, 0)
    paid = found.factor[first] + found.slope[first] * (attainment - found.at[first])
    under: Array = np.where(piece < 0, found.below + found.below_slope * (attainment - found.at[0]), paid)
    return under


def payout_slope(attainment: Array, curve: Curve) -> Array:
    """Returns what each further point of attainment pays, in factor a point; same shape. At an edge, of what follows.

    >>> tiers = Curve(kind="marginal", bands=((0, 1), (1, 1.4)), beyond="extend")
    >>> payout_slope(np.array([-1, 0.5, 1.0]), tiers).tolist()
    [0.0, 1.0, 1.4]
    """
    found = pieces(curve, attainment.dtype == object)
    piece = np.searchsorted(found.at, attainment, "right") - 1
    slope: Array = np.where(piece < 0, found.below_slope, found.slope[np.maximum(piece, 0)])
    return slope


def flat_zones(curve: Curve) -> list[tuple[float, float]]:
    """Returns the stretches of attainment on which doing better pays no more, from and to; infinite at the ends.

    >>> flat_zones(Curve(kind="linear", points=((0.9, 0), (1, 1)), beyond="hold"))
    [(-inf, 0.9), (1.0, inf)]
    """
    found = pieces(curve, is_exact=True)
    edges = [-np.inf, *map(float, found.at), np.inf]
    slopes = [found.below_slope, *found.slope]
    leaps = {at for at, _, _ in jumps(curve)}
    zones: list[tuple[float, float]] = []
    for (low, high), slope in zip(pairwise(edges), slopes, strict=True):
        if slope == 0:
            joined = bool(zones) and zones[-1][1] == low and low not in leaps
            zones[-1:] = [(zones[-1][0], high)] if joined else [*zones[-1:], (low, high)]
    return zones


def jumps(curve: Curve) -> list[tuple[float, float, float]]:
    """Returns the cliffs of a curve: attainment, and the factors just below and just above it.

    >>> jumps(Curve(kind="table", bands=((0.9, 0.5), (1, 1)), edge="lower", beyond="hold"))
    [(0.9, 0.0, 0.5), (1.0, 0.5, 1.0)]
    """
    found = pieces(curve, is_exact=True)
    ends = found.factor[:-1] + found.slope[:-1] * np.diff(found.at)
    left = [found.below, *ends]
    sides = zip(found.at, left, found.factor, strict=True)
    return [(float(at), float(one), float(other)) for at, one, other in sides if one != other]
