"""A lead's word on top of the evidence: a grant gives the step, a revoke takes it away, both with a reason and an end."""

from datetime import datetime, timedelta

from django.db import transaction

from aiops.access import principals
from aiops.access.principals import Principal
from aiops.access.roles import Act
from aiops.core.errors import Invalid, NotAllowed
from aiops.live import publish
from learning.conf import LearningConf
from learning.models import TrustGrant, TrustRecord

ACTS = {TrustGrant.Kind.GRANT: Act.GRANT, TrustGrant.Kind.REVOKE: Act.REVOKE}


@transaction.atomic
def give(
    record: TrustRecord,
    kind: TrustGrant.Kind,
    *,
    by: Principal,
    until: datetime,
    reason: str,
    conf: LearningConf,
    at: datetime,
) -> TrustGrant:
    """Grant or revoke until `until`, at most `grant_max_days` ahead. Neither touches the evidence.

    Raises NotAllowed for whom it is not for (`step_up`: a grant needs a fresh dashboard login), Invalid for its end or
    a missing reason.
    """
    principals.require(by, ACTS[kind])
    if by.user is None:
        raise NotAllowed("a grant or a revoke is a person's act; log in, or use a person's token")
    if until <= at:
        raise Invalid("the end lies in the past; give a later one", loc=("until",))
    if until > at + timedelta(days=conf.grant_max_days):
        raise Invalid(f"the end is more than {conf.grant_max_days} days ahead; give an earlier one", loc=("until",))
    if not reason.strip():
        raise Invalid("say why: the reason stays in the audit log", loc=("reason",))
    grant = TrustGrant.objects.create(
        record=record, kind=kind, by=by.user, reason=reason.strip()[:500], created_at=at, until=until
    )
    principals.record(
        by, ACTS[kind], "trust", record.pk, row=str(record), given=kind.value, until=until.isoformat(), reason=grant.reason
    )
    publish("overview")
    return grant


@transaction.atomic
def end(grant: TrustGrant, *, by: Principal, at: datetime) -> bool:
    """End it before its time; False if it had ended already."""
    principals.require(by, Act.REVOKE)
    ended = TrustGrant.objects.in_force(at).filter(pk=grant.pk).update(ended_at=at) == 1
    grant.refresh_from_db()
    if ended:
        principals.record(by, Act.REVOKE, "trust", grant.record_id, row=str(grant.record), given=grant.kind, ended=True)
        publish("overview")
    return ended
