package deepdist

import java.io.{EOFException, IOException}
import java.net.{SocketTimeoutException, StandardProtocolFamily, UnixDomainSocketAddress}
import java.nio.{ByteBuffer, ByteOrder}
import java.nio.channels.{SelectionKey, Selector, SocketChannel}
import java.nio.file.Path
import java.util.concurrent.TimeUnit
import java.util.zip.CRC32

import com.fasterxml.jackson.databind.{JsonNode, ObjectMapper}

/** Wire is a connection to a psserver or a sidecar over its Unix socket: the frames of proto/README.md. It is for one thread.
  *
  * While nothing comes or goes, `patience` is asked a few times a second, with the milliseconds that this has lasted; it ends the
  * waiting by an exception. What the other end answers by ERROR is thrown as `Errors` has it; an IOException of another kind means that
  * it is gone.
  */
private[deepdist] final class Wire private (channel: SocketChannel, selector: Selector, patience: Long => Unit) extends AutoCloseable {
  import Wire._

  private var moved = System.nanoTime // when the last bytes came or went

  def hello(fields: (String, Any)*): JsonNode = exchange(Hello, Seq("protocol" -> Release.Protocol, "build" -> Release.Build) ++ fields)

  def call(op: String, fields: (String, Any)*): JsonNode = exchange(Call, ("op" -> op) +: fields)

  /** A record batch message of so many rows; nobody answers. */
  def batch(message: ByteBuffer, rows: Int): Unit = send(Batch, message, rows)

  /** The totals of the stream; the answer to all of it. */
  def end(fields: (String, Any)*): JsonNode = exchange(End, fields)

  /** The answer, events left out. A bundle that comes with it is to be read by `chunk`. */
  def answer(): JsonNode = receive() match {
    case (Ok, body) => Json.readTree(body)
    case (Event, _) => answer()
    case (kind, _) => throw new IOException(s"a frame of kind $kind where an answer was due")
  }

  /** The next bytes of a bundle. */
  def chunk(): ByteBuffer = receive() match {
    case (Chunk, body) => ByteBuffer.wrap(body).order(ByteOrder.LITTLE_ENDIAN)
    case (kind, _) => throw new IOException(s"a frame of kind $kind in the middle of a bundle")
  }

  override def close(): Unit = {
    channel.close()
    selector.close()
  }

  private def exchange(kind: Byte, fields: Seq[(String, Any)]): JsonNode = {
    val body = Json.createObjectNode()
    fields.foreach { case (name, value) => body.set[JsonNode](name, Json.valueToTree[JsonNode](value)) }
    send(kind, ByteBuffer.wrap(Json.writeValueAsBytes(body)), 0)
    answer()
  }

  private def send(kind: Byte, body: ByteBuffer, rows: Int): Unit = {
    val header = ByteBuffer.allocate(HeaderSize).order(ByteOrder.LITTLE_ENDIAN)
    header.putInt(body.remaining).putInt(crc(body.duplicate())).put(kind).put(0.toByte).putShort(0).putInt(rows).flip()
    val frame = Array(header, body)
    moved = System.nanoTime
    try while (body.hasRemaining || header.hasRemaining) if (channel.write(frame) == 0) await(SelectionKey.OP_WRITE) else moved = System.nanoTime
    catch { case broken: IOException => throw partingWord(broken) }
  }

  /** Whoever refuses says why before it closes: that is worth more than "broken pipe". */
  private def partingWord(broken: IOException): Exception =
    try {
      while (true) receive()
      broken
    } catch {
      case reason @ (_: BadInput | _: Lost | _: Refused) => reason.asInstanceOf[Exception]
      case _: IOException => broken
    }

  private def receive(): (Byte, Array[Byte]) = {
    moved = System.nanoTime
    val header = read(HeaderSize)
    val (length, sum, kind) = (header.getInt, header.getInt, header.get)
    if (length < 0 || length > MaxBody) throw new IOException(s"a frame of $length bytes was announced")
    val body = read(length)
    if (crc(body.duplicate()) != sum) throw new IOException("a frame arrived damaged: its checksum differs")
    if (kind == Err) {
      val reason = Json.readTree(body.array)
      throw Errors.of(reason.path("code").asText, reason.path("message").asText)
    }
    (kind, body.array)
  }

  private def read(n: Int): ByteBuffer = {
    val buffer = ByteBuffer.allocate(n).order(ByteOrder.LITTLE_ENDIAN)
    while (buffer.hasRemaining) channel.read(buffer) match {
      case -1 => throw new EOFException("the connection was closed before the answer")
      case 0 => await(SelectionKey.OP_READ)
      case _ => moved = System.nanoTime
    }
    buffer.flip()
  }

  private def await(what: Int): Unit = {
    channel.register(selector, what)
    if (selector.select(TickMillis) == 0) patience(TimeUnit.NANOSECONDS.toMillis(System.nanoTime - moved))
    selector.selectedKeys.clear()
  }
}

private[deepdist] object Wire {
  private val Json = new ObjectMapper
  private val Hello: Byte = 1
  private val Ok: Byte = 2
  private val Err: Byte = 3
  private val Batch: Byte = 4
  private val End: Byte = 5
  private val Call: Byte = 6
  private val Event: Byte = 7
  private val Chunk: Byte = 8
  private val HeaderSize = 16
  private val MaxBody = 16 << 20
  private val TickMillis = 200L

  def parse(line: String): JsonNode = Json.readTree(line)

  def dial(socket: Path, patience: Long => Unit): Wire = {
    val channel = SocketChannel.open(StandardProtocolFamily.UNIX)
    try {
      channel.connect(UnixDomainSocketAddress.of(socket))
      channel.configureBlocking(false)
      new Wire(channel, Selector.open(), patience)
    } catch {
      case e: Throwable =>
        channel.close()
        throw e
    }
  }

  /** Greet whoever listens at `socket`, with these fields, and ask `question` if there is one; the answer to the last of these. All of
    * it has `millis`: who hangs must not hold up whoever watches.
    */
  def ask(socket: Path, millis: Long, hello: Seq[(String, Any)] = Nil, question: Seq[(String, Any)] = Nil): JsonNode = {
    val deadline = System.nanoTime + TimeUnit.MILLISECONDS.toNanos(millis)
    val wire = dial(socket, _ => if (System.nanoTime > deadline) throw new SocketTimeoutException("no answer in time"))
    try {
      val greeting = wire.hello(hello: _*)
      if (question.isEmpty) greeting else wire.exchange(Call, question)
    } finally wire.close()
  }

  private def crc(body: ByteBuffer): Int = {
    val sum = new CRC32
    sum.update(body)
    sum.getValue.toInt
  }
}
