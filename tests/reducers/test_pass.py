"""The same reducers in memory, over a store, behind a model; merged, saved, resumed."""

from __future__ import annotations

import tracemalloc
from unittest import mock

import numpy as np
import pytest
import xarray as xr

from homologue import recording
from homologue import reducers as R
from homologue._errors import HomologueError, InvalidRecording, UnknownName
from homologue.reducers import _pass, _run

RNG = 20_240_601


@pytest.fixture
def rec():
    rng = np.random.default_rng(RNG)
    return recording.make(
        (1e4 + rng.standard_normal((500, 6))).astype(np.float32),
        unit=[f"area/{i}" for i in range(6)],
        site="area",
        stimulus=rng.choice(["face", "house", "car"], 500),
        variables={"speed": rng.standard_normal(500)},
        system="toy",
        kind="brain",
    )


def several():
    return {
        "moments": R.Moments(),
        "classes": R.ClassSums("stimulus"),
        "cross": R.CrossMoments(),
        "speed": R.VariableMoments("speed"),
        "top": R.TopK(4),
        "histogram": R.Histogram(np.linspace(9_996, 10_004, 33)),
        "sample": R.Sample(5, rng=0),
        "counts": R.Counts(),
    }


def equal(first, second):
    for name in first:
        xr.testing.assert_identical(first[name], second[name])


def test_results_carry_names_and_provenance(rec):
    found = R.run(rec, several())
    assert found["moments"]["unit"].values.tolist() == rec["unit"].values.tolist()
    assert found["moments"]["site"].values.tolist() == ["area"] * 6
    assert found["cross"]["other_unit"].values.tolist() == rec["unit"].values.tolist()
    assert found["classes"]["class"].values.tolist() == rec["stimulus"].attrs["categories"]
    attrs = found["moments"].attrs
    assert (attrs["system"], attrs["reducer"], attrs["n_samples"]) == ("toy", "Moments", 500)
    assert attrs["missing"] == "refuse"


def test_results_have_the_form_of_the_reducers(rec):
    assert isinstance(R.run(rec, R.Moments()), xr.Dataset)
    assert [type(each) for each in R.run(rec, [R.Moments(), R.TopK(2)])] == [xr.Dataset] * 2


def test_store_parts_and_blocks_agree(rec, tmp_path):
    path = recording.save(rec, tmp_path / "rec.zarr")
    whole = R.run(rec, several())
    equal(R.run(path, several()), whole)
    equal(R.run(recording.open(path), several()), whole)
    equal(R.run(iter([rec]), several()), whole)
    labels = R.Block.of(rec, ("stimulus", "speed")).labels
    bare = R.run([R.Block(rec.values, labels)], several())
    np.testing.assert_array_equal(bare["classes"]["mean"], whole["classes"]["mean"])
    assert "unit" not in bare["moments"].coords


def test_from_a_model_as_it_runs():
    import torch

    from homologue.systems import TorchModel
    from homologue.systems._reading import Sizes

    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(5, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3))
    system = TorchModel(net, name="toy")
    system._sizes = lambda *given: Sizes(batch_size=8, block_bytes=4 * 19 * 20)
    stimuli = np.random.default_rng(0).standard_normal((300, 5)).astype(np.float32)
    reducers = {"moments": R.Moments(), "top": R.TopK(6), "classes": R.ClassSums("stimulus")}
    whole = R.run(system.record(stimuli, sites="*"), reducers)
    fed = system.record(stimuli, sites="*", to=R.Pass(reducers))
    assert fed.count == 300
    for found in (fed.results(), R.run(system.blocks(stimuli, sites="*"), reducers)):
        np.testing.assert_allclose(found["moments"]["mean"], whole["moments"]["mean"], atol=1e-7)
        np.testing.assert_array_equal(found["top"]["sample"], whole["top"]["sample"])
        np.testing.assert_array_equal(found["classes"]["count"], whole["classes"]["count"])
        assert found["top"]["unit"].values.tolist() == whole["top"]["unit"].values.tolist()


