"""The corpus of real alerts, scored as `make score` does."""

import json
from pathlib import Path

import pytest

from bench.corpus import score
from incidents.replay import Answer, replay

CORPUS = Path(score.__file__).parent / "alerts.jsonl"


@pytest.fixture(scope="module")
def answers() -> dict[str, Answer]:
    with CORPUS.open(encoding="utf-8") as lines:
        return {answer.id: answer for answer in replay(lines)}


@pytest.fixture(scope="module")
def tally(answers):
    rows = score.read_jsonl(CORPUS)
    return score.score(rows, {key: answer.to_json() for key, answer in answers.items()})[0]


@pytest.mark.parametrize("measure", ["missing", "harm", "wrong_place", "auto_wrong"])
def test_nothing_harmful_is_proposed(tally, measure):
    assert tally[measure] == 0


@pytest.mark.parametrize(
    ("measure", "of", "aim"),
    [
        ("acceptable", "n", 0.98),
        ("target", "n", 0.98),
        ("category", "n", 0.98),
        ("remedy", "remedy_n", 0.85),
        ("auto_right", "auto_n", 0.60),
        ("utility", "utility_max", 0.94),
    ],
)
def test_the_aims_are_reached(tally, measure, of, aim):
    assert tally[measure] / tally[of] >= aim


def test_every_answer_can_be_shown_and_stored(answers):
    for answer in answers.values():
        assert answer.proposal.description
        assert answer.proposal.reasoning.endswith(".")
        assert json.loads(json.dumps(answer.proposal.to_json()))["confidence"] == 0.0
