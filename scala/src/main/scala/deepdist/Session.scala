package deepdist

import java.util.{Map => JMap}

import org.apache.spark.SparkConf

/** Session is what a task must know to take part in a training; it travels in Spark's closures only, since `token` is a secret.
  * spoolDir: a folder of every executor's for the spools, None: Spark's own; spoolMaxBytes: what they may take there, 0: what there is.
  */
private[deepdist] final case class Session(
    id: String, address: String, token: String, certificate: String, spoolDir: Option[String], spoolMaxBytes: Long) {

  /** As the `session` of a HELLO to a sidecar. */
  def asJson: JMap[String, String] = JMap.of("id", id, "address", address, "token", token, "certificate_sha256", certificate)

  override def toString: String = s"Session($id, $address, token=…)"
}

private[deepdist] object Session {
  def of(server: Server, conf: SparkConf): Session = {
    val folder = conf.getOption("spark.deepdist.spoolDir")
    folder.filterNot(_.startsWith("/")).foreach { relative =>
      throw new BadInput(s"spark.deepdist.spoolDir='$relative' must be an absolute path, of a folder that is there on every executor")
    }
    val most = try conf.getSizeAsBytes("spark.deepdist.spoolMaxBytes", "0") catch {
      case e: NumberFormatException => throw new BadInput(s"spark.deepdist.spoolMaxBytes must be a whole number or a size such as '20g': ${e.getMessage}")
    }
    Session(server.id, s"${Wanted.advertised(conf)}:${server.port}", server.token, server.certificate, folder, most)
  }
}
