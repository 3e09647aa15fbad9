"""Which addresses may be connected to."""

from __future__ import annotations

import ipaddress
import socket
import threading

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from vidal.engine.errors import ConfigError, SampleError, TransientError
from vidal.harvest.network.addresses import Allowed, Budget, current, embedded, public, resolve, spending

NOBODY = Allowed(())
PRIVATE = [
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
    "169.254.169.254", "169.254.0.1", "100.64.0.1", "198.18.0.1", "192.0.2.1", "203.0.113.5", "224.0.0.1",
    "239.1.2.3", "240.0.0.1", "255.255.255.255", "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1", "2002:7f00:1::",
    "2002:a9fe:a9fe::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1", "fe80::1", "fec0::1", "fc00::1",
    "fd12:3456::1", "ff02::1", "100::1", "5f00::1",
]  # fmt: skip
PUBLIC = ["8.8.8.8", "93.184.216.34", "2606:2800:220:1::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"]


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_that_are_nobodys_or_ones_own_are_not_public(address):
    assert not public(embedded(ipaddress.ip_address(address)))
    assert not NOBODY.permits("host.example", ipaddress.ip_address(address))


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_permitted(address):
    assert NOBODY.permits("host.example", ipaddress.ip_address(address))


@given(st.ip_addresses(v=4))
def test_an_address_in_ipv6_dress_is_judged_as_what_it_stands_for(address):
    number = int(address)
    for dressed in ((0xFFFF << 32) | number, (0x64FF9B << 96) | number, (0x2002 << 112) | (number << 80)):
        assert NOBODY.permits("h", ipaddress.IPv6Address(dressed)) == NOBODY.permits("h", address)


@given(st.ip_addresses(v=6))
def test_of_ipv6_only_what_is_given_out_is_public(address):
    assume(embedded(address) == address)
    assert not public(address) or (int(address) >> 125) == 1


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f.1", "0x7f000001", "127.1", "017700000001", "localhost", "127.0.0.1", "0"]
)
def test_other_spellings_of_this_machine_are_seen_through(host):
    with pytest.raises(SampleError) as caught:
        resolve(host, 80, NOBODY)
    assert caught.value.error_class == "PrivateAddress"


@pytest.mark.parametrize("entry", ["site.test", "SITE.test.", "10.1.0.0/16", "10.1.2.3"])
def test_a_host_or_a_range_can_be_allowed(entry):
    allowed = Allowed([entry])
    assert allowed.permits("Site.TEST.", ipaddress.ip_address("10.1.2.3"))
    assert not allowed.permits("other.test", ipaddress.ip_address("10.2.0.1"))


def test_an_international_name_is_allowed_in_either_spelling():
    for entry in ("bücher.test", "xn--bcher-kva.test"):
        assert Allowed([entry]).permits("xn--bcher-kva.test", ipaddress.ip_address("10.0.0.1"))


def test_an_allowed_range_holds_for_mapped_addresses_and_not_for_metadata():
    allowed = Allowed(["10.0.0.0/8"])
    assert allowed.permits("h", ipaddress.ip_address("::ffff:10.0.0.1"))
    assert not allowed.permits("h", ipaddress.ip_address("169.254.169.254"))


@pytest.mark.parametrize("entry", ["10.0.0.0/99", "a/b", ""])
def test_what_is_neither_a_name_nor_a_range_is_refused(entry):
    with pytest.raises(ConfigError, match=r"harvest\.network\.allow"):
        Allowed([entry])


def test_a_name_that_leads_to_public_and_private_addresses_is_refused(monkeypatch):
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in ("93.184.216.34", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    with pytest.raises(SampleError, match=r"10\.0\.0\.1"):
        resolve("both.example", 80, NOBODY)


@pytest.mark.parametrize("host", ["a" * 70 + ".example", "a..b", "\udcff.example"])
def test_what_is_no_name_at_all_is_the_answers_fault(host):
    with pytest.raises(SampleError) as caught:
        resolve(host, 80, NOBODY)
    assert caught.value.error_class == "BadAnswer"


def test_a_budget_ends_by_bytes_and_by_time():
    budget = Budget(60.0, 100)
    budget.spend(100)
    with pytest.raises(SampleError) as caught:
        budget.spend(1)
    assert caught.value.error_class == "TooLarge"
    late = Budget(-1.0, 100)
    with pytest.raises(TransientError) as caught:
        late.left()
    assert caught.value.error_class == "Timeout"
    late.extend(100.0)
    assert late.left() > 0


def test_budgets_nest_and_are_each_threads_own():
    outer, inner = Budget(1.0, 1), Budget(1.0, 1)
    seen = []
    with spending(outer):
        with spending(inner):
            assert current() is inner
        assert current() is outer
        thread = threading.Thread(target=lambda: seen.append(current()))
        thread.start()
        thread.join()
    assert seen == [None]
    assert current() is None
