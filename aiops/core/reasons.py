"""Why something may or may not run alone: one condition, its code, whether it is met, and its numbers for people."""

from pydantic import BaseModel, ConfigDict


class Reason(BaseModel):
    """`code` is one of `api.md`'s; `detail` says the number against its limit, in words a person reads at 3 a.m."""

    model_config = ConfigDict(frozen=True)

    code: str
    met: bool
    detail: str
