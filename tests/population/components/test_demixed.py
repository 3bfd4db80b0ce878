"""Demixed components: closed forms, planted axes, an ANOVA oracle, labels without meaning."""

import numpy as np
import pytest

from homologue._errors import InvalidDesign, UnknownName
from homologue.population import demixed_components
from homologue.recording import make


def experiment(seed=0, *, repeats=12, times=1, noise=1.0, interaction=0.0, sizes=(1.0, 1.0)):
    """Tone (3) × choice (2), each along an axis of its own; axes of angle 60°."""
    rng = np.random.default_rng(seed)
    axes = np.linalg.qr(rng.standard_normal((10, 3)))[0].T
    axes[1] = 0.5 * axes[0] + np.sqrt(0.75) * axes[1]
    tone, choice = (part.ravel() for part in np.meshgrid([0, 1, 2], [0, 1]))
    tone, choice = np.tile(tone, repeats), np.tile(choice, repeats)
    shape = np.linspace(0.5, 1.5, times)[:, None]
    signal = (
        sizes[0] * (tone - 1)[:, None, None] * shape * axes[0]
        + sizes[1] * (2 * choice - 1)[:, None, None] * shape * axes[1]
        + interaction * ((tone - 1) * (2 * choice - 1))[:, None, None] * axes[2]
    )
    activity = 3 * signal + noise * rng.standard_normal(signal.shape)
    count = tone.size
    variables = {"tone": np.repeat(tone, times), "choice": np.repeat(choice, times)}
    if times > 1:
        variables["trial"] = np.repeat(np.arange(count), times)
        variables["lag"] = np.tile(np.arange(times) * 0.1, count)
    return make(activity.reshape(-1, 10), variables=variables), axes


@pytest.mark.parametrize("times", [1, 6])
def test_planted_axes_are_demixed(times):
    rec, axes = experiment(times=times, noise=0.5)
    found = demixed_components(rec, ["tone", "choice"], rng=0, permutations=99, components=2)
    assert found.marginalisation.values.tolist() == ["tone", "choice", "tone × choice"]
    assert (found.q.values[:2] <= 0.01).all()
    assert float(found.q[2]) > 0.05
    for k in range(2):
        encoder = found.encoder.values[k, 0]
        assert abs(encoder @ axes[k]) / np.linalg.norm(encoder) > 0.98
        decoder = found.decoder.values[k, 0]
        # The decoder of one variable is nearly blind to the other, whose axis is at 60°.
        assert abs(decoder @ axes[1 - k]) < 0.2 * abs(decoder @ axes[k])
    assert (found.explained.values[:2, 0] > 0.9).all()


def test_one_variable_may_be_given_by_its_name():
    rec, _ = experiment(noise=0.5)
    found = demixed_components(rec, "tone", rng=0, permutations=19)
    assert found.marginalisation.values.tolist() == ["tone"]
    assert found.identical(demixed_components(rec, ["tone"], rng=0, permutations=19))


def test_shares_are_those_of_an_analysis_of_variance():
    rec, _ = experiment(1, noise=2.0, interaction=0.5)
    found = demixed_components(rec, ["tone", "choice"], rng=0, permutations=9)
    x, tone, choice = rec.values, rec["tone"].values, rec["choice"].values
    total = ((x - x.mean(axis=0)) ** 2).sum()
    main = {}
    for name, code in (("tone", tone), ("choice", choice)):
        main[name] = sum(
            (code == k).sum() * ((x[code == k].mean(axis=0) - x.mean(axis=0)) ** 2).sum()
            for k in np.unique(code)
        )
    cells = sum(
        here.sum() * ((x[here].mean(axis=0) - x.mean(axis=0)) ** 2).sum()
        for here in ((tone == a) & (choice == b) for a in range(3) for b in range(2))
    )
    expected = [main["tone"], main["choice"], cells - main["tone"] - main["choice"]]
    np.testing.assert_allclose(found.effect, np.array(expected) / total, rtol=1e-9)
    assert float(found.share_of_means.sum()) == pytest.approx(1)
    assert (found.low <= found.effect).all()
    assert (found.effect <= found.high).all()


def test_an_interaction_is_found():
    rec, _ = experiment(2, interaction=1.0)
    found = demixed_components(rec, ["tone", "choice"], rng=0, permutations=99)
    assert float(found.p[2]) == 0.01


def test_what_all_cells_share_over_time_is_no_variable():
    rec, _ = experiment(3, times=6, sizes=(0.0, 0.0))
    rec = rec + xr_ramp(rec)
    found = demixed_components(rec, ["tone", "choice"], rng=0, permutations=99)
    assert float(found.time_share) > 0.9
    assert (found.q > 0.05).all()


def xr_ramp(rec):
    return 20 * rec["lag"].values[:, None]


def test_labels_without_meaning_pass_at_most_one_in_twenty():
    runs, passed = 40, 0
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        activity = rng.standard_t(3, size=(48, 6))
        rec = make(activity, variables={"a": np.arange(48) % 2, "b": np.arange(48) // 24})
        found = demixed_components(rec, ["a", "b"], rng=seed, permutations=39)
        passed += bool((found.q <= 0.05).any())
    assert passed / runs <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / runs)


def test_the_order_of_units_and_samples_does_not_matter():
    rec, _ = experiment(4)
    one = demixed_components(rec, ["tone", "choice"], rng=0, permutations=9)
    other = rec.isel(unit=slice(None, None, -1), sample=np.random.default_rng(0).permutation(72))
    found = demixed_components(other, ["tone", "choice"], rng=0, permutations=9)
    np.testing.assert_allclose(found.effect, one.effect, rtol=1e-9)


def test_refusals_teach():
    rec, _ = experiment()
    kept = np.flatnonzero((rec["tone"].values != 2) | (rec["choice"].values != 1))
    with pytest.raises(InvalidDesign, match="full table"):
        demixed_components(rec.isel(sample=kept), ["tone", "choice"], rng=0)
    with pytest.raises(InvalidDesign, match="one to three"):
        demixed_components(rec, ["tone", "tone"], rng=0)
    with pytest.raises(UnknownName, match="sound"):
        demixed_components(rec, ["sound"], rng=0)
    with pytest.raises(InvalidDesign, match="not recorded simultaneously"):
        demixed_components(rec.assign_attrs(simultaneous=0), ["tone"], rng=0)
    changing, _ = experiment(times=6)
    changing["tone"][3] = (changing["tone"][3] + 1) % 3
    with pytest.raises(InvalidDesign, match="changes within a trial"):
        demixed_components(changing, ["tone", "choice"], rng=0)
