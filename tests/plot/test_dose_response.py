"""The picture of a dose–response: what it shows, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from homologue import perturb, plot
from homologue._errors import HomologueError


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_curves_are_named_and_the_ed50_is_marked(theme, tmp_path):
    strength = np.array([0.1, 0.2, 0.4, 0.8])
    base = np.random.default_rng(0).normal(1, 0.05, (2, 20))
    lost = np.stack([strength / (0.2 + strength), 0 * strength], axis=1)[:, :, None]
    found = perturb.graded(
        base,
        base - lost,
        strength=strength,
        is_control=np.array([False, True]),
        names=["capitals", "verbs"],
        permutations=99,
        draws=100,
        rng=0,
    )
    figure = plot.dose_response(found, theme=theme)
    shown = [text.get_text() for text in figure.axes[0].texts]
    assert shown == ["ED50 0.2", "verbs", "capitals"]
    heights = [text.xy[1] for text in figure.axes[0].texts[1:]]
    assert heights[0] < heights[1]
    figure.savefig(tmp_path / "picture.png")


def test_other_results_are_refused():
    with pytest.raises(HomologueError, match=r"perturb\.dose_response"):
        plot.dose_response(xr.Dataset({"effect": 1.0}))
