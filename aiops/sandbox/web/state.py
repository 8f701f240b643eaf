"""What survives a stop: the world, its identity and its port, in one private file."""

import os
import pickle
import sys
import tempfile
from dataclasses import dataclass
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
    """Worlds of other code are not continued: what they remember may mean something else now."""
    sources = sorted([*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.yaml")])
    return sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()


VERSION = _version()  # of the code that runs, whatever happens to its files meanwhile


def keep(path: Path, kept: Kept) -> None:
    """Replace the file as a whole; readable by us alone, for it holds tokens and is loaded as code would be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        pickle.dump((VERSION, kept), file, protocol=pickle.HIGHEST_PROTOCOL)
    os.replace(file.name, path)


def load(path: Path | None, *, seed: int) -> Kept:
    """The kept state, or a new world where there is none that fits; under the old identity where that can be read."""
    identity, port = new_identity(), 0
    if path is not None and path.exists():
        if path.stat().st_uid != os.geteuid() or path.stat().st_mode & 0o077:
            raise PermissionError(f"{path} can be written or read by others; remove it")
        try:
            version, kept = pickle.loads(path.read_bytes())  # noqa: S301  (our own file, checked to be ours alone)
        except (pickle.UnpicklingError, AttributeError, EOFError, ImportError, IndexError, TypeError, ValueError) as error:
            sys.stderr.write(f"{path} cannot be read ({error}); beginning with a new world\n")
        else:
            if version == VERSION and isinstance(kept, Kept):
                kept.world.clock.anchor()  # the world stood still meanwhile
                return kept
            sys.stderr.write(f"{path} is of another version; beginning with a new world\n")
            identity, port = kept.identity, kept.cluster_port
    return Kept(World(seed=seed, wall=wall_now), identity, port)
