"""The policy as admins change it: previewed on past decisions, checked whole, saved with history, in force at once."""

from datetime import UTC, datetime

import pytest
from django.utils import timezone

from aiops.access.models import AuditEntry, PolicyVersion
from aiops.access.principals import Via
from aiops.core import actions
from aiops.core.actions import Undo
from aiops.core.errors import Conflict, Invalid, NotAllowed
from aiops.core.scales import Severity
from approvals import assessment, policy_editing, policy_in_force, replay
from approvals.conf import ApprovalsConf
from approvals.models import Approval, Execution
from approvals.plans import DryRun, Plan, Surroundings
from approvals.policy import Inputs, assessment_of, judge
from learning.conf import LearningConf
from learning.evidence import Evidence
from learning.judgement import Brakes, Row
from learning.scopes import Scope
from tests.factories import WEB, make_alert, make_decision, make_incident, make_principal, make_user
from tests.pages.test_every_page import INLINE

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
SMALL = Surroundings(pods_affected=2, pods_total=8, rolling=True, replicas_left=7, criticality=3)
WIDE = Surroundings(pods_affected=6, pods_total=6, replicas_left=0, criticality=1, downtime_s=30)


def inputs(action=None, **changed) -> Inputs:
    action = action or actions.RestartWorkload(target=WEB)
    defaults = {
        "at": AT,
        "action": action,
        "environment": "production",
        "severity": Severity.P2,
        "scope": Scope.of(action, environment="production", alert_name="HighMemory"),
        "around": SMALL,
        "dry_run_clean": True,
        "undo": action.spec.undo,
        "cluster": "sandbox",
        "row": Row(),
        "brakes": Brakes(),
    }
    return Inputs(**(defaults | changed))


def proven(successes: float) -> Row:
    evidence = Evidence(successes=successes, failures=0.0, at=AT, score=8)
    return Row(evidence=evidence, verified_days=5, people=2, worked=int(successes), runs=int(successes))


def stored(given: Inputs, held: policy_in_force.Policy):
    """A decision as policy leaves it."""
    verdict = judge(given, held.approvals, held.trust)
    kept = {**assessment_of(verdict), "inputs": given.model_dump(mode="json")}
    return make_decision(make_incident(status="resolved"), state="COMPLETED", assessment=kept, assessed_at=timezone.now())


ROLLBACK = actions.Rollback(target=WEB, revision=4)
VARIETY = [
    inputs(actions.ScaleUp(target=WEB, replicas=n + 2) if scale else ROLLBACK, around=around, row=row, **more)
    for n, (scale, around, row, more) in enumerate(
        (scale, around, row, more)
        for scale in (True, False)
        for around in (SMALL, WIDE, Surroundings(pods_affected=1, pods_total=8, hpa="web", gitops_owner="Argo CD"))
        for row in (Row(), proven(7.0), proven(15.0))
        for more in (
            {},
            {"repaired_ago_s": 1200.0, "failed_autonomous": 2},
            {"brakes": Brakes(healed_k=8, healed_n=10, in_shadow=True)},
            {"brakes": Brakes(pattern_runs=2, group_failures=1), "undo": Undo.HALF},
        )
    )
]


def changed_to(**values) -> dict:
    """The values that hold now, with these; `approvals__cooldown_s=600`."""
    held = policy_editing.values_of(policy_in_force.now())
    whole = {section: dict(fields) for section, fields in held.items()}
    for key, value in values.items():
        section, name = key.split("__")
        whole[section][name] = value
    return whole


def seal_of(values: dict) -> str:
    whole = policy_editing.values_of(policy_editing.checked(values))
    newest = PolicyVersion.objects.first()
    return policy_editing.seal(whole, newest.pk if newest else 0)


def save(by=None, reason="quieter nights", **values) -> PolicyVersion:
    whole = changed_to(**values)
    return policy_editing.save(whole, by or make_principal("admin"), reason=reason, seen=seal_of(whole))


def test_the_unchanged_policy_reproduces_every_stored_decision():
    held = policy_in_force.now()
    for given in VARIETY:
        stored(given, held)
    seen = set()
    for decision in replay.judged(500):
        again = replay.judged_under(held, replay.inputs_of(decision.assessment))
        kept = {name: value for name, value in decision.assessment.items() if name != "inputs"}
        assert assessment_of(again) == kept
        seen.add(replay.outcome(again))
    assert seen >= {replay.ALONE, replay.ONE, replay.TWO}
    shown = replay.preview(held, policy_editing.checked(changed_to()))
    assert (shown.looked_at, shown.differences) == (len(VARIETY), [])


