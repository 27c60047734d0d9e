"""Questions about plans against each other: one function a question, each an `Answer` of a sentence and its table.

The table behind a sentence is the one its chart draws, so a figure said is a figure shown. All amounts are in the
history's reporting currency. Names are shown only on this machine: `names="aliases"` replaces every name and id
before anything is computed from them.

Currently implemented: cost_by_period, pay_by_payee, pay_change_by_payee, payout_table.
"""

from __future__ import annotations

import hashlib
import hmac
import html
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
import pandas as pd

from compmodel.errors import CompModelError, nearest
from compmodel.html_tables import details_html
from compmodel.misfits import PLURALS
from compmodel.periods import Period
from compmodel.plan import Plan
from compmodel.replay import Replay
from compmodel.still_due import still_due
from compmodel.style import count_words, short_money, signed_percent

Names = Literal["shown", "aliases"]
SMALLEST_TEAM = 5
"""People a team must have to be named beside aliases."""


@dataclass(frozen=True)
class Answer:
    """A question answered: the sentence a leader would say, and the table it and its chart are made of."""

    sentence: str
    table: pd.DataFrame

    def _repr_html_(self) -> str:
        table = details_html("Table", self.table) if len(self.table) else ""
        return f'<p class="sentence">{html.escape(self.sentence)}</p>\n{table}'


@dataclass(frozen=True)
class Comparison:
    """Plans on one history against a baseline.

    `pay`: a row a plan, payee, period and component, with `person` and `team` as they may be shown, payout, currency
    and cost. `labels` and `replays` are what questions about results are worked out from: a row a payee with how it may
    be shown, and a replay a plan. Plans stand in the order given, the baseline first.
    """

    plans: tuple[Plan, ...]
    periods: tuple[Period, ...]
    baseline: str
    currency: str
    company: str
    pay: pd.DataFrame
    n_warnings: int = 0
    names: Names = "aliases"
    labels: pd.DataFrame = field(default_factory=pd.DataFrame, repr=False)
    replays: tuple[Replay, ...] = field(default=(), repr=False)

    def _repr_html_(self) -> str:
        said = f"{self.company}, {', '.join(self.facts)}, baseline {self.plans[0].title}. {self.doubts}"
        return f"<p>{html.escape(said.strip())}</p>"

    @property
    def doubts(self) -> str:
        """How many things in the data are worth a look, in words; nothing where there are none."""
        n = self.n_warnings
        found = f"{count_words(n, 'thing')} in the data {'is' if n == 1 else 'are'} worth a look"
        return f"{found[:1].upper()}{found[1:]}: compmodel check lists them." if n else ""

    @property
    def facts(self) -> tuple[str, str, str]:
        """The periods, the people whose gains and losses are counted, and the currency, in words."""
        span = " to ".join(dict.fromkeys((self.periods[0].name, self.periods[-1].name)))
        people = count_words(self.pay["person"].nunique(), "person", "people") + " on the plans"
        return span, people + " at some time" * (len(self.periods) > 1), f"amounts in {self.currency}"

    @property
    def period_word(self) -> str:
        """What a period is called: month, quarter, half or year."""
        return self.plans[0].pay.period

    @property
    def period_count(self) -> str:
        """How many periods there are, in words."""
        return count_words(len(self.periods), self.period_word, PLURALS[self.period_word])

    @property
    def others(self) -> tuple[Plan, ...]:
        """The plans held against the baseline."""
        return tuple(plan for plan in self.plans if plan.name != self.baseline)

    def plan(self, name: str) -> Plan:
        """Returns the plan of that name."""
        return next(plan for plan in self.plans if plan.name == name)


def chosen_baseline(names: Sequence[str], baseline: str = "") -> str:
    """Returns the plan that the others are held against; one alone is it. Raises CompModelError where it is none."""
    if not baseline and len(names) > 1:
        raise CompModelError(f"Which plan are the others held against? Give one as --baseline: {', '.join(names)}.")
    if baseline and baseline not in names:
        raise CompModelError(f"{baseline!r} is not one of the plans compared. {nearest(baseline, names)}")
    return baseline or names[0]


