"""Listening sockets, real ones on loopback."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from gateway.config.addresses import Address, parse_listen
from gateway.serve.sockets import UNIX_MODE, ListenError, Sockets, listen


def accepted(opened: Sockets) -> socket.socket:
    """A connection, as a worker gets it."""
    for each in opened.sockets:
        try:
            return each.accept()[0]
        except BlockingIOError:
            continue
    raise AssertionError("nobody accepted")


def test_the_kernel_chooses_one_port_for_all_workers() -> None:
    opened = listen(parse_listen("127.0.0.1:0"), 3)
    assert {each.getsockname() for each in opened.sockets} == {("127.0.0.1", opened.address.port)}
    assert opened.address.port > 0
    assert not any(each.getblocking() for each in opened.sockets)
    opened.close()


def test_accepted_sockets_inherit_nodelay() -> None:
    opened = listen(parse_listen("127.0.0.1:0"), 1)
    with socket.create_connection(("127.0.0.1", opened.address.port)), accepted(opened) as one:
        assert one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    opened.close()


def test_a_second_gateway_on_the_same_address_is_refused_not_joined() -> None:
    """SO_REUSEPORT would let it in, and each would get half of the connections."""
    first = listen(parse_listen("127.0.0.1:0"), 2)
    with pytest.raises(ListenError, match=r"127\.0\.0\.1:\d+: somebody else listens there"):
        listen(first.address, 2)
    first.close()


def test_an_address_of_another_machine_is_refused_in_words() -> None:
    with pytest.raises(ListenError, match="no interface of this machine has that address"):
        listen(parse_listen("192.0.2.1:0"), 1)


def test_a_port_without_host_takes_both_families() -> None:
    opened = listen(parse_listen(":0"), 1)
    with socket.create_connection(("127.0.0.1", opened.address.port)), accepted(opened):
        pass
    opened.close()


def unix(path: Path) -> Address:
    return parse_listen(f"unix:{path}")


def test_a_unix_socket_is_duplicated_and_only_for_owner_and_group(tmp_path: Path) -> None:
    path = tmp_path / "gw.sock"
    opened = listen(unix(path), 2)
    assert len({each.fileno() for each in opened.sockets}) == 2
    assert stat.S_IMODE(path.stat().st_mode) == UNIX_MODE
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        accepted(opened).close()
    opened.close()
    opened.remove_file()
    assert not path.exists()


def test_a_stale_unix_socket_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "gw.sock"
    listen(unix(path), 1).close()
    assert path.exists()
    opened = listen(unix(path), 1)
    opened.close()


def test_a_unix_socket_that_somebody_answers_on_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "gw.sock"
    first = listen(unix(path), 1)
    before = path.stat().st_ino
    with pytest.raises(ListenError, match="somebody else listens there"):
        listen(unix(path), 1)
    assert path.stat().st_ino == before
    first.close()


def test_a_file_that_is_no_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "gw.sock"
    path.write_text("precious")
    with pytest.raises(ListenError):
        listen(unix(path), 1)
    assert path.read_text() == "precious"


def test_a_directory_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ListenError, match="its directory does not exist"):
        listen(unix(tmp_path / "nowhere" / "gw.sock"), 1)


def test_the_file_of_a_successor_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "gw.sock"
    opened = listen(unix(path), 1)
    path.rename(tmp_path / "old")
    path.write_text("of a successor")
    opened.close()
    opened.remove_file()
    assert path.exists()


def test_taken_descriptors_stay_open() -> None:
    opened = listen(parse_listen("127.0.0.1:0"), 2)
    taken = opened.take()
    opened.close()
    for each in taken:
        assert stat.S_ISSOCK(os.fstat(each).st_mode)
        os.close(each)
