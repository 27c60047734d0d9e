"""What people would have been paid had accounts' events been otherwise, through the same stages to the cent.

Sums of a metric add up over accounts, so an account with other events is credited and measured beside the history as an
account of its own: its sums less those it really had are what changes. Any number of such accounts go through
crediting, measuring and paying at once. Where a pool or budget ties people together, everybody is paid again for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from compmodel.baselines import windows
from compmodel.components import Component
from compmodel.measurement import PlacedLedger, placed, unit_codes, units
from compmodel.metrics import METRICS, Cells, Codes
from compmodel.money import Array, Cents
from compmodel.payouts import Results, payouts
from compmodel.plan import Plan
from compmodel.qualifying import qualified
from compmodel.replay import Ledgers, Replay, people_of
from compmodel.settlement import Budget, Clawback, Draw, Holdback, Minimum
from compmodel.tables import History
from compmodel.values import described_rows, exact_values, values

Positions = npt.NDArray[np.intp]
WAS = "was~"
"""Begins what an account is called as it was."""
MOST_SHARED = 250
"""Times that everybody is paid again of a plan that ties people together: half a minute or so at 60 people."""
SUMS = ["opening_arr", "numerator", "denominator"]
DIGITS = 9
"""Decimals of sums: those of splits are no whole cents."""


class Variants(NamedTuple):
    """Accounts with other events: the account of each variant, and `events`, all those it has then, by `variant`."""

    account_id: npt.NDArray[np.object_]
    events: pd.DataFrame


class Changes(NamedTuple):
    """What changes of a component's ratios: `ratio` (its row of the component's measurements), `key`, and sums."""

    ratio: Positions
    key: npt.NDArray[np.int64]
    sums: npt.NDArray[np.float64]


def pays_alone(plan: Plan) -> bool:
    """Tells whether a person's pay depends on nobody else's pay and is taken back by no later event."""
    rules = (Budget, Clawback)
    of_pool = any(component.basis.kind == "pool" for component in plan.components)
    return not of_pool and not any(isinstance(rule, rules) for rule in plan.adjustments)


def why_not_otherwise(run: Replay, n_variants: int = 0) -> str:
    """Returns why a plan cannot be paid on so many other accounts, as said of it; nothing where it can."""
    if any(isinstance(rule, Clawback) for rule in run.plan.adjustments):
        return "a clawback takes back by other events what one has paid"
    if not pays_alone(run.plan) and n_variants > MOST_SHARED:
        what = "a pool or budget ties one payout to others, so everybody would have to be paid again"
        return f"{what} {n_variants:,} times, which is too slow; ask about fewer periods"
    return ""


def ledgers_otherwise(history: History, variants: Variants, span: str) -> Ledgers:
    """Returns the ledgers of a history that holds each variant, and each account as it was, as an account of its own.

    Accounts are called by their variant's number, and as they were by "was" and their own id; so are their events.
    """
    events, was = history.arr_events, pd.Series(pd.unique(variants.account_id), dtype="str")
    numbers = _called(pd.Series(np.arange(len(variants.account_id))))
    names = pd.DataFrame({"account_id": [*variants.account_id, *was], "called": [*numbers, *(WAS + was)]}, dtype="str")
    as_they_were = events[events["account_id"].isin(was)]
    mark = pd.concat([_called(variants.events["variant"]), pd.Series(WAS, index=as_they_were.index, dtype="str")])
    both = pd.concat([variants.events[events.columns], as_they_were])
    called = mark.where(mark != WAS, WAS + both["account_id"])
    both = both.assign(account_id=called, event_id=mark + both["event_id"]).reset_index(drop=True)
    assigned = history.assignments.merge(names, on="account_id", how="inner")
    accounts = history.accounts.merge(names, on="account_id", how="inner")
    changed = replace(
        history,
        arr_events=both,
        assignments=assigned.assign(account_id=assigned["called"]).drop(columns="called"),
        accounts=accounts.assign(account_id=accounts["called"]).drop(columns="called"),
    )
    return Ledgers(changed, span)


class Payer:
    """A run's people and ratios, to be paid again; `base` is what each row of people is paid, in reporting cents."""

    def __init__(self, run: Replay):
        self.run, self.plan = run, run.plan
        self.people = people_of(run.plan, run.history, run.periods, run.stage.rates)
        parts = run.measurements.groupby("component", sort=False)
        self.ratios = [parts.get_group(c.name).reset_index(drop=True) for c in run.plan.components]
        self.row_of = pd.Series(np.arange(len(self.people)), index=_keys(self.people))
        on_plan = self.people["proration"].to_numpy() > 0
        self.is_paid = on_plan
        self.base = self._cents(run.payouts, self.row_of, len(self.people))
        self.target = self._targets()
        self.carries_over = any(isinstance(rule, Draw | Holdback | Minimum) for rule in run.plan.adjustments)
        self.carries_over |= any(component.to_date for component in run.plan.components)
        self.is_shared = not pays_alone(run.plan)

    def _targets(self) -> npt.NDArray[np.float64]:
        """Targets of rows of people, found by their own ids."""
        by_name = {period.name: period for period in self.run.periods}
        found = []
        for c in self.plan.components:
            months = self.people["period"].map({name: c.months(period) for name, period in by_name.items()})
            found.append(c.target.of(self.people, by_name, months.to_numpy(dtype=np.int64), c.at_rest))
        return np.column_stack(found)

    @staticmethod
    def _cents(paid: pd.DataFrame, row_of: pd.Series, n: int) -> Cents:
        at = row_of.index.get_indexer(_keys(paid))
        cents = np.rint(paid["cost"].to_numpy() * 100)
        return np.bincount(row_of.to_numpy()[at], cents, minlength=n).astype(np.int64)

    def changes(self, ledgers: Ledgers, variants: Variants) -> list[Changes]:
        """Returns what the variants change of each component's ratios, by variant; none of a KPI's."""
        return [self._changes(i, ledgers, variants) for i in range(len(self.plan.components))]

    def _changes(self, i: int, ledgers: Ledgers, variants: Variants) -> Changes:
        component = self.plan.components[i]
        if component.metric not in METRICS or not len(variants.account_id):
            return Changes(np.zeros(0, np.intp), np.zeros(0, np.int64), np.zeros((0, 3)))
        plan, history = _of_called_accounts(self.plan), ledgers.history
        found = placed(ledgers.of(plan, component.baseline), self.people)
        found = qualified(found, component.qualifies, history.arr_events)
        due = None
        if component.baseline == "due_in_period":
            due = placed(ledgers.of(plan, component.baseline, due=True), self.people)
        out = [rule.account_id for rule in self.plan.books.exclude if rule.account_id]
        frames = []
        for level, share in component.level.shares(self.people["role"]).items():
            if not (share > 0).any():
                continue
            is_mean = component.unit_figure == "mean_of_ratios" and level != "individual"
            unit = units("individual" if is_mean else level, self.people, history.accounts)
            delta = _less_as_they_were(component, found, unit_codes(found, unit), plan, variants)
            if due is not None:
                below = _less_as_they_were(component, due, unit_codes(due, unit), plan, variants)
                delta = pd.concat([delta.assign(denominator=0.0), below.assign(opening_arr=0.0, numerator=0.0)])
            delta = delta[~np.isin(variants.account_id[delta["variant"]], out)]
            code_of = pd.Series(unit.of_people, index=unit.ids)
            code_of = code_of[~code_of.index.duplicated()]
            frames.append(self._by_ratio(i, level, code_of, delta))
        return Changes(*(np.concatenate(of) for of in zip(*frames, strict=True)))

    def _by_ratio(self, i: int, level: str, code_of: pd.Series, delta: pd.DataFrame) -> Changes:
        """The changes of units' windows as changes of the ratios that are made of them."""
        component, ratios = self.plan.components[i], self.ratios[i]
        over = windows(component.baseline, self.run.periods)
        at = np.flatnonzero((ratios["level"] == level).to_numpy() & ratios["unit_id"].notna().to_numpy())
        mine = ratios.take(at)
        own = mine["window"].to_numpy()
        span = over.of_period[over.period[own]] if (component.combined or "sums") == "sums" else own[:, None]
        code = code_of.reindex(mine["unit_id"]).fillna(-1).to_numpy(dtype=np.int64)
        k = span.shape[1]
        parts = pd.DataFrame({"ratio": np.repeat(at, k), "code": np.repeat(code, k), "window": span.ravel()})
        both = parts.merge(delta, on=["code", "window"])
        found = both.groupby(["ratio", "variant"], sort=True)[SUMS].sum()
        names = found.index
        return Changes(
            names.get_level_values("ratio").to_numpy(dtype=np.intp),
            names.get_level_values("variant").to_numpy(dtype=np.int64),
            found.to_numpy() / 100,
        )

    def measured_otherwise(self, changes: Sequence[Changes]) -> pd.DataFrame:
        """Returns the rows of people on the plan whose results change: a row each key and row of people, in order."""
        frames = [
            pd.DataFrame({"key": found.key, "row": ratios["row"].to_numpy()[found.ratio]})
            for found, ratios in zip(changes, self.ratios, strict=True)
        ]
        every = pd.concat(frames, ignore_index=True).drop_duplicates().sort_values(["key", "row"], ignore_index=True)
        return every[self.is_paid[every["row"]]].reset_index(drop=True)

    def pairs(self, changes: Sequence[Changes]) -> pd.DataFrame:
        """Returns the rows of people on the plan whose pay may change: a row each key and row of people."""
        return self._carried_over(self.measured_otherwise(changes))

    def _carried_over(self, pairs: pd.DataFrame) -> pd.DataFrame:
        """The pairs with all of the payee's other rows where pay carries over, and everybody's where it is shared."""
        if not (self.carries_over or self.is_shared):
            return pairs
        payee = pd.factorize(self.people["payee_id"])[0] * (not self.is_shared)
        rows = np.flatnonzero(self.is_paid)
        every = pd.DataFrame({"key": pairs["key"], "payee": payee[pairs["row"]]}).drop_duplicates()
        return every.merge(pd.DataFrame({"row": rows, "payee": payee[rows]}), on="payee")[["key", "row"]]

    def paid(self, pairs: pd.DataFrame, changes: Sequence[Changes]) -> Cents:
        """Returns what each pair of a key and a row of people is paid, in cents of the reporting currency."""
        every = self._carried_over(pairs)
        cents = self._paid_shared(every, changes) if self.is_shared else self._paid(every, changes)
        n = len(self.people)
        at = pd.Index(every["key"] * n + every["row"]).get_indexer(pd.Index(pairs["key"] * n + pairs["row"]))
        found: Cents = cents[at]
        return found

    def _paid_shared(self, pairs: pd.DataFrame, changes: Sequence[Changes]) -> Cents:
        """What pairs are paid where each key pays everybody: one key at a time, people in their order."""
        key, row = pairs["key"].to_numpy(), pairs["row"].to_numpy()
        found, order = np.zeros(len(pairs), dtype=np.int64), np.lexsort((row, key))
        for at in np.split(order, np.flatnonzero(np.diff(key[order])) + 1):
            kept = [np.flatnonzero(of.key == key[at[0]]) if len(at) else at for of in changes]
            mine = [Changes(of.ratio[s], of.key[s], of.sums[s]) for of, s in zip(changes, kept, strict=True)]
            found[at] = self._paid(pairs.take(at).reset_index(drop=True), mine)
        return found

    def _paid(self, pairs: pd.DataFrame, changes: Sequence[Changes]) -> Cents:
        row = pairs["row"].to_numpy()
        measured = [self._ratios(i, pairs, found) for i, found in enumerate(changes)]

        def exactly(some: Positions) -> Array:
            return np.column_stack([exact_values(ratios, some) for ratios in measured])

        n = len(row)
        results = Results(
            np.column_stack([values(ratios, n) for ratios in measured]) if n else np.zeros((0, len(measured))),
            exactly,
            [described_rows(ratios, n).reset_index(drop=True) for ratios in measured],
            target=self.target[row],
        )
        people = self.people.take(row).reset_index(drop=True)
        people["payee_id"] = pairs["key"].astype("str").to_numpy(dtype=object) + "~" + people["payee_id"]
        found = payouts(self.plan, people, results, self.run.periods, self.run.stage.rates)
        return self._cents(found, pd.Series(np.arange(n), index=_keys(people)), n)

    def _ratios(self, i: int, pairs: pd.DataFrame, changes: Changes) -> pd.DataFrame:
        """The ratios of a component for each pair, with what changes."""
        ratios, row = self.ratios[i], pairs["row"].to_numpy()
        starts = np.searchsorted(ratios["row"], np.arange(len(self.people) + 1))
        first, n = starts[row], np.diff(starts)[row]
        begins = np.cumsum(n) - n
        each = np.repeat(np.arange(len(row)), n)
        at = np.arange(len(each)) - begins[each] + first[each]
        found = ratios.take(at).reset_index(drop=True)
        found["product"] = found["product"].to_numpy() + each * (int(ratios["product"].max()) + 1)
        found["row"] = each
        if len(changes.ratio):
            pair_of = pd.Index(pairs["key"].to_numpy() * len(self.people) + row)
            pair = pair_of.get_indexer(changes.key * len(self.people) + ratios["row"].to_numpy()[changes.ratio])
            kept = pair >= 0
            place = begins[pair[kept]] + changes.ratio[kept] - first[pair[kept]]
            sums = found[SUMS].to_numpy(dtype=float, copy=True)
            sums[place] = np.round(sums[place] + changes.sums[kept], DIGITS)
            found[SUMS] = sums
        return found


