"""Where two plans differ: their models walked field by field, each change with its place and both values in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from compmodel.components import Component
from compmodel.plan_vocabulary import unit_of, value_words

COMPONENT = "components.*."
_OF_UNIT = ("target.default", "target.by_", "attainment.floor")
"""Where the numbers of a component are of its own unit."""


@dataclass(frozen=True)
class Place:
    """Where two values stand: their path, the path with * for names, and the components around them, if any."""

    path: str
    pattern: str
    title: str = ""
    components: tuple[Component, Component] | None = None

    def below(self, name: str, is_name: bool = False) -> Place:
        """Returns the place of a field, or of what stands under a name."""
        path, pattern = f"{self.path}.{name}", f"{self.pattern}.{'*' if is_name else name}"
        return Place(path.lstrip("."), pattern.lstrip("."), self.title, self.components)


@dataclass(frozen=True)
class Change:
    """A field that differs: its place, both values, the models they stand in, and both in words."""

    place: Place
    before: Any
    after: Any
    models: tuple[BaseModel, BaseModel]
    field: str
    words: tuple[str, str]

    @property
    def instead(self) -> str:
        """Both values in words, such as "15 instead of 10"."""
        old, new = self.words
        if self.place.pattern.endswith(".*"):
            return f"{new} instead of {old}"
        if self.before is None or self.after is None:
            return new if self.before is None else f"no longer {old}"
        return f"{new} instead of {old}"


def model_differences(before: BaseModel, after: BaseModel, place: Place, known: tuple[str, ...] = ()) -> list[Change]:
    """Returns the changes of all fields of a model but the known ones, and of the models in it."""
    names = [name for name in type(after).model_fields if name not in known]
    return [change for name in names for change in differences(before, after, name, place)]


def differences(before: BaseModel, after: BaseModel, field: str, place: Place) -> Iterator[Change]:
    """Returns the changes of one field: of its own fields where it is a model, of each name where it is a mapping."""
    old, new, here = getattr(before, field), getattr(after, field), place.below(field)
    if old == new:
        return
    if isinstance(old, BaseModel) and type(old) is type(new):
        yield from model_differences(old, new, here)
    elif isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in {**old, **new}:
            if old.get(name) != new.get(name):
                yield _change(here.below(name, True), (old.get(name), new.get(name)), (before, after), field)
    else:
        yield _change(here, (old, new), (before, after), field)


def _change(place: Place, values: tuple[Any, Any], models: tuple[BaseModel, BaseModel], field: str) -> Change:
    words = []
    for value, model, component in zip(values, models, place.components or (None, None), strict=True):
        is_of_unit = component is not None and place.pattern.removeprefix(COMPONENT).startswith(_OF_UNIT)
        unit = component.unit if component is not None and is_of_unit else unit_of(model, field)
        said = value_words(value, place.pattern, unit)
        if value is None and place.pattern.endswith(".*"):
            default = getattr(model, "default", None)
            said = "not named" if default is None else f"{value_words(default, place.pattern, unit)} (as for everyone)"
        words.append(said)
    if words[0] == words[1]:
        words = [repr(value) for value in values]
    return Change(place, *values, models, field, (words[0], words[1]))
