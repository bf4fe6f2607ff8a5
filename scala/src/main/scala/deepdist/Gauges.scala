package deepdist

import com.codahale.metrics.{Gauge, MetricRegistry}

/** Gauges registers figures with Spark's metrics system, which puts `<application>.<executor>.plugin.deepdist.DeepDistPlugin.` before
  * their names. Driver's and executor's figures have different ones: in local mode they lie in one registry.
  */
private[deepdist] final class Gauges(registry: MetricRegistry, prefix: String, look: () => Look) {

  def count(name: String)(value: Look => Long): Unit = register(name, () => java.lang.Long.valueOf(value(look())))

  def level(name: String)(value: Look => Double): Unit = register(name, () => java.lang.Double.valueOf(value(look())))

  /** What driver and executors both have. */
  def traffic(): Unit = {
    count("words")(_.words)
    count("pushes")(_.pushes)
    count("pulledBytes")(_.pulledBytes)
    count("pushedBytes")(_.pushedBytes)
    level("staleness")(_.staleness)
    count("replicaBytes")(_.replicaBytes)
    count("spoolBytes")(_.spoolBytes)
    count("threads")(_.threads)
  }

  private def register[T](name: String, value: () => T): Unit = {
    registry.register(prefix + name, new Gauge[T] { override def getValue: T = value() })
    ()
  }
}
