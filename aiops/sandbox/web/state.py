"""What survives a stop: the world, its identity and its port, in one private file.

The file is a line of JSON (version, identity, port) and, behind it, the world as a pickle. A world of other code is not
continued, for what it remembers may mean something else now; its identity is, so that clients need no new kubeconfig.
"""

import json
import os
import pickle
import sys
import tempfile
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from aiops.sandbox.clock import wall_now
from aiops.sandbox.web.identity import Identity, new_identity
from aiops.sandbox.world import World

PACKAGE = Path(__file__).parent.parent


@dataclass
class Kept:
    world: World
    identity: Identity
    cluster_port: int = 0


def _version() -> str:
    sources = sorted([*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.yaml")])
    return sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()


VERSION = _version()  # of the code that runs, whatever happens to its files meanwhile


def keep(path: Path, kept: Kept) -> None:
    """Replace the file as a whole; readable by us alone, for it holds tokens and is loaded as code would be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    head = {"version": VERSION, "identity": asdict(kept.identity), "cluster_port": kept.cluster_port}
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        file.write(json.dumps(head).encode() + b"\n")
        pickle.dump(kept.world, file, protocol=pickle.HIGHEST_PROTOCOL)
    os.replace(file.name, path)


def load(path: Path | None, *, seed: int) -> Kept:
    """The kept state, or a new world where there is none that fits."""
    identity, port = new_identity(), 0
    if path is not None and path.exists():
        if path.stat().st_uid != os.geteuid() or path.stat().st_mode & 0o077:
            raise PermissionError(f"{path} can be written or read by others; remove it")
        try:
            line, _, rest = path.read_bytes().partition(b"\n")
            head = json.loads(line)
            identity, port = Identity(**head["identity"]), int(head["cluster_port"])
            if head["version"] == VERSION:
                world: World = pickle.loads(rest)  # noqa: S301  (our own file, checked to be ours alone)
                world.clock.anchor()  # it stood still meanwhile
                return Kept(world, identity, port)
            sys.stderr.write(f"{path} is of another version; beginning with a new world\n")
        except (KeyError, TypeError, ValueError, EOFError, pickle.UnpicklingError) as error:
            sys.stderr.write(f"{path} cannot be read ({error}); beginning with a new world\n")
    return Kept(World(seed=seed, wall=wall_now), identity, port)