def test_a_decision_that_the_product_stored_is_reproduced():
    incident = make_incident(status="investigating")
    make_alert(incident)
    decision = make_decision(incident)
    plan = Plan(actions.RestartWorkload(target=WEB), "sandbox", "uid-1", {"template": 1}, DryRun(clean=True), SMALL)
    assessment.settle(decision, plan, broker_up=True)
    decision.refresh_from_db()
    held = policy_in_force.now()
    again = assessment_of(replay.judged_under(held, replay.inputs_of(decision.assessment)))
    assert again.items() <= decision.assessment.items()


def test_the_preview_names_what_comes_out_differently_and_why():
    held = policy_in_force.now()
    alone = stored(inputs(), held)
    asks = stored(inputs(ROLLBACK), held)
    earned = stored(inputs(ROLLBACK, row=proven(7.0)), held)
    shown = replay.preview(held, policy_editing.checked(changed_to(learning__sure=0.95, approvals__denied_namespaces=["pay"])))
    assert [(each.decision.pk, each.was, each.becomes) for each in shown.differences] == [(earned.pk, replay.ALONE, replay.ONE)]
    assert any(why.startswith("trust_bound") for why in shown.differences[0].because)
    assert shown.loosened == 0
    stricter = replay.preview(held, policy_editing.checked(changed_to(approvals__denied_namespaces=["shop"])))
    assert {each.decision.pk: each.becomes for each in stricter.differences} == dict.fromkeys(
        (alone.pk, asks.pk, earned.pk), replay.NEVER
    )


def test_a_longer_cooldown_is_seen_on_repairs_that_were_past_the_old_one():
    held = policy_in_force.now()
    stored(inputs(repaired_ago_s=1200.0), held)
    shown = replay.preview(held, policy_editing.checked(changed_to(approvals__cooldown_s=1800)))
    assert [each.becomes for each in shown.differences] == [replay.ONE]


def test_what_is_saved_wins_over_the_environment_for_the_next_decision(settings):
    settings.AIOPS = settings.AIOPS.model_copy(
        update={"approvals": settings.AIOPS.approvals.model_copy(update={"autonomy_per_hour": 30})}
    )
    save(approvals__autonomy_per_hour=0)
    assert policy_in_force.now().approvals.autonomy_per_hour == 0
    incident = make_incident(status="investigating")
    make_alert(incident)
    plan = Plan(actions.RestartWorkload(target=WEB), "sandbox", "uid-1", {"template": 1}, DryRun(clean=True), SMALL)
    approval = assessment.settle(make_decision(incident), plan, broker_up=True)
    reasons = {reason["code"]: reason for reason in approval.decision.assessment["reasons"]}
    assert not reasons["budget"]["met"]
    assert (approval.status, Execution.objects.count()) == (Approval.Status.PENDING, 0)


def test_saving_leaves_history_and_audit():
    ada = make_principal("admin", user=make_user("admin", username="ada"))
    save(ada, reason="storm season", approvals__cooldown_s=1800)
    save(ada, reason="over", approvals__cooldown_s=900)
    newest, first = policy_editing.history()
    assert [(c.name, c.before, c.after) for c in newest.changes] == [("approvals.cooldown_s", "1800", "900")]
    assert [(c.name, c.before, c.after) for c in first.changes] == [("approvals.cooldown_s", "900", "1800")]
    entry = AuditEntry.objects.filter(act="policy.edit").order_by("id").first()
    assert (entry.actor, entry.detail["reason"]) == ("ada", "storm season")
    assert entry.detail["changes"] == {"approvals.cooldown_s": ["900", "1800"]}


def test_a_version_is_never_changed():
    save(approvals__cooldown_s=1800)
    with pytest.raises(Exception, match="Cannot update or delete"):
        PolicyVersion.objects.update(reason="x")