def compare(replays: Sequence[Replay], baseline: str = "", names: Names = "aliases") -> Comparison:
    """Returns the comparison of replays on one history and the same periods with one of them as the baseline.

    A single plan may go without a `baseline` (""), being its own.
    `names` is "aliases" or, for this machine's screen and readers who may know everyone's pay, "shown".
    Raises CompModelError for an unknown baseline or way of naming, mixed histories, and periods that pay nobody.
    """
    baseline = chosen_baseline([run.plan.name for run in replays], baseline)
    if names not in get_args(Names):
        raise CompModelError(f"{names!r} is no way to name people. {nearest(names, get_args(Names))}")
    if len({run.periods for run in replays}) > 1 or any(run.history is not replays[0].history for run in replays):
        raise CompModelError("Only replays of the same history and periods can be compared. Run replay() once for all.")
    ordered = sorted(replays, key=lambda run: run.plan.name != baseline)
    if ordered[0].payouts.empty:
        span = f"{ordered[0].periods[0].name} to {ordered[0].periods[-1].name}"
        raise CompModelError(f"Nobody has a target incentive in {span}. Choose periods in which the payees table does.")
    labels = people_labels(ordered[0], names)
    frames = []
    for run in ordered:
        rows = run.payouts.drop(columns="team").merge(labels, on="payee_id", how="left", validate="m:1")
        units = {component.name: component.unit for component in run.plan.components}
        frames.append(rows.assign(plan=run.plan.name, unit=rows["component"].map(units)))
    pay = pd.concat(frames, ignore_index=True)
    if names == "aliases":
        cents = pay.assign(payee_id=pay["person"], cost=np.rint(pay["cost"] * 100))
        pay = cents.groupby(ALIASED[:-1], dropna=False, as_index=False).agg({"cost": "sum"})
        pay["cost"] /= 100
    settings = replays[0].history.settings
    return Comparison(
        plans=tuple(run.plan for run in ordered),
        periods=replays[0].periods,
        baseline=baseline,
        currency=settings.reporting_currency,
        n_warnings=len(replays[0].history.warnings),
        company=settings.title,
        pay=pay,
        names=names,
        labels=labels,
        replays=tuple(ordered),
    )


def refuse_few_draws(n_draws: int, least: int = 1) -> None:
    """Raises CompModelError where fewer draws are asked for than tell anything."""
    if n_draws < least:
        needed = "at least one is" if least == 1 else f"at least {least} are"
        raise CompModelError(f"{n_draws} draws were asked for; {needed} needed. Write n_draws=2000.")


ALIASED = ["plan", "payee_id", "person", "team", "period", "cost"]
"""All that is known of aliased people. A component's cost would tell their target, a note who is new or on leave."""


def people_labels(run: Replay, names: Names) -> pd.DataFrame:
    """Returns how each person paid is called, by name or alias, and the person's last team in the periods.

    Grain: one row a payee. Columns: payee_id, person, team. Names that two share carry the id. Aliases are numbered in
    an order that depends on the whole payees table, pay included: whoever knows the ids alone cannot work it out, and
    they hold for that table only. Beside them a team of fewer than five is not named, because it would name its people.
    """
    paid = run.payouts.drop_duplicates("payee_id", keep="last").sort_values("payee_id")[["payee_id", "team"]]
    last = run.history.payees.sort_values("starts_on", kind="stable").drop_duplicates("payee_id", keep="last")
    last = paid.merge(last[["payee_id", "name"]], on="payee_id", how="left").reset_index(drop=True)
    team = last["team"].fillna("no team")
    if names == "aliases":
        team = team.where(team.map(team.value_counts()) >= SMALLEST_TEAM, "a small team")
        key = hashlib.sha256(run.history.payees.to_csv(index=False, lineterminator="\n").encode()).digest()
        digest = last["payee_id"].map(lambda payee: hmac.new(key, payee.encode(), "sha256").hexdigest())
        person = "Person " + digest.rank(method="first").astype(int).astype(str).str.zfill(len(str(len(last))))
    else:
        person = last["name"].fillna(last["payee_id"])
        with_id = person + " (" + last["payee_id"] + ")"
        person = person.where(~person.duplicated(keep=False), with_id)
        person = with_id if person.duplicated().any() else person
    return pd.DataFrame({"payee_id": last["payee_id"], "person": person, "team": team})