@pytest.mark.parametrize("stopped_after", [1, 3, 7])
def test_a_pass_over_a_running_model_goes_on_where_it_was_saved(stopped_after, tmp_path):
    import torch

    from homologue.systems import TorchModel
    from homologue.systems._reading import Sizes

    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(5, 16), torch.nn.ReLU())
    shown = []
    net[0].register_forward_hook(lambda module, args, output: shown.append(len(args[0])))
    system = TorchModel(net, name="toy")
    system._sizes = lambda *given: Sizes(batch_size=8, block_bytes=4 * 16 * 32)
    stimuli = np.random.default_rng(0).standard_normal((300, 5)).astype(np.float32)
    reducers = {"moments": R.Moments(), "top": R.TopK(6)}
    whole = R.Pass(reducers)
    for part in system.blocks(stimuli, sites="1"):
        whole.update(part)
    first = R.Pass(reducers)
    for number, part in enumerate(system.blocks(stimuli, sites="1")):
        # The last part is taken in two: a resumed pass may stand within one.
        first.update(part if number < stopped_after else part[:5])
        if number == stopped_after:
            break
    first.save(tmp_path / "half.npz")
    again = R.Pass.load(tmp_path / "half.npz", reducers)
    shown.clear()
    for part in system.blocks(stimuli, sites="1", start=again.count):
        again.update(part)
    found, wanted = again.results(), whole.results()
    for name in reducers:
        xr.testing.assert_allclose(found[name], wanted[name], rtol=1e-12)
    assert again.spans == whole.spans
    assert sum(shown) <= 300 - again_from(stopped_after) + 8  # a probe of the shapes beside it


def again_from(parts, size=32):
    """Return the first sample of the part that was not finished."""
    return parts * size


def test_pure_functions_leave_their_state(rec):
    for reducer in several().values():
        block = R.Block.of(rec, reducer.needs)
        half = R.Block.of(rec[:250], reducer.needs)
        rest = R.Block.of(rec[250:], reducer.needs, start=250)
        empty = reducer.empty(6)
        first = reducer.update(empty, half)
        second = reducer.update(empty, rest)
        before = {name: value.copy() for name, value in first.items()}
        both = reducer.result(reducer.merge(first, second))
        again = reducer.result(reducer.update(first, rest))
        for name, value in before.items():
            np.testing.assert_array_equal(first[name], value)
        one = reducer.result(reducer.update(reducer.empty(6), block))
        for found in (both, again):
            xr.testing.assert_allclose(found, one, rtol=1e-6, atol=1e-6)


def test_merge_adds_classes_by_name():
    rng = np.random.default_rng(1)
    values = rng.standard_normal((6, 2))
    names = ["cat", "dog", "cat", "saw", "dog", "saw"]
    first = recording.make(values[:3], stimulus=names[:3])
    second = recording.make(values[3:], stimulus=names[3:])  # here saw is code 0
    one, other = R.Pass(R.ClassSums("stimulus")), R.Pass(R.ClassSums("stimulus"), start=3)
    one.update(first)
    other.update(second)
    fed = R.Pass(R.ClassSums("stimulus"))
    fed.update(first)
    fed.update(second)
    for found in (one.merge(other), other.merge(one), fed):
        sums = found.results()["sum"]
        for name in ("cat", "dog", "saw"):
            expected = values[np.array(names) == name].sum(0)
            np.testing.assert_allclose(sums.sel({"class": name}), expected, rtol=1e-12)


def test_samples_are_not_counted_twice(rec):
    first, second = R.Pass(R.Moments()), R.Pass(R.Moments())
    first.update(rec[:300])
    second.update(rec[300:])
    with pytest.raises(InvalidRecording, match=r"samples 0 … 199 would be counted twice.*start="):
        first.merge(second)
    with pytest.raises(InvalidRecording, match="counted twice"):
        first.update(R.Block(rec.values[:10], start=299))
    # A refusal before anything was taken leaves the pass whole.
    first.update(rec[300:])
    assert first.spans == ((0, 500),)


def test_merging_with_nothing(rec):
    nothing, something = R.Pass(several(), start=500), R.Pass(several())
    something.update(rec)
    equal(nothing.merge(something).results(), something.results())
    equal(something.merge(nothing).results(), something.results())
    with pytest.raises(InvalidRecording, match="no sample was seen"):
        nothing.results()


