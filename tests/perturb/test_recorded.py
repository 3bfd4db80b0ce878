"""Recorded perturbations: planted effects, measured false positives, the worm's atlas."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import xarray as xr

from homologue import perturb, recording, systems
from homologue._errors import HomologueError, InvalidDesign, UnknownName
from homologue.perturb import _recorded
from homologue.perturb._recorded import recorded_effects, symmetry


def matrix(
    units: int = 12, repeats: int = 8, missing: float = 0.3, seed: int = 0, tails: float = 3.0
) -> xr.DataArray:
    """Responses without any effect: heavy tails, some not recorded."""
    rng = np.random.default_rng(seed)
    names = [f"n{i}" for i in range(units)]
    values = rng.standard_t(tails, size=(units * repeats, units))
    values[rng.random(values.shape) < missing] = np.nan
    who = np.repeat(np.arange(units), repeats)
    return recording.make(
        values, unit=names, variables={"stimulated": recording.variable(who, categories=names)}
    )


def planted() -> xr.DataArray:
    rec = matrix(missing=0.0, tails=30.0).copy()
    who = rec["stimulated"].values
    rec.values[who == 0, 1] += 4
    rec.values[who == 1, 0] += 4
    rec.values[who == 2, 3] -= 4
    rec.values[who == 4, 4] += 4
    return rec


def test_planted_effects_are_found_and_their_symmetry_told():
    found = recorded_effects(planted(), permutations=499, rng=0)
    pairs = {
        (str(found["stimulated"].values[i]), str(found["unit"].values[j]))
        for i, j in np.argwhere(found["significant"].values)
    }
    assert {("n0", "n1"), ("n1", "n0"), ("n2", "n3"), ("n4", "n4")} <= pairs
    assert len(pairs) <= 5
    assert found["effect"].sel(stimulated="n2", unit="n3") < -1
    assert int(found["symmetric"]) == 1
    assert int(found["itself"]) == 1
    total = found["itself"] + 2 * found["symmetric"] + found["asymmetric"] + found["one_way_known"]
    assert int(total) == int(found["significant_pairs"]) == len(pairs)


def test_effect_and_null_are_the_closed_form():
    rec = matrix(units=5, repeats=4)
    found = recorded_effects(rec, permutations=19, rng=0)
    who = rec["stimulated"].values
    for j, i in itertools.product(range(5), range(5)):
        here = np.isfinite(rec.values[:, i])
        response, own = rec.values[here, i], who[here] == j
        n, total = own.sum(), here.sum()
        assert int(found["n"][j, i]) == n
        if 0 < n < total:
            scaled = response / response.std()
            expected = scaled[own].mean() - scaled[~own].mean()
            assert float(found["effect"][j, i]) == pytest.approx(expected)
            spread = scaled.std() * np.sqrt(1 / n + 1 / (total - n)) * np.sqrt(total / (total - 1))
            assert float(found["null_std"][j, i]) == pytest.approx(spread)


def test_p_is_that_of_every_relabelling():
    rec = matrix(units=3, repeats=2, missing=0.0, seed=4)
    found = recorded_effects(rec, permutations=4_000, rng=0)
    who = rec["stimulated"].values
    for i in range(3):
        z = rec.values[:, i] - rec.values[:, i].mean()
        sums = [abs(z[list(pair)].sum()) for pair in itertools.combinations(range(6), 2)]
        for j in range(3):
            exact = np.mean(np.array(sums) >= abs(z[who == j].sum()) - 1e-9)
            assert float(found["p"][j, i]) == pytest.approx(exact, abs=0.03)


@pytest.mark.parametrize("tails", [2.5, 30.0])
def test_false_positives_are_at_their_level(tails):
    p = np.concatenate(
        [
            recorded_effects(matrix(seed=seed, tails=tails), permutations=199, rng=seed)[
                "p"
            ].values.ravel()
            for seed in range(20)
        ]
    )
    p = p[np.isfinite(p)]
    for level in (0.05, 0.01, 0.002):
        noise = 4 * np.sqrt(level * (1 - level) / p.size)  # pairs of a unit are nearly independent
        assert (p <= level).mean() <= level + noise
    assert (p <= 0.05).mean() > 0.03


def test_blocks_that_differ_are_no_effect_and_labels_stay_in_theirs():
    """Three animals with offsets, in which units were stimulated unequally often."""
    p, q = [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        block = np.repeat(np.arange(3), 30)
        who = np.concatenate([rng.permutation(np.resize([b, b, b, 0, 1, 2], 30)) for b in range(3)])
        response = 3 * rng.normal(size=(3, 8))[block] + rng.normal(size=(90, 8))
        variables = {"stimulated": recording.variable(who, categories=["a", "b", "c"])}
        blind = recording.make(response, variables=variables)
        declared = recording.make(response, variables=variables, block=block)
        p.append(recorded_effects(declared, permutations=199, rng=seed))
        q.append(recorded_effects(blind, permutations=199, rng=seed)["p"].values.ravel())
    share = np.mean(np.concatenate([one["p"].values.ravel() for one in p]) <= 0.05)
    assert share <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / 480)
    assert np.mean(np.concatenate(q) <= 0.05) > 0.2
    assert "within blocks" in p[0].attrs["method"]
    # What blocks alone would give is in the null, not in p.
    away = [((one["effect"] - one["null_mean"]) / one["null_std"]).values.ravel() for one in p]
    assert abs(np.concatenate(away).std() - 1) < 0.1


def test_no_discoveries_without_an_effect():
    counts = [
        int(recorded_effects(matrix(seed=seed), permutations=199, rng=0)["significant_pairs"])
        for seed in range(20)
    ]
    assert np.mean(np.array(counts) > 0) <= 0.2  # 5 % expected


def test_order_of_units_does_not_matter():
    rec = planted()
    found = recorded_effects(rec, permutations=199, rng=0)
    turned = recorded_effects(rec.isel(unit=slice(None, None, -1)), permutations=199, rng=0)
    back = turned.sel(unit=found["unit"])
    np.testing.assert_allclose(back["effect"], found["effect"])
    np.testing.assert_allclose(back["low"], found["low"])
    np.testing.assert_array_equal(back["p"], found["p"])


def test_subsets_are_uniform_and_without_repeats():
    drawn = _recorded._without_replacement(5, 3, 20_000, np.random.default_rng(0))
    subsets, count = np.unique(drawn, axis=0, return_counts=True)
    assert len(subsets) == 10
    assert all(len(set(row)) == 3 for row in subsets.tolist())
    assert np.abs(count / 2_000 - 1).max() < 0.1


def test_symmetry_adds_up():
    rng = np.random.default_rng(0)
    known = rng.random((30, 30)) < 0.6
    yes = (rng.random((30, 30)) < 0.3) & known
    split = symmetry(yes, known)
    effects = split["itself"] + 2 * split["symmetric"] + split["asymmetric"]
    assert effects + split["one_way_known"] == yes.sum()
    both = np.triu(known & known.T, 1).sum()
    assert split["symmetric"] + split["asymmetric"] + split["silent"] == both


def test_what_cannot_be_tested_is_refused():
    rec = matrix(units=4)
    with pytest.raises(UnknownName, match="no variable 'stimulus'"):
        recorded_effects(rec, "stimulus", rng=0)
    with pytest.raises(InvalidDesign, match="at least 2 are needed"):
        recorded_effects(rec.isel(sample=rec["stimulated"].values == 0), rng=0)
    grouped = rec.assign_coords(group=("sample", np.arange(rec.sizes["sample"]) // 2))
    with pytest.raises(InvalidDesign, match="average over each group first"):
        recorded_effects(grouped, rng=0)
    with pytest.raises(HomologueError, match="dims \\('responding', 'stimulated'\\)"):
        recorded_effects(rec, published=xr.DataArray(np.ones(3)), rng=0)
    names = ["n0", "n1", "n2"]
    short = xr.DataArray(
        np.ones((3, 3)),
        coords={"responding": names, "stimulated": names},
        dims=("responding", "stimulated"),
    )
    with pytest.raises(UnknownName, match="no responding unit 'n3'"):
        recorded_effects(rec, published=short, rng=0)


# The worm


@pytest.mark.parametrize(
    ("name", "pairs", "split"),
    [
        ("worm-atlas", 1_310, (159, 132, 763, 8_835, 124)),
        ("worm-atlas/unc-31", 430, (73, 11, 174, 2_388, 161)),
    ],
)
def test_the_worms_significant_pairs_are_the_atlas_own(name, pairs, split):
    system = systems.get(name)
    rec, atlas = system.record(), system.effects()
    assert (atlas["q"] < 0.05).sum() == pairs
    found = recorded_effects(rec, published=atlas["q"], permutations=19, rng=0)
    assert int(found["significant_pairs"]) == pairs
    names = ("itself", "symmetric", "asymmetric", "silent", "one_way_known")
    assert tuple(int(found[name]) for name in names) == split
    assert np.isfinite(found["effect"].values[found["significant"].values]).mean() > 0.99


def test_the_worms_responses_are_the_recorded_ones():
    system = systems.get("worm-atlas")
    rec, atlas = system.record(), system.effects()
    recording.validate(rec, allow_missing=True)
    assert rec.attrs["simultaneous"] == 0
    assert np.isfinite(rec.values).sum() == int(atlas["trials"].sum())
    for stimulated, unit in (("AVJR", "AVDR"), ("RID", "AWBR")):
        rows = np.array(recording.labels(rec, "stimulated")) == stimulated
        mean = np.nanmean(rec.sel(unit=unit).values[rows])
        published = float(atlas["dFF"].sel(responding=unit, stimulated=stimulated))
        assert mean == pytest.approx(published, rel=1e-6)


def test_what_was_not_recorded_says_why():
    system = systems.get("worm-atlas")
    with pytest.raises(HomologueError, match=r"cannot be perturbed further .*recorded_effects"):
        system.perturb(perturb.ablate("AVAL"))
    with pytest.raises(HomologueError, match="no untrained twin"):
        system.untrained(0)
    with pytest.raises(UnknownName, match="did you mean 'stimulated'"):
        system.record("stimulate")
    with pytest.raises(UnknownName, match="did you mean 'unc-31'"):
        systems.get("worm-atlas/unc31")
    assert "one strength" in system.limits["dose"]
    assert "same animal" in system.limits["groups"]
