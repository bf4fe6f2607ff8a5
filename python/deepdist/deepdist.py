"""DeepDist, the context manager: what a user of this package holds. Driver side."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from . import any_model, connect, launch, native, plugin, settings
from . import progress as progress_of
from .cluster import Cluster, SparkCluster
from .control import Control
from .errors import BadInput, DeepDistError
from .gensim_native import GensimNative
from .models import Adapter, adapt, is_gensim_word2vec
from .optimizers import Optimizer
from .package import packed
from .session import Session
from .summary import Summary, Tick
from .task import sidecar as task_sidecar
from .word2vec import Word2Vec

if TYPE_CHECKING:
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

log = logging.getLogger("deepdist")

WATCH_SECONDS = 0.5


class DeepDist:
    """DeepDist is one session: a parameter server beside the driver, from `with` to its end.

        with DeepDist(model) as dd:
            dd.train(rdd, gradient, descent)
            dd.model

    model: a deepdist.Word2Vec, a gensim Word2Vec, a dict of NumPy arrays, an object with NumPy arrays as attributes, or a
    torch.nn.Module. sc: the SparkContext; None: the active one. spark: a SparkSession in its place, also one of Spark Connect, whose
    server runs the Spark plugin. master: `host` or `host:port` that executors reach psserver by; None:
    Spark's driver host.
    min_updates: every pull gets one version until so many updates of it are in (0: asynchronous). max_updates: one version is
    pulled so many times at most. sidecar: path of deepdist-sidecar. psserver: path of psserver.
    page: port of the run's page on 127.0.0.1 (the next free one if it is taken; None: no page). progress: None, True,
    False, or a function of the figures (see `progress.make`). spool_dir: folder on the executors for spools, which must be there; None:
    Spark's own. spool_max_bytes: what the spools may take of an executor's disk, a number or a size such as '20g'; 0: what there is.
    ship: whether the package and the sidecar are sent to the executors; False where they have both, by a wheel, say.

    All of them but model, sc and spark may also come as Spark settings, spark.deepdist.…: `settings.SETTINGS` lists them. An argument beats a
    setting, a setting a default. Raises TypeError for a model that cannot be trained, ValueError for an argument out of its range.

    `model` is what was trained; `start_seconds` how long the start took; `page` the address of the page.
    """

    def __init__(
        self,
        model: Any,
        master: str | None = None,
        min_updates: int | None = None,
        max_updates: int | None = None,
        *,
        sc: SparkContext | None = None,
        spark: SparkSession | None = None,
        sidecar: str | None = None,
        psserver: str | None = None,
        ship: bool | None = None,
        page: int | None | str = "default",
        progress: bool | Callable[[dict[str, Any]], Any] | None = None,
        spool_dir: str | None = None,
        spool_max_bytes: int | str | None = None,
    ):
        self._adapter: Adapter | None = None
        self._given = model
        self._gensim = is_gensim_word2vec(model)
        if not isinstance(model, Word2Vec) and not (self._gensim and not len(model.wv.index_to_key)):
            self._adapter = adapt(model)
        self._told = {
            "sidecar": sidecar,
            "psserver": psserver,
            "ship": ship,
            "master": master,
            "page": page,
            "progress": progress,
            "spool_dir": spool_dir,
            "spool_max_bytes": spool_max_bytes,
            "min_updates": min_updates,
            "max_updates": max_updates,
        }
        settings.check(self._told)
        if sc is not None and not hasattr(type(sc), "runJob"):
            raise BadInput(f"sc= is a SparkContext, not {type(sc).__name__}: a session is given as spark=")
        if spark is not None and not hasattr(type(spark), "createDataFrame"):
            raise BadInput(f"spark= is a SparkSession, not {type(spark).__name__}: SparkSession.builder.getOrCreate()")
        self._settings: dict[str, Any] = {}
        self._sc, self._spark = sc, spark
        self._cluster: Cluster | None = None
        self._server: plugin.AnyServer | connect.Server | None = None
        self._control: Control | None = None
        self._watch: Control | None = None
        self._session: Session | None = None
        self._training = threading.Lock()
        self.start_seconds = 0.0

    @property
    def model(self) -> Any:
        """Driver: the model: your own object, or for gensim the adapter that has old and new names over one set of arrays."""
        if self._adapter is None and self._gensim and len(self._given.wv.index_to_key):
            self._adapter = adapt(self._given)
        return self._given if self._adapter is None else self._adapter.view

    @property
    def page(self) -> str:
        """Driver: the address of the run's page, '' if there is none."""
        return self._server.ready.page if self._server is not None else ""

    def __enter__(self) -> DeepDist:
        """Driver: start psserver and make the executors ready."""
        if self._server is not None:
            raise DeepDistError("this DeepDist is in use already: make another one")
        started = time.monotonic()
        remote = None if self._sc is not None else connect.session_of(self._spark)
        if remote is not None:
            self._enter_remotely(remote)
            self.start_seconds = time.monotonic() - started
            return self
        sc = self._sc = self._sc or getattr(self._spark, "sparkContext", None) or _active_context()
        check_running(sc)
        self._cluster = SparkCluster(sc)
        for warning in settings.strangers([name for name, _ in sc.getConf().getAll()]):
            log.warning("%s", warning)
        chosen = self._settings = settings.resolve(sc.getConf(), self._told)
        path = chosen["psserver"]
        if path is not None or not plugin.loaded(sc):  # which finds its own
            path = launch.find(launch.NAME, path, settings.called("psserver", self._told["psserver"]))
        bind, advertised, port = _addresses(sc, chosen["master"])
        atexit.register(self.close)
        try:
            self._server = self._start(path, bind, port, chosen["page"], plugin.starter(sc))
            ready = self._server.ready
            self._control, self._watch = Control(self._server), Control(self._server)
            self._session = Session(
                id=ready.session_id,
                address=f"{advertised}:{ready.port}",
                token=ready.token,
                certificate_sha256=ready.certificate_sha256,
                sidecar=self._sidecar_path(sc),
                spool_dir=chosen["spool_dir"],
                spool_max_bytes=chosen["spool_max_bytes"],
            )
            if chosen["ship"]:
                ship_package(sc)
        except BaseException:
            self.close()
            raise
        self.start_seconds = time.monotonic() - started
        return self

    def _enter_remotely(self, spark: Any) -> None:
        """Driver: the same from a client of Spark Connect."""
        connect.check_told(self._told)
        cluster = connect.Cluster(spark)
        for warning in settings.strangers(list(cluster.conf)):
            log.warning("%s", warning)
        chosen = self._settings = settings.resolve(cluster.conf, self._told)
        atexit.register(self.close)
        try:
            if chosen["ship"]:
                cluster.ship()
            server = cluster.open(connect.page_of(cluster.conf, self._told["page"]))
            self._cluster, self._server, ready = cluster, server, server.ready
            self._session = Session(
                id=ready.session_id,
                address=f"{server.host}:{ready.port}",
                token=ready.token,
                certificate_sha256=ready.certificate_sha256,
                sidecar=chosen["sidecar"],
                spool_dir=chosen["spool_dir"],
                spool_max_bytes=chosen["spool_max_bytes"],
                kept=True,
            )
            self._control, self._watch = (connect.Asking(cluster, server, self._session) for _ in range(2))
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_: object) -> None:
        """Driver: end the session: nothing is left running."""
        self.close()

    def close(self) -> None:
        """Driver: end the session, as leaving the `with` does; harmless when repeated."""
        server, self._server = self._server, None
        session, self._session = self._session, None
        if session is not None and self._sc is not None and is_local(self._sc):
            jvm = _local_jvm(self._sc)
            if jvm is not None:  # the JVM outlives the session: its sidecar learns the end from us
                task_sidecar.end_session(session, jvm)
        for control in (self._control, self._watch):
            if control is not None:
                control.close()
        self._control = self._watch = None
        if server is not None:
            server.stop()
        atexit.unregister(self.close)

    def train(
        self,
        data: Any,
        gradient: Callable[..., Any] | None = None,
        descent: Callable[..., Any] | Optimizer | None = None,
        *,
        epochs: int | None = None,
        column: str | None = None,
        min_partitions: int | None = None,
    ) -> Summary:
        """Driver: train on an RDD, a DataFrame or a path; returns the Summary, a list of 'OK' or 'EMPTY' per partition with the figures.

        Without `gradient` a word2vec model is trained natively: rows are lines (str) or lists of tokens (list of str); of
        a DataFrame `column` names the column of either. epochs: instead of the model's own. A path names text that the sidecars
        read by themselves, in min_partitions partitions at least (Spark's default parallelism): a file, a folder or
        a pattern, `file:///…`, `hdfs://host:port/…` or as fs.defaultFS has it.

        With `gradient`: `gradient(model, rows)` runs in each partition's task on a private copy of the model and returns a dict
        name → array, `Rows` or number (or nothing), or yields several. `descent` is a function `descent(model, update)` that runs
        here, one update at a time, or a rule inside psserver: SGD, Momentum, AdaGrad, RowAdaGrad, Adam. epochs: passes
        over the data (1).

        Raises BadInput (data, settings), UserCodeError (the user's functions raised; their traceback is the message),
        SidecarLost, ServerLost, NoProgress; an error of the data's own map functions comes as Spark raises it.
        """
        if self._server is None or self._session is None or self._control is None or self._cluster is None:
            raise DeepDistError("dd.train works inside the `with` block only: with DeepDist(model) as dd: dd.train(…)")
        if self._sc is not None:
            check_running(self._sc)
        epochs = None if epochs is None else settings.whole("epochs", epochs, low=1)
        min_partitions = None if min_partitions is None else settings.whole("min_partitions", min_partitions, low=1)
        if not self._training.acquire(blocking=False):
            raise DeepDistError("this DeepDist is training already: use one DeepDist per thread")
        show = progress_of.make(self._settings["progress"])
        tick = _Watcher(self._watch, show)  # type: ignore[arg-type]
        try:
            if gradient is None:
                return self._train_native(data, descent, epochs, column, min_partitions, tick)
            if descent is None:
                raise BadInput(
                    "dd.train(data, gradient) needs a descent: a function descent(model, update), or a rule: "
                    "deepdist.SGD(), Momentum(), AdaGrad(), RowAdaGrad(), Adam()"
                )
            if min_partitions is not None:
                raise BadInput("min_partitions= is for paths, which native word2vec reads; an RDD has its own partitions: rdd.repartition(…)")
            return self._train_any(data, gradient, descent, epochs, tick)
        finally:
            show.close()
            self._training.release()

    def _train_native(
        self, data: Any, descent: Any, epochs: int | None, column: str | None, min_partitions: int | None, tick: Tick
    ) -> Summary:
        if descent is not None:
            raise BadInput("dd.train: a descent without a gradient: give both, or neither for native word2vec")
        if isinstance(self._given, Word2Vec):
            model: native.NativeModel = self._given
        elif self._gensim:
            model = GensimNative(self._given)
        else:
            raise BadInput(
                f"dd.train(data) without a gradient trains word2vec models, not {type(self._given).__name__}: "
                f"give it a gradient and a descent"
            )
        assert self._cluster is not None and self._session is not None and self._control is not None
        source = self._cluster.text(self._session, self._control, data, column, min_partitions)
        training = native.Training(self._cluster, self._session, self._control, tick)
        return training.run(model, source, epochs)

    def _train_any(
        self, data: Any, gradient: Callable[..., Any], descent: Any, epochs: int | None, tick: Tick
    ) -> Summary:
        if not callable(gradient):
            raise BadInput(f"dd.train: gradient is {type(gradient).__name__}; it must be a function gradient(model, rows)")
        if isinstance(descent, type) and issubclass(descent, Optimizer):
            descent = descent()
        if not isinstance(descent, Optimizer) and not callable(descent):
            raise BadInput(f"dd.train: descent is {type(descent).__name__}; it must be a function or a rule such as deepdist.SGD()")
        if self._adapter is None:
            self._adapter = adapt(self._given)
        if isinstance(self._cluster, connect.Cluster) and not isinstance(descent, Optimizer):
            raise BadInput(connect.NO_FUNCTION)
        training = any_model.Training(self._cluster, self._session, self._control, tick)  # type: ignore[arg-type]
        return training.run(
            self._adapter,
            data,
            gradient,
            descent,
            epochs or 1,
            self._settings["min_updates"],
            self._settings["max_updates"],
        )

    def _start(self, path: str | None, bind: str, port: int, page: int | None, start: plugin.Starter = launch.Server.start) -> plugin.AnyServer:
        """Driver: start psserver; what is wrong with the address or the port that it was given is said as that."""
        try:
            server = start(path, bind, port, page)
        except launch.CannotListen as e:
            master = self._told["master"]
            named = f"master={master!r}" if master is not None else "spark.deepdist.master, spark.driver.host or spark.driver.bindAddress"
            raise BadInput(f"{named} is no address that psserver can listen on: {e}") from None
        at = server.ready.page
        if page is not None and not at:
            log.warning("there is no page of this run: psserver may not serve on port %d, or that and those above it are taken", page)
        elif page and urlsplit(at).port != page:
            log.warning("port %d is taken: the page is at %s", page, at)
        return server

    def _sidecar_path(self, sc: SparkContext) -> str | None:
        """Driver: send the sidecar if that is ours to do; returns the path that executors should look at first."""
        explicit, ship, key = self._settings["sidecar"], self._settings["ship"], settings.called("sidecar", self._told["sidecar"])
        if is_local(sc):
            return launch.find(launch.SIDECAR, explicit, key)
        if explicit is not None and not (ship and os.path.isfile(explicit)):
            return explicit  # a path on the executors
        if not ship or any(Path(f).name == launch.SIDECAR for f in _shipped_files(sc)):
            return None
        try:
            sc.addFile(launch.find(launch.SIDECAR, explicit, key))
        except DeepDistError:
            log.warning("the driver has no %s to ship: executors must have one of their own", launch.SIDECAR)
        return None

    def __repr__(self) -> str:
        return f"DeepDist({type(self._given).__name__}, {'running' if self._server else 'not running'})"