def test_what_does_not_belong_together_is_refused(rec):
    taken = R.Pass(R.TopK(3))
    taken.update(rec[:10])
    with pytest.raises(HomologueError, match=r"equal parameters"):
        taken.merge(R.Pass(R.TopK(4), start=10))
    with pytest.raises(InvalidRecording, match=r"unit number 0 was 'area/0' and is 'area/5'"):
        taken.update(rec[10:, ::-1])
    with pytest.raises(InvalidRecording, match="there were 6 units and are 2"):
        taken.update(rec[10:, :2])
    other = R.Pass(R.TopK(3), start=10)
    other.update(rec[10:, ::-1])
    with pytest.raises(InvalidRecording, match="other units"):
        taken.merge(other)
    with pytest.raises(UnknownName, match="did you mean 'stimulus'"):
        R.run(rec, R.ClassSums("stimulis"))
    with pytest.raises(HomologueError, match="a reducer is expected"):
        R.Pass([R.Moments])
    with pytest.raises(HomologueError, match="no reducer"):
        R.Pass([])
    with pytest.raises(HomologueError, match="cannot hold float64"):
        R.Pass(R.Moments(), device="cuda:99")


def test_inf_and_nan_are_refused_where_they_stand(rec):
    bad = rec.copy(deep=True)
    bad[411, 2] = np.nan
    with mock.patch.object(_pass, "_BLOCK_BYTES", 24 * 100):
        with pytest.raises(InvalidRecording, match=r"NaN \(1 of 600 .*sample 411, unit number 2"):
            R.run(bad, R.Moments())
        assert int(R.run(bad, R.Moments(missing="skip"))["n"][2]) == 499
        bad[411, 2] = -np.inf
        for reducer in several().values():
            with pytest.raises(InvalidRecording, match=r"Inf \(first at sample 411, unit numb"):
                R.run(bad, reducer)


def test_a_part_refused_half_way_is_not_passed_over(rec):
    bad = rec.copy(deep=True)
    bad[3, 0] = np.nan
    taken = R.Pass([R.Counts(), R.Moments()])
    with pytest.raises(InvalidRecording, match="NaN"):
        taken.update(bad)
    for act in (taken.results, lambda: taken.update(rec), lambda: taken.save("never.npz")):
        with pytest.raises(InvalidRecording, match="refused half-way"):
            act()


def test_labels_that_are_no_classes_are_refused(rec):
    with pytest.raises(InvalidRecording, match="VariableMoments"):
        R.run(rec, R.ClassSums("speed"))
    with pytest.raises(InvalidRecording, match=r"ClassSums\('stimulus'\)"):
        R.run(rec, R.VariableMoments("stimulus"))
    signed = rec.assign_coords(choice=("sample", np.where(np.arange(500) % 2, 1, -1)))
    with pytest.raises(InvalidRecording, match="has no categories"):
        R.run(signed, R.ClassSums("choice"))
    sparse = rec.assign_coords(trial=("sample", np.arange(500) + 10**7))
    with pytest.raises(InvalidRecording, match="more than at_most"):
        R.run(sparse, R.ClassSums("trial"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: R.Moments(order=5), "order is 1, 2, 3 or 4"),
        (lambda: R.Moments(missing="drop"), "'refuse' or 'skip'"),
        (lambda: R.TopK(0), "1 or more"),
        (lambda: R.Sample(0, rng=0), "1 or more"),
        (lambda: R.Histogram([1.0]), "two or more"),
        (lambda: R.Histogram([1.0, 0.0]), "do not decrease"),
        (lambda: R.Counts(above=(np.nan,)), "finite"),
        (lambda: R.VariableMoments(()), "one or more variables"),
        (lambda: R.run([R.Block(np.zeros((2, 3)))], R.Histogram(np.zeros((2, 4)))), "4 units"),
        (lambda: R.Block(np.zeros(3)), r"\(sample, unit\)"),
        (lambda: R.Block(np.array([["a"]])), "floating point"),
        (lambda: R.Block(np.zeros((2, 1)), {"x": R.Label(np.zeros(3))}), "one value per sample"),
    ],
)
def test_bad_parameters(make, message):
    with pytest.raises(HomologueError, match=message):
        make()


def stopping(parts, after):
    """Yield so many parts, then die."""
    for number, part in enumerate(parts):
        if number == after:
            raise KeyboardInterrupt
        yield part


