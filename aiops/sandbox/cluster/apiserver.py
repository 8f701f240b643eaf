"""The verbs of the Kubernetes API over one store: rights, patches, preconditions, dry runs, evictions, and the log of it all."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from aiops.sandbox.cluster import refusals, resources, scale
from aiops.sandbox.cluster.accounts import Account
from aiops.sandbox.cluster.admission import normal, problems, with_defaults, with_identity
from aiops.sandbox.cluster.disruption import spend
from aiops.sandbox.cluster.documents import Document, dig, is_terminating, stamp, uid_of
from aiops.sandbox.cluster.mutations import Mutation, MutationLog, mark_in
from aiops.sandbox.cluster.patches import JSON_PATCH, MERGE_PATCH, PATCHES, json_patch, merge, strategic_merge
from aiops.sandbox.cluster.resources import Resource
from aiops.sandbox.cluster.store import Store

# Refuses a write with the reason, as an admission webhook would; None lets it pass.
Admission = Callable[["Call", Document | None, Document], str | None]


@dataclass(frozen=True, slots=True)
class Caller:
    account: Account
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """One request for one object. `name` is empty where the object has none yet."""

    caller: Caller
    resource: Resource
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    dry_run: bool = False

    @property
    def path(self) -> str:
        return f"{self.resource.plural}/{self.subresource}" if self.subresource else self.resource.plural


@dataclass(slots=True)
class _Outcome:
    """What the log needs to know of a write, collected while it happens."""

    before: Document | None = None
    after: Document | None = None
    mark: str | None = None
    name: str = ""


@dataclass
class ApiServer:
    """Answers with documents or raises `Refused`. Every write, refused ones too, is a line of `mutations`."""

    store: Store
    mutations: MutationLog = field(default_factory=MutationLog)
    admissions: list[Admission] = field(default_factory=list)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"admissions": []}

    # reading

    def check_right(self, call: Call, verb: str) -> None:
        account = call.caller.account
        if not account.may(verb, call.resource.group, call.path, call.namespace):
            where = f'in the namespace "{call.namespace}"' if call.namespace else "at the cluster scope"
            raise refusals.forbidden(
                call.resource,
                call.name,
                f'User "{account.username}" cannot {verb} resource "{call.path}" in API group "{call.resource.group}" {where}',
            )

    def get(self, call: Call) -> Document:
        self.check_right(call, "get")
        document = self._existing(call)
        return scale.of(document) if call.subresource == "scale" else document

    def listed(self, call: Call, verb: str = "list") -> list[Document]:
        """All objects of the call's resource, in its namespace if it has one."""
        self.check_right(call, verb)
        return self.store.all(call.resource, call.namespace)

    # writing

    def create(self, call: Call, document: Document) -> Document:
        with self._logged(call, "create", document) as outcome:
            self.check_right(call, "create")
            document = self._addressed(call, normal(document))
            call_name = outcome.name = document["metadata"]["name"]
            if call.resource.namespaced and self.store.find(resources.NAMESPACES, "", call.namespace) is None:
                raise refusals.not_found(resources.NAMESPACES, call.namespace)
            if self.store.find(call.resource, call.namespace, call_name) is not None:
                raise refusals.already_exists(call.resource, call_name)
            document.pop("status", None)
            self._admit(call, None, with_defaults(call.resource, document))
            if call.resource is resources.JOBS:
                document = with_identity(document, self.store.new_uid())
            outcome.after = self.store.born(call.resource, document) if call.dry_run else self.store.add(call.resource, document)
            return outcome.after

    def patch(self, call: Call, content_type: str, patch: Any) -> Document:
        with self._logged(call, "patch", patch) as outcome:
            self.check_right(call, "patch")
            old = outcome.before = self._existing(call)
            seen = scale.of(old) if call.subresource == "scale" else old
            outcome.after = self._replace(call, old, _patched(call.resource, content_type, seen, patch))
            return scale.of(outcome.after) if call.subresource == "scale" else outcome.after

    def update(self, call: Call, document: Document) -> Document:
        """PUT. Without a resourceVersion it is unconditional, as for the kinds here in Kubernetes."""
        with self._logged(call, "update", document) as outcome:
            self.check_right(call, "update")
            old = outcome.before = self._existing(call)
            outcome.after = self._replace(call, old, document)
            return scale.of(outcome.after) if call.subresource == "scale" else outcome.after

    def delete(self, call: Call, options: Document) -> Document:
        """The object as it stands while it goes, or a success status where it is gone at once."""
        with self._logged(call, "delete", options) as outcome:
            self.check_right(call, "delete")
            outcome.before = old = self._existing(call)
            _check_preconditions(call, old, options)
            self._admit(call, old, old)
            if call.dry_run:
                return old
            if options.get("propagationPolicy") == "Orphan":
                self.store.orphan(old)
            outcome.after = self._remove(call.resource, old, options.get("gracePeriodSeconds"))
            return outcome.after or _deleted(call.resource, old)

    def evict(self, call: Call, eviction: Document) -> Document:
        """Deletes a pod unless a disruption budget is against it (429 with that cause)."""
        with self._logged(call, "evict", eviction) as outcome:
            self.check_right(call, "create")
            pod = outcome.before = self._existing(call)
            options = eviction.get("deleteOptions") or {}
            _check_preconditions(call, pod, options)
            self._admit(call, pod, pod)
            if not is_terminating(pod):
                spend(self.store, pod, dry_run=call.dry_run)
                if not call.dry_run:
                    outcome.after = self._remove(call.resource, pod, options.get("gracePeriodSeconds"))
            return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}

    # parts

    @contextmanager
    def _logged(self, call: Call, verb: str, body: Any) -> Iterator[_Outcome]:
        outcome = _Outcome(name=call.name)
        code, reason = 200, ""
        try:
            yield outcome
        except refusals.Refused as refused:
            code, reason = refused.code, refused.message
            raise
        finally:
            outcome.mark = mark_in(body, outcome.before)
            self._append(call, verb, outcome, code, reason)

    def _append(self, call: Call, verb: str, outcome: _Outcome, code: int, reason: str) -> None:
        known = outcome.before or outcome.after
        self.mutations.append(
            Mutation(
                n=self.mutations.next_number,
                at=self.store.now(),
                verb=verb,
                kind=call.resource.kind,
                namespace=call.namespace,
                name=outcome.name,
                subresource=call.subresource,
                uid=uid_of(known) if known else "",
                account=call.caller.account.name,
                user_agent=call.caller.user_agent,
                mark=outcome.mark,
                dry_run=call.dry_run,
                applied=code < 300 and not call.dry_run,
                code=code,
                reason=reason,
                before=outcome.before,
                after=outcome.after,
            )
        )

    def _existing(self, call: Call) -> Document:
        document = self.store.find(call.resource, call.namespace, call.name)
        if document is None:
            raise refusals.not_found(call.resource, call.name)
        return document

    def _addressed(self, call: Call, document: Document) -> Document:
        meta = document.setdefault("metadata", {})
        for foreign in ("uid", "resourceVersion", "creationTimestamp", "generation", "selfLink", "managedFields"):
            meta.pop(foreign, None)
        if call.resource.namespaced and meta.setdefault("namespace", call.namespace) != call.namespace:
            raise refusals.bad_request("the namespace of the provided object does not match the namespace sent on the request")
        if not meta.get("name") and meta.get("generateName"):
            meta["name"] = meta["generateName"] + self.store.suffix()
        return document

    def _replace(self, call: Call, old: Document, new: Document) -> Document:
        """Store what a patch or an update made of `old`, or only work it out for a dry run."""
        meta = new.get("metadata")
        if not isinstance(meta, dict):
            raise refusals.bad_request("the object has no metadata")
        if meta.get("name", call.name) != call.name:
            raise refusals.bad_request(
                f"the name of the object ({meta.get('name')}) does not match the name on the URL ({call.name})"
            )
        seen_uid, seen_revision = meta.get("uid"), meta.get("resourceVersion")
        if seen_uid and seen_uid != uid_of(old):
            raise refusals.conflict(
                call.resource,
                call.name,
                f"Precondition failed: UID in precondition: {seen_uid}, UID in object meta: {uid_of(old)}",
            )
        if seen_revision and seen_revision != old["metadata"]["resourceVersion"]:
            raise refusals.conflict(call.resource, call.name)
        new = normal(_through(call, old, new))
        if not call.subresource:
            new = with_defaults(call.resource, new)
        self._admit(call, old, new)
        return self.store.evolved(call.resource, old, new) if call.dry_run else self.store.put(call.resource, new)

    def _admit(self, call: Call, old: Document | None, new: Document) -> None:
        if causes := problems(call.resource, new, old):
            raise refusals.invalid(call.resource, str(dig(new, "metadata", "name") or ""), causes)
        for admission in self.admissions:
            if why := admission(call, old, new):
                raise refusals.denied("policy.sandbox.example", why)

    def _remove(self, resource: Resource, document: Document, grace_s: int | None) -> Document | None:
        """Pods go in their own time; a second request does not prolong that. Everything else is gone at once."""
        meta = document["metadata"]
        namespace, name = meta.get("namespace") or "", meta["name"]
        if resource is not resources.PODS or grace_s == 0 or not dig(document, "spec", "nodeName"):
            self.store.remove(resource, namespace, name)
            return None
        if is_terminating(document):
            return document
        seconds = grace_s if grace_s is not None else dig(document, "spec", "terminationGracePeriodSeconds") or 30

        def terminate(pod: Document) -> None:
            pod["metadata"]["deletionTimestamp"] = stamp(self.store.now() + timedelta(seconds=seconds))
            pod["metadata"]["deletionGracePeriodSeconds"] = seconds

        return self.store.edit(resource, namespace, name, terminate)


