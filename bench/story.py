"""The closed loop under one policy: every incident from its alert to its end, through the product's own code.

Run as a process of its own by `bench.loop`; prints its figures as one line of JSON.
"""

import argparse
import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import django

django.setup()

from aiops.access.models import User  # noqa: E402
from aiops.access.principals import Principal, Via  # noqa: E402
from aiops.core.errors import DomainError  # noqa: E402
from aiops.core.scales import Severity, Tier  # noqa: E402
from aiops.runtime.preparation import load_starter_playbooks, migrate  # noqa: E402
from aiops.sandbox.faults.book import Injected, State  # noqa: E402
from aiops.sandbox.faults.scenarios import ScenarioError  # noqa: E402
from approvals import policy, signatures  # noqa: E402
from approvals.models import Approval, Execution  # noqa: E402
from bench import people as costs  # noqa: E402
from bench.draws import Draw, draws  # noqa: E402
from bench.people import Bill, People  # noqa: E402
from bench.simulation import TICK_S, Simulation, simulation  # noqa: E402
from incidents.models import Alert, Decision, Incident  # noqa: E402
from learning.judgement import LEVELS, Standing  # noqa: E402
from learning.judgement import judge as judge_trust  # noqa: E402
from learning.models import Outcome  # noqa: E402
from learning.scopes import Scope  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
ALERTS_WITHIN_S = 2400.0  # a fault that nothing tells of by then is no incident
AT_MOST_S = 5400.0  # then somebody comes and ends it by hand
CLEARS_WITHIN_S = 600.0  # what was over this long ago and still alerts is told to be over
READY_WITHIN_S = 30.0
PLAIN_SCORE = 5  # "score +1 per success, reset on failure, ≥ 5 lowers risk one step"
IN_HAND = (Decision.State.INIT, Decision.State.ANALYZING, Decision.State.EXECUTING)


# The policies: what stands in the place of the product's judgement of trust


def always_ask(*args: Any, **options: Any) -> Standing:
    """Nothing runs without a signature."""
    real = judge_trust(*args, **options)
    return _at(real, args[2].worse(Tier.HUMAN), step=0)


def plain(*args: Any, **options: Any) -> Standing:
    """The plain rule, on the same rows as the product's trust."""
    real, tier = judge_trust(*args, **options), args[2]
    lowered = tier in (Tier.HUMAN, Tier.DUAL) and _plain_score(options["scope"]) >= PLAIN_SCORE
    return _at(real, tier.moved(-1) if lowered else tier, step=-1 if lowered else 0)


def _at(real: Standing, tier: Tier, *, step: int) -> Standing:
    return replace(real, tier=tier, step=step, level=LEVELS[tier], watch_first=False, reasons=())


def _plain_score(scope: Scope) -> int:
    runs = Outcome.objects.filter(**asdict(scope)).order_by("-at", "-pk")
    score = 0
    for result in runs.values_list("result", flat=True):
        if result == Outcome.Result.FAILED:
            break
        score += result == Outcome.Result.SUCCESS
    return score


POLICIES: dict[str, Callable[..., Standing]] = {"product": judge_trust, "plain": plain, "always_ask": always_ask}


# What is counted


@dataclass
class Row:
    """The truth about one trust row: its runs, those that cured, those that harmed, those that nobody signed."""

    runs: int = 0
    cured: int = 0
    harmed: int = 0
    alone: int = 0

    @property
    def is_safe(self) -> bool:
        return self.runs >= 3 and not self.harmed and self.cured >= 0.8 * self.runs


