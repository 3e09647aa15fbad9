"""Requests to real servers on loopback, and whose fault is what goes wrong."""

from __future__ import annotations

import socket
import threading
import time
from email.utils import formatdate

import pytest

from vidal.engine.attempt import Retry, attempt
from vidal.engine.errors import ConfigError, MissingError, PendingError, SampleError, TransientError
from vidal.engine.step import PENDING, Sample, Step
from vidal.harvest.network.client import ANSWER_BYTES, Network

OK = (200, {"Content-Type": "application/json"}, b'{"a": [1]}')


@pytest.fixture
def met(site, network):
    """Ask for a path of the site; returns the error met, which must have this class."""

    def ask(error_class, path="/x", url=None, **given):
        asking = network(**given)
        with pytest.raises(SampleError) as caught, asking.attempt():
            asking.get_json(url or site.url + path, {})
        assert caught.value.error_class == error_class, str(caught.value)
        assert str(caught.value) and "\n" not in str(caught.value)
        return caught.value

    return ask


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def test_an_answer_in_json(site, network):
    site.answers["/x"] = OK
    assert network().get_json(f"{site.url}/x", {"q": "a b"}, {"Authorization": "Token t"}) == {"a": [1]}
    [(_, query, headers)] = site.asked
    assert query == {"q": "a b"}
    assert headers["authorization"] == "Token t"
    assert headers["user-agent"] == "vidal (dataset builder)"


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"\xff\xfe\x00", b'{"a": "\xff"}', b"[" * 200_000, b'{"a":' * 100_000, b"NaN", b'[1, -Infinity]',
     b"9" * 100_000, b'{"a": 1} x'],
    ids=["empty", "html", "binary", "latin", "nested lists", "nested objects", "nan", "infinity", "digits", "rest"],
)  # fmt: skip
def test_what_is_not_json_is_a_bad_answer(site, met, body):
    site.answers["/x"] = (200, {}, body)
    assert not isinstance(met("BadAnswer"), TransientError)


def test_an_answer_without_end_ends_at_the_limit(site, met):
    site.answers["/x"] = (200, {}, lambda: (b"[1]," * 20_000 for _ in range(10_000)))
    met("TooLarge")
    assert site.sent < 4 * ANSWER_BYTES


def test_a_stated_length_above_the_limit_is_not_read(site, met):
    site.answers["/x"] = (200, {"Content-Length": str(10**12)}, b"[]")
    met("TooLarge")


def test_an_answer_that_expands_beyond_the_limit_is_not_kept(site, met):
    import gzip

    site.answers["/x"] = (200, {"Content-Encoding": "gzip"}, gzip.compress(b" " * (3 * ANSWER_BYTES)))
    met("TooLarge")


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "x"])
def test_codings_that_were_not_asked_for_are_not_read(site, met, coding):
    site.answers["/x"] = (200, {"Content-Encoding": coding}, b"[]")
    met("BadAnswer")
    assert site.headers("accept-encoding") == ["gzip, deflate"]


@pytest.mark.parametrize(
    ("status", "error_class"),
    [(400, "HttpError"), (401, "Refused"), (403, "Refused"), (404, "NotFound"), (410, "NotFound"), (451, "GeoBlocked")],
)
def test_statuses_that_a_later_try_would_not_change(site, met, status, error_class):
    site.answers["/x"] = (status, {}, b"<html>sorry</html>")
    assert not isinstance(met(error_class), TransientError)
    assert site.paths() == ["/x"]


@pytest.mark.parametrize("status", [408, 425, 500, 502, 503, 504, 521, 530])
def test_one_file_that_is_never_served_by_a_living_host_is_its_own_trouble(site, met, status):
    site.answers["/x"] = (status, {}, b"")
    error = met("Unavailable")
    assert isinstance(error, TransientError) and not error.pending
    assert list(zip(site.methods, site.paths(), strict=True)) == [("GET", "/x"), ("HEAD", "/")]


@pytest.mark.parametrize(
    "front", [(404, {}, b""), (403, {}, b""), (501, {}, b""), (301, {"Location": "http://10.0.0.1/"}, b"")]
)
def test_a_host_whose_first_page_is_refused_is_alive(site, met, front):
    site.answers |= {"/x": (503, {}, b""), "/": front}
    assert not met("Unavailable").pending


def test_a_host_that_serves_nothing_leaves_its_samples_pending(site, met):
    site.answers |= {"/x": (503, {}, b""), "/": (503, {}, b"")}
    assert met("Unavailable").pending


