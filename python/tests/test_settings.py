"""What DeepDist is told, by arguments and by Spark's settings: what is refused, as what, and what is said of it."""

import inspect
import re
import socket
from pathlib import Path

import numpy as np
import pytest

from deepdist import BadInput, DeepDist, settings

PAGE = Path(__file__).resolve().parents[2] / "docs" / "settings.md"


def told(**arguments):
    return DeepDist({"w": np.zeros(2)}, progress=False, **arguments)


@pytest.mark.parametrize(
    ("name", "bad", "said"),
    [
        *(("page", value, "must be a port, 0 to 65535, or None") for value in (99999, -1, True, 5000.0, "5000", "off")),
        *(("min_updates", value, "whole number of at least 0") for value in (-1, 1.5, True, "many", "3")),
        ("max_updates", -1, "whole number of at least 0"),
        *(("spool_max_bytes", value, "or a size such as '20g'") for value in ("", "g", "1.5g", "-1g", "many", "1p", 1.5, True, -1)),
        *(("sidecar", value, "must be a path") for value in ("", 5)),
        *(("ship", value, "must be True or False") for value in ("true", 1)),
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


def test_what_is_called_by_an_argument_is_named_by_it():
    assert settings.called("sidecar", "/x") == "sidecar=" and settings.called("sidecar", None) == "spark.deepdist.sidecar.path"


def test_a_setting_is_named_as_it_was_given():
    for argument, key in (("min_updates", "spark.deepdist.minUpdates"), ("spool_dir", "spark.deepdist.spoolDir")):
        with pytest.raises(ValueError, match=f"^{key}='-7' "):
            settings.choose({key: "-7"}, argument, None)
        with pytest.raises(ValueError, match=f"^{argument}='-8' "):
            settings.choose({key: "-7"}, argument, "-8")


SAMPLES = {  # argument, Spark's text, and what they are read as
    "sidecar": ("/a/sidecar", "/b/sidecar", "/a/sidecar", "/b/sidecar"),
    "psserver": (Path("/a/psserver"), "/b/psserver", "/a/psserver", "/b/psserver"),
    "ship": (True, " False ", True, False),
    "master": ("driver:77", "10.0.0.1", ("driver", 77), ("10.0.0.1", 0)),
    "page": (None, "5001", None, 5001),
    "progress": (True, "false", True, False),
    "spool_dir": ("/a", "/b", "/a", "/b"),
    "spool_max_bytes": (5, "2k", 5, 2048),
    "min_updates": (0, "3", 0, 3),
    "max_updates": (1, "3", 1, 3),
}


@pytest.mark.parametrize("setting", settings.SETTINGS, ids=lambda s: s.key)
def test_an_argument_beats_spark_which_beats_the_default(setting):
    given, text, argument_means, text_means = SAMPLES[setting.argument]
    conf = {setting.key: text}
    assert settings.choose(conf, setting.argument, given) == argument_means
    assert settings.choose(conf, setting.argument, setting.unset) == text_means
    assert settings.choose({}, setting.argument, setting.unset) == setting.default


def test_every_argument_of_deepdist_is_in_the_list_with_its_default():
    parameters = inspect.signature(DeepDist).parameters
    found = {name: p.default for name, p in parameters.items() if name not in ("model", "sc", "spark")}
    assert found == {s.argument: s.unset for s in settings.SETTINGS if s.argument}


def test_every_setting_is_spelt_as_spark_spells_settings():
    for setting in settings.SETTINGS:
        assert re.fullmatch(r"spark\.deepdist\.[a-z][A-Za-z]*(\.[a-z][A-Za-z]*)*", setting.key)
    assert len({s.key for s in settings.SETTINGS}) == len(settings.SETTINGS)


def test_the_page_of_the_settings_has_the_list_of_the_code():
    assert settings.table() in PAGE.read_text(), f"put this table into {PAGE}:\n{settings.table()}"


def test_a_misspelt_setting_is_said(sc, caplog):
    names = ["spark.deepdist.spooldir", "spark.deepdist.wibble", "spark.deepdist.page", "spark.master"]
    assert list(settings.strangers(names)) == [
        "spark.deepdist.spooldir is no setting of DeepDist's: did you mean spark.deepdist.spoolDir?",
        "spark.deepdist.wibble is no setting of DeepDist's; docs/settings.md lists them",
    ]
    sc._conf.set(names[0], "/x")
    try:
        with told(sc=sc, page=None):
            pass
    finally:
        sc._conf._jconf.remove(names[0])
    assert [m for m in caplog.messages if "did you mean" in m] == [next(settings.strangers(names))]


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
    assert [settings.address("master", a) for a in ("driver", "10.0.0.1:77", "[::1]:5")] == [("driver", 0), ("10.0.0.1", 77), ("::1", 5)]
    for bad in (":77", "a:b", "a:99999", "", 5, "host:1:2", "::1", "[::1", "[host]:5", "host:", "a:-1"):
        with pytest.raises(BadInput, match=f"^{re.escape(f'master={bad!r}')}: .*host:port"):
            told(master=bad)


@pytest.mark.parametrize(("master", "bind"), [("1.2.3.4:5", "1.2.3.4"), ("bad host", "bad host"), (None, "1.2.3.4")])
def test_an_address_that_is_not_of_this_machine_is_bad_input(start, master, bind):
    named = f"master={master!r}" if master else "spark.deepdist.master, spark.driver.host or spark.driver.bindAddress"
    with pytest.raises(BadInput) as e:
        start(bind=bind, port=5, master=master)
    assert str(e.value).startswith(f"{named} is no address that psserver can listen on: ") and f"listen for workers on {bind}" in str(e.value)
