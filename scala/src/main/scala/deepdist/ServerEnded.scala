package deepdist

import java.io.IOException

/** ServerEnded means that a psserver ended before it served, with this exit status. Python asks for it through py4j, so it is public. */
final class ServerEnded(val status: Int, message: String) extends IOException(message)

private[deepdist] object ServerEnded {

  /** The exit status by which psserver says that the address it was to serve on is not to be had. */
  val CannotListen = 78
}
