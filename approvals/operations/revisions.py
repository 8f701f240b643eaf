"""The earlier templates of a workload, as the cluster keeps them, and which of them was good."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from aiops.connectors.kubernetes import Api
from aiops.connectors.kubernetes_objects import KubeObject
from approvals.operations import workloads


@dataclass(frozen=True, slots=True)
class Revision:
    """One kept template. `available` are the pods that still run it and serve."""

    number: int
    hash: str
    template: JsonValue
    available: int = 0


def revisions_of(workload: KubeObject, api: Api) -> list[Revision]:
    """Newest first: ReplicaSets of a Deployment, ControllerRevisions of the other kinds."""
    if workload.kind == "Deployment":
        return [
            Revision(
                number=workloads.revision_of(rs),
                hash=rs.labels.get(workloads.TEMPLATE_HASH, ""),
                template=rs.at("spec", "template"),
                available=rs.number("status", "availableReplicas"),
            )
            for rs in workloads.replica_sets(workload, api)
        ]
    return [
        Revision(
            number=cr.number("revision"),
            hash=cr.labels.get(workloads.REVISION_HASH, "") or cr.name,
            template=_without_directive(cr.at("data", "spec", "template")),
        )
        for cr in workloads.controller_revisions(workload, api)
    ]


def _without_directive(template: JsonValue) -> JsonValue:
    """A ControllerRevision stores a patch, which says `$patch: replace` at its head."""
    return {k: v for k, v in template.items() if k != "$patch"} if isinstance(template, dict) else template


def previous_good(workload: KubeObject, history: Sequence[Revision]) -> Revision | None:
    """The newest earlier revision that still serves, else the newest earlier one that runs something else.

    A revision that differs by a restart alone runs the same thing, so going back to it would cure nothing.
    """
    runs = workloads.plain_template(workloads.template(workload), notes=False)
    earlier = [
        revision for revision in history if revision.hash and workloads.plain_template(revision.template, notes=False) != runs
    ]
    current = next((r.number for r in history if r not in earlier), None)
    if current is not None:
        earlier = [revision for revision in earlier if revision.number < current] or earlier
    return next((revision for revision in earlier if revision.available > 0), None) or next(iter(earlier), None)
