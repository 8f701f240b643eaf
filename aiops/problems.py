"""problem+json (RFC 9457): how every refusal of the API looks."""

from ninja import Schema


class ProblemError(Schema):
    loc: list[str | int]
    msg: str


class Problem(Schema):
    """`code` names the rule that refused (`digest_changed`, `step_up` …), `state` where the row stands now."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str | None = None
    state: str | None = None
    errors: list[ProblemError] = []


# What any call may be refused with; stands once, other codes are named where they happen.
REFUSALS = frozenset({401, 403, 404, 409, 422})
