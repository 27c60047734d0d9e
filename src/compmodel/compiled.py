"""The inner loops of pay over many plans or many people, compiled where numba is installed (`compmodel[fast]`).

The same sums as numpy makes elsewhere; edges and cents near a half are decided in whole numbers, so both give the same
cents. numba is loaded when a loop is first used: about a second, and some more once on a machine, to compile.

Axes: c components, e their evaluations (distinct numbers), t classes of people, s states of conditions, l lines,
n conditions, r rows of people, q curves, p plans. `compiled_pay` names the arrays and passes them in tuples.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from math import gcd
from typing import Any

import numpy as np
import numpy.typing as npt

IS_COMPILED = find_spec("numba") is not None
Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]


def fill_edges(lines: Any, doubts: Any, people: Any, rules: Any, numbers: Any) -> int:
    """Fills lines in value: where each begins, decided exactly where pay jumps, and its numbers.

    Returns how many values near an edge are `asked` for, since they are not known in whole numbers; -1 where a number
    is too large for 64 bits. `jumps`: component, class, limit as a whole number and over, if upper, and where it goes.
    """
    edge, constants, slopes, cut, most, whole = lines
    asked, jumps, places = doubts
    value, row_class, above, below, _, _, _, class_target, class_above, class_below, n_classes, largest, _ = people
    curves, whole_curves, _, looked, of_value, threshold, over_threshold, _, _ = rules
    floats, number_above, number_below, curve, seen, evaluation, n_evaluations = numbers
    big, n_jumps, n_asked = 2.0**62, 0, 0
    _, n_wide, n_deep, n_states, n_lines = edge.shape
    for i in range(edge.shape[0]):
        for e in range(n_evaluations[i]):
            q, floor, lowest, over = curve[i, e], floats[1, i, e], number_above[1, i, e], number_below[1, i, e]
            most[i, e] = 0.0
            for t in range(n_classes[i]):
                target, top, top_over = floats[0, i, e], number_above[0, i, e], number_below[0, i, e]
                if class_below[i, t] > 0:
                    target, top, top_over = class_target[i, t], class_above[i, t], class_below[i, t]
                if float(top_over) * float(over) > big:
                    return -1
                scale = top_over // gcd(top_over, over) * over
                if (abs(float(lowest)) + float(top)) * float(scale) > big:
                    return -1
                bottom = lowest * (scale // over)
                span = top * (scale // top_over) - bottom
                if span <= 0:
                    return -1
                common = gcd(gcd(span, abs(bottom)), scale)
                span, bottom, scale = span // common, bottom // common, scale // common
                whole[0, i, e, t], whole[1, i, e, t], whole[2, i, e, t] = span, bottom, scale
                width = target - floor
                highest = steepest = 0.0
                for s in range(n_states):
                    for k in range(n_lines):
                        b = curves[2, i, q, s, k] / width
                        a = curves[1, i, q, s, k] - b * floor
                        slopes[i, e, t, s, k], constants[i, e, t, s, k] = b, a
                        highest, steepest = max(highest, abs(a)), max(steepest, abs(b))
                        x = floor + curves[0, i, q, s, k] * width
                        edge[i, e, t, s, k] = x
                        kind, part, of = (
                            whole_curves[2, i, q, s, k],
                            whole_curves[3, i, q, s, k],
                            whole_curves[4, i, q, s, k],
                        )
                        if kind > 0:
                            if float(of) * float(scale) > big:
                                return -1
                            jumps[n_jumps, 0], jumps[n_jumps, 1], jumps[n_jumps, 4] = i, t, kind
                            jumps[n_jumps, 2], jumps[n_jumps, 3] = bottom * of + part * span, scale * of
                            jumps[n_jumps, 5] = (((i * n_wide + e) * n_deep + t) * n_states + s) * n_lines + k
                            places[n_jumps] = x
                            n_jumps += 1
                size = (highest + steepest * largest[i]) * (20.0 + (target + abs(floor)) / width)
                most[i, e] = max(most[i, e], size)
    for i in range(edge.shape[0]):
        for n in range(looked.shape[1]):
            j = looked[i, n]
            for e in range(n_evaluations[i] if j >= 0 else 0):
                other = evaluation[seen[i, e], j]
                for t in range(n_classes[j]):
                    x, limit, over = threshold[i, n], over_threshold[0, i, n], over_threshold[1, i, n]
                    if not of_value[i, n]:
                        target = class_target[j, t] if class_below[j, t] > 0 else floats[0, j, other]
                        x = floats[1, j, other] + x * (target - floats[1, j, other])
                        if float(over) * float(whole[2, j, other, t]) > big:
                            return -1
                        limit = whole[1, j, other, t] * over + limit * whole[0, j, other, t]
                        over *= whole[2, j, other, t]
                    jumps[n_jumps, 0], jumps[n_jumps, 1], jumps[n_jumps, 4] = j, t, 1
                    jumps[n_jumps, 2], jumps[n_jumps, 3] = limit, over
                    jumps[n_jumps, 5] = edge.size + ((i * n_wide + e) * looked.shape[1] + n) * n_deep + t
                    places[n_jumps] = x
                    n_jumps += 1
    least, all_edges, all_cuts = 0.0, edge.reshape(-1), cut.reshape(-1)
    for n in range(n_jumps):
        j, t, limit, over, kind, to = jumps[n]
        is_new = n == 0 or places[n] != places[n - 1]
        for number in range(5):
            is_new |= n > 0 and jumps[n, number] != jumps[n - 1, number]
        if is_new:  # the least value that reaches it
            x = places[n]
            near, least = 1e-9 * max(1.0, abs(x)), np.inf
            for r in range(value.shape[1]):
                v = value[j, r]
                if x - near <= v < x + near and row_class[j, r] == t:
                    if below[j, r] == 0:
                        asked[j, r] = True
                        n_asked += 1
                    elif float(below[j, r]) * float(over) * 4.0 * near > big:
                        return -1
                    else:
                        beyond = above[j, r] * over - limit * below[j, r]
                        if v < least and (beyond > 0 or (beyond == 0 and kind == 1)):
                            least = v
            if least == np.inf:
                least = x + near
        if to < edge.size:
            all_edges[to] = least
        else:
            all_cuts[to - edge.size] = least
    return n_asked


def fill_pay(
    cents: Whole, near: Whole, units: Floats, lines: Any, people: Any, looked: Whole, plans: Any, bounds: Any
) -> int:
    """Fills whole cents of plans x people, rounded down if floats cannot tell; returns how many, -1 if too large.

    `bounds`: what floats lose of a plan's `most`, at least, and at most.
    """
    edge, constants, slopes, cut, most, _ = lines
    lost, least, largest = bounds
    value, row_class, _, _, incentive, _, _, _, _, _, n_classes, _, most_money = people
    weights, evaluation, n_evaluations = plans
    n_people, n_near, width = value.shape[1], 0, units.shape[2]
    pay, found, state = np.empty(width), np.empty(width), np.empty(width, dtype=np.int64)
    for start in range(0, n_people, width):
        rows = slice(start, min(start + width, n_people))
        n_rows = rows.stop - start
        for i in range(units.shape[0]):
            values, classes, money = value[i, rows], row_class[i, rows], incentive[rows]
            for e in range(n_evaluations[i]):
                unit = units[i, e]
                for m in range(n_rows):
                    state[m], unit[m] = 0, 0.0
                n_states = 1
                for n in range(looked.shape[1]):
                    if looked[i, n] < 0:
                        continue
                    n_states *= 2
                    for m in range(n_rows):
                        state[m] *= 2
                    others, classes_there = value[looked[i, n], rows], row_class[looked[i, n], rows]
                    for t in range(n_classes[looked[i, n]]):
                        reached = cut[i, e, n, t]
                        for m in range(n_rows):
                            state[m] += (classes_there[m] == t) & (others[m] >= reached)
                for t in range(n_classes[i]):
                    for s in range(n_states):
                        for k in range(edge.shape[4]):  # each line over the one before, which vectors do at once
                            begin, a, b = edge[i, e, t, s, k], constants[i, e, t, s, k], slopes[i, e, t, s, k]
                            if begin < np.inf:
                                for m in range(n_rows):
                                    found[m] = a + b * values[m] if values[m] >= begin else found[m]
                        for m in range(n_rows):
                            is_mine = (state[m] == s) & (classes[m] == t)
                            unit[m] = money[m] * found[m] if is_mine else unit[m]
        for p in range(cents.shape[0]):
            for m in range(n_rows):
                pay[m] = 0.0
            for i in range(units.shape[0]):
                weight, unit = weights[p, i], units[i, evaluation[p, i]]
                for m in range(n_rows):
                    pay[m] += weight * unit[m]
            highest = 0.0
            for i in range(units.shape[0]):
                highest += most[i, evaluation[p, i]]
            here, limit, first = cents[p, rows], max(least, highest * most_money * lost), n_near
            if limit > largest:
                return -1
            for m in range(n_rows):
                down = np.floor(pay[m])
                part = pay[m] - down
                here[m] = np.int64(down) + (part >= 0.5)
                near[n_near] = m
                n_near += abs(part - 0.5) <= limit
            for n in range(first, n_near):
                here[near[n]] = np.int64(np.floor(pay[near[n]]))
                near[n] += p * n_people + start
    return n_near


def decide_half_cents(left: Whole, cents: Whole, near: Whole, lines: Any, people: Any, rules: Any, plans: Any) -> int:
    """Decides cents that are rounded down near a half, as `whole_pay` explains it; returns how many are `left`."""
    edge, _, _, cut, _, whole = lines
    value, row_class, above, below, _, incentive, incentive_over, _, _, _, n_classes, _, _ = people
    looked, whole_curves, over = rules
    whole_constant, whole_slope = whole_curves[0], whole_curves[1]
    weights, weights_over, evaluation, curve = plans
    big, limit = 2.0**62, 2.0**62 / 4e-4
    n_people, n_left, now, common = value.shape[1], 0, -1, 0
    times = np.zeros((value.shape[0], edge.shape[2]), dtype=np.int64)
    for n in range(len(near)):
        p, r = near[n] // n_people, near[n] % n_people
        if p != now:  # what all lines of the plan are parts of
            now, common = p, 1
            for i in range(len(times)):
                e = evaluation[p, i]
                for t in range(n_classes[i]):
                    of = weights_over[p, i] * over[i, curve[i, e]]
                    size = float(weights_over[p, i]) * float(over[i, curve[i, e]]) * float(whole[0, i, e, t])
                    of *= whole[0, i, e, t]
                    if common == 0 or size > big or float(common) * (size / gcd(common, of)) > big:
                        common = 0
                    else:
                        common *= of // gcd(common, of)
            for i in range(len(times)):
                e = evaluation[p, i]
                for t in range(n_classes[i]):
                    of = weights_over[p, i] * over[i, curve[i, e]] * whole[0, i, e, t]
                    times[i, t] = weights[p, i] * (common // of) if common > 0 else 0
        is_decided, is_reduced = False, False
        while common > 0 and not is_decided:
            share, parts, is_known = 0, 1, True
            for i in range(len(times)):
                t = row_class[i, r]
                if t < 0 or weights[p, i] == 0:
                    continue
                e, v, s, k = evaluation[p, i], value[i, r], 0, 0
                for m in range(looked.shape[1]):
                    j = looked[i, m]
                    if j >= 0:
                        of = row_class[j, r]
                        s = 2 * s + (of >= 0 and value[j, r] >= cut[i, e, m, of])
                for other in range(1, edge.shape[4]):
                    k += v >= edge[i, e, t, s, other]
                a, b = whole_constant[i, curve[i, e], s, k], whole_slope[i, curve[i, e], s, k]
                if b == 0:
                    share += times[i, t] * a * whole[0, i, e, t] * parts
                    continue
                one, other = above[i, r], below[i, r]
                if is_reduced:
                    divisor = max(1, gcd(abs(one), other))
                    one, other = one // divisor, other // divisor
                if other == 0:
                    is_known = False
                    break
                rest = 1
                if parts == 1:
                    share, parts = share * other, other
                elif other != parts:
                    more = other // gcd(parts, other)
                    if float(parts) * float(more) > big:
                        is_known = False
                        break
                    share *= more
                    parts *= more
                    rest = parts // other
                part = a * whole[0, i, e, t] * other + b * (one * whole[2, i, e, t] - whole[1, i, e, t] * other)
                share += times[i, t] * part * rest
            one, other = incentive[r], incentive_over[r]
            if is_reduced:
                divisor = max(1, gcd(abs(one), other))
                one, other = one // divisor, other // divisor
            if is_known and float(other) * float(common) * float(parts) < limit:
                low = cents[p, r]
                beyond = 2 * (one * share) - (2 * low + 1) * (other * common * parts)
                cents[p, r] += beyond > 0 or (beyond == 0 and low >= 0)
                is_decided = True
            if is_reduced:
                break
            is_reduced = True
        if not is_decided:
            left[n_left] = near[n]
            n_left += 1
    return n_left


def fill_converted(cost: Whole, near: Whole, pay: Whole, rate: Floats, least: float, lost: float) -> int:
    """Fills pay of plans x people times each one's rate in the nearest cents; returns how many are near a half."""
    n_near, n_people = 0, len(rate)
    for p in range(pay.shape[0]):
        for r in range(n_people):
            amount = pay[p, r] * rate[r]
            nearest = np.rint(amount)
            cost[p, r] = np.int64(nearest)
            near[n_near] = p * n_people + r
            n_near += abs(amount - nearest) > 0.5 - max(least, lost * abs(amount))
    return n_near


def fill_cost(
    cost: npt.NDArray[np.float64],
    attainment: npt.NDArray[np.float64],
    incentive: npt.NDArray[np.float64],
    at: npt.NDArray[np.float64],
    numbers: npt.NDArray[np.float64],
) -> None:
    """Fills the cost of draws x people, by straight lines; each holds from an attainment on, the first from -inf."""
    for d in range(attainment.shape[0]):
        total = 0.0
        for p in range(attainment.shape[1]):
            attained, line = attainment[d, p], 0
            for n in range(1, len(at)):
                line += attained >= at[n]
            total += incentive[p] * (numbers[line, 0] + numbers[line, 1] * attained)
        cost[d] = total


@cache
def loop(function: Callable[..., Any]) -> Any:
    """Returns a loop of this module, compiled where numba is installed."""
    if not IS_COMPILED:
        return function
    import numba  # noqa: PLC0415 (slow to load, and optional)

    return numba.njit(function, cache=True, nogil=True)
