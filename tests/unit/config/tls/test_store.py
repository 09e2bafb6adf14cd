"""The directory of `tls: internal`: one CA, private files, certificates made again in time."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from gateway.config.tls.authority import Authority
from gateway.config.tls.certificate import facts_of, issued
from gateway.config.tls.dates import DAY_S
from gateway.config.tls.pem import PemError, certificates
from gateway.config.tls.store import Passing, Store
from gateway.limits import LEAF_LIFETIME_DAYS, LEAF_RENEW_DAYS

NOW = 1_800_000_000.0
NAMES = ["localhost", "127.0.0.1"]


def test_everything_is_its_owners_alone(tmp_path: Path) -> None:
    directory = tmp_path / "state" / "gateway"
    Store(directory).leaf(NAMES, NOW)
    every = sorted(directory.rglob("*"))
    assert [str(each.relative_to(directory)) for each in every if each.parent.name != "leaves"] == [
        "ca", "ca/ca.key", "ca/ca.pem", "leaves",
    ]  # fmt: skip
    for each in (directory, *every):
        assert stat.S_IMODE(each.stat().st_mode) == (0o700 if each.is_dir() else 0o600), each


def test_the_same_names_give_the_same_certificate_until_it_is_close_to_its_end(tmp_path: Path) -> None:
    store = Store(tmp_path)
    first = store.leaf(NAMES, NOW)
    renew_at = NOW + (LEAF_LIFETIME_DAYS - LEAF_RENEW_DAYS) * DAY_S
    assert certificates(Store(tmp_path).leaf(reversed(NAMES), renew_at - 1).certificate) == certificates(
        first.certificate
    )
    second = certificates(store.leaf(NAMES, renew_at).certificate)[0]
    assert second != certificates(first.certificate)[0]
    assert facts_of(second).not_after == renew_at + LEAF_LIFETIME_DAYS * DAY_S
    assert issued(store.authority(renew_at).certificate, second)


def test_other_names_are_another_certificate_and_ended_ones_go(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.leaf(["a.example"], NOW)
    store.leaf(["b.example"], NOW)
    assert len(list((tmp_path / "leaves").iterdir())) == 2
    store.leaf(["c.example"], NOW + (LEAF_LIFETIME_DAYS + 1) * DAY_S)
    assert len(list((tmp_path / "leaves").iterdir())) == 1


def test_a_new_ca_when_the_old_one_is_close_to_its_end_and_new_certificates_with_it(tmp_path: Path) -> None:
    store = Store(tmp_path)
    old = store.authority(NOW).certificate
    store.leaf(NAMES, NOW)
    late = facts_of(old).not_after - 50 * DAY_S
    made = certificates(store.leaf(NAMES, late).certificate)[0]
    assert store.authority(late).certificate != old
    assert issued(store.authority(late).certificate, made)
    assert [each.name for each in tmp_path.glob("ca-until-*")] == [f"ca-until-{old.not_valid_after_utc:%Y-%m-%d}"]


def test_gateways_that_start_at_once_have_one_ca(tmp_path: Path) -> None:
    found: list[bytes] = []
    gate = threading.Barrier(8)

    def start() -> None:
        gate.wait()
        found.append(Store(tmp_path).authority(NOW).as_pem().certificate)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(found) == 8
    assert len(set(found)) == 1
    assert [each.name for each in tmp_path.iterdir()] == ["ca"]


def test_a_damaged_leaf_is_made_again_and_a_damaged_ca_is_told(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.leaf(NAMES, NOW)
    (leaf,) = (tmp_path / "leaves").iterdir()
    leaf.write_bytes(b"half a fi")
    assert facts_of(certificates(store.leaf(NAMES, NOW).certificate)[0]).not_before < NOW
    (tmp_path / "ca" / "ca.key").write_bytes(Authority.create(NOW).as_pem().key)
    with pytest.raises(PemError, match="does not belong"):
        store.leaf(NAMES, NOW)


def test_where_nothing_can_be_written_there_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="File exists"):
        Store(tmp_path / "file").leaf(NAMES, NOW)


def test_commands_that_only_look_keep_nothing() -> None:
    assert Passing().ca_file is None
    assert facts_of(certificates(Passing().leaf(NAMES, NOW).certificate)[0]).names == tuple(NAMES)
