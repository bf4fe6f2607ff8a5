package deepdist

import org.apache.spark.TaskContext
import org.apache.spark.sql.Row

/** Ingest streams a partition of text to the executor's sidecar: job 1 of a training, in a task. The sidecar tokenises, counts and
  * spools. A partition counts when its stream has ended with the right totals; a task that dies before leaves nothing behind.
  *
  * column: the name of the column that the text was taken from, for messages. Rows hold the text as bytes, which is what Spark has
  * too: no String is made of it.
  */
private[deepdist] final class Ingest(session: Session, training: Long, layout: Layout, column: String) extends (Iterator[Row] => Unit) with Serializable {
  import Ingest._

  def apply(rows: Iterator[Row]): Unit = {
    val context = TaskContext.get()
    val stream = Seq("training_id" -> training, "partition" -> context.partitionId(), "attempt" -> context.taskAttemptId(), "layout" -> layout.name)
    Beside.stream(session, "ingest", stream: _*) { wire =>
      val part = new Part(context.partitionId(), wire)
      try {
        rows.foreach(part.add)
        part.batches.flush()
      } finally part.batches.close()
      wire.end("rows" -> part.sent, "batches" -> part.sentBatches, "cut_rows" -> part.cut, "extra_rows" -> part.extra)
    }
    ()
  }

  /** Part is the partition under way: `sent` rows and pieces of rows; `cut` rows were cut, into `extra` pieces more than they were rows. */
  private final class Part(partition: Int, wire: Wire) {
    var sent, sentBatches, cut, extra, row = 0L
    val batches = new Batches(layout, (message, rows) => {
      wire.batch(message, rows)
      sent += rows
      sentBatches += 1
    })

    def add(next: Row): Unit = {
      if (next.isNullAt(0)) bad(s"""$column is null: drop such rows before, df.na.drop(Seq("$column"))""")
      val pieces = layout match {
        case Layout.Lines => line(next.getAs[Array[Byte]](0))
        case Layout.Lists => list(next.getAs[collection.Seq[Array[Byte]]](0))
      }
      if (pieces > 1) cut += 1
      extra += pieces - 1
      row += 1
    }

    private def line(text: Array[Byte]): Int = {
      var begin, pieces = 0
      do {
        val end = pieceEnd(text, begin)
        if (end - begin > MaxToken) tooLong(end - begin)
        batches.line(text, begin, end)
        begin = end
        pieces += 1
      } while (begin < text.length)
      pieces
    }

    private def list(tokens: collection.Seq[Array[Byte]]): Int = {
      var begin, size, pieces = 0
      tokens.indices.foreach { i =>
        if (tokens(i) == null) bad(s"$column has a null in it: take the nulls out before, array_compact($column)")
        val more = tokens(i).length + PerToken
        if (more - PerToken > MaxToken) tooLong(more - PerToken)
        if (size > 0 && size + more > MaxRow) {
          batches.list(tokens.slice(begin, i), size)
          begin = i
          size = 0
          pieces += 1
        }
        size += more
      }
      batches.list(if (begin == 0) tokens else tokens.drop(begin), size)
      pieces + 1
    }

    private def tooLong(size: Int): Nothing =
      bad(s"a word of $size bytes; a word has at most ${MaxToken >> 20} MiB: split the text into words before")

    private def bad(why: String): Nothing = throw new BadInput(s"partition $partition, row $row: $why")
  }
}

private[deepdist] object Ingest {
  private val MaxRow = 1 << 20
  private val MaxToken = 8 << 20 // as in the sidecar
  private val PerToken = 4

  /** Where the piece that begins at `begin` ends: a row above MaxRow is cut at whitespace, so the pieces have the words of the row. */
  private[deepdist] def pieceEnd(text: Array[Byte], begin: Int): Int =
    if (text.length - begin <= MaxRow) text.length
    else {
      var end = begin + MaxRow
      while (end > begin && !Whitespace.beginsAt(text, end)) end -= 1
      if (end == begin) { // one long word: it goes whole
        end = begin + MaxRow
        while (end < text.length && !Whitespace.beginsAt(text, end)) end += 1
      }
      end
    }
}
