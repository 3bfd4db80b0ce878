"""Strips put every mark where the number is."""

from __future__ import annotations

import re

import numpy as np
import pytest

from homologue.report.plots import Axis, axis_svg, interval_axis, interval_strip

AXIS = Axis(-0.25, 1.0, (0.0, 0.5, 1.0))


def strip(effect, low, high, *, null=None, sesoi=0.1, state="present", axis=AXIS) -> str:
    return str(interval_strip(effect, low, high, null=null, axis=axis, sesoi=sesoi, state=state))


def test_dot_interval_and_lines_stand_where_the_numbers_are() -> None:
    svg = strip(0.5, 0.375, 0.625)
    assert '<circle class="dot present" cx="60%"' in svg
    assert '<line class="interval" x1="50%" x2="70%"' in svg
    assert '<line class="zero" x1="20%"' in svg
    assert '<line class="sesoi" x1="28%"' in svg


@pytest.mark.parametrize(
    ("state", "dot"),
    [("present", "present"), ("absent", "absent"), ("open", "open"), ("x", "open")],
)
def test_the_dot_shows_the_state_without_colour(state: str, dot: str) -> None:
    assert f'class="dot {dot}"' in strip(0.2, 0.1, 0.3, state=state)


def test_the_null_shape_covers_the_draws_and_its_tick_their_95th_percentile() -> None:
    null = np.random.default_rng(0).normal(0.0, 0.05, 4000)
    svg = strip(0.5, 0.4, 0.6, null=null)
    left, width = map(
        float, re.search(r'<svg x="([\d.]+)%" y="50%" width="([\d.]+)%', svg).groups()
    )
    assert left < AXIS.percent(float(np.quantile(null, 0.01)))
    assert left + width > AXIS.percent(float(np.quantile(null, 0.99)))
    tick = float(re.findall(r'<svg x="([\d.]+)%" y="50%" width="2"', svg)[0])
    assert tick == pytest.approx(AXIS.percent(float(np.quantile(null, 0.95))), abs=0.01)
    path = re.search(r'class="null" d="M([^"]+)Z"', svg).group(1)
    points = np.array(path.split(), dtype=int).reshape(-1, 2)
    upper = points[: len(points) // 2]
    assert upper[:, 1].min() == 0
    assert abs(upper[upper[:, 1].argmin(), 0] - 500) < 120
    assert np.array_equal(points[::-1, 1] - 100, 100 - points[:, 1])


def test_a_null_that_leaves_the_axis_or_has_no_spread_is_still_drawn_within_it() -> None:
    wide = strip(0.5, 0.4, 0.6, null=np.linspace(-3, 3, 500))
    left, width = map(float, re.search(r'x="([\d.]+)%" y="50%" width="([\d.]+)%', wide).groups())
    assert left >= 0
    assert left + width <= 100
    constant = strip(0.5, 0.4, 0.6, null=np.zeros(99))
    assert 'class="null"' not in constant
    assert 'class="null-tick"' in constant


def test_an_end_outside_the_axis_is_marked() -> None:
    assert strip(0.0, -0.6, 0.4).count('class="beyond"') == 1
    assert strip(0.0, -0.6, 1.4).count('class="beyond"') == 2
    assert strip(0.0, -0.1, 0.4).count('class="beyond"') == 0


def test_without_numbers_only_the_lines_are_drawn() -> None:
    svg = strip(None, None, None, sesoi=None)
    assert "circle" not in svg
    assert "sesoi" not in svg


@pytest.mark.parametrize("values", [[], [0.3], [-0.55, 0.9], [-7.0, 1.0], [1.3], [float("nan")]])
def test_the_axis_holds_zero_and_one_and_never_runs_below_minus_one(values: list[float]) -> None:
    axis = interval_axis(values)
    assert -1 <= axis.low <= -0.2
    assert axis.high >= 1
    assert {0.0, 1.0} <= set(axis.ticks)
    assert all(axis.low - 1e-9 <= tick <= axis.high for tick in axis.ticks)
    assert axis_svg(axis).count("<text") == len(axis.ticks)
