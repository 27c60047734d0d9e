"""How attainment is measured and what it pays, in words: the attainment rule, the curve, the basis of a component."""

from __future__ import annotations

from collections.abc import Callable

from compmodel.components import Component
from compmodel.curves import Curve, pieces
from compmodel.metrics import METRICS
from compmodel.money import exact
from compmodel.wording import capitalised, in_sentence, listed, number

EDGE_WORDS = {
    "lower": "exactly at an edge the band that begins there counts",
    "upper": "exactly at an edge the band below it still counts",
}
SHARED_WORDS = {
    "equally": "equally",
    "target_incentive": "by target incentive",
    "opening_arr": "by the ARR managed",
    "value": "by each one's own result",
}


# ---- attainment --------------------------------------------------------------------------------------------------


def attainment_words(component: Component) -> str:
    """Returns how attainment is measured, such as "from 100% to the goal"."""
    rule = component.attainment
    rounded = f", rounded half up to {number(rule.rounded_to, 'share')}" if rule.rounded_to else ""
    return ATTAINED[rule.kind](component) + rounded


def _floor_words(component: Component) -> str:
    down = "down " if component.attainment.floor > component.target.default else ""
    return f"from {number(component.attainment.floor, component.unit)} {down}to the goal"


def _score_words(component: Component) -> str:
    rule = component.attainment
    steps = [f"{number(score, 'share')} from {number(at, component.unit)}" for at, score in rule.scores]
    below = f"nothing below {number(rule.scores[0][0], component.unit)}"
    edge = "the score that begins there" if rule.edge == "lower" else "the score below"
    return f"by a grid of scores: {listed([below, *steps])}; exactly on an edge {edge} counts"


ATTAINED: dict[str, Callable[[Component], str]] = {
    "from_floor": _floor_words,
    "ratio": lambda component: "as a share of the goal",
    "reverse": lambda component: "as the goal over the result, because less is better",
    "scores": _score_words,
}
"""How attainment is said, by its kind; another kind is said by its fields."""


def result_at(component: Component, attained: float) -> float | None:
    """Returns the result that makes an attainment; none where goals are several, of other months, or in grids."""
    target, rule = component.target, component.attainment
    goals = {target.default, *target.named().values()}
    if target.yearly or len(goals) > 1 or rule.rounded_to or rule.kind not in ("from_floor", "ratio", "reverse"):
        return None
    goal = exact(target.default)
    if rule.kind == "reverse":
        return float(goal / exact(attained)) if attained > 0 else None
    floor = exact(rule.floor)
    return float(floor + exact(attained) * (goal - floor))


def is_downwards(component: Component) -> bool:
    """Whether attainments are said as results of which less is better."""
    rule, goal = component.attainment, component.target.default
    is_less = rule.kind == "reverse" or (rule.kind == "from_floor" and rule.floor > goal)
    return is_less and result_at(component, 1) is not None


def result_words(component: Component, attained: float) -> str:
    """Returns the result that makes an attainment in words, or the attainment where there is no single one."""
    found = result_at(component, attained)
    return f"{number(attained, 'share')} attained" if found is None else number(found, component.unit)


# ---- what is paid ------------------------------------------------------------------------------------------------


def factor_words(factor: float) -> str:
    """Returns a payout factor in words.

    >>> factor_words(1.0), factor_words(0.5)
    ('its full share', '50% of its share')
    """
    return "its full share" if factor == 1 else f"{number(factor, 'share')} of its share"


def paid_words(component: Component, factor: float) -> str:
    """Returns what a factor pays: a share of the weight, of what the goal pays, or of a part of a pool."""
    if component.basis.is_of_incentive:
        return factor_words(factor)
    of = "what its goal pays" if component.basis.kind == "rate" else "its part of the pool"
    return of if factor == 1 else f"{number(factor, 'share')} of {of}"


def basis_words(component: Component, period: str = "quarter", currency: str = "") -> str | None:
    """Returns what full pay is where it is not the weight's share of target incentive."""
    basis, unit = component.basis, _unit_name(component)
    if basis.kind == "pool":
        share = "an equal part" if basis.shared == "equally" else "a part"
        how = "" if basis.shared == "equally" else f", shared {SHARED_WORDS[str(basis.shared)]}"
        amount = f"{number(basis.amount or 0)} {currency}".rstrip()
        return f"Full pay is {share} of a pool of {amount} a {period}{how}"
    if basis.kind == "rate_of_incentive":
        is_period = basis.over == "target"
        of, over = (f"the {period}'s", "the goal") if is_period else ("the year's", "the ARR managed at opening")
        rounded = f", rounded half up to {number(basis.rounded_to, 'share')}" if basis.rounded_to else ""
        part = number(component.weight, "share")
        return f"Pays {unit} at a rate: {part} of {of} target incentive over {over}{rounded}"
    if basis.kind == "rate" and not _is_banded_rate(component):
        if is_plain_rate(component):
            return f"Pays {_rate_words(component, 1)}"
        return f"Reaching the goal pays {_rate_words(component, 1)}"
    return None


