"""The other end of an HTTP/2 connection: a real `h2`, and as much of a worker as passes its frames on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, PingReceived
from h2.events import Event as Happened
from h2.settings import SettingCodes
from hyperframe.frame import Frame, GoAwayFrame, PingFrame, SettingsFrame

from gateway.config.first_flight import offer_to_clients, offer_to_upstream

if TYPE_CHECKING:
    from gateway._engine import Event

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

LAST_STREAM = 2**31 - 1


class Peer:
    """A client of ours, or an upstream's server."""

    def __init__(self, conn: int, we_are: Literal["server", "client"] = "server") -> None:
        self.conn = conn
        self.answers = True
        """What it has to say reaches us."""
        self.heard: list[Happened] = []
        self._h2 = H2Connection(H2Configuration(client_side=we_are == "server"))
        self._h2.initiate_connection()
        flight = offer_to_clients(100, 64 * 1024) if we_are == "server" else offer_to_upstream(100)
        self._flight = flight.preface

    def begin(self) -> list[Event]:
        """Both first flights."""
        return self.hear(self._flight)

    def set(self, **values: int) -> list[Event]:
        """Another SETTINGS frame."""
        self._h2.update_settings({SettingCodes[name.upper()]: value for name, value in values.items()})
        return self._said()

    def hear(self, data: bytes) -> list[Event]:
        """Bytes from us. Gives back what a worker tells of the answer."""
        self.heard += self._h2.receive_data(data)
        return self._said()

    def hear_go_away(self, last: int | None, code: int) -> list[Event]:
        """GOAWAY as the worker writes it; it has processed no stream."""
        frame = GoAwayFrame(0, last_stream_id=LAST_STREAM if last is None else 0, error_code=code)
        state = self._h2.state_machine.state
        self.heard += self._h2.receive_data(frame.serialize())
        self._h2.state_machine.state = state  # h2 takes any GOAWAY for the end; RFC 9113 §6.8 does not
        return self._said()

    def count(self, kind: type[Happened]) -> int:
        """How often that has happened."""
        return sum(isinstance(each, kind) for each in self.heard)

    @property
    def pings(self) -> int:
        return self.count(PingReceived)

    @property
    def last_streams(self) -> list[int | None]:
        """What each GOAWAY named."""
        return [each.last_stream_id for each in self.heard if isinstance(each, ConnectionTerminated)]

    def _said(self) -> list[Event]:
        data = memoryview(self._h2.data_to_send().removeprefix(PREFACE))
        told: list[Event] = []
        while data:
            frame, length = Frame.parse_frame_header(data[:9])
            payload = data[9 : 9 + length]
            frame.parse_body(payload)
            told += self._told(frame, bytes(payload))
            data = data[9 + length :]
        return told if self.answers else []

    def _told(self, frame: Frame, payload: bytes) -> list[Event]:
        acknowledges = "ACK" in frame.flags
        match frame:
            case SettingsFrame():
                return [("settings_ack", self.conn)] if acknowledges else [("settings", self.conn, payload)]
            case PingFrame() if acknowledges:
                return [("ping_ack", self.conn, payload)]
            case GoAwayFrame():
                return [("gone_away", self.conn, frame.last_stream_id, frame.error_code)]
            case _:
                return []
