"""What all tests share: one marker, a CA with certificates, and a head of the report that says which programs the
tests can use.

`alone` marks a test that measures (seconds, CPU, memory, syscalls) or that needs the machine's descriptors for itself:
`make test` runs the others side by side first, and these one after the other.
"""

from __future__ import annotations

import shutil
from typing import Final

import pytest

from tests.e2e.certificates import Certificates

PROGRAMS: Final = ("nginx", "curl", "wrk", "slowhttptest", "haproxy", "strace", "nghttp", "h2load", "nghttpd", "go")
"""Clients, servers and tools that nobody here wrote (`.ci/tools` installs them)."""


def pytest_configure(config: pytest.Config) -> None:
    """Declare the marker."""
    config.addinivalue_line("markers", "alone: measures, or takes the whole machine; not run beside other tests")


def pytest_report_header() -> str:
    """Which programs are there, so that a report with skips explains itself."""
    path = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
    missing = [name for name in PROGRAMS if not (shutil.which(name) or shutil.which(name, path=path))]
    return f"programs: {'all there' if not missing else 'missing ' + ', '.join(missing) + ' (see .ci/tools)'}"


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """One CA for all tests of a process, and what it signs."""
    return Certificates(tmp_path_factory.mktemp("certificates"))
