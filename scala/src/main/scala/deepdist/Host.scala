package deepdist

import java.nio.file.{Files, Paths}

/** Host is this machine's name, for messages: PluginContext has none on executors. */
private[deepdist] object Host {
  lazy val name: String = try Files.readString(Paths.get("/proc/sys/kernel/hostname")).trim catch { case _: java.io.IOException => "this machine" }
}
