package deepdist

import com.fasterxml.jackson.databind.JsonNode

/** Epoch is one pass over the data: words of the vocabulary, seconds, the learning rate at its end, the mean loss, of how many
  * predictions, and pushes.
  */
final case class Epoch(
    epoch: Int, words: Long, seconds: Double, wordsPerSecond: Double, alpha: Double, loss: Double, lossPairs: Long, pushes: Long)

/** Summary is what a training was like; it prints as a table of its epochs.
  *
  * rows: of the data, after long ones were divided; records: sentences; splitSentences: how many rows the sidecar had to split; vocabulary:
  * distinct words that were kept; words: of one epoch, kept; droppedWords, droppedDistinct: those too rare, of one epoch and distinct
  * ones; updates: slices that changed a vector; rounds: Spark jobs of training that it took; seconds: by part, "total" among them; warning:
  * what is odd about the run, or "".
  */
final case class Summary(
    partitions: Int, rows: Long, records: Long, splitSentences: Long, vocabulary: Int, words: Long, droppedWords: Long, droppedDistinct: Long,
    updates: Long, rounds: Int, epochs: Seq[Epoch], seconds: Map[String, Double], warning: String) {

  override def toString: String = {
    val head = Seq(
      f"$partitions%,d partitions, $rows%,d rows in ${seconds.getOrElse("total", 0.0)}%.1f s",
      f"vocabulary: $vocabulary%,d words; $words%,d words an epoch in $records%,d sentences ($splitSentences%,d rows split)",
      f"dropped: $droppedWords%,d words ($droppedDistinct%,d distinct, too rare)")
    val table = "epoch       words  seconds    words/s     alpha     loss  pushes" +: epochs.map { e =>
      f"${e.epoch + 1}%5d ${e.words}%,11d ${e.seconds}%8.1f ${e.wordsPerSecond}%,10.0f ${e.alpha}%9.5f ${e.loss}%8.4f ${e.pushes}%,7d"
    }
    val parts = seconds.toSeq.filter(_._1 != "total").sortBy(Summary.order).map { case (part, s) => f"$part $s%.1f" }
    (head ++ (if (epochs.isEmpty) Nil else table) ++ Some(warning).filter(_.nonEmpty).map("warning: " + _) :+ parts.mkString("seconds: ", ", ", "")).mkString("\n")
  }
}

private[deepdist] object Summary {
  private val Parts = Seq("ingest", "vocabulary", "train", "model")

  private def order(part: (String, Double)): Int = Parts.indexOf(part._1)

  /** The epochs that `watch` tells of. */
  def epochs(figures: JsonNode): Seq[Epoch] = {
    val all = Seq.newBuilder[Epoch]
    figures.path("epochs_done").forEach { e =>
      all += Epoch(e.path("epoch").asInt, e.path("words").asLong, e.path("seconds").asDouble, e.path("words_per_second").asDouble,
        e.path("alpha").asDouble, e.path("loss").asDouble, e.path("loss_pairs").asLong, e.path("pushes").asLong)
    }
    all.result()
  }
}
