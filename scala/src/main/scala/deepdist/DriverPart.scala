package deepdist

import java.util.{Collections, Map => JMap}

import org.apache.spark.SparkContext
import org.apache.spark.api.plugin.{DriverPlugin, PluginContext}
import org.slf4j.LoggerFactory

/** DriverPart is the plugin beside the driver: it keeps a psserver ready, and shows what all sessions have done.
  *
  * Spark puts the map that `init` returns into its configuration, which its web page and its event log show. So the map has psserver's
  * address only; token and certificate travel as without the plugin, in the closures of the session's own tasks.
  */
private[deepdist] final class DriverPart extends DriverPlugin {
  private val log = LoggerFactory.getLogger(classOf[DeepDistPlugin])
  private var servers: Option[Servers] = None
  private var heartbeat: Option[Heartbeat] = None

  override def init(sc: SparkContext, context: PluginContext): JMap[String, String] = {
    val all = new Servers(context.conf)
    val address = s"${Wanted.advertised(context.conf)}:${all.start()}"
    servers = Some(all)
    DeepDistPlugin.remotes = Some(new Remotes(sc, all))
    heartbeat = Some(new Heartbeat("deepdist-driver")(() => all.tend()))
    DeepDistPlugin.servers = servers
    log.info(s"psserver waits for a session at $address")
    Collections.singletonMap(DriverPart.Address, address)
  }

  /** A question of a Spark Connect client, which an executor's part passes on. */
  override def receive(message: Object): Object = (message, DeepDistPlugin.remotes) match {
    case (question: String, Some(r)) => r.answer(question)
    case _ => throw new IllegalArgumentException("DeepDist's plugin was asked something that it does not understand")
  }

  override def registerMetrics(appId: String, context: PluginContext): Unit = servers.foreach { all =>
    val gauges = new Gauges(context.metricRegistry, "", () => all.figures)
    gauges.traffic()
    gauges.count("workers")(_.members)
    gauges.count("rssBytes")(_.rssBytes)
    gauges.level("wordsPerSecond")(_.wordsPerSecond)
    gauges.level("alpha")(_.alpha)
    gauges.level("loss")(_.loss)
  }

  override def shutdown(): Unit = {
    DeepDistPlugin.remotes = None
    DeepDistPlugin.servers = None
    heartbeat.foreach(_.stop())
    servers.foreach(_.stop())
  }
}

private[deepdist] object DriverPart {

  /** The key of the map that executors get. */
  val Address = "address"
}
