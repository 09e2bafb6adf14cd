"""What is sent first on an HTTP/2 connection is what the document says of it, and `h2` on the other side takes it."""

from __future__ import annotations

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RemoteSettingsChanged, WindowUpdated
from h2.settings import SettingCodes

from gateway import limits
from gateway.config.first_flight import offer_to_clients, offer_to_upstream

MAGIC = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def read(preface: bytes, *, client: bool) -> tuple[dict[int, int], int]:
    """Settings and the connection's window, as a peer in the role of `client` understands them."""
    peer = H2Connection(H2Configuration(client_side=client))
    peer.initiate_connection()
    events = peer.receive_data(preface)
    (settings,) = [event for event in events if isinstance(event, RemoteSettingsChanged)]
    (window,) = [event for event in events if isinstance(event, WindowUpdated)]
    changed = {int(code): setting.new_value for code, setting in settings.changed_settings.items()}
    return changed, 65_535 + (window.delta or 0)


def test_clients_are_offered_what_the_document_says() -> None:
    offer = offer_to_clients(17, 4_321)
    settings, window = read(offer.preface, client=True)
    assert settings[SettingCodes.MAX_CONCURRENT_STREAMS] == offer.max_concurrent_streams == 17
    assert settings[SettingCodes.MAX_HEADER_LIST_SIZE] == 4_321
    assert settings[SettingCodes.ENABLE_CONNECT_PROTOCOL] == 1
    assert settings[SettingCodes.INITIAL_WINDOW_SIZE] == offer.stream_window
    assert settings[SettingCodes.MAX_FRAME_SIZE] == offer.max_frame
    assert settings[SettingCodes.HEADER_TABLE_SIZE] == limits.HTTP2_TABLE_BYTES
    assert window == offer.connection_window


def test_an_upstream_is_offered_no_pushes() -> None:
    offer = offer_to_upstream(7)
    assert offer.preface.startswith(MAGIC)
    settings, window = read(offer.preface, client=False)
    assert settings[SettingCodes.ENABLE_PUSH] == 0
    assert SettingCodes.MAX_CONCURRENT_STREAMS not in settings
    assert settings[SettingCodes.INITIAL_WINDOW_SIZE] == offer.stream_window
    assert settings[SettingCodes.MAX_HEADER_LIST_SIZE] == limits.UPSTREAM_HEADER_BYTES
    assert window == offer.connection_window
