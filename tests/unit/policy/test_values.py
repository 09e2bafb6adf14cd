"""Names with several values each."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy import Headers, Query


def test_headers_are_found_without_case_and_joined() -> None:
    headers = Headers([("Accept", "a"), ("x-one", "1"), ("ACCEPT", "b")])
    assert headers["accept"] == "a, b"
    assert headers.get_all("Accept") == ("a", "b")
    assert "X-One" in headers
    assert headers.get("no") is None
    assert list(headers) == ["accept", "x-one"]
    assert len(headers) == 2
    with pytest.raises(KeyError):
        headers["no"]


def test_queries_are_decoded_and_keep_case_and_order() -> None:
    query = Query.parse(b"a=1&A=2&a=%C3%BC+x&empty")
    assert query["a"] == "1"
    assert query.get_all("a") == ("1", "ü x")
    assert query["A"] == "2"
    assert query["empty"] == ""
    assert Query.parse(None).pairs == ()


@given(st.binary())
def test_no_query_fails(written: bytes) -> None:
    Query.parse(written)


@given(st.lists(st.tuples(st.binary(min_size=1), st.binary())))
def test_no_bytes_of_a_field_are_lost(fields: list[tuple[bytes, bytes]]) -> None:
    headers = Headers.from_bytes(fields)
    assert [(n.encode("latin-1"), v.encode("latin-1")) for n, v in headers.pairs] == fields
