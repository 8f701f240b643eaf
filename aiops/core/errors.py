"""What can be refused, in the words of the domain; the edges turn these into HTTP, fragments or chat replies."""

from collections.abc import Sequence


class DomainError(Exception):
    """A refusal that reaches a person. `detail` says what happened and what to do next."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class NotAllowed(DomainError):
    """The person may not do this. `code` is `step_up` where only a fresh dashboard login is missing."""

    def __init__(self, detail: str, *, code: str = "forbidden") -> None:
        super().__init__(detail)
        self.code = code


class NotFound(DomainError):
    """Nothing there, or nothing that this person may see."""


class Conflict(DomainError):
    """The row has moved on. `state` is where it stands now, `code` names the rule (`target_busy`, `hold` …)."""

    def __init__(self, detail: str, *, code: str, state: str = "") -> None:
        super().__init__(detail)
        self.code = code
        self.state = state


class Invalid(DomainError):
    """Input that cannot be taken. `loc` is the path of the field, as in `("action", "target", "name")`."""

    def __init__(self, detail: str, *, loc: Sequence[str | int] = ()) -> None:
        super().__init__(detail)
        self.loc = tuple(loc)


class TooLarge(DomainError):
    """More than is read at all."""


class Unavailable(DomainError):
    """Something that is needed does not answer now; asking again after `retry_after_s` is right."""

    def __init__(self, detail: str, *, retry_after_s: int = 5) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s
