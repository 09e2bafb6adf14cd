"""What a handler gives back."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from gateway.policy import Response, json_response


def test_text_is_utf8_and_says_so() -> None:
    response = Response(200, {"X-A": "1"}, "ü")
    assert response.body == "ü".encode()
    assert response.length == 2
    assert response.fields == [(b"x-a", b"1"), (b"content-type", b"text/plain; charset=utf-8")]


def test_a_content_type_of_the_handlers_own_stays() -> None:
    assert Response(200, {"Content-Type": "text/html"}, "x").fields == [(b"content-type", b"text/html")]


def test_a_stream_has_the_length_that_is_said() -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"x"

    assert Response(200, (), parts()).length is None
    assert Response(200, (), parts(), length=1).length == 1


@pytest.mark.parametrize("status", [0, 100, 101, 199, 600])
def test_only_final_statuses(status: int) -> None:
    with pytest.raises(ValueError, match="from 200 to 599"):
        Response(status)


@pytest.mark.parametrize("status", [204, 205, 304])
def test_statuses_without_a_body_have_none(status: int) -> None:
    assert Response(status).body == b""
    with pytest.raises(ValueError, match="has no body"):
        Response(status, (), b"x")


def test_what_cannot_be_a_field_is_said_with_its_name() -> None:
    with pytest.raises(ValueError, match="x-a"):
        Response(200, {"x-a": "\u20ac"})


def test_json_ends_with_a_line_end() -> None:
    response = json_response({"a": [1, None]}, 202)
    assert isinstance(response.body, bytes)
    assert json.loads(response.body) == {"a": [1, None]}
    assert response.body.endswith(b"\n")
    assert (b"content-type", b"application/json") in response.fields
    assert response.status == 202
