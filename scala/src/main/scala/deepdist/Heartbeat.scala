package deepdist

import java.util.concurrent.{Executors, TimeUnit}

import scala.util.control.NonFatal

import org.slf4j.LoggerFactory

/** Heartbeat does something once a second, in a thread of its own that keeps no JVM alive. What it throws is logged, and it goes on. */
private[deepdist] final class Heartbeat(name: String)(beat: () => Unit) {
  private val log = LoggerFactory.getLogger(classOf[DeepDistPlugin])
  private val thread = Executors.newSingleThreadScheduledExecutor { (work: Runnable) =>
    val t = new Thread(work, name)
    t.setDaemon(true)
    t
  }
  private val guarded: Runnable = () => try beat() catch { case NonFatal(e) => log.warn(s"$name: $e") }
  thread.scheduleWithFixedDelay(guarded, 1, 1, TimeUnit.SECONDS)

  /** No beat begins after this, and none is under way. */
  def stop(): Unit = {
    thread.shutdown()
    thread.awaitTermination(Heartbeat.StopSeconds, TimeUnit.SECONDS)
    ()
  }
}

private[deepdist] object Heartbeat {
  private val StopSeconds = 30L
}
