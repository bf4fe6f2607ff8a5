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
  private val Master = "spark.deepdist.master"
  private val Address = """(?:\[([0-9A-Fa-f:.]+(?:%\w+)?)\]|([^:\[\]]+))(?::([0-9]{1,5}))?""".r // settings.address of the Python package

  /** As the settings have it, by the same rules as in the Python package. */
  def of(conf: SparkConf): Wanted = {
    val (host, port) = master(conf).getOrElse((derived(conf), 0))
    Wanted(conf.get(Programs.setting(Programs.Psserver), ""), host, port, page(conf.get("spark.deepdist.page", "5000")))
  }

  /** The name by which executors reach the driver. */
  def advertised(conf: SparkConf): String =
    master(conf).map(_._1).getOrElse(if (local(conf)) derived(conf) else conf.get("spark.driver.host"))

  /** Where the address to serve on comes from, for whoever has to mend it. */
  def addressFrom(conf: SparkConf): String =
    conf.getOption(Master).fold(s"what $Master, spark.driver.bindAddress or spark.driver.host say")(setting => s"$Master='$setting'")

  private def master(conf: SparkConf): Option[(String, Int)] = conf.getOption(Master).map {
    case Address(ipv6, name, port) if port == null || isPort(port) => (Option(ipv6).getOrElse(name), Option(port).fold(0)(_.toInt))
    case setting =>
      throw new IllegalArgumentException(s"$Master='$setting': write 'host' or 'host:port', an IPv6 address in brackets: '[::1]:7000'")
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
