"""The numbers of a plan that may be moved, each with its bounds and step as declared on its field.

What is measured (credit dates, books, levels, what qualifies) is no lever: it changes who is credited what, and is
compared as definitions. `NO_LEVER` lists every other number that is none, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import floor, log10
from typing import Any

from pydantic import BaseModel

from compmodel.adjustments import Condition
from compmodel.components import Component, written_share
from compmodel.metrics import METRICS
from compmodel.money import exact
from compmodel.style import number_words
from compmodel.targets import TargetCase

MEASURED = "says what is measured, not how it is paid: a definition"
NO_LEVER = {
    "PayRule.month_day": "a day of the month",
    "PayRule.rounded_to": "a rounding",
    "PayRule.mix": "is only told: target incentive stands in the payees table",
    "LateRule.locked_after_days": MEASURED,
    "BookRule.min_days_held": MEASURED,
    "BookRule.still_held_on": MEASURED,
    "BookRule.grace_days": MEASURED,
    "BookRule.min_account_arr": MEASURED,
    "BookRule.lead_share": MEASURED,
    "Overlay.share": MEASURED,
    "EventRule.sourced_by": MEASURED,
    "Qualifies.min_term_months": MEASURED,
    "Qualifies.min_arr": MEASURED,
    "LevelRule.default": MEASURED,
    "LevelRule.by_role": MEASURED,
    "Target.ramp_month_until": "a day of the month",
    "AttainmentRule.rounded_to": "a rounding",
    "Basis.rounded_to": "a rounding",
    "Plan.weights_total": "checks the weights",
}
"""Numeric fields of a plan's models that are no levers, and why."""
UNEQUAL = 1e-10
"""What sums of weights may differ by: the rest of weights with many decimals is no such decimal itself."""
WORDS = {"otherwise": "share paid otherwise", "default": "", "target": "", "times": "factor"}
PAIRS = {
    "points": ("attainment that pays {}", "pay factor at {} attained"),
    "bands": ("attainment from which {} is paid", "pay factor from {} attained"),
    "scores": ("result that attains {}", "attainment from a result of {}"),
    "schedule": ("days within which {} is taken back", "share taken back within {} days"),
}
"""What each number of a pair is, said by the other one."""
MULTIPLIED = ("attainment from which the multiplier is {}", "pay multiplier from {} attained")
"""Of bands that multiply attainment."""


Bounds = tuple[float, float, float]
"""Lowest, highest and step."""
OWN = ""
Known = Mapping[str, Component]
"""The components by name, and the own one."""


@dataclass(frozen=True)
class Lever:
    """A number of a plan: its path, label, value, bounds, step and unit (share, count, score, ratio or amount)."""

    path: str
    label: str
    value: float
    lower: float
    upper: float
    step: float
    unit: str
    is_slider: bool = False
    """Whether the page has a slider for it: weights, default targets and floors."""

    @property
    def grid(self) -> list[float]:
        """The values from the lower bound to the upper in steps, exactly as they would be written.

        >>> Lever("a", "A", 1.0, 0.8, 1.1, 0.1, "share").grid
        [0.8, 0.9, 1.0, 1.1]
        """
        lower, step = exact(self.lower), exact(self.step)
        return [float(lower + k * step) for k in range(int((exact(self.upper) - lower) / step) + 1)]


def component_levers(components: Sequence[Component]) -> Iterator[Lever]:
    """Yields the levers of components, in the order of their fields; namesakes are told apart."""
    titles, named = [component.title for component in components], {one.name: one for one in components}
    for component, title in zip(components, titles, strict=True):
        own = component.name.replace("_", " ")
        said = f"{title} ({own})" if titles.count(title) > 1 else title
        yield from _of_model(component, f"components.{component.name}", said, {**named, OWN: component})


def adjustment_levers(adjustments: Sequence[BaseModel], components: Sequence[Component]) -> Iterator[Lever]:
    """Yields the levers of the adjustments of a whole plan."""
    yield from _of_models(adjustments, "adjustments", "Pay", {component.name: component for component in components})


