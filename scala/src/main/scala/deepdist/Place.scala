package deepdist

import java.io.IOException
import java.nio.charset.StandardCharsets.UTF_8
import java.nio.file.{FileAlreadyExistsException, Files, LinkOption, Path, Paths}
import java.nio.file.attribute.{PosixFilePermission, PosixFilePermissions}
import java.security.MessageDigest

/** Place is the private directory of this JVM's sidecar. Tasks find it by the same rule (proto/README.md, "Task → sidecar"), so they
  * come to the sidecar that the plugin has started without being told.
  */
private[deepdist] final class Place(val directory: Path) {
  val socket: Path = directory.resolve("s")
  val log: Path = directory.resolve("log")

  /** Make it, or take it over; refuse one that is not ours alone. */
  def prepare(): Unit = Seq(directory.getParent, directory).foreach(Place.privately)

  /** Say that whoever finds the directory without an owner may remove it; to be called when the sidecar owns it. */
  def release(): Unit =
    try {
      Files.createFile(directory.resolve("lock"), PosixFilePermissions.asFileAttribute(Place.OursToWrite))
      ()
    } catch { case _: FileAlreadyExistsException => () }

  /** Take it away, when the sidecar has ended and no task comes any more. What else lies there stays, and the directory with it. */
  def remove(): Unit =
    try {
      Seq("s", "log", "lock", "sidecar.lock").foreach(name => Files.deleteIfExists(directory.resolve(name)))
      Files.deleteIfExists(directory)
      ()
    } catch { case _: IOException => () } // who comes next sweeps it
}

private[deepdist] object Place {
  private val MaxSocketPath = 107
  private val Ours = PosixFilePermissions.fromString("rwx------")
  private val OursToWrite: java.util.Set[PosixFilePermission] = PosixFilePermissions.fromString("rw-------")

  /** This JVM's, under the temporary directory that its tasks see too. */
  def here(temp: Option[String]): Place = {
    val own = Files.readString(Paths.get("/proc/self/stat"))
    val fields = own.substring(own.lastIndexOf(')') + 2).split(' ') // the first one is field 3 of proc(5): a name may hold anything
    val (pid, started) = (own.takeWhile(_ != ' '), fields(19))
    val digest = MessageDigest.getInstance("SHA-256").digest(s"$pid $started".getBytes(UTF_8))
    val name = digest.take(8).map(b => f"${b & 0xff}%02x").mkString
    def under(root: String): Path = Paths.get(root, s"deepdist-$uid", name)
    val place = under(temp.filter(_.nonEmpty).getOrElse("/tmp"))
    new Place(if (place.resolve("s").toString.getBytes(UTF_8).length > MaxSocketPath) under("/tmp") else place)
  }

  private def uid: Any = Files.getAttribute(Paths.get("/proc/self"), "unix:uid")

  private def privately(path: Path): Unit = {
    try Files.createDirectory(path, PosixFilePermissions.asFileAttribute(Ours)) catch { case _: FileAlreadyExistsException => }
    if (!Files.isDirectory(path, LinkOption.NOFOLLOW_LINKS))
      throw new IOException(s"$path is not a directory of its own (a link or a file lies there): remove it")
    if (Files.getAttribute(path, "unix:uid", LinkOption.NOFOLLOW_LINKS) != uid)
      throw new IOException(s"$path belongs to another user: set TMPDIR to a directory of your own")
    if (Files.getPosixFilePermissions(path, LinkOption.NOFOLLOW_LINKS) != Ours) {
      Files.setPosixFilePermissions(path, Ours)
      ()
    }
  }
}
