"""The floor: `gateway-load relay`, which copies bytes and knows nothing of HTTP."""

import subprocess
from pathlib import Path

from bench import tool
from bench.peer import Peer, Place


def version(program: Path) -> str:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    return said.split()[-1]


def command(program: Path, place: Place) -> list[str]:
    return [str(program), "relay", f"127.0.0.1:{place.port}", place.upstream]


PEER = Peer("relay", tool.find, version, command, control=True)
