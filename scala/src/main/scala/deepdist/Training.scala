package deepdist

import scala.util.control.NonFatal

import com.fasterxml.jackson.databind.JsonNode
import org.apache.spark.SparkContext
import org.apache.spark.rdd.RDD
import org.apache.spark.sql.Row
import org.slf4j.LoggerFactory

/** Text is a DataFrame's column as an RDD of its bytes. One RDD: what is run again of it are the same partitions. */
private[deepdist] final case class Text(rows: RDD[Row], layout: Layout, column: String)

/** Trained is what comes of a training: the words, the most frequent first, their counts, and their vectors one after another. */
private[deepdist] final case class Trained(words: Array[String], counts: Array[Long], vectors: Array[Float], summary: Summary)

/** Training is one native training, in the driver: two Spark jobs, as in python/deepdist/native.py.
  *
  * 1. ingest: each partition is streamed once to its executor's sidecar, which counts and spools it; psserver merges the counts and
  *    settles the vocabulary.
  * 2. train: tasks lend Spark's cores to the sidecars, which claim (epoch, partition) pairs from psserver and train them from their
  *    spools. Partitions whose spool is gone are ingested again; the training goes on at the cursor.
  *
  * Where Spark retries nothing (`local[N]`) this class does: whatever is missing after a job is run again, at most 3 rounds of a job in
  * a row without progress. However it ends, psserver is told.
  */
private[deepdist] final class Training(sc: SparkContext, server: Server, session: Session, settings: Settings, text: Text) {
  import Training._

  private val log = LoggerFactory.getLogger(Progress.Logger)
  private val control = new Control(server)
  private val progress = new Progress(control, sc.getConf)
  private val partitions = text.rows.getNumPartitions
  private var id = 0L

  def run(): Trained = {
    val clock = new Clock
    if (partitions == 0) throw new BadInput("the data has no partitions, so there is nothing to train on")
    id = control.call("open_training", "kind" -> "word2vec", "partitions" -> partitions, "settings" -> settings.native,
      "min_count" -> settings.minCount, "max_final_vocab" -> settings.maxFinalVocab).path("training_id").asLong
    try {
      ingestAll()
      val committed = control.call("ingest_status", training)
      clock.lap("ingest")
      if (committed.path("records").asLong == 0) throw new BadInput(
        s"there is not a single word in the ${committed.path("rows").asLong} rows of the data's $partitions partitions: nothing to train on")
      val settled = control.call("settle_vocabulary", training)
      val size = settled.path("size").asLong
      if (size * settings.vectorSize > Int.MaxValue) throw new BadInput(
        s"$size words of ${settings.vectorSize} dimensions are more numbers than an array of Java's holds, 2^31: raise minCount, or set maxFinalVocab " +
          "or a smaller vectorSize; the Python package has no such limit")
      clock.lap("vocabulary")
      val rounds = trainAll()
      val figures = progress.figures()
      clock.lap("train")
      val (words, counts) = control.fetchVocabulary(id)
      val vectors = control.fetchVectors(id)
      clock.lap("model")
      val updates = figures.path("updates").asLong
      val warning = if (updates == 0) settings.nothingTrained else ""
      if (warning.nonEmpty) log.warn(warning)
      val summary = Summary(partitions, committed.path("rows").asLong, committed.path("records").asLong, committed.path("split_sentences").asLong,
        size.toInt, settled.path("words").asLong, settled.path("dropped_words").asLong, settled.path("dropped_distinct").asLong,
        updates, rounds, Summary.epochs(figures), clock.seconds, warning)
      close("the training has ended")
      Trained(words, counts, vectors, summary)
    } catch {
      case e: Throwable =>
        close(s"${e.getClass.getSimpleName}: ${e.getMessage}".take(2000))
        throw e
    } finally control.close()
  }

  private def training: (String, Any) = "training_id" -> id

  /** Job 1, again for what is missing. */
  private def ingestAll(): Unit = {
    var missing: Seq[Int] = 0 until partitions
    var error: Option[Lost] = None
    var round = 0
    while (missing.nonEmpty) {
      if (round > Rounds) throw new NoProgress(
        s"${missing.size} of $partitions partitions could not be ingested in $round rounds (the first: ${missing.head})" + last(error), error.orNull)
      round += 1
      error = ingest(missing).orElse(error)
      missing = numbers(control.call("ingest_status", training).path("missing"))
    }
  }

  private def ingest(some: Seq[Int]): Option[Lost] = borne {
    Job.run(text.rows, some, s"DeepDist: ingest ${some.size} partitions", new Ingest(session, id, text.layout, text.column))(() => progress.tick())
  }

  /** Job 2, with new ingests in between, until every (epoch, partition) is done; returns the number of jobs. */
  private def trainAll(): Int = {
    var rounds, idle = 0
    var best = (-1L, Int.MinValue) // words, and partitions that are complete
    var moved = System.nanoTime
    var error: Option[Lost] = None
    while (true) {
      rounds += 1
      error = lendSlots().orElse(error)
      val status = control.call("training_status", training)
      if (status.path("done").asBoolean) return rounds
      val figures = progress.figures()
      val state = (figures.path("words").asLong, -status.path("incomplete").size)
      if (Ordering[(Long, Int)].gt(state, best)) {
        idle = 0
        best = state
        moved = System.nanoTime
      } else idle += 1
      if (idle >= Rounds && System.nanoTime - moved > LeaseNanos) throw new NoProgress(
        s"the training stands still after $rounds rounds: ${status.path("incomplete").size} of $partitions partitions are incomplete, " +
          s"${state._1} of ${figures.path("total_words").asLong} words are in the model" + last(error), error.orNull)
      val missing = numbers(status.path("missing"))
      if (missing.nonEmpty) {
        control.call("reopen", training, "partitions" -> missing.toArray)
        ingest(missing) // the next round sees what is still missing, and counts
      } else pause() // a worker that died holds its partitions until its lease ends
    }
    rounds
  }

  private def lendSlots(): Option[Lost] = borne {
    val n = math.max(1, sc.defaultParallelism)
    Job.run(sc.parallelize(0 until n, n), 0 until n, s"DeepDist: train in $n slots", new Slot(session, id))(() => progress.tick())
  }

  private def pause(): Unit = (1 to 10).foreach { _ =>
    progress.tick()
    Thread.sleep(100)
  }

  private def close(reason: String): Unit =
    try {
      Wire.ask(server.control, CloseMillis, question = Seq("op" -> "close_training", training, "reason" -> reason))
      ()
    } catch { case NonFatal(_) => () } // psserver is gone: whatever brought us here says so
}

private[deepdist] object Training {

  /** Rounds of one job that may end without any progress. */
  private val Rounds = 3

  /** How long a training may stand still: longer than psserver waits for a worker that has fallen silent. */
  private val LeaseNanos = 45000000000L
  private val CloseMillis = 10000L

  private def borne(job: => Unit): Option[Lost] = try {
    job
    None
  } catch { case e: Lost => Some(e) }

  private def last(error: Option[Lost]): String = error.fold("")(e => s". The last error: ${e.getMessage}")

  private def numbers(node: JsonNode): Seq[Int] = {
    val all = Seq.newBuilder[Int]
    node.forEach(n => all += n.asInt)
    all.result()
  }

  private final class Clock {
    private val begun = System.nanoTime
    private var at = begun
    private var parts = Map.empty[String, Double]

    def lap(part: String): Unit = {
      val now = System.nanoTime
      parts += part -> (now - at) / 1e9
      at = now
    }

    def seconds: Map[String, Double] = parts + ("total" -> (at - begun) / 1e9)
  }
}