def test_a_host_that_answered_within_the_attempt_is_not_asked_whether_it_lives(site, network):
    site.answers |= {"/page": OK, "/x": (503, {}, b"")}
    ask = network()
    with pytest.raises(TransientError) as caught, ask.attempt():
        ask.get_json(f"{site.url}/page", {})
        ask.get_json(f"{site.url}/x", {})
    assert not caught.value.pending
    assert site.paths() == ["/page", "/x"]


def test_a_rate_limit_is_never_the_samples(site, met):
    site.answers["/x"] = (429, {}, b"")
    assert met("RateLimited").pending
    assert site.paths() == ["/x"]


def test_nobody_there_is_the_networks_trouble(met):
    assert met("Network", url=f"http://127.0.0.1:{free_port()}/x").pending


def test_a_dead_host_behind_a_redirect_of_a_living_one_is_the_dead_ones_trouble(site, met):
    site.answers["/x"] = (302, {"Location": f"http://127.0.0.1:{free_port()}/clip.mp4"}, b"")
    assert met("Network").pending


def test_a_name_that_is_nobodys_is_the_samples_where_the_network_is_there(site, network, monkeypatch):
    ask, real = network(), socket.getaddrinfo

    def nobody(host, *rest, **more):
        if host == "gone.example":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    for answered in (False, True):
        with pytest.raises(TransientError) as caught:
            ask.get_json("http://gone.example/x", {})
        assert caught.value.error_class == "NoSuchHost"
        assert caught.value.pending == (not answered)
        site.answers["/x"] = OK
        ask.get_json(f"{site.url}/x", {})


def test_names_that_cannot_be_resolved_now_are_the_networks_trouble(met, monkeypatch):
    def later(*_, **__):
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", later)
    assert met("Network", url="http://site.example/x").pending


def test_an_answer_that_does_not_come_ends_with_the_read_timeout(site, met):
    site.answers["/x"] = lambda _: time.sleep(3)
    assert not met("Timeout", read_timeout=0.3).pending


@pytest.mark.parametrize("where", ["headers", "body"])
def test_an_answer_that_trickles_ends_with_the_attempt_and_not_with_its_last_byte(site, met, where):
    def trickle(file):
        start = b"HTTP/1.1 200 OK\r\n" if where == "headers" else b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
        file.write(start)
        for _ in range(200):
            file.write(b"X" if where == "headers" else b" ")
            file.flush()
            time.sleep(0.1)

    site.answers["/x"] = trickle
    began = time.monotonic()
    met("Timeout", timeout=0.7, read_timeout=5.0)
    assert time.monotonic() - began < 15


def test_waiting_for_a_turn_costs_an_attempt_none_of_its_time(site, network):
    site.answers["/x"] = OK
    ask = network(per_second=2.0, timeout=1.0)
    with ask.attempt():
        for _ in range(5):
            ask.get_json(f"{site.url}/x", {})
    assert len(site.asked) == 5


def test_a_body_that_ends_early_is_incomplete(site, met):
    site.answers["/x"] = (200, {"Content-Length": "100"}, b'{"a": 1')
    assert not met("Incomplete").pending


