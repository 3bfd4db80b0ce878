"""Panels: TOML in and out, and errors that say what was meant."""

from __future__ import annotations

import pytest

from homologue._errors import UnknownName
from homologue.parallels import Entry, Panel, PanelError, default, from_toml, load

MINIMAL = """
[panel]
seed = 3
[[system]]
name = "wine"
variables = ["cultivar"]
"""


def test_minimal_panel_takes_the_defaults():
    panel = from_toml(MINIMAL)
    assert panel.seed == 3
    assert panel.entries == (Entry("wine", ("cultivar",)),)
    assert panel.permutations == 999


def test_default_panel_survives_the_round_trip():
    panel = default()
    again = from_toml(panel.to_toml())
    assert [e.system for e in again.entries] == [e.system for e in panel.entries]
    assert again.to_toml() == panel.to_toml()
    kinds = {entry.system: entry.twins for entry in again.entries if entry.stimuli}
    assert kinds["smollm2-135m"] == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (MINIMAL.replace("seed", "sead"), "unknown key 'sead'; did you mean 'seed'"),
        (MINIMAL.replace("variables", "variable"), "unknown key 'variable'; did you mean"),
        (MINIMAL.replace("[panel]", "[pannel]"), "unknown key 'pannel'; did you mean 'panel'"),
        (MINIMAL.replace('["cultivar"]', '"cultivar"'), "'variables' is a list; given str"),
        (MINIMAL.replace("seed = 3", "seed = true"), "'seed' is a int; given bool"),
        (MINIMAL.replace('name = "wine"\n', ""), "'name' is missing"),
        ("[panel", "not valid TOML"),
        ("[panel]\n", "names no system"),
        (MINIMAL + '[[system]]\nname = "wine"\nvariables = ["cultivar"]\n', "same recording twice"),
        (MINIMAL.replace("seed = 3", "permutations = 5"), "at least 19"),
        (MINIMAL + "twins = 1\n", "at least 3"),
    ],
)
def test_mistakes_are_named(text, message):
    with pytest.raises(PanelError, match=message.replace("[", r"\[")):
        from_toml(text)


def test_unknown_systems_and_claims_are_answered_with_the_nearest():
    with pytest.raises(UnknownName, match="did you mean 'wine'"):
        from_toml(MINIMAL.replace('"wine"', '"whine"'))
    with pytest.raises(UnknownName, match="units-are-tuned"):
        from_toml(MINIMAL.replace("seed = 3", 'claims = ["unit-is-tuned"]'))


def test_a_missing_file_is_answered_with_the_command_that_writes_one(tmp_path):
    with pytest.raises(PanelError, match="compare --init"):
        load(tmp_path / "none.toml")


def test_two_variables_of_one_system_are_no_repeat():
    panel = Panel((Entry("human-mtl", ("category",)), Entry("human-mtl", ("memory",))))
    assert len(panel.entries) == 2


def test_entries_of_one_system_are_named_by_what_tells_them_apart():
    one = {"stimuli": "concepts", "stimuli_options": {"n_templates": 2}}
    panel = Panel(
        (
            Entry("minilm", ("concept",), **one, options={"sites": "embedding"}),
            Entry("minilm", ("concept",), **one, options={"sites": "pooler"}),
            Entry("minilm", stimuli="sentences", options={"sites": "embedding"}),
            Entry("wine", ("cultivar",)),
        )
    )
    names = [panel.name_of(entry) for entry in panel.entries]
    assert names[-1] == "wine"
    assert names[0] == "minilm (concepts, sites=embedding)"
    assert len(set(names)) == 4


def test_long_lists_are_cut_in_names_unless_that_is_where_entries_differ():
    def entry(*concepts):
        return Entry("minilm", stimuli="concepts", stimuli_options={"concepts": list(concepts)})

    first, second = entry("animals", "tools", "foods", "colours"), entry("animals", "tools")
    panel = Panel((first, second))
    assert panel.name_of(first) == "minilm (stimuli.concepts=animals … colours (4))"
    assert panel.name_of(second) == "minilm (stimuli.concepts=animals, tools)"
    other = entry("animals", "emotions", "foods", "colours")
    names = [Panel((first, other)).name_of(one) for one in (first, other)]
    assert len(set(names)) == 2
    assert "emotions" in names[1]
