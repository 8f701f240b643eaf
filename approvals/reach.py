"""Who carries out what: a cluster's own API, the machines that belong to it, and the receivers of webhook jobs."""

from dataclasses import dataclass

from django.conf import settings
from django.db.models import QuerySet

from aiops.connectors.errors import Permanent
from aiops.connectors.kubernetes import Api, Request, client_for
from aiops.connectors.kubernetes_objects import KubeObject, Ref
from aiops.connectors.ssh import FILES, SERVICE, Machine, Ssh
from aiops.core.actions import Action, Executor, Undo
from aiops.core.clusters import Cluster
from approvals.conf import ApprovalsConf
from approvals.job_calls import Jobs, job_named
from approvals.means import Host
from approvals.operations import OPERATIONS, executor_of, webhook_jobs
from approvals.operations.webhook_jobs import CALL, JOB


@dataclass(frozen=True)
class Reach:
    """Everything that can be asked in the name of one cluster, each through its own client."""

    cluster: Cluster
    conf: ApprovalsConf

    def get(self, ref: Ref) -> KubeObject | None:
        return self._client(ref).get(ref)

    def need(self, ref: Ref) -> KubeObject:
        return self._client(ref).need(ref)

    def find(self, kind: str, namespace: str | None = None, *, labels: str = "", fields: str = "") -> list[KubeObject]:
        return self._kubernetes().find(kind, namespace, labels=labels, fields=fields)

    def send(self, request: Request, *, dry_run: bool = False) -> KubeObject:
        return self._client(request.ref).send(request, dry_run=dry_run)

    def _client(self, ref: Ref) -> Api:
        if ref.kind in (SERVICE, FILES):
            return self._machine(ref.name.partition("/")[0])
        if ref.kind in (JOB, CALL):
            return Jobs(self.cluster.name, self.conf)
        return self._kubernetes()

    def _kubernetes(self) -> Api:
        conf = self.conf
        return client_for(self.cluster, read_timeout_s=conf.read_timeout_s, request_timeout_s=conf.request_timeout_s)

    def _machine(self, name: str) -> Ssh:
        host = hosts_of(self.cluster.name, name).first()
        if host is None:
            raise Permanent(f"log in to {name}", "no such machine is set up here", code="executor")
        return Ssh(machine_of(host), read_timeout_s=self.conf.read_timeout_s, change_timeout_s=self.conf.ssh_timeout_s)


def hosts_of(cluster: str, name: str) -> QuerySet[Host]:
    return Host.objects.filter(cluster=cluster, name=name, is_enabled=True)


def machine_of(host: Host) -> Machine:
    conf = settings.AIOPS
    return Machine(
        name=host.name,
        address=host.address or host.name,
        port=host.port,
        user=host.user,
        host_keys=host.host_key,
        key_file=conf.ssh_key_file,
        passphrase=conf.ssh_key_passphrase.get_secret_value() or None,
        services=frozenset(host.services),
        containers=frozenset(host.containers),
        clean_paths=tuple(host.clean_paths),
        cache_paths=tuple(host.cache_paths),
        older_than_days=host.older_than_days,
        sudo=host.sudo,
        marker_dir=host.marker_dir,
    )


def has_executor(action: Action, cluster: str) -> bool:
    """Whether anything set up here can carry out `action` for that cluster."""
    if action.action_class not in OPERATIONS:
        return False
    match executor_of(action):
        case Executor.KUBERNETES:
            return True
        case Executor.SSH:
            name = action.target.name if action.target else ""
            return settings.AIOPS.ssh_key_file is not None and hosts_of(cluster, name).exists()
        case Executor.JOB:
            return job_named(cluster, webhook_jobs.subject(action).name) is not None
        case _:
            return False


def undo_of(action: Action, cluster: str) -> Undo:
    """What can be done about an action that was wrong; of a webhook job what its set-up says."""
    if action.spec.undo is not Undo.DECLARED:
        return action.spec.undo
    job = job_named(cluster, webhook_jobs.subject(action).name)
    return Undo(job.undo) if job else Undo.DECLARED
