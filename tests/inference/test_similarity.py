"""Null calibration of similarities: definition, closed forms, layers, measured type I."""

import numpy as np
import pytest

from homologue._errors import HomologueError
from homologue.inference import calibrate_similarity, exchangeability, row_permutations


def cka(x, y):
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    norm = np.linalg.norm
    return float(norm(x.T @ y) ** 2 / (norm(x.T @ x) * norm(y.T @ y)))


def test_score_and_threshold_are_the_definition():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((40, 6))
    y = x[:, :3] + 2 * rng.standard_normal((40, 3))
    index = row_permutations(40, 200, rng=1)
    found = calibrate_similarity(cka, x, y, index)
    null = np.array([cka(x, y[i]) for i in index])
    merged = np.sort(np.append(null, cka(x, y)))
    threshold = merged[191 - 1]  # ⌈.95 · 201⌉ = 191
    assert found.threshold == threshold
    assert found.observed == cka(x, y)
    assert found.score == max((found.observed - threshold) / (1 - threshold), 0.0)
    assert found.p == (1 + (null >= found.observed).sum()) / 201
    np.testing.assert_array_equal(found.null, null)


@pytest.mark.parametrize(("draws", "rank"), [(199, 190), (99, 95), (19, 19), (200, 191)])
def test_the_rank_of_the_threshold_has_no_rounding_error(draws, rank):
    values = iter(np.r_[0.0, np.arange(1, draws + 1) / (2 * draws)])
    found = calibrate_similarity(
        lambda x, y: next(values), np.ones((3, 1)), np.ones((3, 1)), np.zeros((draws, 3), int)
    )
    assert found.threshold == (rank - 1) / (2 * draws)


def test_identical_representations_score_1_and_unrelated_ones_0():
    rng = np.random.default_rng(2)
    x = rng.standard_normal((40, 100))
    index = row_permutations(40, 100, rng=3)
    assert calibrate_similarity(cka, x, x, index).score == pytest.approx(1.0)
    other = rng.standard_normal((40, 100))
    assert cka(x, other) > 0.6
    assert calibrate_similarity(cka, x, other, index).score < 0.05


def test_layers_share_permutations_and_the_maximum_is_calibrated():
    rng = np.random.default_rng(4)
    first = [rng.standard_normal((30, d)) for d in (4, 8)]
    second = [rng.standard_normal((30, d)) for d in (3, 5, 7)]
    second[2] = first[1][:, :7] + 0.3 * rng.standard_normal((30, 7))
    index = row_permutations(30, 60, rng=5)
    found = calibrate_similarity(cka, first, second, index)
    null = [max(cka(x, y[i]) for x in first for y in second) for i in index]
    np.testing.assert_array_equal(found.null, null)
    assert found.pair == (1, 2)
    assert found.observed == found.pairs.max() == cka(first[1], second[2])
    assert found.p == 1 / 61


@pytest.mark.parametrize(("n", "d", "raw"), [(128, 64, 0.33), (128, 512, 0.80)])
def test_type_one_error_where_raw_cka_is_far_from_zero(n, d, raw):
    """Gaussians without relation; Gram matrices, so that a permutation costs n² only."""
    rng = np.random.default_rng(6)
    positive, p, observed = [], [], []
    index = row_permutations(n, 200, rng=7)
    for _ in range(40):
        grams = []
        for _ in range(2):
            x = rng.standard_normal((n, d))
            x -= x.mean(axis=0)
            gram = x @ x.T
            grams.append(gram / np.linalg.norm(gram))
        left, right = grams

        def similarity(rows_x, rows_y, left=left, right=right):
            order = rows_y[:, 0]
            return float((left * right[np.ix_(order, order)]).sum())

        rows = np.arange(n)[:, None]
        found = calibrate_similarity(similarity, rows, rows, index)
        positive.append(found.score > 0)
        p.append(found.p)
        observed.append(found.observed)
    assert np.mean(observed) == pytest.approx(raw, abs=0.02)
    error = np.sqrt(0.05 * 0.95 / 40)
    assert np.mean(positive) <= 0.05 + 3 * error
    assert np.mean(np.array(p) <= 0.05) <= 0.05 + 3 * error


def test_permutations_of_a_design_keep_documents_together():
    """Tokens of one document resemble each other: free row permutations find a relation."""
    rng = np.random.default_rng(8)
    group = np.repeat(np.arange(24), 5)
    label = np.arange(24)[group]  # each document its own
    free, honest = [], []
    for seed in range(20):
        x, y = (
            rng.standard_normal((24, 3))[group] + 0.2 * rng.standard_normal((120, 3))
            for _ in range(2)
        )
        free.append(calibrate_similarity(cka, x, y, row_permutations(120, 99, rng=seed)).p)
        design = exchangeability(label, group)
        groups = design.draw_groups(99, seed)
        whole = (groups[:, :, None] * 5 + np.arange(5)).reshape(99, 120)
        honest.append(calibrate_similarity(cka, x, y, whole).p)
    assert np.mean(np.array(free) <= 0.05) > 0.5
    assert np.mean(np.array(honest) <= 0.05) <= 0.2


def test_bad_input_is_refused():
    x, index = np.ones((6, 2)), row_permutations(6, 20, rng=0)
    with pytest.raises(HomologueError, match="same rows"):
        calibrate_similarity(cka, x, np.ones((5, 2)), index)
    with pytest.raises(HomologueError, match=r"expected \(draws, 6\)"):
        calibrate_similarity(cka, x, x, index[:, :4])
    with pytest.raises(HomologueError, match="NaN"):
        calibrate_similarity(lambda a, b: np.nan, x, x, index)
    with pytest.raises(HomologueError, match="give largest="):
        calibrate_similarity(lambda a, b: 3.0, x, x, index)
    with pytest.raises(HomologueError, match="level"):
        calibrate_similarity(cka, x, x, index, level=1.5)
    with pytest.raises(HomologueError, match="sequence of such"):
        calibrate_similarity(cka, [], x, index)
    assert calibrate_similarity(lambda a, b: 3.0, x, x, index, largest=9.0).score == 0.0
