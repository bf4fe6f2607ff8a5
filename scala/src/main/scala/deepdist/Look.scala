package deepdist

import com.fasterxml.jackson.databind.JsonNode

/** Look is what a psserver or a sidecar has done since it started, and has now. Counts add up over sessions and restarts; what is true
  * of one moment does not.
  */
private[deepdist] final case class Look(
    pid: Long = 0, words: Long = 0, pushes: Long = 0, pulledBytes: Long = 0, pushedBytes: Long = 0, staleness: Double = 0,
    replicaBytes: Long = 0, spoolBytes: Long = 0, rssBytes: Long = 0, threads: Long = 0, members: Long = 0,
    wordsPerSecond: Double = 0, loss: Double = 0, alpha: Double = 0) {

  def plus(other: Look): Look = {
    val all = pushes + other.pushes
    Look(0, words + other.words, all, pulledBytes + other.pulledBytes, pushedBytes + other.pushedBytes,
      if (all == 0) 0 else (staleness * pushes + other.staleness * other.pushes) / all.toDouble,
      replicaBytes + other.replicaBytes, spoolBytes + other.spoolBytes, rssBytes + other.rssBytes, threads + other.threads,
      members + other.members, wordsPerSecond + other.wordsPerSecond,
      if (other.loss != 0) other.loss else loss, if (other.alpha != 0) other.alpha else alpha)
  }

  /** What stays of it when its program has ended. */
  def ended: Look = Look(words = words, pushes = pushes, pulledBytes = pulledBytes, pushedBytes = pushedBytes, staleness = staleness)
}

private[deepdist] object Look {

  /** Of a psserver's `watch`: the sum over its workers, those that have left included in what is counted. */
  def ofRun(run: JsonNode): Look = {
    var sum = Look()
    run.path("workers").forEach { worker =>
      val one = of(worker).copy(members = 1)
      sum = sum.plus(if (worker.path("state").asText == "left") one.ended else one)
    }
    sum.copy(wordsPerSecond = run.path("words_per_second").asDouble, loss = run.path("loss").asDouble, alpha = run.path("alpha").asDouble,
      rssBytes = run.path("rss_bytes").asLong)
  }

  /** Of a sidecar's `figures`. */
  def ofSidecar(figures: JsonNode): Look = of(figures).copy(pid = figures.path("pid").asLong, members = figures.path("sessions").asLong)

  private def of(node: JsonNode): Look = {
    def count(name: String): Long = node.path(name).asLong
    Look(words = count("words"), pushes = count("pushes"), pulledBytes = count("pulled_bytes"), pushedBytes = count("pushed_bytes"),
      staleness = node.path("staleness").asDouble, replicaBytes = count("replica_bytes"), spoolBytes = count("spool_bytes"),
      rssBytes = count("rss_bytes"), threads = count("threads"))
  }
}