def cost_by_period(comparison: Comparison) -> Answer:
    """Returns what each plan costs in each period, and how much more than the baseline.

    Table: one row a plan and period; plan, title, period, cost, baseline_cost, change.
    """
    names = [period.name for period in comparison.periods]
    cost = _sums(comparison, "period").reindex(names, fill_value=0)
    table = _beside_baseline(comparison, cost, "period", "cost")
    outcomes = pay_change_by_payee(comparison).table.groupby("plan")["outcome"]
    when = f"In {names[0]}" if len(names) == 1 else f"Over the {comparison.period_count} to {names[-1]}"
    sentences = []
    for plan, title, cost, base, change, _ in totals(table).itertuples(index=False):
        if plan == comparison.baseline:
            sentences.append(f"{when}, with {comparison.facts[1]}, {title} costs {short_money(cost)}.")
            continue
        relative = f" ({signed_percent(change / base)})" if base else ""
        more = f"{short_money(abs(change))} {'more' if change > 0 else 'less'}{relative}"
        costs = f"{short_money(cost)}, {more}" if change else "the same"
        sentences.append(f"{title} costs {costs}; {_outcomes(outcomes.get_group(plan))}.")
    due = [words for run in comparison.replays if (words := due_words(run))]
    return Answer(" ".join([*sentences, *due]), table)


def due_words(run: Replay) -> str:
    """Returns a sentence of what a cost does not hold yet, or people owe of it; empty where there is none."""
    cost, title = still_due(run)["cost"], run.plan.title
    held, owed = cost[cost > 0].sum(), -cost[cost < 0].sum()
    said = [f"At the end {short_money(held)} more is held back or carried over under {title}."] if held else []
    said += [f"Of what {title} costs people still owe {short_money(owed)} at the end."] if owed else []
    return " ".join(said)


def totals(costs: pd.DataFrame) -> pd.DataFrame:
    """Returns the table of `cost_by_period` added up over its periods, one row a plan, period "Total"."""
    sums = _cents(costs.groupby(["plan", "title"], sort=False)[["cost", "baseline_cost", "change"]].sum())
    return sums.reset_index().assign(period="Total")


OUTCOMES = ("gains", "loses", "unchanged")


def _outcomes(outcome: pd.Series) -> str:
    gain, lose, same = (int((outcome == name).sum()) for name in OUTCOMES)
    verbs = ((gain, "gains" if gain == 1 else "gain"), (lose, "loses" if lose == 1 else "lose"), (same, "unchanged"))
    (n, verb), *more = [(n, verb) for n, verb in verbs if n]
    first = f"{n} {'person' if n == 1 else 'people'} {verb}" if gain + lose else "nobody gains or loses"
    return ", ".join([first, *(f"{n} {verb}" for n, verb in more)])


def pay_by_payee(comparison: Comparison) -> Answer:
    """Returns each person's pay over all periods under each plan.

    Table: one row a plan and person, people in the order of the baseline's pay; plan, title, person, team, pay.
    """
    pay = _sums(comparison, ["person", "team"])
    order = pay.sort_values(comparison.baseline, ascending=False, kind="stable").index
    frames = [
        pay.loc[order, plan.name].rename("pay").reset_index().assign(plan=plan.name, title=plan.title)
        for plan in comparison.plans
    ]
    table = _plan_first(frames)
    ranges = []
    for plan in comparison.plans:
        mine = table[table["plan"] == plan.name]["pay"]
        low, middle, high = (short_money(float(mine.quantile(q))) for q in (0, 0.5, 1))
        half = f" (half get at least {middle})" if low != high else ""
        ranges.append(f"{f'from {low} to {high}' if half else f'at {low}'} under {plan.title}{half}")
    return Answer(f"Pay over {comparison.period_count} runs {' and '.join(ranges)}.", table)


