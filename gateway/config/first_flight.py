"""What is sent first on an HTTP/2 connection: made once per listener and upstream, by `h2`, kept in the snapshot.

Theory: SETTINGS say nothing that depends on the connection, so a worker can send them at once and no connection waits
for Python. What the bytes offer stands beside them as numbers, since the worker has to hold the peer to it.

Rules: `h2` writes every byte; the numbers here and the core's `LocalSettings` mean the same.
"""

from __future__ import annotations

from functools import cache
from typing import Final, NamedTuple

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.settings import SettingCodes, Settings

from gateway import limits
from gateway.config import document as wire

_WINDOW_AT_FIRST: Final = 65_535
"""Of every connection until a WINDOW_UPDATE says otherwise (RFC 9113 §6.9.2); no setting can change it."""


class Windows(NamedTuple):
    """Bytes that may be under way to us."""

    stream: int = limits.HTTP2_STREAM_WINDOW
    connection: int = limits.HTTP2_CONNECTION_WINDOW


_USUAL: Final = Windows()


@cache
def offer_to_clients(streams: int, header_bytes: int, windows: Windows = _USUAL) -> wire.Http2:
    """What a listener offers."""
    settings = {
        SettingCodes.MAX_CONCURRENT_STREAMS: streams,
        SettingCodes.MAX_HEADER_LIST_SIZE: header_bytes,
        SettingCodes.ENABLE_CONNECT_PROTOCOL: 1,
    }
    return _offer(client=False, streams=streams, windows=windows, settings=settings)


@cache
def offer_to_upstream(streams: int, windows: Windows = _USUAL) -> wire.Http2:
    """What an upstream is offered: no pushes. How many streams we open at most is not announced."""
    settings = {
        SettingCodes.ENABLE_PUSH: 0,
        SettingCodes.MAX_HEADER_LIST_SIZE: limits.UPSTREAM_HEADER_BYTES,
    }
    return _offer(client=True, streams=streams, windows=windows, settings=settings)


def _offer(*, client: bool, streams: int, windows: Windows, settings: dict[SettingCodes, int]) -> wire.Http2:
    common = {
        SettingCodes.HEADER_TABLE_SIZE: limits.HTTP2_TABLE_BYTES,
        SettingCodes.INITIAL_WINDOW_SIZE: windows.stream,
        SettingCodes.MAX_FRAME_SIZE: limits.HTTP2_FRAME_BYTES,
    }
    connection = H2Connection(H2Configuration(client_side=client))
    connection.local_settings = Settings(client=client, initial_values=common | settings)
    connection.initiate_connection()
    connection.increment_flow_control_window(windows.connection - _WINDOW_AT_FIRST)
    return wire.Http2(
        max_concurrent_streams=streams,
        stream_window=windows.stream,
        connection_window=windows.connection,
        max_frame=limits.HTTP2_FRAME_BYTES,
        preface=connection.data_to_send(),
    )
