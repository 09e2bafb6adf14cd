"""The border between Trio and the workers (`rust/engine`): glue over `rust/core`, no logic.

A worker that takes no more commands (its queue is full: it does not run) makes methods raise RuntimeError. `control`,
`go_away` and `end` do so sooner, for answers of handlers come first; they may be called again a little later.

All methods are quick and never block; none calls back into Python. A worker never attaches to the interpreter.
"""

from typing import Literal, Self, TypeAlias, final

VERSION: str
"""Version of the extension, equal to the package's."""

REASONS: tuple[str, ...]
"""Words of all reasons, by number (`rust/core/src/reason.rs`)."""

ASK_WINDOW: int
"""Bytes of an answer that may be under way to the socket; `sent` events give them back."""

ABUSES: tuple[str, ...]
"""Of the words in `closed`: the peer exhausted a budget (answered with ENHANCE_YOUR_CALM)."""

LAST_PROCESSED: int
"""As `last` of `Engine.go_away`: the last stream that the worker has taken, which only it knows."""

def check(snapshot: bytes) -> int:
    """Build a snapshot document and drop it. Raises ValueError, naming the place.

    How many of the system's CAs could not be read.
    """

def shadowed(snapshot: bytes) -> list[tuple[int, int]]:
    """Rules that can never be taken: (rule, the rule that always wins), numbered flat in document order."""

def explain(snapshot: bytes, question: bytes) -> bytes:
    """Decide a question with a trace (MessagePack in and out; `rust/core/src/explain`). Of a split, draw 0 is taken."""

AskHead: TypeAlias = tuple[
    str,  # handler name
    str,  # listener
    str,  # route
    str,  # rule
    str,  # scheme
    bytes,  # method
    bytes,  # authority
    bytes,  # path, normal form
    bytes | None,  # query
    list[tuple[bytes, bytes]],  # fields, names in lower case
    str,  # peer address
    str,  # request id
    int | None,  # content length
    bool,  # whether a body follows
    int,  # ms to the deadline, 0: none
]

Event: TypeAlias = (
    tuple[Literal["ask"], int, AskHead]
    | tuple[Literal["body"], int, bytes]
    | tuple[Literal["body_end"], int]
    | tuple[Literal["sent"], int, int]  # bytes taken by the socket: window given back
    | tuple[Literal["over"], int, str]  # reason word; the last event of an ask
    | tuple[Literal["opened"], int, Literal["server"], int, str]  # connection, our role, listener key, peer address
    | tuple[Literal["opened"], int, Literal["client"], str, str]  # connection, our role, upstream name, peer address
    | tuple[Literal["settings"], int, bytes]  # payload of the peer's SETTINGS, applied and acknowledged
    | tuple[Literal["settings_ack"], int]
    | tuple[Literal["ping_ack"], int, bytes]  # its 8 bytes
    | tuple[Literal["gone_away"], int, int, int]  # last stream, error code of the peer's GOAWAY
    | tuple[Literal["closed"], int, str, int]  # why, in a word; streams served; the last event of a connection
    | tuple[Literal["unlistened"], int, int]  # worker, listener key
    | tuple[Literal["drained"], int, int]  # worker, listener key
    | tuple[Literal["applied"], int, int]  # worker, generation
    | tuple[Literal["panicked"], int, str]  # worker, text
)

@final
class Engine:
    """The workers of one process."""

    def __new__(cls, workers: int, snapshot: bytes) -> Self:
        """Build the snapshot and start the threads. Raises ValueError if the document is refused."""

    def fileno(self) -> int:
        """Readable while events wait."""

    def events(self) -> list[Event]:
        """Take the events that wait, at most 1,024 of them; acknowledges `fileno`."""

    def apply(self, snapshot: bytes) -> None:
        """Build, then hand to every worker. Raises ValueError and changes nothing if the document is refused."""

    def listen(self, listener: int, fds: list[int]) -> None:
        """Hand over one listening socket per worker, which are owned by the engine from now on."""

    def unlisten(self, listener: int) -> None:
        """Close the listening sockets of this key; connections stay. One `unlistened` per worker."""

    def drain(self, listener: int) -> None:
        """Unlisten; connections end with their exchange, idle ones after a short grace. One `drained` per worker."""

    def abort(self, listener: int) -> None:
        """Close every connection of this key now."""

    def answer(
        self,
        ask: int,
        status: int,
        fields: list[tuple[bytes, bytes]],
        data: bytes,
        end: bool,
        length: int | None,
    ) -> None:
        """Send the head of a handler's answer. Raises ValueError for what may not stand in a head."""

    def send(self, ask: int, data: bytes, end: bool) -> None:
        """Send more of the body. The caller keeps to ASK_WINDOW."""

    def credit(self, ask: int, consumed: int) -> None:
        """One `body` event, of so many bytes, was consumed: one credit for each event."""

    def fail(self, ask: int, reason: str) -> None:
        """End an ask without an answer: `handler_failed`, `handlers_busy`, `request_timeout` or `drained`."""

    def control(self, conn: int, data: bytes) -> None:
        """Send frames of stream 0 of an HTTP/2 connection as they are. A connection that is gone takes nothing."""

    def go_away(self, conn: int, last: int | None, code: int) -> None:
        """Send GOAWAY, and take no stream above `last`. None: 2^31-1, a warning. LAST_PROCESSED: what has come till
        then; the connection ends with its last stream."""

    def end(self, conn: int, code: int) -> None:
        """Send GOAWAY and close the connection; streams in flight fail."""

    def access_log(self, fd: int) -> None:
        """Write log lines to this descriptor (owned by the engine from now on), in a thread of its own."""

    def counters(self) -> bytes:
        """All counters and histograms as MessagePack: see `gateway/account/counters.py` for the shape."""

    def stop(self) -> None:
        """End the threads and join them; connections are closed."""
