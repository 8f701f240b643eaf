"""Refusals with the codes, reasons and words of a Kubernetes API server."""

from collections.abc import Sequence

from aiops.sandbox.cluster.documents import Document
from aiops.sandbox.cluster.resources import Resource


class Refused(Exception):
    """A request that is answered with a `Status` object instead of a result."""

    def __init__(
        self, code: int, reason: str, message: str, *, details: Document | None = None, retry_after_s: int | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details
        self.retry_after_s = retry_after_s

    @property
    def status(self) -> Document:
        status: Document = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
        }
        if self.details or self.retry_after_s is not None:
            status["details"] = dict(self.details or {})
            if self.retry_after_s is not None:
                status["details"]["retryAfterSeconds"] = self.retry_after_s
        return status | {"code": self.code}


def _details(resource: Resource, name: str, **more: object) -> Document:
    details: Document = {"name": name, "kind": resource.plural}
    if resource.group:
        details["group"] = resource.group
    return details | more


def bad_request(message: str) -> Refused:
    return Refused(400, "BadRequest", message)


def unauthorized() -> Refused:
    return Refused(401, "Unauthorized", "Unauthorized")


def forbidden(resource: Resource, name: str, why: str) -> Refused:
    return Refused(
        403,
        "Forbidden",
        f"{resource.qualified}{f' {name!r}' if name else ''} is forbidden: {why}".replace("'", '"'),
        details=_details(resource, name),
    )


def denied(webhook: str, why: str) -> Refused:
    """What an admission webhook answers."""
    return Refused(403, "Forbidden", f'admission webhook "{webhook}" denied the request: {why}')


def not_found(resource: Resource, name: str) -> Refused:
    return Refused(404, "NotFound", f'{resource.qualified} "{name}" not found', details=_details(resource, name))


def no_such_resource() -> Refused:
    return Refused(404, "NotFound", "the server could not find the requested resource", details={})


def not_allowed(what: str) -> Refused:
    return Refused(405, "MethodNotAllowed", f"the server does not allow this method on the requested resource: {what}")


def already_exists(resource: Resource, name: str) -> Refused:
    return Refused(409, "AlreadyExists", f'{resource.qualified} "{name}" already exists', details=_details(resource, name))


def conflict(resource: Resource, name: str, why: str = "") -> Refused:
    why = why or "the object has been modified; please apply your changes to the latest version and try again"
    return Refused(
        409,
        "Conflict",
        f'Operation cannot be fulfilled on {resource.qualified} "{name}": {why}',
        details=_details(resource, name),
    )


def unsupported_media(content_type: str, supported: Sequence[str]) -> Refused:
    return Refused(
        415,
        "UnsupportedMediaType",
        f"the body of the request was in an unknown format ({content_type}) - "
        f"accepted media types include: {', '.join(supported)}",
    )


def invalid(resource: Resource, name: str, causes: Sequence[tuple[str, str]]) -> Refused:
    """`causes` are (field, what is wrong with it)."""
    kind = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    listed = [{"reason": "FieldValueInvalid", "message": message, "field": field} for field, message in causes]
    text = ", ".join(f"{field}: {message}" for field, message in causes)
    return Refused(
        422,
        "Invalid",
        f'{kind} "{name}" is invalid: {text if len(causes) == 1 else f"[{text}]"}',
        details={"name": name, "kind": resource.kind, "causes": listed} | ({"group": resource.group} if resource.group else {}),
    )


def disruption_budget(budget: str, healthy: int, wanted: int) -> Refused:
    """429 with the cause that tells policy from overload; it says no Retry-After, for waiting is not what helps."""
    cause = {
        "reason": "DisruptionBudget",
        "message": f"The disruption budget {budget} needs {wanted} healthy pods and has {healthy} currently",
    }
    return Refused(
        429,
        "TooManyRequests",
        "Cannot evict pod as it would violate the pod's disruption budget.",
        details={"causes": [cause]},
    )


def too_many_requests(retry_after_s: int = 1) -> Refused:
    return Refused(429, "TooManyRequests", "Too many requests, please try again later.", details={}, retry_after_s=retry_after_s)


def internal_error(why: str) -> Refused:
    return Refused(500, "InternalError", f"Internal error occurred: {why}", details={"causes": [{"message": why}]})


def timed_out(what: str) -> Refused:
    return Refused(504, "Timeout", f"Timeout: request did not complete within requested timeout - {what}", details={})


def gone(revision: int) -> Refused:
    return Refused(410, "Expired", f"too old resource version: {revision}")
