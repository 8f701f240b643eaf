from datetime import timedelta
from functools import partial
from uuid import uuid4

import pytest
from django.db import IntegrityError, ProgrammingError, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aiops.core.scales import Tier
from learning import hindsight, ledger, rows
from learning.answers import Answer, human_answer
from learning.evidence import fold
from learning.models import TrustEvent, TrustRecord
from learning.scopes import Scope
from tests.factories import make_trust, record_outcome
from tests.threads import together

SCOPE = Scope("restart:web-*", "production", "shop", "HighMemory")
Kind = TrustEvent.Kind


def append(kind=Kind.OUTCOME, scope=SCOPE, **fields):
    defaults = {"ds": 1.0, "dscore": 1, "at": timezone.now(), "actor": "verification", "execution": uuid4()}
    return ledger.append(scope, kind, **(defaults | fields))


def one_step(**fields):
    defaults = {"reason": "because", "actor": "ana", "at": timezone.now(), "decision": 7}
    return human_answer(SCOPE, Answer.APPROVE, **(defaults | fields))


@pytest.mark.django_db
def test_a_line_and_its_row_say_the_same():
    event = append()
    record = TrustRecord.objects.get()
    assert (record.scope, record.successes, record.failures, record.score) == (SCOPE, 1.0, 0.0, 1)
    assert (event.successes, event.failures, event.score) == (1.0, 0.0, 1)
    assert record.evidence_at == event.at


@pytest.mark.django_db
def test_nothing_is_borrowed_from_another_scope():
    append()
    append(scope=Scope("restart:web-*", "staging", "shop", "HighMemory"))
    assert [record.successes for record in TrustRecord.objects.all()] == [1.0, 1.0]


@pytest.mark.django_db
def test_a_late_line_changes_the_row_as_it_would_have_in_time():
    now = timezone.now()
    append(at=now)
    late = append(at=now - timedelta(days=90))
    assert late.successes == pytest.approx(1.5)
    assert TrustRecord.objects.get().evidence_at == now


@pytest.mark.django_db
def test_the_step_is_written_for_the_tier_of_the_last_decision():
    start = timezone.now() - timedelta(days=10)
    ledger.decided(SCOPE, tier=Tier.HUMAN, cluster="sandbox", at=start)
    steps = [append(at=start + timedelta(days=n), signers=[f"person{n % 2}"]).step for n in range(8)]
    assert steps == [0, 0, 0, 0, 0, 0, -1, -1]


@pytest.mark.django_db
def test_the_tier_of_an_older_decision_does_not_overwrite_a_newer_one():
    now = timezone.now()
    ledger.decided(SCOPE, tier=Tier.DUAL, cluster="sandbox", at=now)
    ledger.decided(SCOPE, tier=Tier.AUTO, cluster="other", at=now - timedelta(minutes=1))
    record = TrustRecord.objects.get()
    assert (record.tier, record.cluster) == ("dual", "sandbox")


@pytest.mark.django_db
def test_two_outcomes_for_one_execution_are_refused():
    execution = uuid4()
    append(execution=execution)
    with pytest.raises(IntegrityError), transaction.atomic():
        append(execution=execution)
    assert TrustRecord.objects.get().successes == 1.0


@pytest.mark.django_db
@pytest.mark.parametrize(
    "line",
    [
        {"kind": Kind.OUTCOME, "execution": None},
        {"kind": Kind.OUTCOME, "execution": None, "decision": 1},
        {"kind": Kind.APPROVE, "execution": None, "decision": None},
        {"kind": Kind.APPROVE, "decision": 1},
        {"kind": Kind.REJECT, "execution": None, "decision": 1, "revision": 1},
    ],
)
def test_a_line_about_nothing_or_about_both_is_refused(line):
    with pytest.raises(IntegrityError), transaction.atomic():
        append(**line)


@pytest.mark.django_db
def test_the_ledger_only_grows():
    event = append()
    with pytest.raises(ProgrammingError), transaction.atomic():
        TrustEvent.objects.filter(pk=event.pk).update(ds=5.0)
    with pytest.raises(ProgrammingError), transaction.atomic():
        event.delete()


@pytest.mark.django_db
def test_evidence_is_never_negative_in_the_database_either():
    append()
    with pytest.raises(IntegrityError), transaction.atomic():
        TrustRecord.objects.update(successes=-0.1)


@pytest.mark.django_db(transaction=True)
def test_of_many_who_make_the_same_row_at_once_all_lines_count():
    answers = together([append] * 8)
    assert all(isinstance(answer, TrustEvent) for answer in answers), answers
    record = TrustRecord.objects.get()
    assert (record.events.count(), record.score) == (8, 8)
    assert list(ledger.verify()) == []


