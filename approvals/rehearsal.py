"""Policy judged offline, for recorded alerts: would it run alone? Of targets nothing is read, so they count as healthy."""

from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings

from approvals import autonomy, policy_in_force
from approvals.plans import Surroundings
from approvals.policy import Inputs, judge
from approvals.policy_in_force import Policy
from incidents.engines.expert import may_run_alone
from incidents.proposals import Facts, Proposal
from incidents.replay import Judge, Judged
from learning import trust
from learning.evidence import SCORE_MAX, Evidence
from learning.judgement import Brakes, Granted, Row
from learning.scopes import Scope

# A workload of three replicas, replaced one by one; how critical it is nobody said.
HEALTHY = Surroundings(pods_affected=3, pods_total=3, rolling=True, replicas_left=2)
RECORDED = "recorded"  # the cluster of a record, where none is configured
FLAWLESS_RUNS = 200


def flawless(at: datetime) -> Judge:
    """As if every act had always worked, in clusters that are connected and out of shadow mode. Reads no database."""
    row = Row(
        evidence=Evidence(successes=FLAWLESS_RUNS, at=at, score=SCORE_MAX),
        verified_days=90,
        people=10,
        agreed=FLAWLESS_RUNS,
        worked=FLAWLESS_RUNS,
        runs=FLAWLESS_RUNS,
    )
    policy = Policy(approvals=settings.AIOPS.approvals, trust=settings.AIOPS.learning)

    def judged(proposal: Proposal, facts: Facts) -> Judged:
        return _judged(proposal, facts, policy, at, cluster=RECORDED, row=row)

    return judged


def current(at: datetime) -> Judge:
    """With today's policy, records, grants, clusters and autonomy switch. Reads the database, a row each scope."""
    known = _Today(at, policy_in_force.now())
    return known.judged


@dataclass(slots=True)
class _Today:
    at: datetime
    policy: Policy
    _rows: dict[Scope, tuple[Row, tuple[Granted, ...]]] = field(default_factory=dict)

    def judged(self, proposal: Proposal, facts: Facts) -> Judged:
        switch = autonomy.current()
        if switch is not None and not switch.enabled:
            return Judged(False, "autonomy is off")
        cluster = next((one for one in settings.CLUSTERS if one.name == facts.cluster), None)
        scope = _scope(proposal, facts)
        if scope not in self._rows:
            self._rows[scope] = trust.known(scope, conf=self.policy.trust, at=self.at)
        row, grants = self._rows[scope]
        return _judged(
            proposal,
            facts,
            self.policy,
            self.at,
            cluster=cluster.name if cluster else "",
            read_only=cluster.read_only if cluster else False,
            row=row,
            grants=grants,
            brakes=Brakes(in_shadow=cluster.shadow if cluster else True),
        )


def _scope(proposal: Proposal, facts: Facts) -> Scope:
    return Scope.of(proposal.action, environment=facts.environment, alert_name=facts.alert_name)


def _judged(
    proposal: Proposal,
    facts: Facts,
    policy: Policy,
    at: datetime,
    *,
    cluster: str,
    row: Row,
    read_only: bool = False,
    grants: tuple[Granted, ...] = (),
    brakes: Brakes | None = None,
) -> Judged:
    action = proposal.action
    if not action.is_change:
        return Judged(False)
    verdict = judge(
        Inputs(
            at=at,
            action=action,
            environment=facts.environment,
            severity=facts.severity,
            scope=_scope(proposal, facts),
            around=HEALTHY,
            dry_run_clean=True,
            undo=action.spec.undo,
            is_test=facts.is_test,
            cluster=cluster,
            read_only=read_only,
            row=row,
            grants=grants,
            brakes=brakes or Brakes(severity=facts.severity),
        ),
        policy.approvals,
        policy.trust,
    )
    unmet = next((reason.detail for reason in verdict.reasons if not reason.met), "")
    if not (verdict.alone or verdict.watches):
        return Judged(False, unmet or verdict.standing.sentence)
    if not may_run_alone(proposal, facts):
        return Judged(False, "the rules are not sure enough of cause or target")
    return Judged(True, verdict.standing.sentence)
