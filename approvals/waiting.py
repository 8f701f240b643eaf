"""What waits for signatures, and for whom: the one place that says whether somebody is asked."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Prefetch

from aiops.access.principals import Principal
from aiops.access.roles import Act
from aiops.core.scales import Risk, Tier
from approvals.models import Approval, Signature
from learning.policy import conf_in_force

SHOWN_MAX = 200


@dataclass(frozen=True, slots=True)
class Waiting:
    """One pending approval, as far as it decides who is asked."""

    id: int
    risk: Risk
    tier: Tier
    author: str
    signers: frozenset[str]
    expires_at: datetime

    @classmethod
    def of(cls, approval: Approval, signatures: Iterable[Signature]) -> "Waiting":
        return cls(
            id=approval.pk,
            risk=Risk(approval.risk),
            tier=Tier(approval.tier),
            author=approval.author.username if approval.author else "",
            signers=frozenset(signature.by for signature in signatures),
            expires_at=approval.expires_at,
        )

    def is_own(self, viewer: Principal) -> bool:
        """Nobody signs what they proposed themselves, but a team of one."""
        return bool(self.author) and self.author == viewer.name and conf_in_force().people_min > 1

    def for_person(self, viewer: Principal) -> bool:
        """Whether a signature of `viewer` is wanted. What counts is judged again when they sign."""
        if viewer.name in self.signers or self.is_own(viewer) or self.tier is Tier.BLOCKED:
            return False
        return viewer.user is not None and viewer.may(Act.SIGN, risk=self.risk, tier=self.tier)


def waiting() -> list[Waiting]:
    """The pending approvals, soonest to expire first."""
    rows = (
        Approval.objects.filter(status=Approval.Status.PENDING)
        .select_related("author")
        .prefetch_related(Prefetch("signatures", Signature.objects.only("approval_id", "by")))
        .order_by("expires_at")[:SHOWN_MAX]
    )
    return [Waiting.of(row, row.signatures.all()) for row in rows]
