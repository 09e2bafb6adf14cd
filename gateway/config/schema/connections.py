"""What a person may write of connections: PROXY headers, TLS and HTTP/2, with clients and with upstreams."""

from __future__ import annotations

from typing import Annotated

import msgspec

from gateway import limits
from gateway.config.document import ClientAuthMode
from gateway.config.schema.base import Written, doc, preset
from gateway.config.units import Duration, Size, TlsVersion


class ProxyProtocol(Written, frozen=True):
    """The PROXY protocol, versions 1 and 2: a proxy in front says whose connection it passes on."""

    senders: Annotated[
        list[str],
        doc(
            "Networks (`10.0.0.0/8`, `2001:db8::/32`) or addresses of such proxies; `unix` on a Unix socket. Their "
            "connections must begin with a header; nobody else's header is believed."
        ),
    ] = msgspec.field(name="from")


class Keepalive(Written, frozen=True):
    """PINGs on an HTTP/2 connection, which find out that the other side has vanished."""

    interval: Annotated[Duration, doc("From one to the next. `0s`: none is sent.")] = preset(
        Duration(limits.KEEPALIVE_MS)
    )
    timeout: Annotated[Duration, doc("What the answer may take; then the connection is ended.")] = preset(
        Duration(limits.KEEPALIVE_TIMEOUT_MS)
    )


class Http2(Written, frozen=True):
    """HTTP/2 connections."""

    max_concurrent_streams: Annotated[
        int, doc("Streams of one connection that are open at once.", ge=1, le=limits.HTTP2_STREAMS_MAX)
    ] = limits.HTTP2_STREAMS
    stream_window: Annotated[Size, doc("Bytes under way to the gateway on one stream.")] = preset(
        Size(limits.HTTP2_STREAM_WINDOW)
    )
    connection_window: Annotated[Size, doc("The same for all streams of a connection together.")] = preset(
        Size(limits.HTTP2_CONNECTION_WINDOW)
    )
    keepalive: Annotated[Keepalive, doc("PINGs, which find clients that have vanished.")] = preset(Keepalive())
    max_age: Annotated[
        Duration,
        doc("A connection that is older, by a tenth more or less, is asked to end; its streams finish. `0s`: any age."),
    ] = preset(Duration(limits.MAX_AGE_MS))


class Certificate(Written, frozen=True):
    """A certificate with its key, as PEM files. They are read anew when they change."""

    cert: Annotated[str, doc("File: the certificate first, then the intermediate ones.")]
    key: Annotated[str | None, doc("File of its private key, without passphrase. Default: the file of `cert`.")] = None
    ocsp: Annotated[str | None, doc("File of an OCSP response (DER) to staple.")] = None


class ClientAuth(Written, frozen=True):
    """Certificates of clients."""

    mode: Annotated[
        ClientAuthMode,
        doc("`off`: not asked for; `optional`: verified if there is one; `required`: no connection without."),
    ]
    ca: Annotated[str | None, doc("File of the CAs that clients' certificates come from.")] = None


class PassthroughTimeout(Written, frozen=True):
    """Deadlines of a connection that is passed through; the nearest of here and `defaults` wins. `0s`: none."""

    connect: Annotated[
        Duration | None, doc(f"For a connection to the endpoint. Default: {Duration(limits.CONNECT_TIMEOUT_MS)}.")
    ] = None
    idle: Annotated[
        Duration | None, doc(f"Without a byte in either direction. Default: {Duration(limits.IDLE_TIMEOUT_MS)}.")
    ] = None


class Passthrough(Written, frozen=True):
    """TLS connections that go to an upstream unopened: it has the certificate, and the gateway reads nothing."""

    sni: Annotated[
        list[str],
        doc("Names that clients ask for (SNI): `db.example.com`, or `*.db.example.com` for every name that ends so."),
    ]
    to: Annotated[str, doc("The upstream. Of its settings `endpoints` and `balance` count.")]
    timeout: Annotated[PassthroughTimeout | None, doc("Deadlines.")] = None


class ListenerTls(Written, frozen=True):
    """TLS with clients. Paths of files are relative to the file that they are written in."""

    certificates: Annotated[
        list[Certificate], doc("Chosen by the name that the client asks for (SNI); the first is the default.")
    ] = []
    client_auth: Annotated[ClientAuth | None, doc("Certificates of clients. Default: not asked for.")] = None
    min_version: Annotated[TlsVersion, doc("Oldest version accepted.")] = preset(TlsVersion("1.2"))
    handshake_timeout: Annotated[Duration, doc("From accept to the end of the handshake.")] = preset(
        Duration(limits.HANDSHAKE_TIMEOUT_MS)
    )
    passthrough: Annotated[
        list[Passthrough], doc("Connections that are passed on unopened, by the name that the client asks for.")
    ] = []


class UpstreamTls(Written, frozen=True):
    """TLS with an upstream. Its certificate is verified. Paths are relative to the file that they are written in."""

    ca: Annotated[str | None, doc("File of the CAs that its certificate comes from. Default: those of the system.")] = (
        None
    )
    server_name: Annotated[
        str | None, doc("The name that is asked for (SNI) and verified. Default: the endpoint's IP address.")
    ] = None
    cert: Annotated[str | None, doc("File of our own certificate, for upstreams that ask for one.")] = None
    key: Annotated[str | None, doc("File of its private key. Default: the file of `cert`.")] = None
    min_version: Annotated[TlsVersion, doc("Oldest version accepted.")] = preset(TlsVersion("1.2"))
    insecure_skip_verify: Annotated[
        bool, doc("`true`: anybody may answer in the upstream's place. For a test bench, never for a network.")
    ] = False


class UpstreamHttp2(Written, frozen=True):
    """HTTP/2 connections to an upstream."""

    max_concurrent_streams: Annotated[
        int,
        doc(
            "Streams that are opened on one connection; fewer if the upstream says so.",
            ge=1,
            le=limits.HTTP2_STREAMS_MAX,
        ),
    ] = limits.HTTP2_STREAMS
    stream_window: Annotated[Size, doc("Bytes under way to the gateway on one stream.")] = preset(
        Size(limits.HTTP2_STREAM_WINDOW)
    )
    connection_window: Annotated[Size, doc("The same for all streams of a connection together.")] = preset(
        Size(limits.HTTP2_CONNECTION_WINDOW)
    )
    keepalive: Annotated[Keepalive, doc("PINGs. What is not written here is as for listeners.")] = preset(
        Keepalive(interval=Duration(limits.UPSTREAM_KEEPALIVE_MS))
    )
    max_age: Annotated[
        Duration, doc("An older connection gets no new requests, and ends after its last. `0s`: any age.")
    ] = preset(Duration(limits.UPSTREAM_MAX_AGE_MS))
