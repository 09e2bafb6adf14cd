"""Records of TLS 1.3 that no library would write, sealed with the keys of a handshake that a library has made.

Theory: OpenSSL makes the handshake and tells its secrets (NSS key log); from there on the client's records are made
here, so that a record may be empty, padded, of any type, or a KeyUpdate. RFC 8446 §5.2, §7.1 to §7.3.

Rules: nothing may have been sent with the key of the application before, and OpenSSL writes no more.
"""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from tests.e2e.tls_socket import TlsSocket

CHANGE_CIPHER_SPEC, ALERT, HANDSHAKE, DATA = 20, 21, 22, 23
"""Types of records. RFC 8446 §5.1."""

SUITES: Final[dict[str, tuple[type[hashes.HashAlgorithm], int]]] = {
    "TLS_AES_256_GCM_SHA384": (hashes.SHA384, 32),
    "TLS_AES_128_GCM_SHA256": (hashes.SHA256, 16),
}
"""Their hash, and bytes of their key."""

LARGEST: Final = 16 * 1024
"""Plain bytes of a record."""


def record(kind: int, content: bytes, version: bytes = b"\x03\x03") -> bytes:
    """A record as it goes over the wire without keys."""
    return bytes([kind]) + version + len(content).to_bytes(2, "big") + content


def client_hello(name: str = "test", context: ssl.SSLContext | None = None) -> bytes:
    """The first message of an honest client, as a record."""
    come, gone = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = (context or ssl.create_default_context()).wrap_bio(come, gone, server_hostname=name)
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        return gone.read()
    raise AssertionError("a handshake needs an answer")


def in_pieces(message: bytes, size: int) -> bytes:
    """A handshake message in records of so many bytes."""
    return b"".join(record(HANDSHAKE, message[at : at + size]) for at in range(0, len(message), size))


class Sealed:
    """A connection whose records are made here once the handshake is over."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, directory: Path, name: str = "test") -> None:
        log = directory / "secrets"
        log.write_text("")
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.keylog_filename = str(log)
        self.sock = sock
        cipher = TlsSocket(sock, context, name).tls.cipher()
        assert cipher is not None
        self._hash, self._length = SUITES[cipher[0]]
        words = (line.split() for line in log.read_text().splitlines())
        self._take(next(bytes.fromhex(each[2]) for each in words if each[:1] == ["CLIENT_TRAFFIC_SECRET_0"]))

    def data(self, plain: bytes) -> bytes:
        """Plain text in records as large as they may be."""
        return b"".join(self.seal(DATA, plain[at : at + LARGEST]) for at in range(0, len(plain), LARGEST))

    def empty(self, count: int) -> bytes:
        """So many records without a byte."""
        return b"".join(self.seal(DATA, b"") for _ in range(count))

    def seal(self, kind: int, content: bytes, padding: int = 0) -> bytes:
        """One record."""
        inner = content + bytes([kind]) + bytes(padding)
        header = bytes([DATA, 3, 3]) + (len(inner) + 16).to_bytes(2, "big")
        nonce = (self._iv ^ self._number).to_bytes(12, "big")
        self._number += 1
        return header + self._key.encrypt(nonce, inner, header)

    def key_update(self, *, wants_one: bool) -> bytes:
        """KeyUpdate, after which the next key is used. RFC 8446 §4.6.3."""
        told = self.seal(HANDSHAKE, bytes([24, 0, 0, 1, wants_one]))
        self._take(self._expand(self._secret, "traffic upd", len(self._secret)))
        return told

    def _take(self, secret: bytes) -> None:
        self._secret, self._number = secret, 0
        self._key = AESGCM(self._expand(secret, "key", self._length))
        self._iv = int.from_bytes(self._expand(secret, "iv", 12), "big")

    def _expand(self, secret: bytes, label: str, length: int) -> bytes:
        words = b"tls13 " + label.encode()
        info = length.to_bytes(2, "big") + bytes([len(words)]) + words + b"\0"
        return HKDFExpand(self._hash(), length, info).derive(secret)
