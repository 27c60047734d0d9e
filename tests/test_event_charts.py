"""The charts of single events draw the tables behind their sentences, named or not."""

from __future__ import annotations

import pytest

import compmodel as cm
from compmodel import event_charts
from compmodel.coasting import pay_by_largest_event
from compmodel.figures import Figure
from compmodel.style import percent
from compmodel.timing import gain_from_timing, moves_by_size


@pytest.fixture(scope="module")
def comparison(sample: cm.History) -> cm.Comparison:
    plans = cm.load_plans("data/plans/thirds.yaml", "data/plans/halves.yaml")
    return cm.compare(cm.replay(plans, sample, "2025Q3:2025Q4"), "thirds", "shown")


def texts(figure: Figure) -> str:
    return " ".join(cell for trace in figure.data for row in trace.customdata for cell in row)


def test_every_payout_is_a_mark_in_both_panels(comparison: cm.Comparison) -> None:
    answer = pay_by_largest_event(comparison)
    figure = event_charts.pay_by_largest_event(comparison, answer)
    assert len(figure.data) == 2 * len(comparison.plans)
    for plan in comparison.plans:
        mine = answer.table[answer.table["plan"] == plan.name]
        shares, parts = [t for t in figure.data if t.legendgroup == plan.name]
        assert list(shares.x) == sorted(mine["share"])
        assert list(parts.x) == sorted(mine["secured_part"])
        assert shares.customdata[-1][1] == percent(max(mine["share"]))
    rows = {trace.legendgroup: (min(trace.y), max(trace.y)) for trace in figure.data}
    assert max(rows["thirds"]) < min(rows["halves"])  # rows do not overlap
    assert figure.data[0].marker.color == cm.style.BASELINE


def test_beside_aliases_the_same_marks_name_nobody(comparison: cm.Comparison) -> None:
    hidden = cm.compare(comparison.replays, comparison.baseline)
    answer = pay_by_largest_event(hidden)
    figure = event_charts.pay_by_largest_event(hidden, answer)
    named = event_charts.pay_by_largest_event(comparison)
    said = texts(figure)
    for word in ["Person", *comparison.labels["person"], "2025Q", "E0"]:
        assert word not in said
    assert comparison.labels["person"].iloc[0] in texts(named)
    assert [[round(x, 2) for x in t.x] for t in named.data] == [list(t.x) for t in figure.data]


def test_bars_count_people(comparison: cm.Comparison) -> None:
    answer = gain_from_timing(comparison)
    sizes = moves_by_size(answer.table)
    figure = event_charts.gain_from_timing(comparison, answer)
    for plan, trace in zip(comparison.plans, figure.data, strict=True):
        mine = sizes[sizes["plan"] == plan.name]
        assert list(trace.y) == mine["n_people"].tolist()
        assert list(trace.y) == sorted(trace.y, reverse=True)
        assert trace.x[0] == "any"
    assert figure.layout.yaxis.rangemode == "tozero"
    assert figure.layout.yaxis.range[0] == 0


def test_where_nothing_moves_it_says_so(sample: cm.History) -> None:
    alone = cm.compare(cm.replay(cm.load_plans("data/plans/halves.yaml"), sample, "2025Q4"))
    figure = event_charts.gain_from_timing(alone)
    assert len(figure.data) == 0
    assert [note.text for note in figure.layout.annotations] == ["No move of one event would pay more."]
