"""The built extension module is what its stub says, and refuses what the border's contract refuses."""

from __future__ import annotations

import ast
import inspect
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import gateway
from gateway import _engine
from gateway.config.document import FORMAT, Document, encode

STUB = ast.parse((Path(gateway.__file__).parent / "_engine.pyi").read_text())


def arguments(function: ast.FunctionDef) -> list[str]:
    return [each.arg for each in function.args.args]


def classes() -> list[ast.ClassDef]:
    return [each for each in STUB.body if isinstance(each, ast.ClassDef)]


def test_every_name_of_the_stub_is_in_the_module_and_the_other_way_round() -> None:
    aliases = {"Event", "AskHead"}
    names = {
        each.target.id for each in STUB.body if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
    }
    names |= {each.name for each in STUB.body if isinstance(each, ast.FunctionDef | ast.ClassDef)}
    assert names - aliases == {name for name in dir(_engine) if not name.startswith("_")}


def test_functions_take_the_arguments_of_the_stub() -> None:
    functions = [each for each in STUB.body if isinstance(each, ast.FunctionDef)]
    assert functions
    for function in functions:
        found = inspect.signature(getattr(_engine, function.name))
        assert list(found.parameters) == arguments(function), function.name


def test_methods_take_the_arguments_of_the_stub() -> None:
    for each in classes():
        built = getattr(_engine, each.name)
        methods = {method.name: method for method in each.body if isinstance(method, ast.FunctionDef)}
        made = methods.pop("__new__")
        assert list(inspect.signature(built).parameters) == arguments(made)[1:]
        assert set(methods) == {name for name in dir(built) if not name.startswith("_")}
        for name, method in methods.items():
            assert list(inspect.signature(getattr(built, name)).parameters) == arguments(method), name


def test_values_have_the_types_of_the_stub() -> None:
    assert isinstance(_engine.VERSION, str)
    assert isinstance(_engine.ASK_WINDOW, int)
    assert isinstance(_engine.LAST_PROCESSED, int)
    assert {"reset_flood", "unread_answers"} < set(_engine.ABUSES)
    assert "frame_size" not in _engine.ABUSES
    assert "handler_failed" in _engine.REASONS


EMPTY = encode(
    Document(
        format=FORMAT, generation=1, name="gateway", access_log=False,
        listeners=(), routes=(), upstreams=(), system_roots=(), handlers=(),
    )
)  # fmt: skip


@pytest.fixture
def engine() -> Iterator[_engine.Engine]:
    built = _engine.Engine(1, EMPTY)
    yield built
    built.stop()


@pytest.mark.parametrize("document", [b"", b"\x00", EMPTY[:-1], EMPTY.replace(b"format", b"farmot")])
def test_a_document_that_cannot_be_read_is_refused(engine: _engine.Engine, document: bytes) -> None:
    with pytest.raises(ValueError, match="document"):
        _engine.check(document)
    with pytest.raises(ValueError, match="document"):
        engine.apply(document)
    with pytest.raises(ValueError, match="document"):
        _engine.Engine(1, document)


@pytest.mark.parametrize(
    ("status", "name", "value"),
    [
        (200, b"x-a", b"1\r\nset-cookie: b"), (200, b"x-a", b"\0"), (200, b"a b", b""), (200, b"", b""),
        (200, b"Content-Length", b"1"), (200, b"transfer-encoding", b"chunked"), (200, b"connection", b"close"),
        (199, b"x-a", b""), (600, b"x-a", b""),
    ],
)  # fmt: skip
def test_a_handler_cannot_split_or_frame_its_answer(
    engine: _engine.Engine, status: int, name: bytes, value: bytes
) -> None:
    with pytest.raises(ValueError, match=r"."):
        engine.answer(1, status, [(name, value)], b"", True, None)


def test_an_ask_ends_only_as_the_stub_says(engine: _engine.Engine) -> None:
    for reason in ("handler_failed", "handlers_busy", "request_timeout", "drained"):
        engine.fail(1, reason)
    with pytest.raises(ValueError, match="ok"):
        engine.fail(1, "ok")


def test_a_command_to_a_connection_that_is_gone_is_nothing(engine: _engine.Engine) -> None:
    for conn in (0, 1, 9 << 48 | 7):
        engine.control(conn, b"")
        engine.go_away(conn, None, 0)
        engine.go_away(conn, _engine.LAST_PROCESSED, 0)
        engine.end(conn, 11)
    assert engine.events() == []


def test_what_is_no_descriptor_is_refused(engine: _engine.Engine) -> None:
    descriptor = os.dup(0)
    os.close(descriptor)
    with pytest.raises(OSError, match=r"[Bb]ad file descriptor"):
        engine.listen(1, [descriptor])
    with pytest.raises(OSError, match=r"[Bb]ad file descriptor"):
        engine.access_log(descriptor)


def test_after_stop_nothing_works_and_nothing_breaks(engine: _engine.Engine) -> None:
    engine.stop()
    engine.stop()
    with pytest.raises(RuntimeError, match="stopped"):
        engine.events()
