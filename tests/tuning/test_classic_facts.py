"""What the recordings are known for, seen again through the public functions."""

from __future__ import annotations

import numpy as np
import pytest

from homologue import systems
from homologue.tuning import (
    place_fields,
    selectivity,
    sparseness,
    spatial_information,
    tuning_curve,
    vector_length,
    vinje_gallant,
)


@pytest.mark.needs_mirror
def test_nineteen_of_nineteen_head_direction_cells():
    rec = systems.get("head-direction").record()
    found = vector_length(rec, "angle", rng=0)
    assert (found.q.values <= 0.01).sum() == 19
    assert found.effect.min() == pytest.approx(0.57, abs=0.01)
    assert found.effect.max() == pytest.approx(0.92, abs=0.01)
    curve = tuning_curve(rec, "angle", bins=60, smoothing=1.5, rng=0, permutations=199)
    assert (curve.unit_p.values <= 0.01).sum() == 19
    assert curve.reliability.min() > 0.9
    apart = np.angle(np.exp(1j * (curve.preferred.values - found.preferred.values)))
    assert np.abs(apart).max() < np.radians(3)


@pytest.mark.needs_mirror
def test_fourteen_of_nineteen_place_cells():
    """Of 19 cells with 50 spikes while running, 14 ± 2 carry .4 bits/spike and pass the shift.

    The published count takes .01 and leaves out shifts nearer than a lag, which finds 13 here
    from a lag of 5 s on. Leaving them out is not exact; with every shift counted, those within
    the passage of a field included, the same 13 pass at .05 and 9 of them at .01.
    """
    rec = systems.get("hippocampus").record()
    active = rec.values.sum(axis=0) * rec.attrs["sampling_interval"] >= 50
    assert active.sum() == 19
    found = spatial_information(rec, "track", rng=0)
    place = active & (found.effect.values > 0.4) & (found.p.values <= 0.05)
    assert 12 <= place.sum() <= 16
    fields = place_fields(rec, "track", rng=0)
    assert 12 <= (fields.place_cell.values & active).sum() <= 16
    assert np.median(fields.stability.values[place]) > 0.8


@pytest.mark.needs_mirror
def test_a_quarter_of_human_temporal_cells_tell_categories():
    """Over all picture sets, ≈ 23 % of units at .05 and ≈ 7.5 % at .001."""
    weak, strong, tested = 0, 0, 0
    for pictures in ("houses", "cars", "fruit"):
        rec = systems.get(f"human-mtl/{pictures}").record()
        p = selectivity(rec, "category", rng=0, permutations=1999).share_p.values
        p = p[np.isfinite(p)]
        weak, strong = weak + (p <= 0.05).sum(), strong + (p <= 0.001).sum()
        tested += p.size
    assert tested >= 1340
    assert weak / tested == pytest.approx(0.23, abs=0.02)
    assert strong / tested == pytest.approx(0.075, abs=0.015)


def test_fly_receptors_range_from_narrow_to_broad():
    """Each odour was given once, so the figures describe: no relabelling changes them."""
    rec = systems.get("fly").record()
    found = sparseness(rec, rng=0, rectify=True, permutations=19)
    assert found.effect.values == pytest.approx(vinje_gallant(np.maximum(rec.values, 0)))
    assert found.effect.mean() == pytest.approx(0.685, abs=0.005)
    assert found.effect.min() == pytest.approx(0.46, abs=0.005)
    assert found.effect.max() == pytest.approx(0.96, abs=0.005)
    assert str(found.unit.values[found.effect.values.argmax()]) == "Or47b"
    assert (found.p.values == 1).all()
    # As many receptors answer an odour as odours a receptor: dispersed, not dense.
    assert found.population.mean() == pytest.approx(0.69, abs=0.005)