def _unit_name(component: Component) -> str:
    metric = METRICS.get(component.metric)
    return in_sentence(metric.title if metric else component.title)


def _rate_words(component: Component, multiplier: float) -> str:
    rate = float(exact(component.basis.rate or 0) * exact(multiplier))
    if component.unit == "amount":
        return f"{number(rate, 'share')} of {_unit_name(component)}"
    each = {"share": "100%", "count": "one counted"}.get(component.unit, "point")
    return f"{number(rate)} for each {each} of {_unit_name(component)}"


def is_plain_rate(component: Component) -> bool:
    """Whether a component pays its rate on the whole result, without goal, threshold or cap."""
    curve = component.curve
    is_line = curve.points and all(at == factor for at, factor in curve.points) and curve.points[0][0] == 0
    is_one_band = curve.kind in ("marginal", "step") and curve.bands == ((0, 1),)
    is_whole = bool(is_line or is_one_band) and curve.beyond == "extend"
    return component.basis.kind == "rate" and component.attainment.kind == "ratio" and is_whole


def _is_banded_rate(component: Component) -> bool:
    """Whether each band has a rate of its own, and its edges are results."""
    has_rates = component.curve.kind in ("step", "marginal", "overage") and component.curve.bands != ((0, 1),)
    is_rate = component.basis.kind == "rate" and component.attainment.kind == "ratio"
    return is_rate and has_rates and result_at(component, 1) is not None


def curve_sentence(component: Component) -> str | None:
    """Returns what a curve pays as a sentence; none where the rate alone says it, or the kind is unknown."""
    if is_plain_rate(component):
        return None
    words = _CURVES.get(component.curve.kind)
    if words is None:
        return None
    falls = "; doing better may pay less there" if component.curve.may_fall and has_fall(component.curve) else ""
    return words(component) + falls


def has_fall(curve: Curve) -> bool:
    """Whether doing better pays less somewhere."""
    found = pieces(curve, is_exact=True)
    ends = found.factor[:-1] + found.slope[:-1] * (found.at[1:] - found.at[:-1])
    return bool((found.slope < 0).any() or (found.factor[1:] < ends).any())


# ---- straight lines ----------------------------------------------------------------------------------------------


def _linear(component: Component) -> str:
    return f"Pays {line_words(component)}"


def line_words(component: Component) -> str:
    """Returns what a curve of straight lines pays: threshold, points, what each point above adds, cap."""
    curve, is_down = component.curve, is_downwards(component)
    upto, under = ("down to", "above") if is_down else ("up to", "below")
    paid = [(at, factor) for at, factor in curve.points if factor > 0]
    nothing = [at for at, factor in curve.points if factor == 0]
    said = [f"{paid_words(component, factor)} at {result_words(component, at)}" for at, factor in paid]
    if curve.below == "extend" or has_fall(curve) or not paid:
        said = [f"{paid_words(component, factor)} at {result_words(component, at)}" for at, factor in curve.points]
    elif nothing:
        most = result_words(component, nothing[-1])
        said = [f"nothing {'at' if most in ('0', '0%') else upto} {most}", *said]
    elif curve.below == "zero":
        below = upto if curve.edge == "upper" else under
        said = [f"nothing {below} {result_words(component, paid[0][0])}", *said]
    else:
        said[0] = f"{paid_words(component, paid[0][1])} {upto} {result_words(component, paid[0][0])}"
    between = "in a straight line between" if len(said) == 2 else "in straight lines between"
    below = f"; {under} {result_words(component, curve.points[0][0])} the first line goes on, so that pay is taken away"
    return f"{listed(said)}, {between}; {_above_words(component)}{below if curve.below == 'extend' else ''}"


def has_cap(component: Component) -> bool:
    """Whether a curve pays no more beyond its last point or edge."""
    curve = component.curve
    if curve.kind == "linear":
        (_, before), (_, last) = curve.points[-2:]
        return curve.beyond == "hold" or before == last
    return curve.beyond == "hold" or curve.kind == "table" or curve.bands[-1][1] == 0


def top_factor(curve: Curve) -> float:
    """Returns the factor at the last point or edge, where a capped curve stays."""
    return curve.points[-1][1] if curve.points else float(pieces(curve, is_exact=True).factor[-1])


