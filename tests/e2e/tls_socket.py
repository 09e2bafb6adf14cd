"""TLS upon a socket of a client: plain text in and out, and each direction ends by itself.

Theory: `ssl.SSLSocket` cannot end what it sends and go on reading, and it hides what goes over the wire. So OpenSSL
works in memory here, and the socket is ours. An end without close_notify is an error, never an end.

    tls = TlsSocket(socket.create_connection(…), certificates.client_context(), "shop.test")
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

from tests.e2e.client import PART

T = TypeVar("T")


class TlsSocket:
    """The part of a socket's interface that clients of the tests use."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, name: str) -> None:
        self.sock = sock
        self._come, self._gone = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._come, self._gone, server_hostname=name)
        try:
            self._settle(self.tls.do_handshake)
        except BaseException:
            sock.close()
            raise

    def sendall(self, data: bytes) -> None:
        """Send these bytes."""
        sent = 0
        while sent < len(data):
            sent += self._settle(partial(self.tls.write, memoryview(data)[sent:]))

    def recv(self, count: int) -> bytes:
        """What came, at most so many bytes; b"" once the other side has said that nothing more comes."""
        try:
            return self._settle(lambda: self.tls.read(count))
        except ssl.SSLZeroReturnError:
            return b""

    def seal(self, plain: bytes) -> bytes:
        """What would be sent for these bytes."""
        self.tls.write(plain)
        return self._gone.read()

    def open(self, wire: bytes) -> bytes:
        """The plain text of what came by another way than `recv`, as far as it is whole."""
        self._come.write(wire)
        plain = b""
        with suppress(ssl.SSLWantReadError, ssl.SSLZeroReturnError):
            while part := self.tls.read(PART):
                plain += part
        return plain

    def shutdown(self, how: int) -> None:
        """Say that nothing more comes (close_notify); what the other side says can still be read."""
        assert how == socket.SHUT_WR
        with suppress(ssl.SSLWantReadError):  # it also looks for the other side's, which need not be there yet
            self.tls.unwrap()
        self._flush()

    def close(self) -> None:
        """End it at once, without a word."""
        self.sock.close()

    def _settle(self, step: Callable[[], T]) -> T:
        """Do it, with as much reading and sending as it takes."""
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                self._flush()
                part = self.sock.recv(PART)
                if part:
                    self._come.write(part)
                else:
                    self._come.write_eof()
            finally:
                self._flush()

    def _flush(self) -> None:
        if self._gone.pending:
            self.sock.sendall(self._gone.read())
