package deepdist

import java.io.IOException
import java.net.{InetSocketAddress, Socket}
import java.util.{Map => JMap}

import scala.util.control.NonFatal

import org.apache.spark.api.plugin.{ExecutorPlugin, PluginContext}
import org.slf4j.LoggerFactory

/** ExecutorPart is the plugin beside an executor: its sidecar, and the sidecar's figures. It never fails the executor, which Spark would
  * start again and again.
  */
private[deepdist] final class ExecutorPart extends ExecutorPlugin {
  private val log = LoggerFactory.getLogger(classOf[DeepDistPlugin])
  private var sidecar: Option[Sidecar] = None
  private var heartbeat: Option[Heartbeat] = None

  override def init(context: PluginContext, fromDriver: JMap[String, String]): Unit = try {
    ExecutorPart.context = Some(context)
    val ours = new Sidecar(context.conf)
    sidecar = Some(ours)
    DeepDistPlugin.sidecar = sidecar
    val gauges = new Gauges(context.metricRegistry, "sidecar.", () => ours.figures)
    gauges.traffic()
    gauges.count("sessions")(_.members)
    gauges.count("rssBytes")(_.rssBytes)
    gauges.count("restarts")(_ => ours.restarts)
    ours.start()
    lazy val reached = reach(fromDriver.get(DriverPart.Address)) // once, and not before the executor serves
    heartbeat = Some(new Heartbeat("deepdist-executor")(() => if (reached) ours.tend()))
  } catch { case NonFatal(e) => log.warn(s"there is no sidecar beside this executor: $e") }

  override def shutdown(): Unit = {
    ExecutorPart.context = None
    DeepDistPlugin.sidecar = None
    heartbeat.foreach(_.stop())
    sidecar.foreach(_.stop())
  }

  /** Say at the executor's start what would else be found out by the first training: that the driver cannot be reached. */
  private def reach(address: String): Boolean = {
    val (host, port) = (address.substring(0, address.lastIndexOf(':')), address.substring(address.lastIndexOf(':') + 1).toInt)
    val socket = new Socket
    try socket.connect(new InetSocketAddress(host, port), ExecutorPart.ReachMillis)
    catch {
      case e: IOException =>
        log.warn(s"${Host.name} cannot reach psserver at $address: ${e.getMessage}. Executors need a way to this port of the driver: see " +
          "spark.driver.host, spark.driver.bindAddress and spark.deepdist.master, and the firewall between them")
    } finally socket.close()
    true
  }
}

private[deepdist] object ExecutorPart {
  private val ReachMillis = 10000
  @volatile private var context: Option[PluginContext] = None

  /** Ask the driver's part, from a task of this executor. */
  def ask(question: String): String = context match {
    case Some(there) => there.ask(question).asInstanceOf[String]
    case None => throw new IllegalStateException("DeepDist's plugin does not run in this executor: set spark.plugins=deepdist.DeepDistPlugin where Spark is started")
  }
}
