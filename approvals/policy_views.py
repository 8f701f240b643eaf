"""The page on which admins change the policy: look at what it would change, then save it."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from aiops.access import policy_versions, roles
from aiops.access.models import PolicyVersion
from aiops.access.pages import PageRequest, signed_in, told
from aiops.access.roles import Act
from aiops.access.views import again_address
from aiops.core.errors import Invalid
from approvals import policy_editing, policy_in_force, replay
from approvals.policy_editing import EDITABLE, GROUPS, Values
from approvals.policy_in_force import Policy
from approvals.replay import Preview

ADDRESS = "/settings/policy"
DIFFERENCES_SHOWN = 50


class Field(NamedTuple):
    """One number as the form shows it: what holds now, what the environment says, and what was typed."""

    key: str
    name: str
    words: str
    value: str
    holds: str
    environment: str
    error: str


@require_GET
@signed_in
def policy(request: PageRequest) -> HttpResponse:
    """What holds now; with `version`, the form is filled with that one."""
    roles.check(request.principal.role, Act.POLICY)
    asked = request.GET.get("version", "")
    version = PolicyVersion.objects.filter(pk=asked).first() if asked.isdecimal() and len(asked) < 16 else None
    held = policy_in_force.now() if version is None else policy_in_force.under(version)
    return _page(request, _texts(policy_editing.values_of(held)))


@require_POST
@signed_in
def preview(request: PageRequest) -> HttpResponse:
    """Which past decisions would come out differently; from here it can be saved."""
    roles.check(request.principal.role, Act.POLICY)
    typed = _typed(request)
    try:
        changed = policy_editing.checked(_values(typed))
    except Invalid as wrong:
        return _page(request, typed, wrong=wrong)
    return _page(request, typed, changed=changed)


@require_POST
@signed_in
def save(request: PageRequest) -> HttpResponse:
    values, seen, reason = _values(_typed(request)), request.POST.get("seen", ""), request.POST.get("reason", "")
    policy_editing.save(values, request.principal, reason=reason, seen=seen)
    return told(request, "Saved. It holds from the next decision on.", ADDRESS)


def _typed(request: PageRequest) -> Mapping[str, str]:
    return {_key(section, name): request.POST.get(_key(section, name), "").strip()[:2000] for section, name in EDITABLE}


def _key(section: str, name: str) -> str:
    return f"{section}.{name}"


def _values(typed: Mapping[str, str]) -> Values:
    """Texts as they were typed; what is a list is written between commas."""
    values: dict[str, dict[str, object]] = {}
    for section, name in EDITABLE:
        text = typed[_key(section, name)]
        is_list = name == "denied_namespaces"
        values.setdefault(section, {})[name] = text.replace(",", " ").split() if is_list else text
    return values  # type: ignore[return-value]  # texts are JSON; pydantic reads numbers from them


def _texts(values: Values) -> Mapping[str, str]:
    return {_key(section, name): policy_editing.shown(values[section][name]) for section, name in EDITABLE}


def _page(
    request: PageRequest, texts: Mapping[str, str], *, wrong: Invalid | None = None, changed: Policy | None = None
) -> HttpResponse:
    version = policy_versions.newest()
    current = policy_in_force.under(version)
    holds = _texts(policy_editing.values_of(current))
    environment = _texts(policy_editing.values_of(policy_in_force.under(None)))
    descriptions = {
        _key(section, name): (model.model_fields[name].description or name)
        for section, model in (("approvals", type(current.approvals)), ("learning", type(current.trust)))
        for name in model.model_fields
    }

    def field(section: str, name: str) -> Field:
        key = _key(section, name)
        error = wrong.detail if wrong is not None and wrong.loc == (section, name) else ""
        return Field(key, name, descriptions[key], texts[key], holds[key], environment[key], error)

    shown: Preview | None = replay.preview(current, changed) if changed else None
    whole = policy_editing.values_of(changed) if changed else {}
    context = {
        "heading": "Policy",
        "groups": [(title, [field(*each) for each in fields]) for title, fields in GROUPS],
        "version": version,
        "history": policy_editing.history(),
        "preview": shown,
        "differences": shown.differences[:DIFFERENCES_SHOWN] if shown else (),
        "changes": policy_editing.changes_between(policy_editing.values_of(current), whole) if changed else (),
        "seen": policy_editing.seal(whole, policy_editing.base_of(version)) if changed else "",
        "wrong": wrong,
        "fresh": request.principal.is_fresh,
        "again": again_address(ADDRESS),
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK
    return render(request, "approvals/policy.html", context, status=status)
