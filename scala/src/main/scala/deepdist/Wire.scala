package deepdist

import java.io.{EOFException, IOException}
import java.net.{StandardProtocolFamily, UnixDomainSocketAddress}
import java.nio.{ByteBuffer, ByteOrder}
import java.nio.channels.{SelectionKey, Selector, SocketChannel}
import java.nio.file.Path
import java.util.concurrent.TimeUnit
import java.util.zip.CRC32

import com.fasterxml.jackson.databind.{JsonNode, ObjectMapper}

/** Wire asks a psserver or a sidecar over its Unix socket: the frames of proto/README.md, as far as their bodies are JSON. A connection
  * is for one question, and has until `deadline` for all of it: who hangs must not hold up whoever watches.
  */
private[deepdist] final class Wire private (channel: SocketChannel, selector: Selector, deadline: Long) {
  import Wire._

  private def exchange(kind: Byte, fields: Seq[(String, Any)]): JsonNode = {
    val body = Json.createObjectNode()
    fields.foreach { case (name, value) => body.set[JsonNode](name, Json.valueToTree[JsonNode](value)) }
    send(kind, Json.writeValueAsBytes(body))
    receive()
  }

  private def send(kind: Byte, body: Array[Byte]): Unit = {
    val frame = ByteBuffer.allocate(HeaderSize + body.length).order(ByteOrder.LITTLE_ENDIAN)
    frame.putInt(body.length).putInt(crc(body)).put(kind).put(0.toByte).putShort(0).putInt(0).put(body).flip()
    while (frame.hasRemaining) if (channel.write(frame) == 0) await(SelectionKey.OP_WRITE)
  }

  private def receive(): JsonNode = {
    val header = read(HeaderSize)
    val (length, sum, kind) = (header.getInt, header.getInt, header.get)
    if (length < 0 || length > MaxBody) throw new IOException(s"a frame of $length bytes was announced")
    val body = read(length).array
    if (crc(body) != sum) throw new IOException("a frame arrived damaged: its checksum differs")
    kind match {
      case Ok => Json.readTree(body)
      case Err => throw new IOException(Json.readTree(body).path("message").asText)
      case Event => receive()
      case _ => throw new IOException(s"a frame of kind $kind where an answer was due")
    }
  }

  private def read(n: Int): ByteBuffer = {
    val buffer = ByteBuffer.allocate(n).order(ByteOrder.LITTLE_ENDIAN)
    while (buffer.hasRemaining) channel.read(buffer) match {
      case -1 => throw new EOFException("the connection was closed before the answer")
      case 0 => await(SelectionKey.OP_READ)
      case _ =>
    }
    buffer.flip()
  }

  private def await(what: Int): Unit = {
    channel.register(selector, what)
    val left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime)
    if (left <= 0 || selector.select(left) == 0) throw new java.net.SocketTimeoutException("no answer in time")
    selector.selectedKeys.clear()
  }
}

private[deepdist] object Wire {
  private val Json = new ObjectMapper
  private val Hello: Byte = 1
  private val Ok: Byte = 2
  private val Err: Byte = 3
  private val Call: Byte = 6
  private val Event: Byte = 7
  private val HeaderSize = 16
  private val MaxBody = 16 << 20

  def parse(line: String): JsonNode = Json.readTree(line)

  /** Greet whoever listens at `socket`, as `op` if that is for the greeting to say, and ask `question` if there is one; the answer to
    * the last of these.
    */
  def ask(socket: Path, millis: Long, op: Option[String] = None, question: Seq[(String, Any)] = Nil): JsonNode = {
    val channel = SocketChannel.open(StandardProtocolFamily.UNIX)
    val selector = Selector.open()
    try {
      channel.connect(UnixDomainSocketAddress.of(socket))
      channel.configureBlocking(false)
      val wire = new Wire(channel, selector, System.nanoTime + TimeUnit.MILLISECONDS.toNanos(millis))
      val greeting = wire.exchange(Hello, Seq("protocol" -> Release.Protocol, "build" -> Release.Build) ++ op.map("op" -> _))
      if (question.isEmpty) greeting else wire.exchange(Call, question)
    } finally {
      channel.close()
      selector.close()
    }
  }

  private def crc(body: Array[Byte]): Int = {
    val sum = new CRC32
    sum.update(body)
    sum.getValue.toInt
  }
}
