package deepdist

import org.apache.spark.api.plugin.{DriverPlugin, ExecutorPlugin, SparkPlugin}

/** DeepDistPlugin keeps DeepDist's programs alive with Spark's processes: `spark.plugins=deepdist.DeepDistPlugin`. Beside the driver
  * runs a psserver, beside each executor a sidecar; both are watched, and their figures are in Spark's metrics system.
  */
class DeepDistPlugin extends SparkPlugin {
  override def driverPlugin(): DriverPlugin = new DriverPart
  override def executorPlugin(): ExecutorPlugin = new ExecutorPart
}

/** The parts that run in this JVM; and what the Python package asks of the driver's, through py4j. That is the socket on which Python hands its closures to the JVM,
  * so the session's token meets nobody there that will not meet it anyway.
  */
object DeepDistPlugin {
  @volatile private[deepdist] var servers: Option[Servers] = None // in the driver
  @volatile private[deepdist] var remotes: Option[Remotes] = None // there too
  @volatile private[deepdist] var sidecar: Option[Sidecar] = None // in an executor, which in local mode is the driver

  /** A psserver for one session: the one that waits, if it is as wanted, or a new one. Returns the line that it said when it began to
    * serve, secrets included. path: the program, "" for the plugin's own; port 0: any; page: "host:port" or "off". The session ends by
    * `close`, or when process `pid` does, which it is for.
    */
  def open(path: String, host: String, port: Int, page: String, pid: Long): String = {
    val all = running
    val server = all.open(Wanted(path, host, port, page))
    ProcessHandle.of(pid).ifPresent { user =>
      user.onExit().thenRun(() => all.close(server.id))
      ()
    }
    server.line
  }

  /** End a session: its psserver has ended when this returns. */
  def close(id: String): Unit = servers.foreach(_.close(id))

  /** How a session's psserver ended, and its last lines: waits a little for the end; "" while it lives. */
  def lost(id: String): String = servers.flatMap(_.used(id)).fold("the plugin knows of no such psserver")(_.lost)

  /** Kill a session's psserver, which hangs. */
  def kill(id: String): Unit = servers.flatMap(_.used(id)).foreach(_.kill())

  private[deepdist] def running: Servers = servers.getOrElse(throw new IllegalStateException(
    "DeepDist's plugin is not running in this driver: set spark.plugins=deepdist.DeepDistPlugin before the SparkContext is made"))
}
