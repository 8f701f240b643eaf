"""The live parts that show what was learned."""

from dataclasses import dataclass

from aiops.access.principals import Principal
from aiops.access.roles import Act
from aiops.live import Context, Fragment
from learning import page


@dataclass(frozen=True, slots=True)
class MayGrant:
    """A grant also asks for a fresh login; that is said when it is sent."""

    revoke: bool
    grant: bool


def may_grant(facts: Context, viewer: Principal) -> MayGrant:
    lead = viewer.user is not None and viewer.may(Act.REVOKE)
    return MayGrant(revoke=lead, grant=lead)


def everybody(facts: Context, viewer: Principal) -> tuple[()]:
    return ()


PATTERNS = Fragment("patterns", "learning/_patterns.html", page.trust_list, everybody)
PATTERN = Fragment("pattern", "learning/_pattern.html", page.trust_row, may_grant)
GRANT = Fragment("grant-dialog", "learning/_grant.html", page.trust_row, may_grant)
TRUST_MOVES = Fragment("trust-moves", "learning/_trust_moves.html", page.moved, everybody)
LEARNED = Fragment("learned", "learning/_outcome.html", page.learned, everybody)
