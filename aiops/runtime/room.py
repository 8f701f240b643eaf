"""Free disk space: refused to start without it, told while it runs out."""

import shutil
from pathlib import Path

from aiops.runtime.faults import SCARCE_BYTES, RuntimeFault, existing
from aiops.runtime.terminal import say

MB = 1_048_576
NEEDED_BYTES = 100 * MB  # an empty database with its log


class Room:
    """Of the disks that these folders are on."""

    def __init__(self, *folders: Path) -> None:
        self._folders = folders
        self._told = False

    def require(self) -> None:
        folder, free = self._least()
        if free < NEEDED_BYTES:
            raise RuntimeFault(f"only {free // MB} MB are free on the disk of {folder}: make room and start again")
        self.warn()

    def warn(self) -> None:
        """Say once that little is left, and again after there was more."""
        folder, free = self._least()
        scarce = free < SCARCE_BYTES
        if scarce and not self._told:
            say(f"Only {free // MB} MB are free on the disk of {folder}; without room no alert is taken. Make room")
        self._told = scarce

    def _least(self) -> tuple[Path, int]:
        return min(((folder, shutil.disk_usage(existing(folder)).free) for folder in self._folders), key=lambda found: found[1])