def taking_the_rest(paths: Sequence[str], changed: Mapping[str, object] | Sequence[str]) -> str | None:
    """Returns which weight takes what changed ones leave: the last that is not changed itself, None if none need be.

    >>> taking_the_rest(["components.a.weight", "components.b.weight"], ["components.b.weight"])
    'components.a.weight'
    """
    others = [path for path in paths if path not in changed]
    return others[-1] if others and len(others) < len(paths) else None


def weights_moved(
    components: Sequence[Component], weights_total: float, changes: Mapping[str, object]
) -> dict[str, object]:
    """Returns changes of a plan's fields with the weight that takes the rest, so that weights add up as before.

    None does where roles have weights apart, which do not add up to one whole.
    """
    weights: dict[str, object] = {weight_path(c): c.weight for c in components if c.basis.is_of_incentive}
    last = taking_the_rest(list(weights), changes)
    shares = {path: written_share(share) for path, share in {**weights, **changes}.items() if path in weights}
    numbers = [share for path, share in shares.items() if path != last and isinstance(share, int | float)]
    is_one_whole = abs(sum(exact(c.weight) for c in components if c.basis.is_of_incentive) - exact(weights_total))
    if last is None or len(numbers) < len(shares) - 1 or is_one_whole > UNEQUAL:
        return dict(changes)
    return {**changes, last: float(exact(weights_total) - sum(map(exact, numbers)))}


def weight_path(component: Component) -> str:
    """Returns the path of a component's weight."""
    return f"components.{component.name}.weight"


def _of_model(model: BaseModel, path: str, label: str, known: Known) -> Iterator[Lever]:
    for name, field in type(model).model_fields.items():
        value, declared = getattr(model, name), field.json_schema_extra
        said = f"{label} {name.replace('_', ' ')}"
        if isinstance(model, Component) and name == "weight" and not model.basis.is_of_incentive:
            continue
        if name == "floor" and getattr(model, "kind", "") != "from_floor":
            continue
        if isinstance(value, BaseModel):
            yield from _of_model(
                value, f"{path}.{name}", label if name in ("attainment", "basis", "curve") else said, known
            )
        elif isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
            yield from _of_models(value, f"{path}.{name}", label, known)
        elif isinstance(declared, dict):
            yield from _of_field(model, name, value, declared, f"{path}.{name}", label, known)


def _of_models(models: Sequence[BaseModel], path: str, label: str, known: Known) -> Iterator[Lever]:
    """Levers of a list of models; one is found by its kind where that is the only one, else by its place."""
    kinds = [getattr(model, "kind", "") for model in models]
    names = [_called(model, label) for model in models]
    for i, model in enumerate(models):
        is_alone = bool(kinds[i]) and kinds.count(kinds[i]) == 1
        number = "" if names.count(names[i]) == 1 else f" {names[: i + 1].count(names[i])}"
        yield from _of_model(model, f"{path}.{kinds[i] if is_alone else i}", names[i] + number, known)


def _called(model: BaseModel, label: str) -> str:
    """What people call one of a list of models: a target by whose and when it is, a rule by its kind."""
    if not isinstance(model, TargetCase):
        kind = getattr(model, "kind", "")
        return f"{label} {'least pay' if kind == 'floor' else kind}".strip()
    days = ((model.starts_on, "from"), (model.ends_on, "to"))
    parts = [model.segment, model.role, "one person" if model.payee_id else None, model.period]
    said = [part.replace("_", " ") for part in parts if part] + [f"{word} {day}" for day, word in days if day]
    return f"{label} of {' '.join(said)}"


