"""The numbers of a plan that a leader may move, with bounds and steps as declared on the fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor, log10

from pydantic import BaseModel

from compmodel.attainment import AttainmentRule
from compmodel.components import Component, written_share
from compmodel.metrics import METRICS
from compmodel.money import exact


@dataclass(frozen=True)
class Lever:
    """A field a leader may move: its path, label, value, bounds, step and unit (share or count)."""

    path: str
    label: str
    value: float
    lower: float
    upper: float
    step: float
    unit: str


def component_levers(component: Component) -> tuple[Lever, ...]:
    """Returns the numbers of a component that a leader may move: weight, target and floor, where it has them."""
    path, title = f"components.{component.name}", component.title
    found = []
    if component.basis.is_of_incentive:
        found.append(_lever(Component, "weight", f"{path}.weight", f"{title} weight", component.weight))
    lower, upper, step = _target_bounds(component)
    goal = component.target.default
    found.append(Lever(f"{path}.target.default", f"{title} target", goal, lower, upper, step, component.unit))
    if component.attainment.kind == "from_floor":
        at = component.attainment.floor
        found.append(_lever(AttainmentRule, "floor", f"{path}.attainment.floor", f"{title} floor", at))
    return tuple(found)


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
    """Returns changes of a plan's fields with the weight that takes the rest, so that weights add up as before."""
    weights: dict[str, object] = {weight_path(c): c.weight for c in components if c.basis.is_of_incentive}
    last = taking_the_rest(list(weights), changes)
    shares = {path: written_share(share) for path, share in {**weights, **changes}.items() if path in weights}
    numbers = [share for path, share in shares.items() if path != last and isinstance(share, int | float)]
    if last is None or len(numbers) < len(shares) - 1:
        return dict(changes)
    return {**changes, last: float(exact(weights_total) - sum(map(exact, numbers)))}


def weight_path(component: Component) -> str:
    """Returns the path of a component's weight."""
    return f"components.{component.name}.weight"


def _target_bounds(component: Component) -> tuple[float, float, float]:
    """Lowest, highest and step: a metric's own, single counts, or hundredths of a target amount."""
    goal = component.target.default
    if component.unit == "share" and component.metric not in METRICS:
        return 0.5, 1.0, 0.01
    if component.unit in ("count", "score"):
        step = 1.0 if goal > 10 or component.unit == "count" else 0.1
        return step, max(20.0, 2 * goal) if component.unit == "count" else max(2 * goal, 10.0), step
    step = 10.0 ** (floor(log10(goal)) - 1)
    return METRICS[component.metric].target_bounds or (step, max(20, round(2 * goal / step)) * step, step)


def _lever(model: type[BaseModel], field: str, path: str, label: str, value: float) -> Lever:
    declared = model.model_fields[field].json_schema_extra
    assert isinstance(declared, dict)
    lower, upper, step = (float(str(declared[name])) for name in ("lower", "upper", "step"))
    return Lever(path, label, value, lower, upper, step, str(declared["unit"]))
