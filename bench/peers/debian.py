"""Programs that come as Debian packages."""

import os
import shutil
import subprocess
from pathlib import Path

from bench.peer import MissingError


def find(program: str, package: str) -> Path:
    """The program's path; installs its package when run as root, else says how."""
    command = ["apt-get", "install", "-y", "--no-install-recommends", package]
    search = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    found = shutil.which(program, path=search)
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"installing {package}: {' '.join(command)}", flush=True)
        quiet = {
            **os.environ,
            "DEBIAN_FRONTEND": "noninteractive",
            "RUNLEVEL": "1",
        }  # no service is started
        subprocess.run(command, env=quiet, stdout=subprocess.DEVNULL, check=False)
        found = shutil.which(program, path=search)
    if found is None:
        raise MissingError(f"{program} is missing; install it with: sudo {' '.join(command)}")
    return Path(found)
