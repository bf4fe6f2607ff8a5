package deepdist

import org.apache.spark.SparkConf

/** Wanted is how a psserver is to serve. path "": where `Programs` finds it; port 0: any; page: "host:port" or "off". */
private[deepdist] final case class Wanted(path: String, host: String, port: Int, page: String) {

  /** Whether a psserver that was started as `other`, and has got a port, is as good as one started for this. */
  def metBy(other: Wanted, itsPort: Int): Boolean =
    host == other.host && page == other.page && (port == 0 || port == itsPort) && (path.isEmpty || path == other.path)

  def listen: String = (if (host.contains(":")) s"[$host]" else host) + s":$port"
}

private[deepdist] object Wanted {

  /** As the settings have it, by the same rules as in the Python package. */
  def of(conf: SparkConf): Wanted = {
    val (host, port) = master(conf).getOrElse((derived(conf), 0))
    Wanted(conf.get(Programs.setting(Programs.Psserver), ""), host, port, page(conf.get("spark.deepdist.page", "5000")))
  }

  /** The name by which executors reach the driver. */
  def advertised(conf: SparkConf): String =
    master(conf).map(_._1).getOrElse(if (local(conf)) derived(conf) else conf.get("spark.driver.host"))

  private def master(conf: SparkConf): Option[(String, Int)] = conf.getOption("spark.deepdist.master").map { setting =>
    val (host, port) = setting.lastIndexOf(':') match {
      case -1 => (setting, "0")
      case at => (setting.take(at), setting.drop(at + 1))
    }
    if (host.isEmpty || !isPort(port)) throw new IllegalArgumentException(s"spark.deepdist.master='$setting': write 'host' or 'host:port'")
    (host.stripPrefix("[").stripSuffix("]"), port.toInt)
  }

  private def isPort(text: String): Boolean = text.nonEmpty && text.length <= 5 && text.forall(c => c >= '0' && c <= '9') && text.toInt <= 65535

  private def derived(conf: SparkConf): String =
    if (local(conf)) "127.0.0.1" else conf.get("spark.driver.bindAddress", conf.get("spark.driver.host"))

  private def local(conf: SparkConf): Boolean = {
    val master = conf.get("spark.master")
    master == "local" || master.startsWith("local[")
  }

  private def page(setting: String): String = setting.trim match {
    case "" | "none" | "off" => "off"
    case port if isPort(port) => s"127.0.0.1:$port"
    case _ => throw new IllegalArgumentException(s"spark.deepdist.page='$setting' must be a port, 0 to 65535, or off")
  }
}
