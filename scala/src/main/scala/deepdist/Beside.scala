package deepdist

import java.io.IOException
import java.nio.channels.ClosedByInterruptException

import org.apache.spark.{SparkEnv, TaskContext, TaskKilledException}

/** Beside is how a task of Scala's talks to the sidecar beside its executor, which the plugin has started in this JVM. */
private[deepdist] object Beside {
  private val SilenceMillis = 15000L
  private val PingMillis = 20000L

  /** A stream to the sidecar, for `use`. It may take as long as it likes while the sidecar lives, and ends with the task: when that is
    * killed, the sidecar gets its thread back at once. Whatever breaks it comes out as Lost, with how the sidecar has ended.
    */
  def stream[T](session: Session, op: String, fields: (String, Any)*)(use: Wire => T): T = {
    val context = TaskContext.get()
    val sidecar = DeepDistPlugin.sidecar.getOrElse(throw new Refused("build", s"DeepDist's plugin does not run in the executor on ${Host.name}: " +
      "spark.plugins=deepdist.DeepDistPlugin and its jar (--jars) must be given to executors too; their log says why it did not start"))
    val place = sidecar.serving()
    var pinged = 0L // milliseconds of silence at the last ping
    def patience(silent: Long): Unit = {
      if (context.isInterrupted()) throw new TaskKilledException("the task was killed")
      if (silent < pinged) pinged = 0
      if (silent - pinged >= SilenceMillis) {
        pinged = silent
        Wire.ask(place.socket, PingMillis, Seq("op" -> "ping"))
        ()
      }
    }
    try {
      val wire = Wire.dial(place.socket, patience)
      try {
        val hello = Seq("op" -> op, "session" -> session.asJson, "spool_dir" -> spoolDir(session), "spool_max_bytes" -> session.spoolMaxBytes)
        wire.hello(hello ++ fields: _*)
        use(wire)
      } finally wire.close()
    } catch {
      case e @ (_: Lost | _: Refused) => throw e
      case _: ClosedByInterruptException => throw new TaskKilledException("the task was interrupted")
      case e: IOException =>
        val how = Some(sidecar.lost).filter(_.nonEmpty).getOrElse(e.getMessage)
        throw new Lost(s"the sidecar on ${Host.name} is lost: $how", e)
    }
  }

  /** The session's own choice, or a folder of Spark's, which Spark itself removes. */
  private def spoolDir(session: Session): String =
    session.spoolDir.getOrElse(SparkEnv.get.blockManager.diskBlockManager.getFile("deepdist").getParentFile.getParent)
}
