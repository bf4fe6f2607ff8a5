package deepdist

import java.io.IOException

/** BadInput means that the user's data or settings are at fault: a retry would meet the same. */
final class BadInput(message: String, cause: Throwable = null) extends IllegalArgumentException(message, cause)

/** Lost means that a psserver, a sidecar or an executor is gone: the same work may succeed elsewhere or later. */
final class Lost(message: String, cause: Throwable = null) extends IOException(message, cause)

/** Refused is what a psserver or a sidecar says no to for another reason; `code` is that of proto/README.md. */
final class Refused(val code: String, message: String, cause: Throwable = null) extends IOException(message, cause)

/** NoProgress means that a training could not be brought to its end; its message says how far it came and what the last error was. */
final class NoProgress(message: String, cause: Throwable) extends RuntimeException(message, cause)

private[deepdist] object Errors {

  /** The exception for an ERROR frame. */
  def of(code: String, message: String): Exception = code match {
    case "bad_input" => new BadInput(message)
    case "lost" => new Lost(message)
    case _ => new Refused(code, message)
  }

  /** What a task has thrown, if that was one of these; Lost if the executor has gone with it; else the error as Spark has it. */
  def ofJob(failure: Throwable): Throwable = {
    val causes = Iterator.iterate(failure)(_.getCause).takeWhile(_ != null).take(20).toSeq
    causes.collectFirst {
      case e: BadInput => new BadInput(e.getMessage, failure)
      case e: Lost => new Lost(e.getMessage, failure)
      case e: Refused => new Refused(e.code, e.getMessage, failure)
    }.getOrElse {
      val said = String.valueOf(failure.getMessage)
      if (said.contains("ExecutorLostFailure")) new Lost(said.linesIterator.next(), failure) else failure
    }
  }
}
