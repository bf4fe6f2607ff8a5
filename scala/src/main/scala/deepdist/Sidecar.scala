package deepdist

import java.io.IOException
import java.util.concurrent.TimeUnit

import org.apache.spark.SparkConf
import org.slf4j.LoggerFactory

/** Sidecar is the one beside this executor, as its JVM sees it: started at the executor's start, looked at once a second, and started
  * again when it is gone. A task that finds nobody starts one too (and so brings one where the plugin has found no program), so tasks
  * get a head start after a death; of two that start, the second ends by itself, and the plugin takes either for its own.
  *
  * A task of Scala's runs in this JVM, and asks for it by `serving`.
  */
private[deepdist] final class Sidecar(conf: SparkConf) {
  import Sidecar._

  private val log = LoggerFactory.getLogger(classOf[DeepDistPlugin])
  private val environment = environmentOf(conf)
  private val place = Place.here(environment.get("TMPDIR"))
  private var child: Option[Child] = None
  private var answered = System.nanoTime // when it did so last, or was started
  private var launched = answered
  private var pause = HeadStart // from its silence to the next start
  private var complaint = ""
  @volatile private var deaths = 0L
  @volatile private var now = Look()
  @volatile private var before = Look() // of those that have ended

  def figures: Look = before.plus(now)
  def restarts: Long = deaths

  /** Start it, and wait until it serves. Where that fails the executor goes on: a task says so, with its reason, when it needs one. */
  def start(): Unit = synchronized {
    launch()
    while (child.exists(_.alive) && now.pid == 0 && seconds(launched) < StartSeconds) {
      Thread.sleep(10)
      look()
    }
    if (now.pid != 0) place.release()
  }

  /** Once a second. */
  def tend(): Unit = synchronized(if (!look()) {
    child.filterNot(_.alive).foreach(bury)
    if (child.isEmpty) { if (seconds(answered) >= pause) start() }
    else if (seconds(answered) > HangSeconds) {
      log.warn(f"the sidecar has not answered for ${seconds(answered)}%.0f s, and is killed")
      child.foreach(_.kill())
    }
  })

  /** For a task that needs it now: where it serves. One that is gone is started again at once. */
  def serving(): Place = synchronized {
    if (!look()) {
      child.filterNot(_.alive).foreach(bury)
      if (child.isEmpty) {
        forget()
        start()
      }
      if (now.pid == 0) throw child.fold[Exception](new Refused("build", complaint)) { silent =>
        new Lost(s"the sidecar (pid ${silent.pid}) on ${Host.name} " + (if (silent.alive) "does not answer" else s"was ${silent.obituary}"))
      }
    }
    place
  }

  /** How the one that a task has lost has ended, and its last lines; "" if it lives, or a task of Python's has started it. */
  def lost: String = synchronized(child.filter(_.waitFor(EndMillis)).fold("")(_.obituary))

  /** Tell it that a session is over. */
  def end(session: Session): Unit =
    try {
      Wire.ask(place.socket, LookMillis, Seq("op" -> "end", "session" -> session.asJson))
      ()
    } catch { case _: IOException => () } // it is gone, or will learn it from psserver

  def stop(): Unit = synchronized {
    val ours = child.map(_.pid)
    child.foreach(_.stop())
    if (now.pid != 0 && !ours.contains(now.pid)) ProcessHandle.of(now.pid).ifPresent { other => // which a task has started
      other.destroy()
      ()
    }
    place.remove()
  }

  private def look(): Boolean =
    try {
      val figures = Look.ofSidecar(Wire.ask(place.socket, LookMillis, Seq("op" -> "figures")))
      if (figures.pid != now.pid) before = before.plus(now.ended)
      now = figures
      answered = System.nanoTime
      if (seconds(launched) > 60) pause = HeadStart
      true
    } catch { case _: IOException => false }

  private def bury(dead: Child): Unit = {
    if (dead.howItEnded != s"exited with $AnotherServes") {
      deaths += 1
      pause = math.min(60, 2 * pause)
      log.warn(s"the sidecar (pid ${dead.pid}) is gone: ${dead.obituary}")
    }
    dead.stop()
    child = None
    forget()
  }

  private def forget(): Unit = {
    before = before.plus(now.ended)
    now = Look()
  }

  private def launch(): Unit = {
    launched = System.nanoTime
    try Programs.find(Programs.Sidecar, conf) match {
      case Right(program) =>
        place.prepare()
        val command = Seq(program.toString, "--detach", "--dir", place.directory.toString, "--jvm-pid", ProcessHandle.current.pid.toString,
          "--idle-seconds", "0")
        child = Some(Child.start(command, place.log, speaks = false, Some(environment)))
        log.info(s"the sidecar $program runs in ${place.directory}")
      case Left(places) => complain(Programs.missing(Programs.Sidecar, places), ". Until then the tasks of Python start one, if the driver can ship it")
    } catch { case e: IOException => complain(e.getMessage) }
  }

  private def complain(what: String, more: String = ""): Unit = {
    if (complaint.isEmpty) log.warn(what + more)
    complaint = what
  }
}

private[deepdist] object Sidecar {
  private val StartSeconds = 20.0
  private val HeadStart = 2.0
  private val HangSeconds = 35.0
  private val LookMillis = 5000L
  private val EndMillis = 1000L
  private val AnotherServes = 75 // the exit status that says so

  private def seconds(since: Long): Double = (System.nanoTime - since) / TimeUnit.SECONDS.toNanos(1).toDouble

  /** As a task gives it to one that it starts: what it needs of this JVM's environment and of `spark.executorEnv`, and the executor's cores. */
  private def environmentOf(conf: SparkConf): Map[String, String] = {
    val known = Set("PATH", "HOME", "TMPDIR", "LANG", "GOMEMLIMIT", "GOMAXPROCS", "GODEBUG", "TZ", "DEEPDIST_KERNEL", "DEEPDIST_CACHES")
    val told = conf.getAll.collect { case (key, value) if key.startsWith("spark.executorEnv.") => key.stripPrefix("spark.executorEnv.") -> value }
    val cores = conf.getOption("spark.executor.cores").map("GOMAXPROCS" -> _)
    cores.toMap ++ (sys.env ++ told).filter { case (name, _) => known(name) }
  }
}