@dataclass
class Figures:
    incidents: int = 0
    executions: int = 0
    alone: int = 0
    harmful_autonomous: int = 0
    harmful: int = 0
    needless: int = 0
    broken: int = 0  # faults that do not heal by themselves
    repaired: int = 0  # of these, cured by an act of the product's
    late: int = 0
    doubled: int = 0
    ttr_s: list[float] = field(default_factory=list)
    bill: Bill = field(default_factory=Bill)
    rows: dict[str, Row] = field(default_factory=lambda: defaultdict(Row))
    verdicts: Counter[str] = field(default_factory=Counter)  # "cured success", "active failed" …
    actions: Counter[str] = field(default_factory=Counter)

    def document(self) -> dict[str, Any]:
        ttr = sorted(self.ttr_s) or [0.0]
        safe = [row for row in self.rows.values() if row.is_safe]
        return {
            "incidents": self.incidents,
            "autonomy_rate": round(self.alone / self.executions, 4) if self.executions else 0.0,
            "harmful_autonomous": self.harmful_autonomous,
            "needless_acts": self.needless,
            "repair_rate": round(self.repaired / self.broken, 4) if self.broken else 0.0,
            "ttr_p50_s": round(ttr[len(ttr) // 2], 1),
            "ttr_p95_s": round(ttr[min(len(ttr) - 1, int(0.95 * len(ttr)))], 1),
            "late_decisions": self.late,
            "doubled": self.doubled,
            "total_cost": round(self.bill.total, 1),
            "beside": {
                "executions": self.executions,
                "alone": self.alone,
                "harmful_signed": self.harmful - self.harmful_autonomous,
                "safe_rows": len(safe),
                "safe_rows_alone": sum(row.alone > 0 for row in safe),
                "bill": {name: round(value, 1) for name, value in asdict(self.bill).items()},
                "verdicts": dict(self.verdicts.most_common()),
                "actions": dict(self.actions.most_common()),
            },
        }


# One incident


@dataclass
class Story:
    """One fault from its alert to its end, with the people around it."""

    simulation: Simulation
    draw: Draw
    people: People
    leads: list[User]
    injected: Injected
    bill: Bill = field(default_factory=Bill)
    opened_at: datetime | None = None
    by_hand_from: datetime | None = None
    was_by_hand: bool = False
    rest_s: float = 0.0  # what a repair by hand still took when the story ended
    decisions_before: int = 0
    engaged: bool = False

    @property
    def now(self) -> datetime:
        return self.simulation.now

    def incidents(self) -> Any:
        return Incident.objects.filter(pk__gt=self.decisions_before)

    def run(self) -> bool:
        """Play it to its end; False where nothing ever told of it."""
        began = self.simulation.world.clock.elapsed
        while not self.incidents().exists():
            if self.simulation.world.clock.elapsed - began > ALERTS_WITHIN_S:
                return False
            self.simulation.tick()
        first = self.incidents().order_by("opened_at").first()
        self.opened_at = first.opened_at
        while not self._is_over():
            self.simulation.tick()
            self._answer()
            self._see_to_it()
        self.bill.open += self.ttr_s / 60 * costs.MINUTE_OPEN[self._severity()]
        return True

    # what people do

    def _answer(self) -> None:
        """Sign or reject what has waited for as long as a person takes. What is being watched needs nobody."""
        for approval in Approval.objects.filter(status="pending", auto_at=None, incident_id__gt=self.decisions_before):
            waited_s = (self.now - approval.created_at).total_seconds()
            if waited_s < costs.ANSWERS_AFTER_S[Severity(approval.incident.severity)]:
                continue
            turn = self.draw.n % 2
            signers = [self.leads[turn], self.leads[1 - turn]][: approval.required_signatures]
            self.engaged = True
            try:
                if self.people.rejects(self.draw.n, approval.action, self.injected):
                    self.bill.asked += costs.ASKED
                    signatures.reject(approval, self._person(signers[0]), kind="wrong_action", reason="would not help")
                else:
                    for signer in signers:
                        self.bill.asked += costs.ASKED
                        signatures.sign(approval, self._person(signer), digest=approval.digest)
            except DomainError:
                continue  # the target is busy or it was withdrawn meanwhile; they look again with the next tick
            self.simulation.work()

    def _person(self, user: User) -> Principal:
        return Principal.of(user, Via.DASHBOARD, login_at=self.now)

    def _see_to_it(self) -> None:
        """Nothing is under way and it is still broken: a person begins to repair it by hand, unless it heals meanwhile."""
        if self.injected.is_over or self.was_by_hand or self._is_in_hand():
            return
        assert self.opened_at is not None
        waited_s = (self.now - self.opened_at).total_seconds()
        if self.by_hand_from is None:
            if not self.engaged and waited_s < costs.ANSWERS_AFTER_S[self._severity()]:
                return
            self.bill.asked += 0 if self.engaged else costs.ASKED
            self.engaged, self.by_hand_from = True, self.now
        by_hand_s = (self.now - self.by_hand_from).total_seconds()
        if not self.injected.scenario.heals_itself or by_hand_s >= costs.BY_HAND_S:
            self._repair(takes_s=costs.BY_HAND_S - by_hand_s)

    def _repair(self, *, takes_s: float) -> None:
        """It is over in `takes_s`. Nothing else happens in that time, so it is not played."""
        self.was_by_hand = True
        self.rest_s = max(0.0, takes_s)
        self.bill.by_hand += costs.REPAIRED_BY_HAND

    def _is_in_hand(self) -> bool:
        """Whether the product, or somebody by it, is at it. While no alert fires, nobody knows that something is left."""
        live = self.incidents().filter(status__in=Incident.LIVE)
        if not live.exists():
            return True
        return (
            Decision.objects.filter(incident__in=live, state__in=IN_HAND).exists()
            or Approval.objects.filter(incident__in=live, status="pending").exists()
            or Execution.objects.filter(incident__in=live, status="succeeded", verified_at=None).exists()
        )

    def _is_over(self) -> bool:
        assert self.opened_at is not None
        open_s = (self.now - self.opened_at).total_seconds()
        if self.was_by_hand:
            return True
        if open_s >= AT_MOST_S:
            if not self.injected.is_over:
                self.bill.asked += 0 if self.engaged else costs.ASKED
                self._repair(takes_s=0.0)
            return True
        if not self.injected.is_over:
            return False
        acting = Execution.objects.filter(incident_id__gt=self.decisions_before)
        if acting.active().exists() or acting.filter(status="succeeded", verified_at=None).exists():
            return False
        live = self.incidents().filter(status__in=Incident.LIVE).exists()
        return not live or self._over_for_s() > CLEARS_WITHIN_S

    def _over_for_s(self) -> float:
        since = self.injected.gone_since if self.injected.gone_since is not None else self.simulation.world.clock.elapsed
        return self.simulation.world.clock.elapsed - since

    def _severity(self) -> Severity:
        return min(Severity(one) for one in self.incidents().values_list("severity", flat=True))

    # how it ends

    @property
    def ttr_s(self) -> float:
        assert self.opened_at is not None
        open_s = (self.now - self.opened_at).total_seconds()
        return max(0.0, open_s + self.rest_s if self.was_by_hand else open_s - self._over_for_s())

    def clear(self) -> None:
        """Whatever still fires is told to be resolved, once what is done by hand is done."""
        self.simulation.pass_over(self.rest_s)
        firing = Alert.objects.filter(status__in=Alert.OPEN, incident_id__gt=self.decisions_before)
        ended = [
            {"status": "resolved", "labels": alert.labels, "annotations": alert.annotations, "fingerprint": alert.fingerprint,
             "startsAt": alert.starts_at.isoformat(), "endsAt": self.now.isoformat(), "generatorURL": alert.generator_url}
            for alert in firing
        ]  # fmt: skip
        if ended:
            self.simulation.take({"version": "4", "status": "resolved", "alerts": ended, "groupKey": "cleared"})


def play(number: int, seed: int, at: Simulation, told: Callable[[int], None]) -> Figures:
    """All incidents, one after the other."""
    figures, people = Figures(), People(seed)
    leads = [User.objects.create_user(name, "correct horse battery", role="lead") for name in ("alma", "bao")]
    for draw in draws(number, seed):
        at.begin(draw.at, seed=draw.seed)
        last = Incident.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        try:
            injected = at.world.inject(draw.scenario, draw.where)
        except ScenarioError:
            injected = at.world.inject(draw.scenario)
        story = Story(at, draw, people, leads, injected, decisions_before=last)
        if story.run():
            count(figures, story)
        story.clear()
        told(draw.n)
    return figures


def count(figures: Figures, story: Story) -> None:
    injected, world = story.injected, story.simulation.world
    acts = list(
        Execution.objects.filter(incident_id__gt=story.decisions_before, direction="forward", started_at__isnull=False)
        .select_related("approval", "decision", "incident")
        .order_by("started_at")
    )
    figures.incidents += 1
    figures.ttr_s.append(story.ttr_s)
    heals = injected.scenario.heals_itself
    figures.broken += not heals
    cured = injected.state is State.CURED and not story.was_by_hand
    figures.repaired += cured and not heals
    harmed_by = injected.harmed_by
    for act in acts:
        was_cure = cured and act.action.action_class == injected.cured_by
        is_harmful = harmed_by is not None and act.action.action_class == harmed_by
        tier = Tier((act.decision.assessment or {}).get("tier_before", act.approval.tier))
        figures.executions += 1
        figures.alone += act.autonomous
        figures.harmful += is_harmful
        figures.harmful_autonomous += is_harmful and act.autonomous
        figures.needless += _is_needless(act, story)
        story.bill.runs += costs.RUN[tier]
        story.bill.harm += costs.HARMFUL_RUN[tier] if is_harmful else 0.0
        scope = Scope.of(act.action, environment=act.environment, alert_name=act.alert_name)
        row = figures.rows[str(scope)]
        row.runs, row.cured, row.harmed, row.alone = (
            row.runs + 1, row.cured + was_cure, row.harmed + is_harmful, row.alone + act.autonomous,
        )  # fmt: skip
        truth = "cured" if was_cure else "harmed" if is_harmful else "healed" if injected.state is State.HEALED else "not cured"
        figures.verdicts[f"{truth}: {act.verification_result or act.status} {act.verification_reason}".strip()] += 1
        figures.actions[f"{injected.scenario.name}: {act.action.action_class} {'alone' if act.autonomous else 'signed'}"] += 1
    made = Counter((m.mark, m.verb, m.kind, m.uid) for m in world.api.mutations.after(0) if m.is_effect and m.mark)
    figures.doubled += sum(times - 1 for times in made.values())
    decided = Decision.objects.filter(incident_id__gt=story.decisions_before, ready_at__isnull=False)
    figures.late += sum((d.ready_at - d.received_at).total_seconds() > READY_WITHIN_S for d in decided)
    for name, value in asdict(story.bill).items():
        setattr(figures.bill, name, getattr(figures.bill, name) + value)


def _is_needless(act: Execution, story: Story) -> bool:
    """Nothing had to be done: it heals by itself, or the cause was gone when it was sent."""
    if story.injected.scenario.heals_itself:
        return True
    gone = story.injected.gone_since
    earlier = story.injected.is_over and gone is not None and act.started_at is not None
    return bool(earlier and (story.now - act.started_at).total_seconds() < story.simulation.world.clock.elapsed - gone - TICK_S)


@contextmanager
def under(name: str) -> Iterator[None]:
    with patch.object(policy, "judge_trust", POLICIES[name]):
        yield


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="bench.story")
    parser.add_argument("--policy", choices=POLICIES, required=True)
    parser.add_argument("--n", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    asked = parser.parse_args(arguments)
    began = time.monotonic()
    migrate()
    load_starter_playbooks(ROOT / "learning" / "starter_playbooks.yaml")

    def told(n: int) -> None:
        if (n + 1) % 25 == 0:
            print(f"{asked.policy}: {n + 1} of {asked.n} incidents, {time.monotonic() - began:.0f} s", file=sys.stderr)

    with simulation(asked.seed, asked.folder) as at, under(asked.policy):
        figures = play(asked.n, asked.seed, at, told)
    print(json.dumps(figures.document()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
