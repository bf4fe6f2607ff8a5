package deepdist

import java.io.IOException
import java.nio.charset.StandardCharsets.US_ASCII
import java.nio.file.{Files, NoSuchFileException, Path, Paths}

import org.apache.spark.{SparkConf, SparkFiles}

/** Programs finds psserver and the sidecar on this machine: at the path that the setting names; where `--files` has put it; in the
  * folder named by DEEPDIST_BIN; beside this jar, as in the wheel and in the repository; on PATH.
  */
private[deepdist] object Programs {
  val Psserver = "psserver"
  val Sidecar = "deepdist-sidecar"

  def setting(name: String): String = s"spark.deepdist.${name.stripPrefix("deepdist-")}.path"

  /** The program; else all the places that were looked at. */
  def find(name: String, conf: SparkConf): Either[Seq[Path], Path] = {
    val places = conf.getOption(setting(name)).toSeq.map(inFolder(_, name)) ++ shipped(name) ++
      sys.env.get("DEEPDIST_BIN").map(Paths.get(_, name)) ++ besideJar(name) ++
      sys.env.getOrElse("PATH", "").split(':').filter(_.nonEmpty).map(Paths.get(_, name))
    places.find(Files.isRegularFile(_)).map(runnable).toRight(places)
  }

  /** The program at this path, or in this folder. */
  def named(explicit: String, name: String): Path = {
    val path = inFolder(explicit, name)
    if (!Files.isRegularFile(path)) throw new NoSuchFileException(path.toString, null, "no such file")
    runnable(path)
  }

  private def inFolder(explicit: String, name: String): Path = {
    val path = Paths.get(explicit)
    if (Files.isDirectory(path)) path.resolve(name) else path
  }

  /** The program, made executable if it is not. What is no Linux program is let alone: the JVM would run it as a shell script. */
  private def runnable(path: Path): Path = {
    val program = path.toAbsolutePath
    val file = Files.newInputStream(program)
    val head = try file.readNBytes(4) finally file.close()
    if (!head.sameElements("\u007fELF".getBytes(US_ASCII)))
      throw new IOException(s"$program is not a Linux program (no ELF header): build it with `make build`")
    if (!Files.isExecutable(program)) program.toFile.setExecutable(true)
    program
  }

  def missing(name: String, places: Seq[Path]): String =
    s"$name was not found on ${Host.name} (looked at ${places.mkString(", ")}). Do one of these: set ${setting(name)} to its path; submit with " +
      s"`--files bin/$name`; set DEEPDIST_BIN to the folder that holds it; or install the deepdist-spark wheel there"

  private def shipped(name: String): Seq[Path] =
    try Seq(Paths.get(SparkFiles.get(name)), Paths.get(name)) catch { case _: NullPointerException => Seq(Paths.get(name)) } // no SparkEnv yet

  private def besideJar(name: String): Seq[Path] =
    Option(getClass.getProtectionDomain.getCodeSource).map(_.getLocation).filter(_.getProtocol == "file").toSeq.flatMap { jar =>
      val folder = Paths.get(jar.toURI).getParent
      Seq(folder.resolveSibling("bin").resolve(name), folder.getParent.resolveSibling("bin").resolve(name)).map(_.normalize)
    }
}
