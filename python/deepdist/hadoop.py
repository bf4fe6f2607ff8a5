"""What Spark knows of Hadoop, for our own programs, which have no Hadoop of their own. Driver side.

Spark's launcher has read HADOOP_CONF_DIR and YARN_CONF_DIR, and added spark.hadoop.*; the settings that a client of HDFS needs travel to
psserver and in the tasks' closures to the sidecars, so executors need no configuration. There is no secret among them.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark import SparkContext

_NEEDED = (
    r"^(fs\.default(FS|\.name)|dfs\.nameservices|dfs\.ha\.namenodes\..*|dfs\.namenode\.rpc-address(\..*)?|dfs\.client\.use\.datanode\.hostname"
    r"|hadoop\.security\.authentication|dfs\.namenode\.kerberos\.principal|dfs\.data\.transfer\.protection|dfs\.encrypt\.data\.transfer)$"
)
_OF_SPARK = ("spark.kerberos.principal", "spark.kerberos.keytab")


def configuration(sc: SparkContext) -> dict[str, Any]:
    """Driver: the user that Spark is to Hadoop, and the settings: `hadoop` of `plan_splits` and of the HELLO of read (proto/README.md)."""
    jvm, conf = sc._jvm, sc._jsc.hadoopConfiguration()  # type: ignore[attr-defined]
    jvm.org.apache.hadoop.hdfs.HdfsConfiguration.init()  # else hdfs-site.xml is read only when Hadoop's own client is first used
    settings = dict(conf.getValByRegex(_NEEDED))
    for name in _OF_SPARK:
        value = sc.getConf().get(name) or sc.getConf().get(name.replace("kerberos", "yarn"))
        if value:
            settings[name] = value
    return {"user": sc.sparkUser(), "settings": settings}


def active_context() -> SparkContext | None:
    """Driver: this process's SparkContext, if it has one that runs."""
    pyspark: Any = sys.modules.get("pyspark")
    sc = pyspark.SparkContext._active_spark_context if pyspark is not None else None
    return sc if sc is not None and sc._jsc is not None else None