def _patched(resource: Resource, content_type: str, old: Document, patch: Any) -> Document:
    supported = (JSON_PATCH, MERGE_PATCH) if resource.custom else PATCHES
    if content_type not in supported:
        raise refusals.unsupported_media(content_type, supported)
    if content_type == JSON_PATCH:
        return json_patch(old, patch)
    if not isinstance(patch, dict):
        raise refusals.bad_request("a merge patch is an object")
    merged: Document = merge(old, patch) if content_type == MERGE_PATCH else strategic_merge(old, patch)
    return merged


def _through(call: Call, old: Document, new: Document) -> Document:
    """What of `new` the addressed endpoint writes: the replicas, the status, or everything but the status."""
    if call.subresource == "scale":
        return scale.applied(call.resource, old, new)
    if call.subresource == "status":
        return old | {"status": new.get("status") or {}}
    if not call.resource.status:
        return new
    rest = {key: value for key, value in new.items() if key != "status"}
    return rest | ({"status": old["status"]} if "status" in old else {})


def _check_preconditions(call: Call, document: Document, options: Document) -> None:
    wanted = options.get("preconditions") or {}
    for field_name, path, words in (("uid", "uid", "UID"), ("resourceVersion", "resourceVersion", "ResourceVersion")):
        if (value := wanted.get(field_name)) and value != document["metadata"][path]:
            raise refusals.conflict(
                call.resource,
                call.name,
                f"Precondition failed: {words} in precondition: {value}, {words} in object meta: {document['metadata'][path]}",
            )


def _deleted(resource: Resource, document: Document) -> Document:
    details = {"name": document["metadata"]["name"], "kind": resource.plural, "uid": uid_of(document)}
    if resource.group:
        details["group"] = resource.group
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