@pytest.mark.parametrize("after", [1, 4, 9])
def test_a_killed_pass_resumes_bit_by_bit(rec, tmp_path, after):
    parts = [rec[start : start + 50] for start in range(0, 500, 50)]
    path = tmp_path / "pass.npz"
    with mock.patch.object(_run, "_CHECKPOINT_SECONDS", 0):
        with pytest.raises(KeyboardInterrupt):
            R.run(stopping(parts, after), several(), checkpoint=path)
        assert R.Pass.load(path, several()).count == 50 * after
        resumed = R.run(parts, several(), checkpoint=path)
    equal(resumed, R.run(parts, several()))
    # The finished file holds it all: nothing is read or counted again.
    equal(R.run(stopping(parts, 10), several(), checkpoint=path), resumed)


def test_a_killed_pass_over_a_store_resumes(rec, tmp_path):
    path, held = recording.save(rec, tmp_path / "rec.zarr"), tmp_path / "pass.npz"
    begun = R.Pass(several())
    begun.update(recording.open(path)[:123])
    begun.save(held)
    found = R.run(path, several(), checkpoint=held)
    whole = R.run(rec, several())
    np.testing.assert_array_equal(found["top"]["sample"], whole["top"]["sample"])
    xr.testing.assert_identical(found["histogram"], whole["histogram"])
    np.testing.assert_allclose(
        found["cross"]["covariance"], whole["cross"]["covariance"], atol=1e-9
    )


def test_a_checkpoint_within_a_part_and_elsewhere(rec, tmp_path):
    held = tmp_path / "pass.npz"
    begun = R.Pass(R.TopK(3), start=1000)
    begun.update(rec[:70])
    begun.save(held)
    parts = [rec[:50], rec[50:100], rec[100:]]
    found = R.run(parts, R.TopK(3), start=1000, checkpoint=held)
    whole = R.run(rec, R.TopK(3), start=1000)
    np.testing.assert_array_equal(found["sample"], whole["sample"])
    with pytest.raises(InvalidRecording, match="no beginning of a pass from sample 0"):
        R.run(rec, R.TopK(3), checkpoint=held)
    begun.save(held)
    blocks = [R.Block(rec.values, start=1000)]
    with pytest.raises(InvalidRecording, match="cut the block there"):
        R.run(blocks, R.TopK(3), start=1000, checkpoint=held)
    with pytest.raises(InvalidRecording, match="seen 70 samples, and the source has 60"):
        R.run(rec[:60], R.TopK(3), start=1000, checkpoint=held)


def test_damaged_and_foreign_files_are_refused(rec, tmp_path):
    taken = R.Pass(several())
    taken.update(rec)
    path = taken.save(tmp_path / "deep" / "pass.npz")
    assert [each.name for each in path.parent.iterdir()] == ["pass.npz"]
    equal(R.Pass.load(path, several()).results(), taken.results())
    with pytest.raises(HomologueError, match="other reducers or parameters"):
        R.Pass.load(path, R.Moments())
    with pytest.raises(HomologueError, match="other reducers or parameters"):
        R.Pass.load(path, several() | {"histogram": R.Histogram(np.linspace(0, 1, 33))})
    content = path.read_bytes()
    for cut in (0, 10, len(content) // 2, len(content) - 30):
        path.write_bytes(content[:cut])
        with pytest.raises(InvalidRecording, match="damaged"):
            R.Pass.load(path, several())
    np.savez(path, header=np.array('{"format": "homologue-reducers", "format_version": 99}'))
    with pytest.raises(InvalidRecording, match="upgrade"):
        R.Pass.load(path, several())
    np.savez(path, something=np.zeros(3))
    with pytest.raises(InvalidRecording, match="no saved pass"):
        R.Pass.load(path, several())
    with pytest.raises(FileNotFoundError):
        R.Pass.load(tmp_path / "none.npz", several())


def test_memory_does_not_grow_with_the_samples():
    def parts(count):
        rng = np.random.default_rng(0)
        for number in range(count):
            yield recording.make(
                rng.standard_normal((2_000, 50), dtype=np.float32),
                stimulus=np.arange(2_000) % 7,
                variables={"speed": np.full(2_000, float(number))},
            )

    reducers = several() | {"histogram": R.Histogram(np.linspace(-4, 4, 33))}
    R.run(parts(2), reducers)
    peaks = []
    for count in (5, 60):
        tracemalloc.start()
        R.run(parts(count), reducers)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0]
