"""The workbench: sliders for one plan beside the answers of a comparison; works in JupyterLab and as a Voila page.

What is shown is a pure function of the controls' state (see `editing.py`); the
widgets only pass that state in and the result out.

Currently implemented: open_workbench, compare_plans.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets
from plotly.offline import get_plotlyjs

from compmodel import style
from compmodel.chart_widgets import Chart, found, problem_page, style_tag
from compmodel.components import Component
from compmodel.editing import (
    Page,
    answered,
    cards_html,
    edited_plan,
    header_html,
    problems_html,
    slider_options,
    status_html,
)
from compmodel.errors import CompModelError, nearest
from compmodel.plan import Plan, load_plans
from compmodel.question_widgets import MoreQuestions
from compmodel.replay import Replay, replay
from compmodel.sources import load_history
from compmodel.tables import History

LEVELS = (("Individual", "individual"), ("Team", "team"))


class Levers(widgets.VBox):  # type: ignore[misc]
    """The sliders and toggles of one plan, by the path of the field they move."""

    def __init__(self, plan: Plan):
        self.plan = plan
        self.inputs: dict[str, Any] = {}
        self.rest = widgets.HTML().add_class("cm-rest")
        boxes = [self._component(component) for component in plan.components]
        self._own = {path: control.value for path, control in self.inputs.items()}
        super().__init__(boxes)
        self.tell(plan)

    def changes(self) -> dict[str, object]:
        """Returns the fields that are not as published, by path."""
        return {path: at.value for path, at in self.inputs.items() if at.value != self._own[path]}

    def reset(self) -> None:
        """Puts every control back to the plan as published."""
        for path, control in self.inputs.items():
            control.value = self._own[path]

    def tell(self, plan: Plan) -> None:
        """Shows the last component's weight, which is what the other weights leave."""
        said = f"<span>{html.escape(plan.components[-1].title)} weight, the rest</span>"
        self.rest.value = f"{said}<b>{style.number_words(plan.components[-1].weight, 'share')}</b>"

    def _component(self, component: Component) -> Any:
        path = f"components.{component.name}."
        rows: list[Any] = [widgets.HTML(f"<h3>{html.escape(component.title)}</h3>")]
        for lever in (lever for lever in self.plan.sliders() if lever.path.startswith(path)):
            if lever.path == f"components.{self.plan.components[-1].name}.weight":
                rows.append(self.rest)
                continue
            options = slider_options(lever)
            slider = widgets.SelectionSlider(options=options, value=lever.value, description=lever.label)
            slider.continuous_update = False
            self.inputs[lever.path] = slider
            rows.append(slider)
        level = widgets.ToggleButtons(options=LEVELS, value=component.level.default, description="Measured on")
        self.inputs[f"{path}level.default"] = level
        roles = "; ".join(f"{role}: always {level}" for role, level in component.level.by_role.items())
        note = [widgets.HTML(f"<small>{html.escape(roles)}, as in the plan</small>")] if roles else []
        return widgets.VBox([*rows, level, *note]).add_class("cm-component")


