package deepdist

import java.io.{BufferedReader, IOException, InputStreamReader}
import java.nio.charset.StandardCharsets.UTF_8
import java.nio.file.{Files, Path, Paths}
import java.util.concurrent.{CompletableFuture, TimeUnit, TimeoutException}

import com.fasterxml.jackson.databind.JsonNode

/** Server is one psserver, which is one session: the process, and the line that it said when it began to serve. The line has the
  * session's secrets, so it is shown to nobody but `DeepDistPlugin.open` and `Session`.
  */
private[deepdist] final class Server private (val wanted: Wanted, child: Child, val line: String, said: JsonNode) {
  val id: String = said.path("session_id").asText
  val port: Int = said.path("port").asInt
  def token: String = said.path("token").asText
  def certificate: String = said.path("certificate_sha256").asText
  val control: Path = Paths.get(said.path("control").asText)
  @volatile private var last = Look()

  def alive: Boolean = child.alive
  def kill(): Unit = child.kill()
  def stop(): Unit = child.stop()

  /** What `watch` says (proto/README.md). */
  def watch(): JsonNode = Wire.ask(control, Server.LookMillis, question = Seq("op" -> "watch", "wait_ms" -> 0))

  /** The run's figures now, or the last ones of a psserver that does not answer. */
  def look(): Look = {
    try last = Look.ofRun(watch())
    catch { case _: IOException => if (!alive) last = last.ended }
    last
  }

  /** How it ended, and its last lines; "" if it lives. */
  def lost: String = if (child.waitFor(Server.EndMillis)) child.obituary else ""

  override def toString: String = s"psserver (pid ${child.pid}, port $port)"
}

private[deepdist] object Server {
  private val StartMillis = 30000L
  private val LookMillis = 5000L
  private val EndMillis = 2000L

  /** Start a psserver and wait for its line. */
  def start(program: String, wanted: Wanted): Server = {
    val log = Files.createTempFile("deepdist-psserver", ".log") // without a name as soon as it is open, so that nothing is left of it
    val command = Seq(program, "--detach", "--parent-pid", ProcessHandle.current.pid.toString, "--listen", wanted.listen, "--page", wanted.page)
    val child = try Child.start(command, log, speaks = true) finally Files.delete(log)
    try {
      val line = firstLine(child)
      new Server(wanted, child, line, checked(program, line))
    } catch {
      case e: Throwable =>
        child.stop()
        throw e
    }
  }

  private def firstLine(child: Child): String = {
    val line = new CompletableFuture[Option[String]]
    val reader = new Thread(() => {
      line.complete(try Option(new BufferedReader(new InputStreamReader(child.stdout, UTF_8)).readLine()) catch { case _: IOException => None })
      ()
    }, "deepdist-psserver-line")
    reader.setDaemon(true)
    reader.start()
    val said = try line.get(StartMillis, TimeUnit.MILLISECONDS) catch {
      case _: TimeoutException => throw new IOException(s"psserver did not serve within ${StartMillis / 1000} s")
    }
    said.getOrElse {
      child.waitFor(EndMillis)
      throw new ServerEnded(child.status, s"psserver ended before it served: ${child.obituary}")
    }
  }

  private def checked(program: String, line: String): JsonNode = {
    val said = try Wire.parse(line) catch {
      case _: IOException => throw new IOException(s"$program does not begin as psserver does: is it another program of this name?")
    }
    val (build, protocol) = (said.path("build").asText("?"), said.path("protocol").asInt)
    if (build != Release.Build || protocol != Release.Protocol)
      throw new IOException(s"$program is build $build (protocol $protocol), the plugin's jar is ${Release.Build} (protocol ${Release.Protocol}): " +
        "use both of one release; `make build plugin` in the repository makes a matching set")
    said
  }
}
