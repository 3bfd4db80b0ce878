"""The classifier: scikit-learn's estimates as oracles, and two routes to the same scores."""

import numpy as np
import pytest
from sklearn.covariance import ledoit_wolf_shrinkage
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from homologue.representation import balanced_decoding
from homologue.representation._balanced import credit
from homologue.representation._classifier import (
    nearest_mean_scores,
    scores_once,
    shrinkage,
    standardise,
    whiten,
)


def mixed(rng, n, units):
    return rng.standard_normal((n, units)) @ rng.standard_normal((units, units))


def class_weights(label, classes):
    one_hot = (label[:, None] == np.arange(classes)).astype(float)
    return one_hot / np.maximum(one_hot.sum(axis=0), 1)


@pytest.mark.parametrize(("n", "units"), [(30, 5), (30, 12), (20, 60)])
def test_shrinkage_is_ledoit_and_wolfs(n, units):
    activity = mixed(np.random.default_rng(n + units), n, units)
    train, _ = standardise(activity, activity)
    amount = shrinkage(train, train.T @ train / n, units)
    assert amount == pytest.approx(ledoit_wolf_shrinkage(train, assume_centered=True), rel=1e-9)


@pytest.mark.parametrize(("n", "units"), [(40, 6), (40, 39), (25, 80)])
@pytest.mark.parametrize("classes", [2, 4])
def test_whitening_then_nearest_mean_equals_solving_once(n, units, classes):
    rng = np.random.default_rng(n * units)
    activity, test = mixed(rng, n, units), rng.standard_normal((9, units))
    weight = class_weights(np.arange(n) % classes, classes)
    slow = nearest_mean_scores(*whiten(activity, test), weight)
    fast = scores_once(activity, test, weight)
    differences = [scores - scores[:, :1] for scores in (slow, fast)]
    np.testing.assert_allclose(*differences, rtol=1e-6, atol=1e-8)


def test_two_classes_are_told_apart_as_by_linear_discriminant_analysis():
    """Without shrinkage the total and the within-class metric give the same direction."""
    rng = np.random.default_rng(0)
    label = np.arange(4000) % 2
    activity = mixed(rng, 4000, 6) + 1.5 * label[:, None]
    test = mixed(rng, 500, 6) + 1.5 * (np.arange(500) % 2)[:, None]
    ours = scores_once(activity, test, class_weights(label, 2)).argmax(axis=1)
    peer = LinearDiscriminantAnalysis(priors=[0.5, 0.5]).fit(activity, label).predict(test)
    assert (ours == peer).mean() > 0.98


def test_few_samples_decode_about_as_well_as_shrinkage_discriminant_analysis():
    rng = np.random.default_rng(1)
    mixing = rng.standard_normal((40, 40))
    shift = rng.standard_normal(40)
    right = {"ours": 0.0, "peer": 0.0}
    for _ in range(40):
        label = np.arange(60) % 2
        train = rng.standard_normal((60, 40)) @ mixing + 2 * shift * label[:, None]
        test = rng.standard_normal((60, 40)) @ mixing + 2 * shift * label[:, None]
        ours = scores_once(train, test, class_weights(label, 2)).argmax(axis=1)
        peer = LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto").fit(train, label)
        right["ours"] += (ours == label).mean() / 40
        right["peer"] += (peer.predict(test) == label).mean() / 40
    assert right["peer"] > 0.6
    assert right["ours"] > right["peer"] - 0.03


def test_units_silent_in_training_and_classes_absent_from_it():
    rng = np.random.default_rng(2)
    activity, test = rng.standard_normal((20, 4)), rng.standard_normal((5, 4))
    activity[:, 2] = 3.0
    weight = class_weights(np.arange(20) % 2, 3)
    for scores in (
        nearest_mean_scores(*whiten(activity, test), weight),
        scores_once(activity, test, weight),
    ):
        assert np.isfinite(scores[:, :2]).all()
        assert (scores[:, 2] == -np.inf).all()
    without = nearest_mean_scores(*whiten(activity[:, [0, 1, 3]], test[:, [0, 1, 3]]), weight)
    with_silent = nearest_mean_scores(*whiten(activity, test), weight)
    # The metric's shrinkage counts the silent unit; the decisions barely do.
    agree = without[:, :2].argmax(axis=1) == with_silent[:, :2].argmax(axis=1)
    assert agree.mean() >= 0.8


def test_ties_share_their_credit():
    scores = np.array([[1.0, 1.0, 0.0], [2.0, 1.0, 0.0], [1.0, 1.0, 1.0], [-np.inf, 0.0, -1.0]])
    np.testing.assert_allclose(credit(scores, np.array([0, 1, 2, 1])), [0.5, 0, 1 / 3, 1])


class TestBalancedDecoding:
    def test_separable_classes_reach_the_maximum(self):
        activity = np.random.default_rng(0).standard_normal((3, 6, 5)) * 0.01
        activity += np.eye(3, 5)[:, None]
        assert balanced_decoding(activity, folds=3) == pytest.approx(1.0)

    def test_equals_a_plain_loop_over_folds(self):
        rng = np.random.default_rng(1)
        activity = rng.standard_normal((3, 6, 4)) + 0.8 * np.eye(3, 4)[:, None]
        right = 0.0
        for fold in range(3):
            inside = np.arange(6) % 3 != fold
            train = activity[:, inside].reshape(-1, 4)
            label = np.repeat(np.arange(3), inside.sum())
            test = activity[:, ~inside].reshape(-1, 4)
            truth = np.repeat(np.arange(3), (~inside).sum())
            mean, spread = train.mean(axis=0), train.std(axis=0)
            train, test = (train - mean) / spread, (test - mean) / spread
            covariance = train.T @ train / len(train)
            amount = ledoit_wolf_shrinkage(train, assume_centered=True)
            metric = np.linalg.inv(
                (1 - amount) * covariance + amount * np.trace(covariance) / 4 * np.eye(4)
            )
            means = np.array([train[label == c].mean(axis=0) for c in range(3)])
            away = test[:, None] - means
            distance = np.einsum("tcu,uv,tcv->tc", away, metric, away)
            right += (distance.argmin(axis=1) == truth).sum()
        expected = (right / 18 - 1 / 3) / (2 / 3)
        assert balanced_decoding(activity, folds=3) == pytest.approx(expected, abs=1e-9)

    def test_chance_is_zero_and_order_and_scale_of_units_do_not_matter(self):
        rng = np.random.default_rng(2)
        activity = rng.standard_normal((1500, 2, 6, 5))
        value = balanced_decoding(activity, folds=3)
        # Held-out means repel: a little below 0, never above.
        assert -0.08 < value.mean() < 3 * value.std() / np.sqrt(1500)
        scaled = activity[..., ::-1] * np.array([1.0, 10.0, 0.1, 3.0, 7.0]) + 5.0
        assert np.isclose(balanced_decoding(scaled, folds=3), value, atol=1e-9).mean() > 0.999

    def test_constant_units_leave_it_at_chance(self):
        assert balanced_decoding(np.ones((3, 6, 4)), folds=3) == pytest.approx(0.0)
