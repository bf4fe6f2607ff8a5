package deepdist

import java.io.IOException
import java.nio.{ByteBuffer, ByteOrder}

import com.fasterxml.jackson.databind.JsonNode

/** Bundle reads the tensors that come inline behind an answer of psserver's (proto/README.md, "Bundles") into arrays: float32 as
  * Array[Float], uint64 as Array[Long], uint32 as Array[Int], uint8 as Array[Byte]. No byte is held twice for longer than a chunk.
  */
private[deepdist] final class Bundle private (fields: JsonNode, next: () => ByteBuffer) {
  private val total = fields.path("bytes").asLong
  private var at = 0L // bytes of the bundle that have been read
  private var left = ByteBuffer.allocate(0).order(ByteOrder.LITTLE_ENDIAN) // of the last chunk

  private def read(wanted: Set[String]): Map[String, AnyRef] = {
    val tensors = Seq.newBuilder[JsonNode]
    fields.path("tensors").forEach(tensor => tensors += tensor)
    val found = tensors.result().filter(t => wanted(t.path("name").asText)).sortBy(_.path("offset").asLong).map { tensor =>
      val name = tensor.path("name").asText
      skipTo(tensor.path("offset").asLong)
      name -> array(name, tensor.path("dtype").asText, elements(tensor.path("shape")))
    }.toMap
    skipTo(total)
    found
  }

  private def elements(shape: JsonNode): Int = {
    var n = 1L
    shape.forEach(size => n *= size.asLong)
    if (n > Int.MaxValue) throw new IOException(s"a tensor of $n numbers is more than an array of Java's holds")
    n.toInt
  }

  private def array(name: String, dtype: String, n: Int): AnyRef = dtype match {
    case "float32" =>
      val floats = new Array[Float](n)
      fill(n, 4)((begin, count) => left.asFloatBuffer.get(floats, begin, count))
      floats
    case "uint64" =>
      val longs = new Array[Long](n)
      fill(n, 8)((begin, count) => left.asLongBuffer.get(longs, begin, count))
      longs
    case "uint32" =>
      val ints = new Array[Int](n)
      fill(n, 4)((begin, count) => left.asIntBuffer.get(ints, begin, count))
      ints
    case "uint8" =>
      val bytes = new Array[Byte](n)
      fill(n, 1)((begin, count) => left.duplicate().get(bytes, begin, count))
      bytes
    case other => throw new IOException(s"the tensor $name has dtype $other")
  }

  /** Take n elements of `width` bytes: `take(begin, count)` has those that lie in `left`. */
  private def fill(n: Int, width: Int)(take: (Int, Int) => Any): Unit = {
    var begin = 0
    while (begin < n) {
      while (left.remaining < width) more()
      val count = math.min(n - begin, left.remaining / width)
      take(begin, count)
      advance(count * width)
      begin += count
    }
  }

  private def skipTo(offset: Long): Unit = while (at < offset) {
    if (!left.hasRemaining) more()
    advance(math.min(offset - at, left.remaining.toLong).toInt)
  }

  private def advance(n: Int): Unit = {
    left.position(left.position() + n)
    at += n
  }

  private def more(): Unit = {
    if (at + left.remaining >= total) throw new IOException(s"a bundle of $total bytes has a tensor beyond its end")
    val chunk = next()
    left = if (!left.hasRemaining) chunk else {
      val both = ByteBuffer.allocate(left.remaining + chunk.remaining).order(ByteOrder.LITTLE_ENDIAN)
      both.put(left).put(chunk).flip()
    }
  }
}

private[deepdist] object Bundle {

  /** The tensors of these names, by their names; all of the bundle has been read after it. */
  def read(fields: JsonNode, next: () => ByteBuffer, wanted: Set[String]): Map[String, AnyRef] = new Bundle(fields, next).read(wanted)
}
