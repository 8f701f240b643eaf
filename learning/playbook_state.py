"""The life of a playbook. Nothing else writes `Playbook.status`.

    draft → review → approved → deprecated → archived

Only approved ones are proposed. A deprecated one keeps its numbers and comes back with one step.
"""

from django.db import transaction

from aiops.access import principals
from aiops.access.principals import Principal
from aiops.access.roles import Act
from aiops.states import Machine
from learning.models import Playbook

S = Playbook.Status
MACHINE = Machine(
    "status",
    {
        S.DRAFT: frozenset({S.REVIEW, S.APPROVED, S.DEPRECATED, S.ARCHIVED}),
        S.REVIEW: frozenset({S.DRAFT, S.APPROVED, S.DEPRECATED, S.ARCHIVED}),
        S.APPROVED: frozenset({S.DEPRECATED}),
        S.DEPRECATED: frozenset({S.APPROVED, S.ARCHIVED}),
        S.ARCHIVED: frozenset({S.DRAFT}),
    },
)


@transaction.atomic
def advance(playbook: Playbook, to: Playbook.Status, *, actor: Principal, reason: str = "") -> bool:
    """Move `playbook` to `to`, with its audit entry; True for the one caller that did it.

    Raises NotAllowed for anybody but an admin and the system itself.
    """
    principals.require(actor, Act.PLAYBOOKS)
    before = playbook.status
    if not MACHINE.move(playbook, to):
        return False
    principals.record(actor, Act.PLAYBOOKS, "playbook", playbook.pk, name=playbook.name, before=before, after=to, reason=reason)
    return True
