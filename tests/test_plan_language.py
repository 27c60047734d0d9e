"""The committed words of a plan file are the generated ones, and hold every key there is."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel

from compmodel.baselines import BASELINE_WORDS
from compmodel.metrics import METRICS
from compmodel.plan import Plan
from compmodel.plan_language import plan_language


def test_the_committed_words_are_the_generated_ones(root: Path) -> None:
    committed = (root / "data/plans/README.md").read_text(encoding="utf-8")
    assert committed == plan_language(), "write it again: compmodel dictionary plans > data/plans/README.md"


def keys(annotation: object, seen: set[type]) -> set[str]:
    """Every key of a model and of the models in it."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel) and annotation not in seen:
        seen.add(annotation)
        inner = [keys(field.annotation, seen) for field in annotation.model_fields.values()]
        return set(annotation.model_fields).union(*inner)
    return set().union(*(keys(part, seen) for part in getattr(annotation, "__args__", ())))


def test_every_key_is_there() -> None:
    text = plan_language()
    known = keys(Plan, set())
    assert {"by_segment", "later_of", "still_held_on", "sourced_by", "unit_figure", "locked_after_days"} <= known
    missing = {key for key in known if f"`{key}`" not in text and f".{key}`" not in text}
    assert missing == set()


def test_every_metric_and_baseline_is_there() -> None:
    text = plan_language()
    assert [name for name in (*METRICS, *BASELINE_WORDS) if f"| `{name}` |" not in text] == []
