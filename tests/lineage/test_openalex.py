"""OpenAlex through pyalex, against answers in its format that are labelled synthetic."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pyalex
import pytest
import requests

from homologue import lineage
from homologue._errors import HomologueError

SAMPLE = json.loads((Path(__file__).parent / "samples" / "openalex_synthetic.json").read_text())


class Service(requests.adapters.BaseAdapter):
    """Answers questions as OpenAlex does, after refusing as often as it is told to."""

    def __init__(self, refusals: list[tuple[int, dict[str, str]]]) -> None:
        super().__init__()
        self.refusals = refusals
        self.asked: list[list[str]] = []
        self.headers: list[dict[str, str]] = []
        self.attempts = 0
        self.lost_connections = 0

    def send(self, request, **_):
        self.attempts += 1
        self.headers.append(dict(request.headers))
        if self.lost_connections:
            self.lost_connections -= 1
            raise requests.ConnectionError("the line is dead")
        response = requests.Response()
        response.request, response.url = request, request.url
        if self.refusals:
            response.status_code, headers = self.refusals.pop(0)
            response.headers.update(headers)
            response._content = b'{"error": "refused", "message": "refused"}'
            return response
        [clause] = parse_qs(urlsplit(request.url).query)["filter"]
        key, _, values = clause.partition(":")
        wanted = values.split("|")
        self.asked.append(wanted)
        if key == "openalex_id":
            found = [work for work in SAMPLE["works"] if work["id"].rsplit("/", 1)[1] in wanted]
        else:
            found = [work for work in SAMPLE["works"] if (work["doi"] or "")[16:] in wanted]
        body = {"meta": {"count": len(found), "page": 1, "per_page": 50}, "results": found}
        response.status_code = 200
        response._content = json.dumps(body).encode()
        return response

    def close(self) -> None:
        pass


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    made = Service([])

    def session() -> requests.Session:
        opened = requests.Session()
        opened.mount("https://", made)
        return opened

    monkeypatch.setattr(pyalex.api, "_get_requests_session", session)
    monkeypatch.delenv("OPENALEX_API_KEY", raising=False)
    return made


def test_the_sample_says_that_it_is_synthetic() -> None:
    assert SAMPLE["label"].startswith("synthetic")


def test_one_step(service: Service, tmp_path: Path) -> None:
    graph = lineage.from_openalex(["W1"], cache=tmp_path)
    works = graph.works.set_index("id")
    assert list(works.index) == ["W1", "W2", "W3", "W4", "W5", "W6"]
    pairs = set(graph.citations[["citing", "cited"]].itertuples(index=False, name=None))
    assert pairs == {("W1", f"W{i}") for i in range(2, 7)}
    assert works["references_known"].to_dict() == {
        "W1": True, "W2": False, "W3": False, "W4": False, "W5": False, "W6": False,
    }  # fmt: skip
    assert works.loc["W1", "group"] == "mi"
    assert "1 work is not in OpenAlex: W99" in graph.remarks


def test_fields_and_what_is_missing(service: Service, tmp_path: Path) -> None:
    works = lineage.from_openalex(["W1"], cache=tmp_path).works.set_index("id")
    given = works[["field", "field_rule"]].apply(tuple, axis=1).to_dict()
    assert given == {
        "W1": ("machine learning / AI", "venue"),
        "W2": ("neuroscience", "venue"),
        "W3": ("neuroscience", "OpenAlex topic"),      # no primary_location
        "W4": ("machine learning / AI", "venue"),      # no primary_topic
        "W5": ("neuroscience", "no venue + title keyword"),   # neither
        "W6": ("physics", "OpenAlex topic"),           # no title, no source, half a topic
    }  # fmt: skip
    assert works.loc["W2", "doi"] == "10.5555/2"
    assert works.loc["W5", "first_author"] == ""
    assert works["year"].isna().to_dict()["W5"]
    assert works.loc["W6", "title"] == ""


def test_two_and_three_steps(service: Service, tmp_path: Path) -> None:
    two = lineage.from_openalex(["W1"], cache=tmp_path / "two", depth=2)
    pairs = set(two.citations[["citing", "cited"]].itertuples(index=False, name=None))
    assert {("W2", "W7"), ("W3", "W2"), ("W3", "W7"), ("W4", "W1")} <= pairs  # W4 → W1: a cycle
    assert "W8" not in two.works["id"].tolist()
    assert "2 works have no reference list in OpenAlex" in two.remarks
    three = lineage.from_openalex(["W1"], cache=tmp_path / "three", depth=3)
    assert ("W7", "W8") in set(
        three.citations[["citing", "cited"]].itertuples(index=False, name=None)
    )
    answer = lineage.counterfactual(three, "neuroscience", threshold=0.5)
    assert answer.level == "paths"
    assert lineage.main_path(three).works["id"].iloc[-1] in {"W8", "W5", "W6"}


def test_a_doi_is_resolved_once(service: Service, tmp_path: Path) -> None:
    for _ in range(2):
        graph = lineage.from_openalex(["https://doi.org/10.5555/1"], cache=tmp_path)
        assert graph.works["id"].iloc[0] == "W1"
    assert service.asked[0] == ["10.5555/1"]
    assert len(service.asked) == 2


def test_what_was_read_is_not_asked_for_again(service: Service, tmp_path: Path) -> None:
    first = lineage.from_openalex(["W1"], cache=tmp_path)
    asked = service.attempts
    again = lineage.from_openalex(["W1"], cache=tmp_path)
    assert service.attempts == asked
    assert again.works.equals(first.works)
    lineage.from_openalex(["W1"], cache=tmp_path, depth=2)
    assert service.asked[2:] == [["W7"]]  # only the second step; W99 is known to be absent


def test_too_many_requests_are_waited_for(service: Service, tmp_path: Path) -> None:
    service.refusals = [(429, {"Retry-After": "7"}), (429, {}), (503, {})]
    waits: list[float] = []
    graph = lineage.from_openalex(["W1"], cache=tmp_path, sleep=waits.append)
    assert waits == [7.0, 2.0, 4.0]
    assert len(graph.works) == 6


def test_lost_connections_are_tried_again(service: Service, tmp_path: Path) -> None:
    service.lost_connections = 2
    waits: list[float] = []
    assert len(lineage.from_openalex(["W1"], cache=tmp_path, sleep=waits.append).works) == 6
    assert waits == [1.0, 2.0]


def test_a_run_that_is_refused_goes_on_later(service: Service, tmp_path: Path) -> None:
    real_send = service.send

    def refuse_second(request, **options):
        if service.attempts >= 1:
            service.refusals = [(429, {"Retry-After": "1"})]
        return real_send(request, **options)

    service.send = refuse_second
    waits: list[float] = []
    with pytest.raises(lineage.OpenAlexUnavailable, match="1 works are cached") as caught:
        lineage.from_openalex(["W1"], cache=tmp_path, retries=3, sleep=waits.append)
    assert "429 (too many requests) after 4 attempts" in str(caught.value)
    assert waits == [1.0, 1.0, 1.0]
    service.send = real_send
    service.refusals = []
    graph = lineage.from_openalex(["W1"], cache=tmp_path, sleep=waits.append)
    assert len(graph.works) == 6
    assert service.asked == [["W1"], ["W2", "W3", "W4", "W5", "W6", "W99"]]


def test_a_quota_for_the_day_is_not_slept_through(service: Service, tmp_path: Path) -> None:
    service.refusals = [(429, {"Retry-After": "30000"})]
    waits: list[float] = []
    with pytest.raises(lineage.OpenAlexUnavailable, match="asks to wait 30000 s"):
        lineage.from_openalex(["W1"], cache=tmp_path, sleep=waits.append)
    assert waits == []


def test_retry_after_may_be_a_date(service: Service, tmp_path: Path) -> None:
    service.refusals = [(429, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}),
                        (429, {"Retry-After": "soon"})]  # fmt: skip
    waits: list[float] = []
    lineage.from_openalex(["W1"], cache=tmp_path, sleep=waits.append)
    assert waits == [0.0, 2.0]


def test_a_line_cut_short_by_a_kill_is_read_again(service: Service, tmp_path: Path) -> None:
    lineage.from_openalex(["W1"], cache=tmp_path)
    store = tmp_path / "works.jsonl"
    lines = store.read_text("utf-8").splitlines(keepends=True)
    store.write_text("".join(lines[:3]) + lines[3][: len(lines[3]) // 2], "utf-8")
    asked = len(service.asked)
    graph = lineage.from_openalex(["W1"], cache=tmp_path)
    assert len(graph.works) == 6
    assert service.asked[asked:] == [["W4", "W5", "W6", "W99"]]
    assert all(json.loads(line) for line in store.read_text("utf-8").splitlines())


def test_the_key_is_sent_and_forgotten(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lineage.from_openalex(["W1"], cache=tmp_path / "a", api_key="secret", email="me@example.org")
    assert service.headers[0]["Authorization"] == "Bearer secret"
    assert service.headers[0]["From"] == "me@example.org"
    assert pyalex.config.api_key is None
    lineage.from_openalex(["W1"], cache=tmp_path / "b")
    assert "Authorization" not in service.headers[-1]
    monkeypatch.setenv("OPENALEX_API_KEY", "from the environment")
    lineage.from_openalex(["W1"], cache=tmp_path / "c")
    assert service.headers[-1]["Authorization"] == "Bearer from the environment"


def test_it_stops_before_too_many_works(service: Service, tmp_path: Path) -> None:
    graph = lineage.from_openalex(["W1"], cache=tmp_path, depth=2, most_works=7)
    assert graph.works["references_known"].sum() == 1
    assert any("most_works is 7" in remark for remark in graph.remarks)
    none = lineage.from_openalex(["W1"], cache=tmp_path, depth=2, most_works=0)
    assert none.works.empty


@pytest.mark.parametrize(
    ("seed", "message"),
    [("toy models", "neither an OpenAlex id"), ("10.5555/404", "no work with the DOI 10.5555/404")],
)
def test_bad_seeds(service: Service, tmp_path: Path, seed: str, message: str) -> None:
    with pytest.raises(HomologueError, match=re.escape(message)):
        lineage.from_openalex([seed], cache=tmp_path)


def test_a_refused_question_is_no_rate_limit(service: Service, tmp_path: Path) -> None:
    service.refusals = [(403, {})]
    with pytest.raises(HomologueError, match="refused the question"):
        lineage.from_openalex(["W1"], cache=tmp_path)
    with pytest.raises(HomologueError, match="depth is at least 1"):
        lineage.from_openalex(["W1"], cache=tmp_path, depth=0)