class Workbench(widgets.VBox):  # type: ignore[misc]
    """The page: header, levers, cards and charts of plans compared on one history."""

    def __init__(self, replays: Sequence[Replay], baseline: str):
        self._replays, self._baseline, self._is_waiting = replays, baseline, False
        others = [run.plan for run in replays if run.plan.name != baseline] or [replays[0].plan]
        self.levers = {plan.name: Levers(plan) for plan in others}
        self.edited = widgets.Dropdown(options=[(plan.title, plan.name) for plan in others], description="Plan")
        self.names = widgets.ToggleButtons(
            options=[("Names", "shown"), ("Aliases", "aliases")], description="People as"
        )
        self.reset_button = widgets.Button(description="Reset")
        self.sort_button = widgets.ToggleButton(value=False, description="Sort by this change")
        self.header, self.cards, self.alert, self.status = (widgets.HTML() for _ in range(4))
        self.page = self._answered()
        tools = [[], [], [], [self.sort_button]]
        libraries = [get_plotlyjs(), "", "", ""]
        self.charts = [Chart(*one) for one in zip(self.page.shown, tools, libraries, strict=True)]
        self._panel = widgets.VBox([self.levers[self.edited.value]]).add_class("cm-levers")
        title = self.edited if len(others) > 1 else widgets.HTML(f"<h2>{html.escape(others[0].title)}</h2>")
        opener = widgets.HTML("<details><summary>Change this plan</summary></details>").add_class("cm-opener")
        parts = [title, self.alert, self.status, opener, self.reset_button, self._panel]
        panel = widgets.VBox(parts).add_class("cm-panel")
        grid = widgets.Box(self.charts).add_class("cm-charts")
        self.more = MoreQuestions(lambda: self.page.asked_about)
        main = widgets.VBox([self.cards, grid, self.more]).add_class("cm-main")
        head = widgets.HBox([self.header, self.names]).add_class("cm-head")
        super().__init__([style_tag(), head, widgets.Box([panel, main]).add_class("cm-body")])
        self.add_class("cm-page")
        self._tell()
        controls = [at for levers in self.levers.values() for at in levers.inputs.values()]
        for control in (*controls, self.edited, self.names, self.sort_button):
            control.observe(lambda _: self.refresh(), "value")
        self.reset_button.on_click(lambda _: self.reset())

    def reset(self) -> None:
        """Puts the edited plan back to its published version."""
        self._is_waiting = True
        self.levers[self.edited.value].reset()
        self._is_waiting = False
        for chart in self.charts:
            chart.forget()
        self.refresh()

    def refresh(self) -> None:
        """Answers again for the controls as they stand; what makes no plan is said in words, the figures stay."""
        if self._is_waiting:
            return
        self._panel.children = [self.levers[self.edited.value]]
        self.status.value = '<p class="cm-busy">calculating …</p>'
        try:
            self.page = self._answered()
        except CompModelError as error:
            self.alert.value = problems_html(error, "Not a plan yet. The figures stay as they were.")
            self.status.value, self.reset_button.disabled = "", False
            return
        self._tell()
        for chart, shown in zip(self.charts, self.page.shown, strict=True):
            chart.show(shown)
        self.more.refresh()

    def _answered(self) -> Page:
        levers = self.levers[self.edited.value]
        edited = edited_plan(levers.plan, levers.changes())
        levers.tell(edited)
        return answered(
            self._replays, self._baseline, levers.plan, edited, self.names.value, bool(self.sort_button.value)
        )

    def _tell(self) -> None:
        self.header.value, self.cards.value = header_html(self.page.comparison), cards_html(self.page)
        self.alert.value, self.status.value = "", status_html(self.page)
        self.reset_button.disabled = not self.page.changes


def compare_plans(history: History, plans: Sequence[Plan], periods: str, baseline: str) -> Workbench:
    """Returns the workbench for plans on a history: sliders for the plans other than the baseline, cards and charts.

    Raises CompModelError when the plans, periods or baseline do not fit the history.
    """
    names = [plan.name for plan in plans]
    if baseline not in names:
        raise CompModelError(f"{baseline!r} is not one of the plans compared. {nearest(baseline, names)}")
    return Workbench(replay(plans, history, periods), baseline)


def open_workbench(data: str, plans: Sequence[str], periods: str, baseline: str, mapping: str = "") -> widgets.Widget:
    """Returns the workbench for a folder of tables and plan files, or a page that says in words what is wrong.

    A relative path is looked up where the kernel runs, then one folder above.
    """
    try:
        history = load_history(found(data), found(mapping) if mapping else None)
        return compare_plans(history, load_plans(*map(found, plans)), periods, baseline)
    except CompModelError as error:
        return problem_page(error)
