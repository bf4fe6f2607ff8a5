package deepdist

import java.io.IOException
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.atomic.AtomicReference

import scala.util.control.NonFatal

import org.apache.spark.SparkConf
import org.slf4j.LoggerFactory

/** Servers are the psservers of this driver. One always waits, so that its address is known and a session starts at once. A session
  * takes it for itself: psserver keeps one session's model, workers and token, and ends with it, which leaves nothing of one session for
  * the next. Then a fresh one takes its place, on the same port if that is free. Sessions at the same time get one each.
  *
  * (One psserver for all sessions would have to part their models, tokens and failures within one process; a start takes 30 ms.)
  */
private[deepdist] final class Servers(conf: SparkConf) {
  private val log = LoggerFactory.getLogger(classOf[DeepDistPlugin])
  private val inUse = new ConcurrentHashMap[String, Server]
  private val ended = new AtomicReference(Look())
  private val home = Wanted.of(conf)
  private var waiting: Option[Server] = None // guarded by this, as are the next two
  private var port = 0
  private var stopped = false
  private var failures = 0
  @volatile private var current = Look()

  /** Start the one that waits; returns its port. */
  def start(): Int = synchronized {
    val server = try begin(home) catch { case e: IOException => throw blamed(e) }
    waiting = Some(server)
    port = server.port
    port
  }

  def open(wanted: Wanted): Server = synchronized {
    if (stopped) throw new IllegalStateException("the SparkContext has been stopped: make a new one")
    val server = waiting.filter(w => w.alive && wanted.metBy(w.wanted, w.port)) match {
      case Some(ready) =>
        waiting = None
        ready
      case None => begin(wanted)
    }
    inUse.put(server.id, server)
    log.info(s"$server is taken by a session")
    server
  }

  def used(id: String): Option[Server] = Option(inUse.get(id))

  def close(id: String): Unit = Option(inUse.get(id)).foreach { server =>
    val last = server.look()
    if (inUse.remove(id, server)) { // the driver's block and its process may both end it
      server.stop()
      ended.getAndUpdate(_.plus(last.ended))
      log.info(s"$server has ended with its session")
    }
  }

  /** Once a second: see that one waits, and look at all that are in use. */
  def tend(): Unit = {
    synchronized(if (!stopped) replace())
    var sum = ended.get
    inUse.values.forEach(server => sum = sum.plus(server.look()))
    current = sum
  }

  def figures: Look = current

  def stop(): Unit = {
    val last = synchronized {
      stopped = true
      waiting
    }
    inUse.keySet.forEach(id => close(id))
    last.foreach(_.stop())
  }

  private def replace(): Unit = {
    waiting.filterNot(_.alive).foreach { dead =>
      log.warn(s"$dead, which waited for a session, is gone: ${dead.lost}")
      waiting = None
      failures += 1
    }
    if (waiting.isEmpty && inUse.isEmpty && failures < Servers.MostFailures) {
      try waiting = Some(again()) catch {
        case NonFatal(e) =>
          failures += 1
          log.warn(s"no psserver waits for the next session, which will start one: ${e.getMessage}")
      }
    }
  }

  private def again(): Server = try begin(home.copy(port = port)) catch { case NonFatal(_) => begin(home) }

  private def begin(wanted: Wanted): Server = Server.start(program(wanted.path), wanted)

  /** The failure of a psserver that was started as the settings say, with the one that is at fault. */
  private def blamed(e: IOException): Exception = e match {
    case ended: ServerEnded if ended.status == ServerEnded.CannotListen =>
      new IllegalArgumentException(s"${Wanted.addressFrom(conf)} is no address that psserver can listen on: ${e.getMessage}", e)
    case _ if home.path.nonEmpty => new IllegalArgumentException(s"${Programs.setting(Programs.Psserver)}='${home.path}': ${e.getMessage}", e)
    case _ => e
  }

  private def program(explicit: String): String =
    if (explicit.nonEmpty) Programs.named(explicit, Programs.Psserver).toString
    else Programs.find(Programs.Psserver, conf).fold(places => throw new IllegalStateException(Programs.missing(Programs.Psserver, places)), _.toString)
}

private[deepdist] object Servers {

  /** Restarts and starts that fail before the plugin leaves it to the sessions. */
  val MostFailures = 5
}