def _keys(frame: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_frame(frame[["payee_id", "period"]].astype("str"))


def _of_called_accounts(plan: Plan) -> Plan:
    """The plan without exclusions of accounts by their ids, which are called otherwise here."""
    kept = tuple(rule for rule in plan.books.exclude if rule.account_id is None)
    return plan.model_copy(update={"books": plan.books.model_copy(update={"exclude": kept})})


def _less_as_they_were(
    component: Component, found: PlacedLedger, codes: tuple[Codes, Codes], plan: Plan, variants: Variants
) -> pd.DataFrame:
    """Opening, numerator and denominator of each variant less those of its account as it was, in cents.

    Grain: one row a variant, code (of the unit) and window in which something changes.
    """
    books, credits = found.ledger.books, found.ledger.credits
    frames = zip((books, credits), codes, strict=True)
    parts = [(frame["account_id"].astype("str"), code, frame["window"].to_numpy()) for frame, code in frames]
    account, names = pd.factorize(pd.concat([part[0] for part in parts], ignore_index=True))
    code, window = (np.concatenate([part[i] for part in parts]).astype(np.int64) for i in (1, 2))
    n_codes, n_windows = int(code.max(initial=0)) + 1, int(window.max(initial=0)) + 1
    some = code >= 0
    cells, at = np.unique(((account * n_codes + code) * n_windows + window)[some], return_inverse=True)
    cell = np.full(len(some), -1, dtype=np.intp)
    cell[some] = at.ravel()
    known = Cells(len(cells), books, cell[: len(books)], credits, cell[len(books) :], plan.events.reactivation)
    metric = METRICS[component.metric]
    above, below = metric.measured(known)
    below = 0 * below if metric.is_sum else below  # an amount is over nothing that events could change
    sums = np.column_stack([known.opening(), above, below])
    owner, place = np.divmod(cells, n_codes * n_windows)  # in the order of owners
    starts = np.searchsorted(owner, np.arange(len(names) + 1))
    n, pieces = len(variants.account_id), []
    called = _called(pd.Series(np.arange(n))), WAS + pd.Series(variants.account_id, dtype="str")
    for sign, whose in zip((1, -1), called, strict=True):
        at = pd.Index(names).get_indexer(pd.Index(whose))
        first, size = starts[at], np.where(at >= 0, np.diff(starts, append=0)[at], 0)
        variant = np.repeat(np.arange(n), size)
        rows = np.arange(len(variant)) - np.repeat(np.cumsum(size) - size, size) + np.repeat(first, size)
        pieces.append((variant * (n_codes * n_windows) + place[rows], sign * sums[rows]))
    flat, every = (np.concatenate(of) for of in zip(*pieces, strict=True))
    keys, at = np.unique(flat, return_inverse=True)
    delta = np.column_stack([np.bincount(at.ravel(), column, minlength=len(keys)) for column in every.T])
    changed = (np.abs(delta) > 1e-6).any(axis=1)
    variant, place = np.divmod(keys[changed], n_codes * n_windows)
    code, window = np.divmod(place, n_windows)
    found_sums = pd.DataFrame(delta[changed], columns=SUMS)
    return found_sums.assign(variant=variant, code=code, window=window)


def _called(variant: pd.Series) -> pd.Series:
    """What a variant's account is called, and its events begin with: alike long, so that events keep their order."""
    return variant.astype("str").str.zfill(9) + "~"
