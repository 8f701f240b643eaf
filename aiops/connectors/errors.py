"""The three ways in which asking the outside world fails. Each says what was attempted on what."""


class ConnectorError(Exception):
    """`attempted` is what was tried, as in "post to hooks.example"; `why` what came back."""

    def __init__(self, attempted: str, why: str) -> None:
        super().__init__(f"{attempted}: {why}")
        self.attempted, self.why = attempted, why

    @property
    def detail(self) -> str:
        return str(self)


class Transient(ConnectorError):
    """It surely had no effect and may work later. `after_s`: not before, where the other side says so."""

    def __init__(self, attempted: str, why: str, *, after_s: float | None = None) -> None:
        super().__init__(attempted, why)
        self.after_s = after_s


class Permanent(ConnectorError):
    """It surely had no effect and will not work by asking again. `code` says why in a word: `not_found`, `forbidden` …"""

    def __init__(self, attempted: str, why: str, *, code: str = "refused") -> None:
        super().__init__(attempted, why)
        self.code = code


class Ambiguous(ConnectorError):
    """Nobody knows whether it had an effect: read before anything else. `status`: what was answered, if anything was."""

    def __init__(self, attempted: str, why: str, *, status: int | None = None) -> None:
        super().__init__(attempted, why)
        self.status = status
