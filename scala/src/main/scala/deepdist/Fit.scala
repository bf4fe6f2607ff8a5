package deepdist

import org.apache.spark.SparkContext

/** Fit is one training from its beginning to its end, in the driver: a session of its own with a psserver of the plugin's, which has
  * ended when this returns. An interrupt of the thread ends it too.
  */
private[deepdist] object Fit {
  def run(sc: SparkContext, settings: Settings, text: => Text): Trained = {
    if (sc.isStopped) throw new IllegalStateException("the SparkContext has been stopped: make a new one")
    val conf = sc.getConf
    val servers = DeepDistPlugin.running
    val server = servers.open(Wanted.of(conf))
    try {
      val session = Session.of(server, conf)
      try new Training(sc, server, session, settings, text).run()
      catch { case e: BadInput => throw new BadInput(Settings.asParams(e.getMessage), e) }
      finally uninterrupted(DeepDistPlugin.sidecar.foreach(_.end(session))) // of local mode, whose sidecar would learn it later
    } finally uninterrupted(servers.close(server.id))
  }

  /** Do this whole, even in a thread that has been interrupted, and leave it interrupted. */
  def uninterrupted(ending: => Unit): Unit = {
    val interrupted = Thread.interrupted()
    try ending finally if (interrupted) Thread.currentThread.interrupt()
  }
}
