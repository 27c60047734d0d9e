"""What a plan may settle on whole cents of a person's pay: guarantees, draws, holdbacks, clawbacks, budgets.

The rules alone; `balances.py` settles them, period after period.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from compmodel.adjustments import PRORATED, Cap, Condition, Floor, Gate, Kicker
from compmodel.documents import AMOUNT, COUNT, FACTOR, SHARE, Count, Name, Number
from compmodel.money import exact

OnLeaving = Literal["pay", "forfeit"]
ON_LEAVING = (
    "What is {} of who leaves the plan: pay or forfeit it; {} with the last pay. Must be written where it happens. A "
    "leave is no leaving; moving to another plan is, and leaving the company, hired again or not."
)


class _Rule(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Guarantee(_Rule):
    """The higher of pay and guarantee."""

    kind: Literal["guarantee"] = Field(description="Pays the higher of what is to be paid and the guarantee.")
    share: Number | None = Field(
        None, ge=0, description="As a share of the period's target incentive.", json_schema_extra=FACTOR
    )
    amount: Number | None = Field(
        None, ge=0, description="As an amount of a period, in the pay currency.", json_schema_extra=AMOUNT
    )
    prorated: bool = Field(False, description=PRORATED)
    months: Count | None = Field(
        None,
        ge=1,
        description="Only for a new payee's first months; a period's other months pay what they earn. Of all months "
        "unless written.",
        json_schema_extra=COUNT,
    )

    @model_validator(mode="after")
    def _one_of_the_two(self) -> Guarantee:
        if (self.share is None) == (self.amount is None):
            raise ValueError("must have either a share or an amount. Write exactly one of the two.")
        if self.prorated and (self.amount is None or self.months is not None):
            raise ValueError("a share, and an amount of first months, is of the time there. Delete prorated.")
        return self


class Draw(_Rule):
    """Pay in advance of earnings."""

    kind: Literal["draw"] = Field(description="Pays at least the draw, or in advance of what will be earned.")
    amount: Number = Field(gt=0, description="The draw of a period, in the pay currency.", json_schema_extra=AMOUNT)
    prorated: bool = Field(False, description=PRORATED)
    recoverable: bool = Field(description="Whether what the draw adds is owed, and repaid from later pay.")
    how: Literal["top_up", "on_top"] = Field(
        "top_up",
        description="top_up: pays up to the draw; only pay above it repays. on_top: the draw comes on top of what is "
        "earned and is taken from the next pay.",
    )
    periods: Count | None = Field(
        None, ge=1, description="Only in a payee's first periods; in every one unless written.", json_schema_extra=COUNT
    )

    @model_validator(mode="after")
    def _on_top_is_owed(self) -> Draw:
        if self.how == "on_top" and not self.recoverable:
            raise ValueError("how is on_top, but recoverable is false: that is a bonus. Write how: top_up.")
        return self


class Holdback(_Rule):
    """A share of pay kept until later."""

    kind: Literal["holdback"] = Field(description="Keeps a share of pay back and releases it later.")
    share: Number = Field(
        gt=0, lt=1, description="Share of what is to be paid.", json_schema_extra=SHARE | {"lower": 0.05, "upper": 0.95}
    )
    released_after: Count | Literal["year"] = Field(
        description="Released so many periods later, or year: with the last period of the fiscal year; of who is not "
        "on the plan then, with the next period in which they are.",
        json_schema_extra=COUNT,
    )
    on_leaving: OnLeaving | None = Field(None, description=ON_LEAVING.format("held back", "released"))
    condition: Condition | None = Field(
        None, description="Must hold in the period of release, or what was held is forfeited."
    )


class Minimum(_Rule):
    """Small amounts wait."""

    kind: Literal["minimum"] = Field(description="Pay below an amount is carried over to the next period.")
    amount: Number = Field(gt=0, description="The smallest payment, in the pay currency.", json_schema_extra=AMOUNT)
    on_leaving: OnLeaving | None = Field(None, description=ON_LEAVING.format("carried over", "paid"))


class Clawback(_Rule):
    """Pay taken back when what it was paid for is lost."""

    kind: Literal["clawback"] = Field(
        description="Takes back what was paid on a gain whose account leaves, or whose own subscription ends: what its "
        "component paid after its own budget, before limits of the whole pay. Nothing of who is paid by a team's "
        "figure."
    )
    component: Name = Field(description="The component that paid it; its basis is a rate.")
    how: Literal["at_rate_paid", "by_elapsed_term", "schedule"] = Field(
        description="at_rate_paid: all of it. by_elapsed_term: the share of the term not served. schedule: by days "
        "served."
    )
    within_days: Count | None = Field(
        None,
        ge=1,
        description="Only losses within so many days of the gain's credit date.",
        json_schema_extra={"lever": "count"},
    )
    term_months: Count | None = Field(
        None,
        ge=1,
        description="Of by_elapsed_term: the term, where the event names none.",
        json_schema_extra={"lever": "count"},
    )
    schedule: tuple[tuple[Count, Number], ...] = Field(
        (),
        description="Of schedule: [up to this many days served, share taken back], days rising; nothing beyond.",
        json_schema_extra={"each": [{"lever": "count"}, SHARE]},
    )

    @model_validator(mode="after")
    def _schedule_is_written(self) -> Clawback:
        if (self.how == "schedule") != bool(self.schedule):
            raise ValueError("how: schedule and schedule belong together. Write both or neither.")
        days = [upto for upto, _ in self.schedule]
        if days != sorted(set(days)):
            raise ValueError("schedule must rise in days. Reorder or delete one.")
        return self

    def share(self, days_served: int, months_served: Fraction, term_months: int) -> Fraction:
        """Returns the share of what was paid that is taken back.

        >>> rule = {"kind": "clawback", "component": "x", "how": "schedule", "schedule": [[30, 0.75], [60, 0.5]]}
        >>> Clawback.model_validate(rule).share(45, Fraction(2), 12)
        Fraction(1, 2)
        """
        if self.within_days is not None and days_served > self.within_days:
            return Fraction(0)
        if self.how == "at_rate_paid":
            return Fraction(1)
        if self.how == "by_elapsed_term":
            return max(Fraction(0), 1 - months_served / term_months)
        return next((exact(share) for upto, share in self.schedule if days_served <= upto), Fraction(0))


class Budget(_Rule):
    """A pool that all pay of a period must fit in."""

    kind: Literal["budget"] = Field(
        description="Where all pay of a period exceeds the budget, everybody's shrinks alike. What somebody owes in it "
        "neither adds to the budget nor shrinks."
    )
    amount: Number = Field(
        gt=0, description="The budget of a period, in the reporting currency.", json_schema_extra=AMOUNT
    )
    component: Name | None = Field(None, description="Of one component's pay alone; of all pay unless written.")


Settlement = Annotated[
    Gate | Kicker | Cap | Floor | Guarantee | Draw | Holdback | Minimum | Clawback | Budget,
    Field(discriminator="kind"),
]
MONEY = (Cap, Floor, Guarantee, Draw, Holdback, Minimum, Clawback, Budget)
WITH_BALANCE = (Draw, Holdback, Minimum)
"""What leaves something held, carried over or owed after a period."""
