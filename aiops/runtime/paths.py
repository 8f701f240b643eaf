"""Where the embedded servers live, derived from `AIOPS_VAR` alone, so that every process finds them without being told."""

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class RuntimePaths:
    """`var` holds what people may look at; `sockets` is short, because a socket path ends at 107 bytes.

    `user_id` is whoever runs the product, this process's user unless said otherwise.
    """

    var: Path
    user_id: int = field(default_factory=os.geteuid)

    @property
    def tag(self) -> str:
        """Names this var among all of the machine: in folder names, and in the environment of every process it runs."""
        return hashlib.sha256(str(self.var.resolve()).encode()).hexdigest()[:10]

    @property
    def as_root(self) -> bool:
        return self.user_id == 0

    @property
    def home(self) -> Path:
        """Where people find PostgreSQL's files: `private` itself, or as root a link to it."""
        return self.var / "postgres"

    @property
    def shared(self) -> Path:
        """As root: the parent of every `private`, and of the copies of PostgreSQL's programs."""
        return Path("/var/lib/aiops")

    @property
    def private(self) -> Path:
        """PostgreSQL's home. It refuses to run as root, so there its files belong to `nobody`, outside any home folder."""
        return self.shared / self.tag if self.as_root else self.home

    @property
    def data(self) -> Path:
        return self.private / "data"

    @property
    def sockets(self) -> Path:
        # Short and, unlike var, never on a file system without sockets. Its mode keeps others out.
        return self.private / "run" if self.as_root else Path("/tmp") / f"aiops-{self.user_id}-{self.tag}"  # noqa: S108

    @property
    def redis_socket(self) -> Path:
        return self.sockets / "redis.sock"

    @property
    def lock(self) -> Path:
        """Held by whoever runs or replaces what is under var."""
        return self.var / "up.lock"

    @property
    def logs(self) -> Path:
        return self.var / "log"

    @property
    def supervisor_config(self) -> Path:
        return self.var / "supervisor.conf"

    @property
    def backups(self) -> Path:
        return self.var / "backups"

    @property
    def bootstrap(self) -> Path:
        return self.var / "bootstrap.json"

    @property
    def secret_key(self) -> Path:
        return self.var / "secret_key"

    @property
    def sandbox_kubeconfig(self) -> Path:
        return self.var / "sandbox.kubeconfig"

    @property
    def database_url(self) -> str:
        return f"postgresql://aiops@/aiops?host={self.sockets}"

    @property
    def redis_url(self) -> str:
        return f"unix://{self.redis_socket}"