class _Watcher:
    """_Watcher shows progress a few times a second, however often it is called, and notices when psserver is gone."""

    def __init__(self, control: Control, show: progress_of.Progress):
        self._control, self._show = control, show
        self._figures: dict[str, Any] = {}
        self._next = 0.0
        self._begun: tuple[float, int] | None = None  # of any model: when the first updates were seen, and how many they were

    def __call__(self, fresh: bool = False) -> dict[str, Any]:
        now = time.monotonic()
        if fresh or now >= self._next:
            self._next = now + WATCH_SECONDS
            self._figures = self._control.watch(fresh)
            updates = int(self._figures.get("updates", 0))
            if self._begun is None or updates < self._begun[1]:
                self._begun = now, updates
            elif now > self._begun[0]:
                self._figures["updates_per_second"] = (updates - self._begun[1]) / (now - self._begun[0])
            self._show.show(self._figures)
        return self._figures


def _active_context() -> SparkContext:
    try:
        from pyspark import SparkContext
    except ImportError as e:
        raise DeepDistError("pyspark is not installed: pip install 'deepdist-spark[spark]'") from e
    sc = SparkContext._active_spark_context
    if sc is None:
        raise DeepDistError("there is no SparkContext: make one before DeepDist, e.g. sc = SparkContext('local[*]')")
    return sc


