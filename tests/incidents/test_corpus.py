"""The corpora of alerts, scored as `make score` does."""

import json
from pathlib import Path

import pytest

from bench.corpus import score
from incidents.replay import Answer, replay

FOLDER = Path(score.__file__).parent
CORPORA = ["alerts.jsonl", "field.jsonl"]


def answers(corpus: str) -> dict[str, Answer]:
    with (FOLDER / corpus).open(encoding="utf-8") as lines:
        return {answer.id: answer for answer in replay(lines)}


@pytest.fixture(scope="module", params=CORPORA)
def tally(request):
    rows = score.read_jsonl(FOLDER / request.param)
    return score.score(rows, {key: answer.to_json() for key, answer in answers(request.param).items()})[0]


@pytest.mark.parametrize("measure", ["missing", "harm", "wrong_place", "auto_wrong"])
def test_nothing_harmful_is_proposed(tally, measure):
    assert tally[measure] == 0


@pytest.mark.parametrize(
    ("measure", "of", "aim"),
    [
        ("acceptable", "n", 0.98),
        ("target", "n", 0.98),
        ("category", "n", 0.98),
        ("remedy", "remedy_n", 0.88),
        ("auto_right", "auto_n", 0.60),
        ("utility", "utility_max", 0.96),
    ],
)
def test_the_aims_are_reached(tally, measure, of, aim):
    assert tally[measure] / tally[of] >= aim


@pytest.mark.parametrize("corpus", CORPORA)
def test_every_answer_can_be_shown_and_stored(corpus):
    for answer in answers(corpus).values():
        assert answer.proposal.description
        assert answer.proposal.reasoning.endswith(".")
        assert json.loads(json.dumps(answer.proposal.to_json()))["confidence"] == 0.0


@pytest.mark.parametrize("corpus", CORPORA)
def test_the_corpus_itself_is_valid(corpus, capsys):
    assert score.validate([str(FOLDER / corpus)])
