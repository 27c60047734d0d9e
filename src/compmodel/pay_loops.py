"""The inner loops of pay of plans x people, from a plan's numbers to whole cents; `compiled_pay` runs them.

Edges and cents near a half are decided in whole numbers. All that call one another stand in this file, since numba
compiles anew what it keeps on disk only when the file of the loop that is called has changed.

Axes: c components, e their evaluations (distinct numbers), t classes of people, s states of conditions, l lines,
n conditions, r rows of people, q curves, p plans.
"""

from __future__ import annotations

from math import gcd
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
NO_TEN_THOUSANDTHS = -2  # how it went where some numbers of a plan are none


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
    big, n_jumps, n_asked, n_people = 2.0**62, 0, 0, value.shape[1]
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
                        kind, part, of = whole_curves[2:, i, q, s, k]
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
            for start in range(0, n_people, 64):
                rows, n_near = slice(start, min(start + 64, n_people)), 0
                for v in value[j, rows]:  # first whether any is, which vectors tell at once
                    n_near += (x - near <= v) & (v < x + near)
                for r in range(rows.start, rows.stop if n_near > 0 else 0):
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
    weights, weights_over, evaluation, curve = plans
    big, limit = 2.0**62, 2.0**62 / 4e-4
    n_people, n_left, last = value.shape[1], 0, 0
    times = np.zeros((value.shape[0], edge.shape[2]), dtype=np.int64)
    rows, shares, parts = np.empty((3, min(len(near), n_people)), dtype=np.int64)
    while last < len(near):
        p, n_rows, common = near[last] // n_people, 0, 1
        while last < len(near) and p * n_people <= near[last] < (p + 1) * n_people:
            rows[n_rows] = near[last] - p * n_people
            n_rows += 1
            last += 1
        for i in range(len(times)):  # what all lines of the plan are parts of
            e = evaluation[p, i]
            for t in range(n_classes[i]):
                of = weights_over[p, i] * over[i, curve[i, e]]
                size = float(weights_over[p, i]) * float(over[i, curve[i, e]]) * float(whole[0, i, e, t])
                of *= whole[0, i, e, t]
                is_large = common == 0 or size > big or float(common) * (size / gcd(common, of)) > big
                common = 0 if is_large else common * (of // gcd(common, of))
        for i in range(len(times)):
            e = evaluation[p, i]
            for t in range(n_classes[i]):
                of = weights_over[p, i] * over[i, curve[i, e]] * whole[0, i, e, t]
                times[i, t] = weights[p, i] * (common // of) if common > 0 else 0
        for is_reduced in range(2 if common > 0 else 0):
            for n in range(n_rows):
                shares[n], parts[n] = 0, 1  # parts are 0 where numbers are too large, or not known
            for i in range(len(times) if n_rows > 0 else 0):
                if weights[p, i] == 0:
                    continue
                e = evaluation[p, i]
                values, classes, edges, own = value[i], row_class[i], edge[i, e], whole[:, i, e]
                constants, slopes = whole_curves[0, i, curve[i, e]], whole_curves[1, i, curve[i, e]]
                for n in range(n_rows):
                    r = rows[n]
                    t, v, s, k = classes[r], values[r], 0, 0
                    if t < 0 or parts[n] == 0:
                        continue
                    for m in range(looked.shape[1]):
                        j = looked[i, m]
                        if j >= 0:
                            of = row_class[j, r]
                            s = 2 * s + ((of >= 0) & (value[j, r] >= cut[i, e, m, of]))
                    for line in range(1, edges.shape[2]):
                        k += v >= edges[t, s, line]
                    a, b = constants[s, k], slopes[s, k]
                    if is_reduced and b == 0:  # needs no value
                        shares[n] += times[i, t] * a * own[0, t] * parts[n]
                        continue
                    one, other = above[i, r], below[i, r]
                    if is_reduced:
                        divisor = max(1, gcd(abs(one), other))
                        one, other = one // divisor, other // divisor
                    rest = 1
                    if parts[n] == 1 or other == 0:
                        shares[n], parts[n] = shares[n] * other, other
                    elif other != parts[n]:
                        more = other // gcd(parts[n], other)
                        if float(parts[n]) * float(more) > big:
                            parts[n] = 0
                            continue
                        shares[n] *= more
                        parts[n] *= more
                        rest = parts[n] // other
                    part = a * own[0, t] * other + b * (one * own[2, t] - own[1, t] * other)
                    shares[n] += times[i, t] * part * rest
            n_undecided = 0
            for n in range(n_rows):
                r = rows[n]
                one, other = incentive[r], incentive_over[r]
                if is_reduced:
                    divisor = max(1, gcd(abs(one), other))
                    one, other = one // divisor, other // divisor
                if parts[n] > 0 and float(other) * float(common) * float(parts[n]) < limit:
                    low = cents[p, r]
                    beyond = 2 * (one * shares[n]) - (2 * low + 1) * (other * common * parts[n])
                    cents[p, r] += beyond > 0 or (beyond == 0 and low >= 0)
                else:
                    rows[n_undecided] = r
                    n_undecided += 1
            n_rows = n_undecided
        for n in range(n_rows):
            left[n_left] = p * n_people + rows[n]
            n_left += 1
    return n_left


def plan_cents(
    cents: Whole, near: Whole, asked: Any, people: Any, rules: Any, wholes: Any, plans: Any, bounds: Any
) -> Any:
    """Fills pay in whole cents of plans x people; returns how it went, how many are left near a half, lines, curves.

    How it went: how many values are `asked` for, 0 if all is known; -1 where numbers are too large;
    `NO_TEN_THOUSANDTHS` where some of `wholes` (target and floor of components x settings, weights of plans x
    components; above and below, 0 where they are not known yet) are none. Loops called here cost a call less each.
    """
    which, weights, seen, evaluation, n_evaluations, width = plans
    above, below, weights_above, weights_below = wholes
    numbers, curves, looked = rules[7], rules[8], rules[3]
    n_components, n_wide = seen.shape
    n_plans, n_classes = which.shape[0], people[10].max()
    shape = (n_components, n_wide, n_classes, rules[0].shape[3], rules[0].shape[4])
    edge, constant, slope = np.empty(shape), np.empty(shape), np.empty(shape)
    cut, most = np.empty((n_components, n_wide, looked.shape[1], n_classes)), np.empty((n_components, n_wide))
    lines = (edge, constant, slope, cut, most, np.empty((3, n_components, n_wide, n_classes), np.int64))
    chosen, curve = np.empty((2, n_components, n_wide)), np.empty((n_components, n_wide), np.int64)
    tops, bottoms = np.empty((2, n_components, n_wide), np.int64), np.empty((2, n_components, n_wide), np.int64)
    is_known = True
    for i in range(n_components):
        for e in range(n_wide):
            setting = which[seen[i, e], i]
            curve[i, e] = curves[i, setting]
            for n in range(2):
                is_known &= fill_whole(above[n, i], below[n, i], numbers[n, i], setting)
                chosen[n, i, e] = numbers[n, i, setting]
                tops[n, i, e], bottoms[n, i, e] = above[n, i, setting], below[n, i, setting]
    for p in range(n_plans):
        for i in range(n_components):
            is_known &= fill_whole(weights_above[p], weights_below[p], weights[p], i)
    status = NO_TEN_THOUSANDTHS
    if is_known:
        n_jumps = edge.size + cut.size
        doubts = (asked, np.empty((n_jumps, 6), np.int64), np.empty(n_jumps))
        given = (chosen, tops, bottoms, curve, seen, evaluation, n_evaluations)
        status = fill_edges(lines, doubts, people, rules, given)
    n_left = 0
    if status == 0:
        units = np.empty((n_components, n_wide, width))
        n_near = fill_pay(cents, near, units, lines, people, looked, (weights, evaluation, n_evaluations), bounds)
        status = min(n_near, 0)
        of_plans, exactly = (weights_above, weights_below, evaluation, curve), (looked, rules[1], rules[2])
        n_left = decide_half_cents(near, cents, near[: max(n_near, 0)], lines, people, exactly, of_plans)
    return status, n_left, lines, curve


def fill_whole(above: Whole, below: Whole, numbers: Floats, n: int) -> bool:
    """Fills the ten thousandths of a number that are not known yet; returns whether it is so many."""
    if below[n] == 0:
        whole = np.rint(numbers[n] * 1e4)
        if whole / 1e4 != numbers[n] or abs(whole) >= 1e12:
            return False
        above[n], below[n] = np.int64(whole), 10_000
    return True


PARTS = (fill_edges, fill_pay, decide_half_cents, fill_whole)
"""What `plan_cents` calls."""
