package deepdist

import java.nio.ByteBuffer
import java.nio.channels.WritableByteChannel

import org.apache.arrow.memory.RootAllocator
import org.apache.arrow.vector.{FieldVector, VarCharVector, VectorSchemaRoot, VectorUnloader}
import org.apache.arrow.vector.complex.ListVector
import org.apache.arrow.vector.ipc.WriteChannel
import org.apache.arrow.vector.ipc.message.MessageSerializer
import org.apache.arrow.vector.types.pojo.{ArrowType, FieldType}

/** Batches packs rows into Arrow record batches of one column, lines or lists of words in UTF-8, and hands each to `send` with the number
  * of its rows. The buffer that `send` gets is its own until it returns.
  */
private[deepdist] final class Batches(layout: Layout, send: (ByteBuffer, Int) => Unit) extends AutoCloseable {
  import Batches._

  private val allocator = new RootAllocator(Long.MaxValue)
  private val (vector, words): (FieldVector, VarCharVector) = layout match {
    case Layout.Lines =>
      val lines = new VarCharVector("text", allocator)
      (lines, lines)
    case Layout.Lists =>
      val lists = ListVector.empty("text", allocator)
      (lists, lists.addOrGetVector[VarCharVector](FieldType.nullable(ArrowType.Utf8.INSTANCE)).getVector)
  }
  private val root = VectorSchemaRoot.of(vector)
  private val body = new Body
  private var rows = 0
  private var bytes = 0

  /** A line: these bytes of it. */
  def line(text: Array[Byte], begin: Int, end: Int): Unit = {
    room(end - begin)
    words.setSafe(rows, text, begin, end - begin)
    rows += 1
  }

  /** A list of words: these of it. `size` is their bytes. */
  def list(tokens: collection.Seq[Array[Byte]], size: Int): Unit = {
    room(size)
    val lists = vector.asInstanceOf[ListVector]
    var at = lists.startNewValue(rows)
    tokens.foreach { token =>
      words.setSafe(at, token, 0, token.length)
      at += 1
    }
    lists.endValue(rows, tokens.length)
    rows += 1
  }

  def flush(): Unit = if (rows > 0) {
    vector.setValueCount(rows)
    root.setRowCount(rows)
    val batch = new VectorUnloader(root).getRecordBatch
    try MessageSerializer.serialize(new WriteChannel(body), batch) finally batch.close()
    send(body.take(), rows)
    vector.reset()
    rows = 0
    bytes = 0
  }

  override def close(): Unit = {
    vector.close()
    allocator.close()
  }

  private def room(more: Int): Unit = {
    if (rows >= MaxRows || (rows > 0 && bytes + more > MaxBytes)) flush()
    bytes += more
  }

  /** Body is where Arrow writes a message. */
  private final class Body extends WritableByteChannel {
    private var buffer = ByteBuffer.allocateDirect(2 * MaxBytes)

    override def write(part: ByteBuffer): Int = {
      val n = part.remaining
      if (n > buffer.remaining) {
        buffer = ByteBuffer.allocateDirect(math.max(2 * buffer.capacity, buffer.position() + n)).put(buffer.flip())
      }
      buffer.put(part)
      n
    }

    def take(): ByteBuffer = {
      val message = buffer.duplicate().flip()
      buffer.clear()
      message
    }

    override def isOpen: Boolean = true
    override def close(): Unit = ()
  }
}

private[deepdist] object Batches {
  private val MaxBytes = 1 << 20
  private val MaxRows = 1 << 16
}
