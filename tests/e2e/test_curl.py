"""curl, which people try first: uploads with 100-continue, ranges, HTTP/1.0, many at once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.configuration import forward_to
from tests.e2e.gateway_process import Gateway
from tests.e2e.origin import Connection, ScriptedOrigin, TellingOrigin, answer
from tests.e2e.programs import run


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with TellingOrigin() as origin, Gateway(forward_to(origin.address), tmp_path_factory.mktemp("curl")) as gateway:
        yield f"http://127.0.0.1:{gateway.port()}"


def test_upload_with_expect_100_continue(url: str, tmp_path: Path) -> None:
    body = b"0123456789" * 300_000
    (tmp_path / "body").write_bytes(body)
    # curl waits for the 100 as long as it is told: an answer within the limit means that the 100 came
    done = run(
        "curl", "-sSv", "--max-time", "10", "--expect100-timeout", "30", "-H", "Expect: 100-continue",
        "--data-binary", f"@{tmp_path}/body", f"{url}/upload",
    )  # fmt: skip
    told = json.loads(done.stdout)
    assert told["body_sha256"] == hashlib.sha256(body).hexdigest()
    assert "< HTTP/1.1 100" in done.stderr
    assert "< HTTP/1.1 200" in done.stderr


def test_upload_that_the_server_refuses_is_not_sent_and_not_tried_again(tmp_path: Path) -> None:
    """The answer says that the connection ends, or curl would go on using it and find it dead."""
    seen: list[list[bytes]] = []

    def refuse(connection: Connection) -> None:
        parts: list[bytes] = []
        seen.append(parts)
        connection.read_head()
        connection.send(answer(status="417 Expectation Failed"))
        while part := connection.read_some():
            parts.append(part)

    (tmp_path / "body").write_bytes(b"x" * 100_000)
    with ScriptedOrigin(refuse) as origin, Gateway(forward_to(origin.address), tmp_path) as gateway:
        done = run(
            "curl", "-sS", "--max-time", "20", "--expect100-timeout", "30", "-H", "Expect: 100-continue",
            "-w", "%{http_code}", "--data-binary", f"@{tmp_path}/body", f"http://127.0.0.1:{gateway.port()}/",
        )  # fmt: skip
    assert (done.stdout, seen) == ("417", [[]])


def test_chunked_upload(url: str, tmp_path: Path) -> None:
    (tmp_path / "body").write_bytes(b"x" * 500_000)
    done = run(
        "curl", "-sS", "-H", "Transfer-Encoding: chunked", "--data-binary", f"@{tmp_path}/body", f"{url}/",
    )  # fmt: skip
    assert json.loads(done.stdout)["body_bytes"] == 500_000


def test_http_1_0(url: str) -> None:
    done = run("curl", "-sS", "--http1.0", f"{url}/old?x=1")
    assert json.loads(done.stdout)["target"] == "/old?x=1"


def test_head_and_options(url: str) -> None:
    assert run("curl", "-sSI", f"{url}/").stdout.startswith("HTTP/1.1 200 ")
    done = run("curl", "-sS", "-X", "OPTIONS", "--request-target", "*", f"{url}/")
    assert json.loads(done.stdout)["target"] == "*"


def test_many_at_once_on_kept_connections(url: str) -> None:
    urls = [f"{url}/{number}" for number in range(100)]
    done = run("curl", "-sS", "-Z", "--parallel-max", "20", "-w", "\\n%{http_code}\\n", *urls)
    assert done.stdout.count("\n200\n") == 100


def test_as_a_forward_proxy_the_absolute_form_is_understood(url: str) -> None:
    done = run("curl", "-sS", "--proxy", url, "http://real.test/path")
    told = json.loads(done.stdout)
    assert told["target"] == "/path"
    assert ["host", "real.test"] in told["headers"]
