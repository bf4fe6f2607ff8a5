package deepdist

import java.io.IOException
import java.nio.channels.ClosedByInterruptException
import java.nio.charset.StandardCharsets.UTF_8

import com.fasterxml.jackson.databind.JsonNode

/** Control asks a session's psserver, in the driver: the second wire of proto/README.md, a method for each op that brings more than JSON.
  *
  * A call may take as long as it likes while psserver lives. When it has been silent for a while, psserver is greeted on a new connection,
  * which it answers whatever it is busy with; if it does not, it hangs, and is killed. An interrupt of the thread ends the connection.
  */
private[deepdist] final class Control(server: Server) extends AutoCloseable {
  import Control._

  private var greeted = 0L // milliseconds of silence at the last greeting
  private val wire = guard("the greeting") {
    val wire = Wire.dial(server.control, patience)
    wire.hello("bundles" -> "inline")
    wire
  }

  def call(op: String, fields: (String, Any)*): JsonNode = guard(op)(wire.call(op, fields: _*))

  /** The words in the order of their ids, and their counts. */
  def fetchVocabulary(training: Long): (Array[String], Array[Long]) = {
    val found = bundle("fetch_vocabulary", training, Set("words", "lengths", "counts"))
    val (text, lengths) = (found("words").asInstanceOf[Array[Byte]], found("lengths").asInstanceOf[Array[Int]])
    var at = 0
    val words = lengths.map { length =>
      at += length
      new String(text, at - length, length, UTF_8)
    }
    (words, found("counts").asInstanceOf[Array[Long]])
  }

  /** The vectors of all words, one after another. */
  def fetchVectors(training: Long): Array[Float] = bundle("fetch", training, Set("syn0"))("syn0").asInstanceOf[Array[Float]]

  override def close(): Unit = wire.close()

  private def bundle(op: String, training: Long, wanted: Set[String]): Map[String, AnyRef] =
    guard(op)(Bundle.read(wire.call(op, "training_id" -> training), () => wire.chunk(), wanted))

  private def patience(silent: Long): Unit = {
    if (silent < greeted) greeted = 0
    if (silent - greeted >= SilenceMillis) {
      greeted = silent
      try Wire.ask(server.control, GreetingMillis)
      catch {
        case _: ClosedByInterruptException => throw new InterruptedException
        case e: IOException =>
          server.kill()
          throw new Lost(s"$server hangs, and was killed: it answered neither a call for ${silent / 1000} s nor a greeting (${e.getMessage})")
      }
    }
    if (Thread.interrupted()) throw new InterruptedException
  }

  private def guard[T](op: String)(ask: => T): T =
    try ask catch {
      case e @ (_: Lost | _: Refused) => throw e
      case _: ClosedByInterruptException =>
        Thread.interrupted()
        throw new InterruptedException
      case e: IOException => throw new Lost(s"$server is lost: ${Some(server.lost).filter(_.nonEmpty).getOrElse(s"$op: ${e.getMessage}")}", e)
    }
}

private[deepdist] object Control {
  private val SilenceMillis = 15000L
  private val GreetingMillis = 30000L
}
