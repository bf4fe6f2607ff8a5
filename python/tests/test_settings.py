"""What DeepDist is told, by arguments and by Spark's settings: what is refused, as what, and what is said of it."""

import socket

import numpy as np
import pytest

from deepdist import BadInput, DeepDist, settings
from deepdist.launch import host_and_port


def told(**arguments):
    return DeepDist({"w": np.zeros(2)}, progress=False, **arguments)


@pytest.mark.parametrize(
    ("name", "bad", "said"),
    [
        *(("page", value, "must be a port, 0 to 65535, or None") for value in (99999, -1, True, 5000.0, "5000", "off")),
        *(("min_updates", value, "whole number of at least 0") for value in (-1, 1.5, True, "many", "3")),
        ("max_updates", -1, "whole number of at least 0"),
        *(("spool_max_bytes", value, "or a size such as '20g'") for value in ("", "g", "1.5g", "-1g", "many", "1p", 1.5, True, -1)),
        *(("spool_dir", value, "must be an absolute path") for value in ("relative", "~/spools", "", 5)),
    ],
)
def test_an_argument_out_of_range_is_named_at_once(name, bad, said):
    with pytest.raises(ValueError, match=f"^{name}={bad!r} .*{said}"):
        told(**{name: bad})


def test_progress_that_is_none_of_its_kinds_is_refused_at_once():
    for bad in ("yes", 1):
        with pytest.raises(ValueError, match=f"progress={bad!r} must be None, True, False, or a function"):
            DeepDist({"w": np.zeros(2)}, progress=bad)


def test_an_argument_may_be_of_any_integral_type():
    told(page=np.int64(0), min_updates=np.uint8(2), max_updates=np.int32(3), spool_max_bytes=np.int64(1 << 20))


def test_epochs_may_be_of_any_integral_type(sc):
    model = {"w": np.zeros(1)}
    with DeepDist(model, progress=False, page=None) as dd:
        dd.train(sc.parallelize([1.0], 1), lambda m, rows: {"w": np.ones(1)}, lambda m, u: m["w"].__iadd__(u["w"]), epochs=np.int64(2))
        for bad in (0, True, 1.5, "2"):
            with pytest.raises(ValueError, match=f"^epochs={bad!r} must be a whole number of at least 1"):
                dd.train(sc.parallelize([1.0], 1), lambda m, rows: None, lambda m, u: None, epochs=bad)
    assert model["w"] == 2


def test_a_setting_is_named_as_it_was_given():
    for key, name, read in (("spark.deepdist.minUpdates", "min_updates", settings.whole), ("spark.deepdist.spoolDir", "spool_dir", settings.folder)):
        with pytest.raises(ValueError, match=f"^{key}='-7' "):
            settings.choose({key: "-7"}, name, None, key, None, read)
        with pytest.raises(ValueError, match=f"^{name}='-8' "):
            settings.choose({key: "-7"}, name, "-8", key, None, read)
    assert settings.choose({}, "min_updates", None, "spark.deepdist.minUpdates", 4, settings.whole) == 4


def test_a_size_is_written_as_spark_writes_it():
    sizes = [settings.size("x", s) for s in (17, "17", "17b", "1k", "2kb", " 3M", "20g", "1T")]
    assert sizes == [17, 17, 17, 1024, 2048, 3 << 20, 20 << 30, 1 << 40]


def test_the_page_is_turned_off_by_none_or_in_spark_by_a_word():
    assert [settings.page_port("spark.deepdist.page", v) for v in ("off", "none", "", "0", "5000")] == [None, None, None, 0, 5000]
    with pytest.raises(ValueError, match="^spark.deepdist.page='99999' .*off"):
        settings.page_port("spark.deepdist.page", "99999")


@pytest.fixture
def start(binaries):
    """Starts a psserver as a session does."""
    servers = []

    def start(page=None, bind="127.0.0.1", port=0, **arguments):
        servers.append(told(**arguments)._start(str(binaries / "psserver"), bind, port, page))
        return servers[-1].ready

    yield start
    for server in servers:
        server.stop()


def test_a_taken_port_gives_the_next_free_one_and_is_said(start, caplog):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ready = start(page=port)
    assert ready.page and f":{port}" not in ready.page
    assert caplog.messages == [f"port {port} is taken: the page is at {ready.page}"]
    caplog.clear()
    assert start(page=None).page == "" and start(page=0).page and caplog.messages == []


def test_a_run_without_the_page_that_was_asked_for_is_said(start, caplog):
    with socket.socket() as taken:
        try:
            taken.bind(("127.0.0.1", 65535))
            taken.listen()
        except OSError:
            pass  # somebody else has it: as well
        assert start(page=65535).page == ""
    assert len(caplog.messages) == 1 and "no page of this run" in caplog.messages[0]


def test_an_address_is_host_or_host_and_port():
    assert host_and_port("driver") == ("driver", 0) and host_and_port("10.0.0.1:77") == ("10.0.0.1", 77)
    for bad in (":77", "a:b", "a:99999"):
        with pytest.raises(BadInput, match="host:port"):
            host_and_port(bad)


@pytest.mark.parametrize(("master", "bind"), [("1.2.3.4:5", "1.2.3.4"), ("bad host", "bad host"), (None, "1.2.3.4")])
def test_an_address_that_is_not_of_this_machine_is_bad_input(start, master, bind):
    named = f"master={master!r}" if master else "spark.driver.host or spark.driver.bindAddress"
    with pytest.raises(BadInput) as e:
        start(bind=bind, port=5, master=master)
    assert str(e.value).startswith(f"{named} is no address that psserver can listen on: ") and f"listen for workers on {bind}" in str(e.value)