@pytest.mark.parametrize("raw", [b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nA: " + b"a" * 200_000, b""])
def test_what_is_not_http_is_incomplete(site, met, raw):
    site.answers["/x"] = lambda file: file.write(raw)
    assert isinstance(met("Incomplete"), TransientError)


def test_redirects_in_a_circle_end(site, met):
    site.answers["/x"] = (302, {"Location": "/x"}, b"")
    met("RedirectLoop")
    assert len(site.asked) == 11


@pytest.mark.parametrize(
    ("target", "error_class"),
    [
        ("http://169.254.169.254/latest/meta-data/", "PrivateAddress"),
        ("http://10.0.0.1/x", "PrivateAddress"),
        ("http://[::1]/x", "PrivateAddress"),
        ("http://[::ffff:169.254.169.254]/x", "PrivateAddress"),
        ("http://167772161/x", "PrivateAddress"),
        ("http://0/x", "PrivateAddress"),
        ("//10.0.0.1/x", "PrivateAddress"),
        ("file:///etc/passwd", "BadAnswer"),
        ("ftp://127.0.0.1/x", "BadAnswer"),
        ("data:text/plain,x", "Incomplete"),
        ("http://0177.0.0.1/x", "Incomplete"),
    ],
)
def test_a_redirect_leads_nowhere_but_to_public_pages(site, met, target, error_class):
    site.answers["/x"] = (302, {"Location": target}, b"")
    met(error_class)
    assert site.paths()[0] == "/x" and set(site.paths()[1:]) <= {"/"}


def test_what_is_private_is_refused_however_it_is_reached(site, met):
    met("PrivateAddress", allow=())
    assert not site.asked


def test_a_name_is_judged_by_the_address_that_is_connected_to(site, network, monkeypatch):
    """A name that is public when it is looked at first and private when it is connected to reaches nothing."""
    port, answers = int(site.url.rpartition(":")[2]), iter(["93.184.216.34", "127.0.0.1"])
    ask, asked = network(allow=(), connect_timeout=0.3), []

    def rebinding(host, *rest, **more):
        asked.append(host)
        address = next(answers, "127.0.0.1") if host == "rebind.example" else host
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    connected = []
    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    monkeypatch.setattr(socket, "create_connection", lambda place, *_, **__: connected.append(place) or refuse())

    def refuse():
        raise ConnectionRefusedError

    for _ in range(3):
        with pytest.raises(SampleError):
            ask.get_json(f"http://rebind.example:{port}/x", {})
    assert {address for address, _ in connected} == {"93.184.216.34"}
    assert not site.asked


def test_secrets_do_not_follow_a_redirect_to_another_host(site, other, network):
    other.answers["/there"] = OK
    site.answers |= {
        "/x": (302, {"Location": f"{other.url}/there"}, b""),
        "/y": (302, {"Location": "/z"}, b""),
        "/z": OK,
    }
    secrets = {"Authorization": "Token secret", "Cookie": "session=secret"}
    ask = network()
    ask.get_json(f"{site.url}/x", {}, secrets)
    assert other.headers("authorization") == other.headers("cookie") == [None]
    ask.get_json(f"{site.url}/y", {}, secrets)
    assert site.headers("authorization") == ["Token secret"] * 3


def test_cookies_are_not_kept(site, network):
    site.answers["/x"] = (200, {"Set-Cookie": "id=1; Path=/"}, b"[]")
    ask = network()
    for _ in range(2):
        ask.get_json(f"{site.url}/x", {})
    assert site.headers("cookie") == [None, None]


@pytest.mark.parametrize("headers", [{"Authorization": "Token s3cret\n"}, {"Authorization": "Token s3cret\u20ac"}])
def test_no_message_shows_a_secret(site, network, headers):
    ask = network()
    with pytest.raises(SampleError) as caught:
        ask.get_json(f"{site.url}/x", {"token": "s3cret"}, headers)
    assert "s3cret" not in str(caught.value)
    place = site.url.removeprefix("http://")
    for status in (404, 429, 503, 200):
        site.answers["/x"] = (status, {}, b"?")
        with pytest.raises(SampleError) as caught:
            ask.get_json(f"http://me:s3cret@{place}/x?sig=s3cret#s3cret", {})
        assert "s3cret" not in str(caught.value)
        assert f"{site.url}/x" in str(caught.value)


def test_a_request_that_cannot_be_made_is_no_failure_of_the_host(site, network):
    ask = network(breaker_failures=1)
    with pytest.raises(SampleError):
        ask.get_json(f"{site.url}/x", {}, {"Authorization": "Token\n"})
    site.answers["/x"] = OK
    ask.get_json(f"{site.url}/x", {})


def test_a_proxy_carries_what_the_network_asks_for(site, other, network, monkeypatch):
    monkeypatch.setenv("TEST_PROXY", other.url)
    other.answers["/x"] = OK
    ask = network(proxy_env="TEST_PROXY", allow=("93.184.216.34",))
    assert ask.get_json("http://93.184.216.34/x", {}) == {"a": [1]}
    assert other.headers("host") == ["93.184.216.34"]
    with pytest.raises(SampleError) as caught:
        ask.get_json("http://169.254.169.254/x", {})
    assert caught.value.error_class == "PrivateAddress"
    assert len(other.asked) == 1


def test_an_answer_that_trickles_through_a_proxy_ends_with_the_attempt(other, network, monkeypatch):
    def trickle(file):
        for _ in range(100):
            file.write(b"H")
            file.flush()
            time.sleep(0.1)

    monkeypatch.setenv("TEST_PROXY", other.url)
    other.answers["/x"] = trickle
    ask = network(proxy_env="TEST_PROXY", timeout=0.6)
    with pytest.raises(TransientError) as caught, ask.attempt():
        ask.get_json("http://93.184.216.34/x", {})
    assert caught.value.error_class in ("Timeout", "Incomplete")


@pytest.mark.parametrize(
    ("value", "error"),
    [(None, MissingError), ("", MissingError), ("s3cret@host:x", ConfigError), ("ftp://s3cret", ConfigError)],
)
def test_a_proxy_that_is_not_given_rightly_is_told_by_its_variable_alone(network, monkeypatch, value, error):
    monkeypatch.delenv("TEST_PROXY", raising=False)
    if value is not None:
        monkeypatch.setenv("TEST_PROXY", value)
    with pytest.raises(error, match="TEST_PROXY") as caught:
        network(proxy_env="TEST_PROXY")
    assert "s3cret" not in str(caught.value)


def test_absent_cookies_are_missed_at_once(network):
    with pytest.raises(MissingError, match=r"cookies\.txt"):
        network(cookies="cookies.txt")


def test_a_thread_reads_one_answer_at_a_time_and_never_waits_for_itself(site, network):
    """Places at a host are few: what a thread leaves unread must not keep it from its next request."""
    big = (200, {}, b"x" * 3_000_000)
    site.answers |= {"/big": big, "/x": OK}
    ask = network(concurrency=1)
    done = threading.Event()

    def work():
        with ask.attempt():
            unread = ask.send("GET", f"{site.url}/big")
            ask.get_json(f"{site.url}/x", {})
            with pytest.raises(TransientError), ask.errors(site.url):
                b"".join(unread.iter_bytes())
            ask.send("GET", f"{site.url}/big")
        ask.get_json(f"{site.url}/x", {})
        ask.send("GET", f"{site.url}/big").read()
        ask.get_json(f"{site.url}/x", {})
        done.set()

    threading.Thread(target=work, daemon=True).start()
    assert done.wait(30)


def test_a_host_sees_no_more_at_once_than_it_should(site, network):
    def slow():
        yield b"[1"
        time.sleep(0.1)
        yield b"]"

    site.answers["/x"] = (200, {}, slow)
    nets = [network(concurrency=3), network(concurrency=3)]
    threads = [
        threading.Thread(target=lambda ask=ask: [ask.get_json(f"{site.url}/x", {}) for _ in range(3)])
        for ask in nets
        for _ in range(5)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(site.asked) == 30
    assert site.peak == 3


class Asking(Step):
    """A step that asks a site for its sample's path."""

    name = "test/asking"

    def __init__(self, network: Network, url: str) -> None:
        self.network, self.url = network, url

    def process(self, samples):
        for sample in samples:
            with self.network.attempt():
                self.network.get_json(f"{self.url}/{sample.id}", {})
        return [sample.ok() for sample in samples]


def asked(network, site, *paths):
    step = Asking(network, site.url)
    return [attempt(step, [Sample(path, "video")], Retry(base=0.01)) for path in paths]


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_a_later_try_waits_as_long_as_the_host_asked_for(site, network, form):
    wait = "1" if form == "seconds" else formatdate(time.time() + 2, usegmt=True)
    site.answers["/x"] = [(429, {"Retry-After": wait}, b""), OK]
    [[result]] = asked(network(), site, "x")
    assert result.status == "ok" and result.attempts == 2
    first, second = site.times
    assert second - first >= 0.95


def test_a_rate_limit_that_stays_leaves_the_sample_pending_and_asks_no_oftener_than_the_engine_tries(site, network):
    site.answers["/x"] = (429, {}, b"")
    [[result]] = asked(network(breaker_failures=50), site, "x")
    assert result.status == PENDING and result.failure.error_class == "RateLimited"
    assert site.paths() == ["/x"] * 4


def test_a_long_rest_leaves_this_sample_and_the_next_ones_pending_without_asking(site, network):
    site.answers |= {"/x": (429, {"Retry-After": "7200"}, b""), "/y": OK}
    [[first], [second]] = asked(network(), site, "x", "y")
    assert first.status == second.status == PENDING
    assert second.failure.error_class == "HostClosed"
    assert site.paths() == ["/x"]


def test_a_host_that_fails_again_and_again_is_left_alone(site, network):
    site.answers |= {"/x": (503, {}, b""), "/": (503, {}, b"")}
    results = asked(network(breaker_failures=3, patience=0.0), site, *["x"] * 5)
    assert all(result.status == PENDING for [result] in results)
    assert len(site.asked) == 3


def test_a_dead_network_opens_the_breaker(network, site):
    dead = f"http://127.0.0.1:{free_port()}"
    ask = network(breaker_failures=4, patience=0.0)
    step = Asking(ask, dead)
    results = [attempt(step, [Sample(f"x{n}", "video")], Retry(base=0.01))[0] for n in range(4)]
    assert {result.status for result in results} == {PENDING}
    assert results[-1].failure.error_class == "HostClosed"
    site.answers["/x"] = OK
    assert ask.get_json(f"{site.url}/x", {}) == {"a": [1]}


def test_a_site_that_takes_us_for_a_robot_is_left_alone(site, network):
    ask = network()
    ask.leave_alone(f"{site.url}/watch", "confirm you are not a bot")
    with pytest.raises(PendingError, match="not a bot"):
        ask.get_json(f"{site.url}/x", {})
    assert not site.asked