def _of_field(
    model: BaseModel,
    name: str,
    value: Any,
    declared: Mapping[str, Any],
    path: str,
    label: str,
    known: Known,
) -> Iterator[Lever]:
    said = f"{label} {WORDS.get(name, name.replace('_', ' '))}".strip()
    if isinstance(model, Condition) and name in ("reaches", "below"):
        looked_at = known.get(model.component or OWN)
        said = f"{label} on {f'{looked_at.title} ' if looked_at else ''}{model.of}"
    elif name in ("factor", "amount") and getattr(model, "kind", "") in ("cap", "floor"):
        said = label
    if isinstance(value, dict):
        for key, number in value.items():
            yield _lever(model, number, declared, f"{path}.{key}", f"{label} of {key.replace('_', ' ')}", known)
    elif isinstance(value, tuple):
        for i, entry in enumerate(value):
            if "each" not in declared:
                month = f", month {i + 1}" if name == "ramp" else f" {i + 1}"
                yield _lever(model, entry, declared, f"{path}.{i}", f"{said}{month}", known)
                continue
            for j, (number, own) in enumerate(zip(entry, declared["each"], strict=True)):
                words = f"{label} {_pair_words(model, name, value, i, j, known)}"
                yield _lever(model, number, own, f"{path}.{i}.{j}", words, known)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        is_slider = name in ("weight", "default") or (name == "floor" and path.endswith("attainment.floor"))
        yield _lever(model, value, declared, path, said, known, is_slider)


def _pair_words(model: BaseModel, name: str, pairs: Sequence[tuple[float, float]], i: int, j: int, known: Known) -> str:
    """What one number of a pair is, by what the plan says of the other; equals are told apart by their own value."""
    is_multiplied = name == "bands" and getattr(model, "kind", "table") != "table"
    words, other = (MULTIPLIED if is_multiplied else PAIRS[name])[j], pairs[i][1 - j]
    of = known.get(OWN)
    unit = (of.unit if of else "") if name == "scores" and j == 1 else "count" if name == "schedule" and j else "share"
    said = words.format(number_words(other, "" if is_multiplied and j == 0 else unit))
    if [pair[1 - j] for pair in pairs].count(other) > 1:
        said += f" (now {number_words(pairs[i][j], 'share' if name != 'schedule' else 'count')})"
    return said


def _lever(
    model: BaseModel,
    value: float,
    declared: Mapping[str, Any],
    path: str,
    label: str,
    known: Known,
    is_slider: bool = False,
) -> Lever:
    unit, number = declared.get("lever") or declared["unit"], float(value)
    bounds: Bounds | None = None
    if "lower" in declared:
        bounds = declared["lower"], declared["upper"], declared["step"]
    of = known.get(getattr(model, "component", None) or OWN)
    if isinstance(model, Condition) and model.of != "value":
        unit, bounds = "share", (0.0, 2.0, 0.05)
    elif unit == "measure":
        unit, bounds = (of.unit, _target_bounds(of, number)) if of else ("share", None)
    elif unit == "rate":
        unit = "share" if of and of.unit == "amount" else "amount"
    if bounds is None or not bounds[0] <= number <= bounds[1]:
        bounds = _bounds_around(number)
    return Lever(path, label, number, *bounds, unit, is_slider)


def _target_bounds(component: Component, goal: float) -> Bounds | None:
    """Lowest, highest and step of a component's values: a metric's own, single counts; None: as the number is."""
    if component.unit == "share" and component.metric not in METRICS:
        return 0.5, 1.0, 0.01
    if component.unit in ("count", "score"):
        step = 1.0 if goal > 10 or component.unit == "count" else 0.1
        return step, max(20.0, 2 * goal) if component.unit == "count" else max(2 * goal, 10.0), step
    return METRICS[component.metric].target_bounds


def _bounds_around(number: float) -> Bounds:
    """From next to nothing to twice the number, in hundredths or tenths of it."""
    size = abs(number) or 1.0
    step = 10.0 ** (floor(log10(size)) - 1)
    far = float(exact(step) * max(20, round(2 * size / step)))
    return (-far if number < 0 else min(step, size), far, step)
