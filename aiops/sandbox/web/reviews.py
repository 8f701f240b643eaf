"""`kubectl auth can-i`: what the asking account may do."""

from typing import Any

from aiops.sandbox.cluster.accounts import Account
from aiops.sandbox.cluster.documents import Document, dig
from aiops.sandbox.cluster.refusals import bad_request


def answer(account: Account, review: Any) -> Document:
    if not isinstance(review, dict):
        raise bad_request("a review is an object")
    if review.get("kind") == "SelfSubjectRulesReview":
        return review | {"status": _rules(account, str(dig(review, "spec", "namespace") or ""))}
    asked = dig(review, "spec", "resourceAttributes")
    if not isinstance(asked, dict):
        path = dig(review, "spec", "nonResourceAttributes", "path")
        return review | {"status": {"allowed": path is not None}}
    resource = str(asked.get("resource", ""))
    if asked.get("subresource"):
        resource = f"{resource}/{asked['subresource']}"
    allowed = account.may(str(asked.get("verb", "")), str(asked.get("group", "")), resource, str(asked.get("namespace", "")))
    status: Document = {"allowed": allowed}
    if allowed:
        status["reason"] = f'RBAC: allowed by ClusterRoleBinding "{account.name}"'
    return review | {"status": status}


def _rules(account: Account, namespace: str) -> Document:
    open_paths = {
        "verbs": ["get"],
        "nonResourceURLs": ["/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/readyz", "/version"],
    }
    asking = {
        "verbs": ["create"],
        "apiGroups": ["authorization.k8s.io"],
        "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
    }
    return {
        "resourceRules": [asking, *(rule.document for rule in account.rules_in(namespace))],
        "nonResourceRules": [open_paths],
        "incomplete": False,
    }
