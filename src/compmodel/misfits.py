"""What plans ask for that a history cannot give: unknown names, days without data, more than the whole of an account.

Each problem names the plan, the path in its file, the value and the fix. Nothing is computed from a misfit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from compmodel.baselines import windows
from compmodel.books import assignments_by_kind
from compmodel.components import KPI, Component
from compmodel.errors import Hints, Problem, nearest
from compmodel.exchange import missing_rates
from compmodel.metrics import METRICS
from compmodel.payout import LETTERS
from compmodel.periods import Period
from compmodel.plan import Plan
from compmodel.tables import History
from compmodel.validation import split_totals

PLURALS = {"month": "months", "quarter": "quarters", "half": "halves", "year": "years"}
NOT_HUNDREDTHS = frozenset(
    ("BHD", "CLP", "ISK", "JOD", "JPY", "KRW", "KWD", "OMR", "PYG", "TND", "UGX", "VND", "XAF", "XOF")
)
"""The commoner currencies whose minor unit is none or a thousandth (ISO 4217)."""


def misfits(plans: Sequence[Plan], history: History, periods: tuple[Period, ...]) -> list[Problem]:
    """Returns every problem of plans with a history over periods; none where they fit."""
    wrong = list(_other_periods(plans, periods))
    if wrong:
        return wrong
    found = [*_unknown_names(plans, history), *_outside(periods, history), *_minor_units(plans, history)]
    found += _opened_before(plans, history, periods)
    found += [*_near_names(plans, history), *_unknown_in_books(plans, history), *_overfull(plans, history)]
    return [*found, *_unconvertible(plans, history)]


def _other_periods(plans: Sequence[Plan], periods: tuple[Period, ...]) -> Iterator[Problem]:
    """Plans that pay by other periods than those asked for, or a year to date that does not begin with a year."""
    asked = f"{periods[0].name}:{periods[-1].name}"
    for plan in plans:
        if periods[0].letter != LETTERS[plan.pay.period]:
            example = {"month": "2025M01:2025M12", "half": "2024H1:2025H2", "year": "2024:2025"}
            span = example.get(plan.pay.period, "2024Q1:2025Q4")
            rule = f"must be {PLURALS[plan.pay.period]}, which is how plan {plan.name} pays"
            yield Problem("periods", rule, f"Write {PLURALS[plan.pay.period]}, such as {span}.", value=asked)
        elif any(c.to_date for c in plan.components) and periods[0].starts_on != periods[0].opening("").starts_on:
            rule = f"must begin with a fiscal year, of which plan {plan.name} pays what is not paid yet"
            yield Problem("periods", rule, "Start with the year's first period.", value=asked)
        elif periods[0].letter != "Q" and any(c.baseline == "two_quarters" for c in plan.components):
            rule = f"must be quarters for the baseline two_quarters of plan {plan.name}"
            yield Problem("periods", rule, "Write pay.period: quarter, or another baseline.", value=asked)


def _unknown_names(plans: Sequence[Plan], history: History) -> Iterator[Problem]:
    """KPIs that nobody counted, and segments and roles that nearly are ones of the history."""
    counted = sorted(history.kpis["kpi"].unique())
    for plan in plans:
        for component in plan.components:
            place, path = f"plan {plan.name}", f"components.{component.name}"
            kpi = component.metric.removeprefix(KPI)
            if component.metric not in METRICS and kpi not in counted:
                fix = nearest(kpi, counted) if counted else "Add a kpis table."
                rule = "is not counted in the history's kpis table"
                yield Problem(place, rule, fix, f"{path}.metric", value=component.metric)
            for where, written, known in (
                ("target.by_segment", component.target.by_segment, history.payees["segment"].dropna().unique()),
                ("roles", component.roles, history.payees["role"].unique()),
                ("target.cases.role", _of_cases(component, "role"), history.payees["role"].unique()),
                ("target.cases.segment", _of_cases(component, "segment"), history.payees["segment"].dropna().unique()),
                ("level.by_role", component.level.by_role, history.payees["role"].unique()),
            ):
                for name in sorted(set(written) - set(known)):
                    close = get_close_matches(name, sorted(set(known) - set(written)), n=1, cutoff=0.75)
                    if close:  # a name that is simply absent is no mistake
                        rule = f"is no {where.rpartition('_')[2]} of the history"
                        yield Problem(place, rule, f"Did you mean {close[0]!r}?", f"{path}.{where}", value=name)


def _of_cases(component: Component, name: str) -> list[str]:
    return [value for case in component.target.cases if (value := getattr(case, name)) is not None]


def _near_names(plans: Sequence[Plan], history: History) -> Iterator[Problem]:
    """Reasons, sources and roles of assignments that nearly are ones of the history."""
    events, roles = history.arr_events, history.assignments["role"]
    for plan in plans:
        for where, written, column in (
            ("events.escalators", plan.events.escalators, events["reason"]),
            ("events.sourced_by", plan.events.sourced_by, events["sourced_by"]),
            ("books.house_roles", plan.books.house_roles, roles),
            ("books.double_credit", plan.books.double_credit, roles),
        ):
            known = column.dropna().unique()
            for name in sorted(set(written) - set(known)):
                close = get_close_matches(name, sorted(set(known) - set(written)), n=1, cutoff=0.75)
                if close:
                    of = "assignment" if column is roles else "event"
                    said, fix = f"is no {column.name} of any {of}", f"Did you mean {close[0]!r}?"
                    yield Problem(f"plan {plan.name}", said, fix, where, value=name)


def _outside(periods: tuple[Period, ...], history: History) -> Iterator[Problem]:
    """Periods that begin before the first day of the data or end after the last, where the history declares them."""
    first = history.settings.data_starts_on
    if first is not None and periods[0].starts_on < first:
        rule = f"begins before the first day of the data, {first:%Y-%m-%d}, so its pay is not known"
        yield Problem("periods", rule, "Begin the range later, or correct data_starts_on.", value=periods[0].name)
    last = history.settings.data_ends_on
    if last is not None and periods[-1].ends_on > last:
        rule = f"is not over on the last day of the data, {last:%Y-%m-%d}, so its pay is not known"
        yield Problem("periods", rule, "End the range earlier, or correct data_ends_on.", value=periods[-1].name)


def _opened_before(plans: Sequence[Plan], history: History, periods: tuple[Period, ...]) -> Iterator[Problem]:
    """Baselines that reach back before the first day of the data, where the history declares it."""
    first = history.settings.data_starts_on
    if first is None or periods[0].starts_on < first:
        return  # said of the period itself
    for plan in plans:
        for component in plan.components:
            opens = windows(component.baseline, periods).starts_on.min().astype("datetime64[D]").item()
            if opens < first:
                rule = f"measures from {opens}, before the first day of the data, {first}, so its pay is not known"
                fix = "Begin the range later, or choose a shorter baseline."
                path = f"components.{component.name}.baseline"
                yield Problem(f"plan {plan.name}", rule, fix, path, value=component.baseline)


def _unknown_in_books(plans: Sequence[Plan], history: History) -> Iterator[Problem]:
    """What a book rule names and the history does not know: the rule would silently do nothing."""
    accounts = history.accounts
    for plan in plans:
        named = [("exclude", rule.account_id, accounts["account_id"]) for rule in plan.books.exclude]
        for overlay in plan.books.overlays:
            named += [("overlays", overlay.role, history.payees["role"])]
            named += [("overlays", getattr(overlay, name), accounts[name]) for name in ("region", "segment")]
        for where, value, column in named:
            known = column.dropna().unique()
            if value is not None and value not in known:
                rule, fix = f"is no {str(column.name).removesuffix('_id')} of the history", Hints(known).of(value)
                yield Problem(f"plan {plan.name}", rule, fix or "Correct or delete it.", f"books.{where}", value=value)


def _overfull(plans: Sequence[Plan], history: History) -> Iterator[Problem]:
    """Plans by which the books hold more than the whole of an account."""
    rules = set()
    for plan in plans:
        if plan.books in rules:
            continue  # said of the first plan
        rules.add(plan.books)
        (_, books), *_ = assignments_by_kind(history.assignments, history.accounts, history.payees, plan.books)
        n_roles = books["role"].nunique(dropna=False)
        if n_roles < 2 or not books.drop_duplicates(["account_id", "role"])["account_id"].duplicated().any():
            continue  # one role alone was checked with the data
        total = split_totals(books, ["account_id"])
        over = books.loc[total.index[total > 1 + 1e-9]]
        if len(over):
            first, n = over.iloc[0], over["account_id"].nunique()
            where = f"such as {first['account_id']!r} on {first['starts_on']:%Y-%m-%d}"
            rule = f"credits more than the whole of {n} account{'s' * (n != 1)}, {where}"
            roles = ", ".join(sorted(set(over["role"].dropna()))[1:]) or "ROLE"
            fix = f"Write books: {{double_credit: [{roles}]}} to credit a role beside the book, or lower a split."
            yield Problem(f"plan {plan.name}", rule, fix, "books.double_credit")


def _unconvertible(plans: Sequence[Plan], history: History) -> Iterator[Problem]:
    """Currencies of pay for which the history has no rate; those of its own amounts were checked with the data."""
    settings, known = history.settings, {*history.arr_events["currency"], *history.payees["currency"], "payee"}
    for plan in plans:
        currency, on = plan.pay.currency, settings.exchange.constant_on
        if currency in known | {settings.reporting_currency}:
            continue
        if on is None or missing_rates(history.fx_rates, settings, [currency], on)[1]:
            fix = "Write currency: payee, or add its rate to fx_rates and declare exchange.constant_on."
            yield Problem(f"plan {plan.name}", "has no rate in this history", fix, "pay.currency", value=currency)


def _minor_units(plans: Sequence[Plan], history: History) -> Iterator[Problem]:
    """Currencies of pay whose smallest unit is not a hundredth."""
    own = set(history.payees["currency"])
    for plan in plans:
        for currency in sorted((own if plan.pay.currency == "payee" else {plan.pay.currency}) & NOT_HUNDREDTHS):
            rule = f"pays in {currency}, whose smallest unit is not a hundredth; such pay cannot be rounded yet"
            yield Problem(f"plan {plan.name}", rule, "Choose another pay.currency.", "pay.currency")