def check_running(sc: SparkContext) -> None:
    """Driver: raises DeepDistError if the context has been stopped, of which Spark itself says nothing that can be understood."""
    if sc._jsc is None:  # type: ignore[attr-defined]
        raise DeepDistError("the SparkContext has been stopped: make a new one, and a new DeepDist in it")


def is_local(sc: SparkContext) -> bool:
    """Driver: whether the driver's JVM is the only executor."""
    master = sc.master or ""
    return master == "local" or master.startswith("local[")


def _local_jvm(sc: SparkContext) -> tuple[int, int] | None:
    """Driver: pid and start time of the driver's JVM, which is the executor in local mode."""
    try:
        pid = int(sc._jvm.java.lang.ProcessHandle.current().pid())  # type: ignore[union-attr]
        return task_sidecar.executor_jvm(pid)
    except Exception:  # the JVM is gone, and its sidecar with it
        return None


def _addresses(sc: SparkContext, master: tuple[str, int] | None) -> tuple[str, str, int]:
    """Driver: the interface that psserver binds, the name executors reach it by, and the port (0: any)."""
    if master is not None:
        host, port = master
        return host, host, port
    if is_local(sc):
        return "127.0.0.1", "127.0.0.1", 0
    conf = sc.getConf()
    host = conf.get("spark.driver.host") or os.uname().nodename
    return conf.get("spark.driver.bindAddress") or host, host, 0


def _shipped_files(sc: SparkContext) -> list[str]:
    conf = sc.getConf()
    files = [f for k in ("spark.files", "spark.yarn.dist.files") for f in (conf.get(k) or "").split(",") if f]
    try:
        return [*files, *sc.listFiles]
    except Exception:
        return files


def ship_package(sc: SparkContext) -> None:
    """Driver: send this package to the executors as a zip, so that they need no install of it. Once per context."""
    found = packed()
    if found is None:
        return
    name, data = found
    with _shipping:
        shipped: set[str] = sc.__dict__.setdefault("_deepdist_shipped", set())
        if name in shipped:
            return
        # Spark's own temporary directory: executors that come later fetch the file too, so it must live as long as the context.
        path = os.path.join(sc._temp_dir, name)  # type: ignore[attr-defined]
        with open(path, "wb") as f:
            f.write(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sc.addPyFile(path)
        shipped.add(name)


_shipping = threading.Lock()
