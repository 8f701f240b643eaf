"""How a playbook has done: runs, the trust that is an alarm, the confidence of its raters (`trust-model.md` §8)."""

from datetime import datetime

from django.db import transaction

from aiops.access.principals import SYSTEM
from learning import playbook_state
from learning.conf import LearningConf
from learning.evidence import Worth
from learning.models import Playbook


def trust_after(trust: float, counts: Worth, conf: LearningConf) -> float:
    """The weighted mean after one more run; a failure weighs double, half a success pulls towards a half."""
    if counts.ds >= 1.0:
        return trust + conf.playbook_gain * (1.0 - trust)
    if counts.ds <= 0.0:
        return trust - conf.playbook_loss * trust
    return trust + conf.playbook_gain * (0.5 - trust)


def weight(rating: int | None, conf: LearningConf) -> float:
    """What one person's rating moves a confidence by; None is no rating."""
    if rating is None:
        return 0.0
    if rating >= conf.rating_good:
        return conf.confidence_gain
    return -conf.confidence_loss if rating <= conf.rating_bad else 0.0


@transaction.atomic
def ran(pk: int, counts: Worth, *, at: datetime, conf: LearningConf) -> None:
    """One more run of a playbook. One that says nothing about it, unverifiable or refused, is a use and no run."""
    playbook = Playbook.objects.select_for_update().filter(pk=pk).first()
    if playbook is None:
        return
    if counts.ds + counts.df >= 1.0:
        playbook.runs += 1
        playbook.successes += counts.ds
        playbook.trust = trust_after(playbook.trust, counts, conf)
    playbook.last_used_at = max(at, playbook.last_used_at or at)
    playbook.save(update_fields=["runs", "successes", "trust", "last_used_at"])


@transaction.atomic
def rewritten(pk: int, before: Worth, after: Worth, conf: LearningConf) -> None:
    """A run counts something else now: the rate follows; the alarm hears of what turned out a failure."""
    playbook = Playbook.objects.select_for_update().filter(pk=pk).first()
    if playbook is None:
        return
    playbook.successes = max(0.0, playbook.successes + after.ds - before.ds)
    if before.ds > 0.0 >= after.ds:
        playbook.trust = trust_after(playbook.trust, after, conf)
    playbook.save(update_fields=["successes", "trust"])


@transaction.atomic
def rated(pk: int, *, before: int | None, now: int, conf: LearningConf) -> None:
    """A person rated a run of the playbook, or thinks otherwise than `before`.

    Enough good ratings make a draft ready for review; bad ones deprecate what fails more often than not.
    """
    playbook = Playbook.objects.select_for_update().filter(pk=pk).first()
    if playbook is None:
        return
    moved = playbook.confidence + weight(now, conf) - weight(before, conf)
    playbook.confidence = round(min(1.0, max(0.0, moved)), 6)
    playbook.save(update_fields=["confidence"])
    mostly_failed = playbook.success_rate is not None and playbook.success_rate < 0.5
    if playbook.status == Playbook.Status.DRAFT and playbook.confidence >= conf.review_from:
        playbook_state.advance(playbook, Playbook.Status.REVIEW, actor=SYSTEM, reason="rated well")
    elif playbook.confidence < conf.deprecate_below and mostly_failed:
        playbook_state.advance(playbook, Playbook.Status.DEPRECATED, actor=SYSTEM, reason="rated badly, most runs failed")