@pytest.mark.django_db(transaction=True)
def test_of_many_reports_of_one_execution_one_counts():
    execution = uuid4()
    report = partial(record_outcome, execution=execution, anomaly_key="0" * 16)
    answers = together([report] * 8)
    assert len({answer.pk for answer in answers}) == 1
    record = TrustRecord.objects.get()
    assert (record.events.count(), record.successes) == (1, 1.0)


@pytest.mark.django_db(transaction=True)
def test_of_many_clicks_on_one_rating_one_counts():
    outcome = record_outcome()
    rate = partial(hindsight.rate, outcome.execution, score=1, actor="ana", at=timezone.now())
    events = [event for event in together([rate] * 8) if event is not None]
    assert len(events) == 1, events
    record = TrustRecord.objects.get()
    assert (record.successes, record.failures) == (0.5, 0.5)


@pytest.mark.django_db(transaction=True)
def test_of_many_same_answers_to_one_decision_one_counts():
    events = together([one_step] * 6)
    assert {event.pk for event in events} == {TrustEvent.objects.get().pk}
    assert TrustRecord.objects.get().agreed == 1


runs = st.lists(
    st.tuples(
        st.sampled_from(["success", "degraded", "failed", "timeout", "unverifiable", "refused", "stopped"]),
        st.integers(0, 200),
        st.lists(st.sampled_from(["ana", "ben", "cleo"]), max_size=2),
        st.lists(
            st.sampled_from(["rate1", "rate3", "rate5", "other1", "wrong", "right", "again", "back", "reject", "not_now", "yes"]),
            max_size=4,
        ),
    ),
    min_size=1,
    max_size=6,
)


@pytest.mark.django_db
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(runs=runs)
def test_whatever_happens_every_row_equals_the_fold_of_its_ledger(runs):
    now = timezone.now()
    with transaction.atomic():
        for result, hours, signers, later in runs:
            outcome = record_outcome(result, at=now - timedelta(hours=hours), signers=signers)
            for what in later:
                happen(what, outcome, now)
            total = ledger.counts_of(outcome.execution)
            outcome.refresh_from_db()
            assert (outcome.successes, outcome.failures) == (total.ds, total.df)
            assert total.ds + total.df <= 1.0
        assert list(ledger.verify()) == []
        record = TrustRecord.objects.get()
        folded = fold(rows.entries(record), half_life_days=90)
        assert (record.successes, record.failures) == (folded.evidence.successes, folded.evidence.failures)
        transaction.set_rollback(True)


def happen(what, outcome, now):
    about = partial(human_answer, SCOPE, decision=outcome.decision, at=now)
    match what:
        case "rate1" | "rate3" | "rate5":
            hindsight.rate(outcome.execution, score=int(what[-1]), actor="ana", at=now)
        case "other1":
            hindsight.rate(outcome.execution, score=1, actor="ben", at=now)
        case "wrong" | "right":
            hindsight.review(outcome.execution, right=what == "right", actor="cleo", at=now)
        case "again":
            hindsight.recurred(outcome.anomaly_key, at=outcome.at + timedelta(minutes=5))
        case "back":
            hindsight.rolled_back(outcome.execution, actor="ana", at=now)
        case "reject":
            about(Answer.REJECT, actor="dora", reject_kind="wrong_action")
        case "not_now":
            about(Answer.REJECT, actor="emil", reject_kind="not_now")
        case "yes":
            about(Answer.APPROVE, actor="dora")


@pytest.mark.django_db
@pytest.mark.parametrize("column", [{"successes": 3.0}, {"score": 7}, {"verified_days": 4}, {"agreed": 1}])
def test_a_row_that_was_edited_is_found(column):
    append()
    other = make_trust(pattern="restart:api-*")
    TrustRecord.objects.exclude(pk=other.pk).update(**column)
    [difference] = ledger.verify()
    assert difference.record.pattern == "restart:web-*"
    assert next(iter(column)) in str(difference)


@pytest.mark.django_db
def test_another_half_life_refolds_the_row_from_its_ledger(settings):
    now = timezone.now()
    append(at=now - timedelta(days=90))
    append(at=now)
    learning = settings.AIOPS.learning.model_copy(update={"half_life_days": 45.0})
    settings.AIOPS = settings.AIOPS.model_copy(update={"learning": learning})
    record = TrustRecord.objects.get()
    assert rows.load([record], conf=learning, at=now)[record.pk].evidence.successes == pytest.approx(1.25)
    assert list(ledger.verify()) == []
    assert append(at=now).successes == pytest.approx(2.25)
    assert list(ledger.verify()) == []