@pytest.mark.parametrize(
    ("values", "field", "says"),
    [
        ({"approvals__cooldown_s": -1}, ("approvals", "cooldown_s"), "greater than or equal to 0"),
        ({"approvals__tier_dual_from": 20}, ("approvals", "tier_dual_from"), "above tier_human_from, which is 30"),
        ({"approvals__tier_human_from": 90}, ("approvals", "tier_dual_from"), "above tier_human_from, which is 90"),
        ({"learning__sure": 1.5}, ("learning", "sure"), "less than 1"),
        ({"learning__score_min": "many"}, ("learning", "score_min"), "valid integer"),
        ({"approvals__denied_namespaces": ["Not A Namespace"]}, ("approvals", "denied_namespaces"), "pattern"),
        ({"approvals__lease_s": 1}, ("approvals", "lease_s"), "not set here"),
    ],
)
def test_a_wrong_value_refuses_the_whole_with_its_field_named(values, field, says):
    with pytest.raises(Invalid, match=says) as refused:
        policy_editing.checked(changed_to(**values))
    assert refused.value.loc == field
    assert not PolicyVersion.objects.exists()


def test_nothing_is_saved_unseen():
    values = changed_to(approvals__cooldown_s=1800)
    seen = seal_of(values)
    others = changed_to(approvals__cooldown_s=60)
    with pytest.raises(Conflict) as refused:
        policy_editing.save(others, make_principal("admin"), reason="x", seen=seen)
    assert refused.value.code == "preview_first"
    save(approvals__cooldown_s=1200)  # somebody else was faster: what was previewed stands on another policy
    with pytest.raises(Conflict) as refused:
        policy_editing.save(values, make_principal("admin"), reason="x", seen=seen)
    assert refused.value.code == "preview_first"


@pytest.mark.parametrize(
    ("who", "code"),
    [
        (("lead", Via.DASHBOARD, True), "forbidden"),
        (("admin", Via.API, True), "step_up"),
        (("admin", Via.DASHBOARD, False), "step_up"),
    ],
)
def test_only_an_admin_with_a_fresh_login_saves(who, code):
    role, via, fresh = who
    with pytest.raises(NotAllowed) as refused:
        save(make_principal(role, via=via, fresh=fresh), approvals__cooldown_s=1800)
    assert refused.value.code == code
    assert not PolicyVersion.objects.exists()


def test_bad_numbers_in_the_environment_name_their_field():
    for conf, values in ((ApprovalsConf, {"tier_human_from": 70}), (LearningConf, {"sure": 2})):
        with pytest.raises(ValueError, match=r"tier_dual_from|sure"):
            conf(**values)


def test_the_page_previews_and_then_saves_without_javascript(visit):
    held = policy_in_force.now()
    stored(inputs(ROLLBACK, row=proven(7.0)), held)
    client = visit(make_user("admin", username="ada"))
    page = client.get("/settings/policy").content.decode()
    assert 'name="learning.sure" value="0.8"' in page
    assert not INLINE.search(page)
    form = {
        f"{section}.{name}": policy_editing.shown(value)
        for section, fields in changed_to().items()
        for name, value in fields.items()
    }
    shown = client.post("/settings/policy/preview", form | {"learning.sure": "0.95"})
    assert "1 of the last 1 decision would come out differently" in shown.content.decode()
    assert not PolicyVersion.objects.exists()
    answer = client.post(
        "/settings/policy/save", form | {"learning.sure": "0.95", "seen": shown.context["seen"], "reason": "surer"}
    )
    assert (answer.status_code, answer["Location"]) == (302, "/settings/policy")
    assert policy_in_force.now().trust.sure == 0.95
    assert "surer" in client.get("/settings/policy").content.decode()


def test_the_page_keeps_what_was_typed_and_marks_the_field(visit):
    client = visit(make_user("admin"))
    form = {
        f"{section}.{name}": policy_editing.shown(value)
        for section, fields in changed_to().items()
        for name, value in fields.items()
    }
    answer = client.post("/settings/policy/preview", form | {"approvals.cooldown_s": "soon", "approvals.max_replicas": "77"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'value="soon"' in page
    assert 'value="77"' in page
    assert 'id="approvals.cooldown_s-error"' in page


def test_a_lead_sees_who_may(visit):
    answer = visit(make_user("lead")).get("/settings/policy")
    assert answer.status_code == 403
    assert "needs the role admin" in answer.content.decode()
