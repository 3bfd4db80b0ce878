"""Reference lists from BibTeX: what is read, and what is skipped, counted and named."""

from __future__ import annotations

from pathlib import Path

import pytest

from homologue import lineage
from homologue._errors import HomologueError

MALFORMED = r"""
@string{nips = "NeurIPS"}
@article{good2020, title={A {Good} Paper on $x$}, author={M{\"u}ller, A. and B, C}, journal=nips,
  year=2020, doi={https://doi.org/10.1234/ABC}}
@article{broken2021, title={Missing brace, author={X}, year=2021
@article{after, title="Fine", journal="Vision Research", year="1999"}
@article{dup, title={One}, year=2001}
@article{dup, title={Two}, year=2002}
@article{twice, title={First}, title={Second}, year=2003}
@article{, title={nokey}, year=2004}
@article{press, title={Soon}, year={in press}}
@misc{dated, title={Dated}, date={2018-05-01}, archivePrefix={arXiv}, eprint={1805.00001}}
@book{untitled, author={Someone}, year=1950}
garbage @ here, and a comment
@comment{ignored}
@article{end, title={never ends
"""


@pytest.fixture
def graph() -> lineage.CitationGraph:
    return lineage.from_bibtex(MALFORMED, citing="mine", title="My paper", year=2024)


def test_what_can_be_read_is_read(graph) -> None:
    works = graph.works.set_index("id")
    assert list(works.index) == [
        "mine", "mine/good2020", "mine/after", "mine/dup", "mine/press", "mine/dated",
        "mine/untitled", "mine/twice",
    ]  # fmt: skip
    good = works.loc["mine/good2020"]
    assert good["title"] == "A Good Paper on $x$"
    assert good["first_author"] == "Müller, A."
    assert (good["venue"], good["field"]) == ("NeurIPS", "machine learning / AI")
    assert works.loc["mine/dup", "title"] == "One"
    assert works.loc["mine/twice", "title"] == "First"
    assert works.loc["mine/after", "field"] == "neuroscience"
    assert works.loc["mine/dated", "year"] == 2018
    assert works.loc["mine/dated", "venue"] == "arXiv"
    assert works.loc["mine", "group"] == "mi"
    assert works["references_known"].tolist() == [True] + [False] * 7


def test_what_cannot_is_counted_and_named(graph) -> None:
    remarks = "\n".join(graph.remarks)
    assert "3 malformed entries skipped: broken2021 line 5, (no key) line 10, end line" in remarks
    assert "1 entry with a repeated key skipped: dup line 8" in remarks
    assert "1 entry names a field twice, the first was taken: twice" in remarks
    assert "1 entry has no title: untitled" in remarks
    assert "1 entry has no year: press" in remarks


def test_an_entry_without_fields_is_malformed() -> None:
    text = "@misc{empty}\n@misc{a, title={T}, journal={Neuron}, year=1999}\n"
    graph = lineage.from_bibtex(text, citing="mine")
    assert graph.works["id"].tolist() == ["mine", "mine/a"]
    assert graph.remarks == ("1 malformed entry skipped: empty line 1",)


def test_nothing_is_printed(graph, capfd: pytest.CaptureFixture[str]) -> None:
    lineage.from_bibtex(MALFORMED, citing="mine")
    assert capfd.readouterr() == ("", "")


def test_only_what_was_cited() -> None:
    graph = lineage.from_bibtex(MALFORMED, citing="mine", cited=["after", "gone", "after"])
    assert graph.works["id"].tolist() == ["mine", "mine/after"]
    assert "1 cited key has no entry: gone" in graph.remarks


def test_files(tmp_path: Path) -> None:
    bib = tmp_path / "paper.bib"
    bib.write_bytes("@misc{a, title={Caf\xe9}, year=2000}".encode("latin-1"))
    graph = lineage.from_bibtex(bib, citing="mine")
    assert graph.works["source"].tolist() == ["paper.bib", "paper.bib"]
    with pytest.raises(HomologueError, match="there is no file"):
        lineage.from_bibtex(tmp_path / "other.bib", citing="mine")
    empty = tmp_path / "empty.bib"
    empty.write_text("nothing here")
    with pytest.raises(HomologueError, match="is it a BibTeX file"):
        lineage.from_bibtex(empty, citing="mine")


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("\\citation{a,b}\n\\citation{*}\n\\bibcite{a}{1}\n\\citation{c}", ["a", "b", "c"]),
        ("see \\citet*[p.~2]{x_1} and \\textcite{y:2,\n z-3} \\parencite[see][]{x_1}",
         ["x_1", "y:2", "z-3"]),
        ("first\n\nsecond % with a comment\nfirst\n", ["first", "second"]),
    ],
)  # fmt: skip
def test_cited_keys(text: str, keys: list[str], tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(text)
    assert lineage.cited_keys(path) == keys
    assert lineage.cited_keys(text) == keys


def test_a_bibliography_joins_the_embedded_sample(sample) -> None:
    text = """
    @article{of, title={Sparse coding with an overcomplete basis set: A strategy employed by {V1}?},
      author={Olshausen, Bruno A and Field, David J}, journal={Vision Res.}, year=1997}
    @misc{mine, title={A paper of nobody else}, year=2024}
    """
    joined = lineage.merge(sample, lineage.from_bibtex(text, citing="new", year=2025))
    assert len(joined.works) == 2637 + 2
    cited = set(joined.citations.loc[joined.citations["citing"] == "new", "cited"])
    assert cited == {"sparsecodingwithanovercompletebasissetas_1997", "new/mine"}
    row = lineage.shares(joined, draws=0).iloc[0]
    assert (row["count"], row["total"]) == (29, 1135)