def pay_change_by_payee(comparison: Comparison) -> Answer:
    """Returns who gains and who loses against the baseline, over all periods; unchanged means to the cent.

    Table: one row a plan (but the baseline) and person, largest gain first; plan, title, person, team, pay,
    baseline_pay, change, outcome.
    """
    pay = _sums(comparison, ["person", "team"])
    table = _beside_baseline(comparison, pay, ["person", "team"], "pay")
    table = table[table["plan"] != comparison.baseline]
    outcome = np.select([table["change"] > 0, table["change"] < 0], OUTCOMES[:2], OUTCOMES[2])
    table = table.assign(outcome=outcome).sort_values(["change", "person"], ascending=[False, True], kind="stable")
    order = {plan.name: i for i, plan in enumerate(comparison.plans)}
    table = table.sort_values("plan", key=lambda names: names.map(order), kind="stable").reset_index(drop=True)
    sentences = []
    for plan in comparison.others:
        mine = table[table["plan"] == plan.name]
        said = f"Under {plan.title} {_outcomes(mine['outcome'])}"
        ends = []
        for row, word in ((mine.iloc[0], "gain"), (mine.iloc[-1], "loss")) if len(mine) else ():
            if (row["change"] > 0) == (word == "gain") and row["change"]:
                ends.append(f"the largest {word} is {short_money(abs(row['change']))} ({row['person']}, {row['team']})")
        sentences.append("; ".join([said, *ends]) + ".")
    alone = f"{comparison.plans[0].title} is the only plan; a second one makes a comparison."
    return Answer(" ".join(sentences) or alone, table)


def payout_table(comparison: Comparison) -> pd.DataFrame:
    """Returns every payout of every plan, to the cent, with the columns that add up to it.

    Grain: one row a plan, payee, period and component. Where a plan has one, balance is what is then still due to the
    person (held back or carried over; below 0 owed), no part of the payout. Beside aliases only what each plan costs,
    in the reporting currency: the figures it is made of would tell who it is.
    """
    columns = ["plan", "person", "team", "period"]
    if "payout" in comparison.pay:
        columns += ["component", "level", "currency", "target_incentive", "proration", "weight", "numerator"]
        columns += ["denominator", "value", "target", "unit", "attainment", "factor", "gross", "adjustment"]
        columns += ["adjustment_reason", "payout", *["balance"] * bool(comparison.pay["balance"].notna().any())]
        return comparison.pay[[*columns, "cost", "note"]]
    return comparison.pay[[*columns, "cost"]]


def _sums(comparison: Comparison, by: str | list[str]) -> pd.DataFrame:
    """Cost added up in whole cents: one column a plan."""
    pay = comparison.pay.assign(cents=np.rint(comparison.pay["cost"] * 100).astype(np.int64))
    keys = [by] if isinstance(by, str) else by
    sums = pay.groupby([*keys, "plan"], sort=True)["cents"].sum().unstack("plan", fill_value=0)
    return sums.reindex(columns=[plan.name for plan in comparison.plans], fill_value=0) / 100


def _beside_baseline(comparison: Comparison, sums: pd.DataFrame, by: str | list[str], what: str) -> pd.DataFrame:
    base = sums[comparison.baseline]
    frames = []
    for plan in comparison.plans:
        mine = pd.DataFrame({what: sums[plan.name], f"baseline_{what}": base, "change": sums[plan.name] - base})
        frames.append(_cents(mine).rename_axis(by).reset_index().assign(plan=plan.name, title=plan.title))
    return _plan_first(frames)


def _plan_first(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    table = pd.concat(frames, ignore_index=True)
    return table[["plan", "title", *table.columns.drop(["plan", "title"])]]


def _cents(amounts: pd.DataFrame) -> pd.DataFrame:
    return (amounts * 100).round() / 100