def _above_words(component: Component) -> str:
    (before_at, before), (at, factor) = component.curve.points[-2:]
    if has_cap(component):
        return f"capped at {paid_words(component, factor)}"
    slope, step = (exact(factor) - exact(before)) / (exact(at) - exact(before_at)), exact(0.01)
    one = "each further point of attainment"
    if result_at(component, at) is not None and component.unit != "amount" and component.attainment.kind != "reverse":
        floor = exact(component.attainment.floor)
        slope /= exact(component.target.default) - floor
        one, step = ("each point", step) if component.unit == "share" else ("each one", exact(1))
    above = "below" if is_downwards(component) else "above"
    adds = "adds" if factor >= before else "takes away"
    pays = number(abs(float(slope * step)), "share")
    return f"{one} {above} {result_words(component, at)} {adds} {pays}, without a cap"


# ---- bands -------------------------------------------------------------------------------------------------------


def _edge(component: Component, at: float) -> str:
    if _is_banded_rate(component):
        return result_words(component, at)
    return number(at, "share")


def _rate(component: Component, multiplier: float) -> str:
    if not _is_banded_rate(component):
        return number(multiplier)
    rate = float(exact(component.basis.rate or 0) * exact(multiplier))
    return number(rate, "share") if component.unit == "amount" else f"{number(rate)} each"


def _slices(component: Component, bands: tuple[tuple[float, float], ...], is_last: bool) -> list[str]:
    """Bands from edge to edge; the last one of a curve goes on, or has no words where the curve is capped there."""
    first = bands[0][0]
    said = [f"nothing up to {_edge(component, first)}"] if first > 0 else []
    tops = [at for at, _ in bands[1:]]
    for (_, multiplier), top in zip(bands, tops, strict=False):
        said.append(f"up to {_edge(component, top)} at {_rate(component, multiplier)}")
    if is_last and component.curve.beyond == "extend":
        at = _rate(component, bands[-1][1])
        said.append(f"above at {at}" if said else f"all of it at {at}")
    return said


def _cap_words(component: Component) -> str:
    if component.curve.beyond == "extend":
        return ", without a cap"
    at = f"from {_edge(component, component.curve.bands[-1][0])} on"
    return f"; {at} no more, capped at {paid_words(component, top_factor(component.curve))}"


def _marginal(component: Component) -> str:
    said = ", ".join(_slices(component, component.curve.bands, True)) or "nothing"
    of = _unit_name(component) if _is_banded_rate(component) else "attainment"
    return f"Each slice of {of} at its own rate: {said}{_cap_words(component)}"


def _reached(component: Component, bands: tuple[tuple[float, float], ...]) -> str:
    return ", ".join(f"from {_edge(component, at)} at {_rate(component, multiplier)}" for at, multiplier in bands)


def _step(component: Component) -> str:
    bands = component.curve.bands
    below = f"nothing below {_edge(component, bands[0][0])}, " if bands[0][0] > 0 else ""
    of = f"all {_unit_name(component)}" if _is_banded_rate(component) else "the whole attainment"
    said = f"Retroactive: {of} at the rate of the band reached: {below}{_reached(component, bands)}"
    return f"{said}{_cap_words(component)}{_edge_words(component)}"


def _overage(component: Component) -> str:
    bands = component.curve.bands
    position, goal = [at for at, _ in bands].index(1), _edge(component, 1)
    under = _slices(component, bands[: position + 1], False) or [f"nothing up to {goal}"]
    slices = f"Each slice up to {goal} at its own rate: " if len(under) > 1 else ""
    said = capitalised(f"{slices}{', '.join(under)}; all above {goal} at the rate of the band reached: ")
    return f"{said}{_reached(component, bands[position:])}{_cap_words(component)}{_edge_words(component)}"


def _table(component: Component) -> str:
    bands = component.curve.bands
    under, down = ("above", " down") if is_downwards(component) else ("below", "")
    said = [f"nothing {under} {result_words(component, bands[0][0])}"] if bands[0][0] > 0 else []
    for at, factor in bands:
        paid = paid_words(component, factor) if factor else "nothing"
        said.append(f"{paid} from {result_words(component, at)}{down}")
    capped = f"capped at {paid_words(component, bands[-1][1])}"
    return f"Pays by band: {listed(said)}; {capped}{_edge_words(component)}"


def _edge_words(component: Component) -> str:
    edge = component.curve.edge
    if not isinstance(edge, tuple):
        return f"; {EDGE_WORDS[edge]}" if edge else ""
    pairs = list(zip(component.curve.bands, edge, strict=True))
    lower, upper = (
        listed([result_words(component, at) for (at, _), of in pairs if of == side]) for side in ("lower", "upper")
    )
    if not lower or not upper:
        return f"; {EDGE_WORDS[edge[0]]}"
    return f"; exactly at {lower} the band that begins there counts, at {upper} the one below"


_CURVES: dict[str, Callable[[Component], str]] = {
    "linear": _linear,
    "marginal": _marginal,
    "step": _step,
    "overage": _overage,
    "table": _table,
}
