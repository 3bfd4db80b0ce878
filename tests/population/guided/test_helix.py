"""Number helix: a fit by loop as oracle, planted helices, lines that are none, shuffled numbers."""

import numpy as np
import pytest

import homologue as hm
from homologue._errors import HomologueError, InvalidDesign
from homologue.population import number_helix
from homologue.population.guided._helix import helix_basis, residual_maker
from homologue.recording import make


def helix(count=60, periods=(10,), *, noise=0.2, line=1.0, seed=0, units=12, **options):
    rng = np.random.default_rng(seed)
    number = np.arange(count)
    waves = [line * (number - count / 2) / count * 3]
    for period in periods:
        waves += [np.cos(2 * np.pi * number / period), np.sin(2 * np.pi * number / period)]
    signal = np.stack(waves, axis=1) @ rng.standard_normal((len(waves), units))
    return make(
        signal + noise * rng.standard_normal(signal.shape), variables={"a": number}, **options
    )


def test_residuals_are_those_of_a_loop():
    rng = np.random.default_rng(0)
    basis, fold = helix_basis(np.arange(30.0), [5.0, 10.0]), np.arange(30) % 5
    activity = rng.standard_normal((30, 4))
    expected = np.empty_like(activity)
    for k in range(5):
        weights = np.linalg.lstsq(basis[fold != k], activity[fold != k], rcond=None)[0]
        expected[fold == k] = activity[fold == k] - basis[fold == k] @ weights
    np.testing.assert_allclose(residual_maker(basis, fold) @ activity, expected, atol=1e-9)


def test_the_basis_leaves_out_what_is_zero():
    assert helix_basis(np.arange(20.0), [2.0, 5.0]).shape == (20, 5)  # sin πa is 0


def test_planted_helix():
    found = number_helix(helix(noise=0.1), "a", rng=0, periods=(5, 10))
    assert found.effect[0] > 0.9
    assert found.low[0] < found.effect[0] < found.high[0]
    assert float(found.p[0]) == 0.001
    assert found.effect[0] > found.null_largest[0]
    assert found.effect[0] > found.polynomial[0] + 0.3
    assert found.effect[0] > found.circles[0] > found.line[0]
    assert found.gain.sel(period=10)[0] > 0.3
    assert float(found.p_gain.sel(period=10)[0]) == 0.001
    assert float(found.p_gain.sel(period=5)[0]) > 0.05


def test_a_line_is_no_helix():
    found = number_helix(helix(periods=(), line=2.0), "a", rng=0, periods=(5, 10))
    assert float(found.p[0]) == 0.001  # number is represented
    assert found.line[0] > found.effect[0]
    assert (found.p_gain > 0.01).all()


def test_false_positives():
    p, gains = [], []
    for seed in range(60):
        found = number_helix(
            helix(40, (), line=0.0, seed=seed, units=4), "a", rng=1, periods=(4, 10),
            permutations=99,
        )  # fmt: skip
        p.append(float(found.p[0]))
        gains.append(found.p_gain.values[0])
    assert np.mean(np.array(p) <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 60)
    assert np.mean(np.array(gains) <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 120)


def test_within_blocks_what_they_hold_explains_nothing():
    number, p = np.arange(60), []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        token = rng.standard_normal((10, 8))[number % 10] + 0.1 * rng.standard_normal((60, 8))
        rec = make(token, variables={"a": number})
        options = {"rng": 0, "periods": (2, 5, 10), "permutations": 99}
        free = number_helix(rec, "a", **options)
        held = number_helix(make(token, variables={"a": number}, block=number % 10), "a", **options)
        assert float(free.p[0]) == 0.01
        assert float(held.effect[0]) == pytest.approx(float(free.effect[0]))
        p.append(float(held.p[0]))
    assert np.mean(np.array(p) <= 0.05) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 20)


def test_units_in_any_order():
    rec = helix()
    moved = rec.isel(unit=np.random.default_rng(1).permutation(12))
    one, other = (number_helix(r, "a", rng=0, permutations=99) for r in (rec, moved))
    np.testing.assert_allclose(one.effect, other.effect, rtol=1e-9)
    np.testing.assert_allclose(one.p, other.p)


def test_bad_input():
    with pytest.raises(InvalidDesign, match="19 numbers"):
        number_helix(helix(19), "a", rng=0, periods=(5,))
    with pytest.raises(InvalidDesign, match="columns"):
        number_helix(helix(20), "a", rng=0, periods=(3, 4, 5, 6, 7))
    with pytest.raises(HomologueError, match="distinct numbers above 1"):
        number_helix(helix(), "a", rng=0, periods=(1, 5))
    with pytest.raises(HomologueError, match="folds are 2"):
        number_helix(helix(), "a", rng=0, periods=(5,), folds=1000)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"folds": 0}, "folds are 2"),
        ({"folds": 1}, "folds are 2"),
        ({"components": 0}, "components are 1 or more"),
        ({"periods": (np.nan,)}, "distinct numbers above 1"),
        ({"variable": "word"}, "its classes are names"),
    ],
)
def test_options_that_mean_nothing(options, said):
    words = [f"w{i:02d}" for i in range(40)]
    variables = {"number": np.arange(40), "word": words}
    rec = make(np.random.default_rng(0).standard_normal((40, 3)), variables=variables)
    given = {"variable": "number", "periods": (10,)} | options
    with pytest.raises(HomologueError, match=said):
        number_helix(rec, rng=0, permutations=19, **given)


def test_language_model_digits():
    """SmolLM2 cuts numbers into digits: the last token carries their periods."""
    model = hm.language("smollm2-135m", device="cpu")
    shown = hm.stimuli.numbers(n_templates=1)
    rec = model.record(shown, sites="resid_post.4", positions="last")
    found = number_helix(rec, "number", rng=0)
    assert float(found.p[0]) <= 0.01
    assert found.effect[0] > found.null_largest[0]
    held = rec.drop_vars("group").assign_coords(
        group=("sample", rec["number"].values), block=("sample", rec["digit"].values)
    )
    left = number_helix(held, "number", rng=0)
    assert float(left.p_gain.sel(period=100)[0]) <= 0.01  # tens are there beyond the last digit
