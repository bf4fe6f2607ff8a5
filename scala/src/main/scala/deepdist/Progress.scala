package deepdist

import com.fasterxml.jackson.databind.JsonNode
import org.apache.logging.log4j.Level
import org.apache.logging.log4j.core.config.Configurator
import org.apache.spark.SparkConf
import org.slf4j.LoggerFactory

/** Progress looks at the run's figures twice a second, however often it is asked, and logs a line when the phase changes and every few
  * seconds.
  */
private[deepdist] final class Progress(control: Control, conf: SparkConf) {
  import Progress._

  private val log = LoggerFactory.getLogger(Logger)
  private val shown = conf.getBoolean("spark.deepdist.progress", defaultValue = true)
  private var looked, logged = System.nanoTime - Minute
  private var phase = ""
  if (shown && conf.getBoolean("spark.ui.showConsoleProgress", defaultValue = false)) passShell()

  def tick(): Unit = if (System.nanoTime - looked >= LookNanos) {
    figures()
    ()
  }

  /** The figures of this moment. */
  def figures(): JsonNode = {
    val now = control.call("watch", "wait_ms" -> 0)
    looked = System.nanoTime
    if (shown && (now.path("phase").asText != phase || looked - logged >= LineNanos)) {
      phase = now.path("phase").asText
      logged = looked
      log.info(line(now))
    }
    now
  }

  /** spark-shell holds back INFO, but for loggers with a level of their own. So where Spark draws its bar, ours gets one; not if INFO is off.
    * A Spark that logs by another library than log4j has no such shell.
    */
  private def passShell(): Unit = try if (log.isInfoEnabled) Configurator.setLevel(Logger, Level.INFO) catch { case _: LinkageError => () }
}

private[deepdist] object Progress {

  /** What its lines are logged under. */
  val Logger = "deepdist.ml.Word2Vec"

  private val Minute = 60000000000L
  private val LookNanos = 500000000L
  private val LineNanos = 5000000000L

  private def line(figures: JsonNode): String = {
    def whole(name: String): Long = figures.path(name).asLong
    def real(name: String): Double = figures.path(name).asDouble
    val training = Set("training", "done")(figures.path("phase").asText) && whole("total_words") > 0
    val (done, total, unit) = if (training) (whole("words"), whole("total_words"), "words") else (whole("partitions_done"), whole("partitions"), "partitions")
    val share = if (total > 0) f" ${100.0 * done / total}%.1f %%" else ""
    val details = if (!training) Nil else Seq(
      Some(s"epoch ${math.min(whole("epoch") + 1, whole("epochs"))}/${whole("epochs")}"),
      Some(real("words_per_second")).filter(_ > 0).map(n => f"$n%,.0f words/s"),
      Some(real("alpha")).filter(_ > 0).map(a => f"alpha $a%.4f"),
      Some(real("loss")).filter(_ > 0).map(l => f"loss $l%.4f"),
      Some(real("eta_seconds")).filter(_ > 0).map(s => f"$s%.0f s to go")).flatten
    (f"${figures.path("phase").asText}$share ($done%,d of $total%,d $unit)" +: details).mkString(", ")
  }
}
