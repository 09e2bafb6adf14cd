"""From the compiled configuration to what serving needs."""

from __future__ import annotations

from itertools import count

from gateway.serve.plan import KeysOfLoad


def test_an_open_listener_keeps_its_key_and_others_get_fresh_ones() -> None:
    numbers = count(5)
    keys = KeysOfLoad({"127.0.0.1:80": 2}, numbers)
    assert keys.key("127.0.0.1:80", "web") == 2
    assert keys.key("127.0.0.1:81", "new") == 5
    assert keys.key("127.0.0.1:81", "new") == 5


def test_an_address_that_comes_back_while_it_drains_is_a_listener_of_its_own() -> None:
    numbers = count(1)
    first = KeysOfLoad({}, numbers).key("127.0.0.1:80", "web")
    again = KeysOfLoad({}, numbers).key("127.0.0.1:80", "web")
    assert first != again


def test_where_the_kernel_chose_the_port_the_name_tells_listeners_apart() -> None:
    keys = KeysOfLoad({"127.0.0.1:0 web": 7}, count(8))
    assert keys.key("127.0.0.1:0", "web") == 7
    assert keys.key("127.0.0.1:0", "other") == 8
