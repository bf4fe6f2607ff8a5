package deepdist

import java.io.{File, IOException, InputStream}
import java.lang.ProcessBuilder.Redirect
import java.nio.ByteBuffer
import java.nio.channels.FileChannel
import java.nio.charset.StandardCharsets.UTF_8
import java.nio.file.{Path, StandardOpenOption}
import java.util.concurrent.TimeUnit

/** Child is a program of ours that this JVM has started, and the log that it writes. */
private[deepdist] final class Child(process: Process, log: FileChannel) {
  def pid: Long = process.pid
  def alive: Boolean = process.isAlive
  def stdout: InputStream = process.getInputStream

  /** Its exit status, -1 while it runs. */
  def status: Int = if (process.isAlive) -1 else process.exitValue

  /** "killed by signal 9", "exited with 1"; "" while it runs. */
  def howItEnded: String = if (process.isAlive) "" else process.exitValue match {
    case code if code > 128 => s"killed by signal ${code - 128}" // as Java tells it; our programs exit with no such code
    case code => s"exited with $code"
  }

  def lastLines: String = {
    val most = 16 << 10
    val buffer = ByteBuffer.allocate(most)
    try log.read(buffer, math.max(0, log.size - most)) catch { case _: IOException => 0 }
    new String(buffer.array, 0, buffer.position(), UTF_8).linesIterator.toSeq.takeRight(20).mkString("\n")
  }

  /** What goes into a message about its end. */
  def obituary: String = {
    val lines = lastLines
    howItEnded + (if (lines.isEmpty) "; it wrote no log" else s"; its last lines:\n$lines")
  }

  def waitFor(millis: Long): Boolean = process.waitFor(millis, TimeUnit.MILLISECONDS)

  def kill(): Unit = {
    process.destroyForcibly()
    ()
  }

  /** Ask it to end (SIGTERM), then insist. */
  def stop(): Unit = {
    process.destroy()
    if (!waitFor(Child.StopMillis)) {
      kill()
      waitFor(Child.StopMillis)
    }
    log.close()
  }
}

private[deepdist] object Child {
  private val StopMillis = 10000L

  /** Start a program whose stderr goes to the file `log`, and its stdout too unless `speaks`. environment None: this JVM's own. */
  def start(command: Seq[String], log: Path, speaks: Boolean, environment: Option[Map[String, String]] = None): Child = {
    val builder = new ProcessBuilder(command: _*).directory(new File("/")).redirectInput(new File("/dev/null"))
    builder.redirectError(Redirect.appendTo(log.toFile))
    if (!speaks) builder.redirectOutput(Redirect.appendTo(log.toFile))
    environment.foreach { variables =>
      builder.environment.clear()
      variables.foreach { case (name, value) => builder.environment.put(name, value) }
    }
    val process = try builder.start() catch {
      case e: IOException =>
        throw new IOException(s"${command.head} cannot be started: ${e.getMessage}. Is it built for this machine, and whole? `make build` builds it", e)
    }
    new Child(process, FileChannel.open(log, StandardOpenOption.READ))
  }
}
