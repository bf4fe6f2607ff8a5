"""Use the psserver that the Spark plugin keeps (docs/plugin.md): with it, Python starts nothing. Driver side.

The line that psserver has said, secrets included, comes through py4j: the socket on which Spark's own Python hands its closures to the
JVM, in which the token travels to the tasks.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Union

from .errors import BinaryError, DeepDistError, ServerLost
from .launch import CANNOT_LISTEN, CannotListen, Ready, Server, parse

if TYPE_CHECKING:
    from pyspark import SparkContext

CLASS = "deepdist.DeepDistPlugin"
ENDED = "deepdist.ServerEnded"

log = logging.getLogger("deepdist")


def loaded(sc: SparkContext) -> bool:
    """Driver: whether this application runs with the plugin."""
    return CLASS in (name.strip() for name in (sc.getConf().get("spark.plugins") or "").split(","))


class PluginServer:
    """PluginServer is a psserver of the plugin's, lent to one session: to its user what `launch.Server` is."""

    def __init__(self, plugin: Any, ready: Ready):
        self._plugin = plugin
        self.ready = ready
        self._verdict = ""

    @classmethod
    def start(cls, sc: SparkContext, path: str | None, host: str, port: int = 0, page: int | None = None) -> PluginServer:
        """Driver: take the psserver that waits, or have the plugin start one if that does not serve as it should. path None: the plugin's.

        Raises BinaryError (wrong program, version or protocol) or ServerLost (it ended, with its last lines).
        """
        plugin = sc._jvm.deepdist.DeepDistPlugin  # type: ignore[union-attr]
        where = "off" if page is None else f"127.0.0.1:{page}"
        try:
            line = plugin.open(path or "", host, port, where, os.getpid())
        except Exception as e:
            raise _error(e) from e
        server = cls(plugin, parse(line.encode()))
        log.info("the plugin's psserver %d serves; page: %s", server.ready.pid, server.ready.page)
        return server

    def lost(self, what: str) -> ServerLost:
        """Driver: the exception for a psserver that is gone: how it ended, and its last lines."""
        try:
            how = str(self._plugin.lost(self.ready.session_id))
        except Exception:  # py4j's errors have no common base
            how = "the driver's JVM has ended, or its SparkContext was stopped"
        return ServerLost(f"psserver (pid {self.ready.pid}) is lost: " + "; ".join(filter(None, (self._verdict, how))) or what)

    def give_up(self, why: str) -> None:
        """Driver: if psserver lives but hangs, kill it, so that nobody waits for it any longer; `lost` will say why."""
        self._verdict = why
        try:
            self._plugin.kill(self.ready.session_id)
        except Exception:
            pass  # it has gone with the JVM

    def stop(self) -> None:
        """Driver: end the session: its psserver has ended when this returns."""
        try:
            self._plugin.close(self.ready.session_id)
        except Exception:
            pass  # it has gone with the JVM


AnyServer = Union[Server, PluginServer]
Starter = Callable[..., AnyServer]
"""What starts a psserver: of (path, host, port, page)."""


def starter(sc: SparkContext) -> Starter:
    """Driver: what starts this application's psservers."""
    return partial(PluginServer.start, sc) if loaded(sc) else Server.start


def _error(error: Exception) -> DeepDistError:
    """Driver: what the plugin said, without Java's stack, as what it means."""
    java = getattr(error, "java_exception", None)
    if java is None:
        return BinaryError(str(error))
    if java.getClass().getName() != ENDED:
        return BinaryError(str(java.getMessage()))
    return (CannotListen if java.status() == CANNOT_LISTEN else ServerLost)(str(java.getMessage()))
