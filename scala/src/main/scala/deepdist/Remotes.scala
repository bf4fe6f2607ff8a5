package deepdist

import java.util.concurrent.ConcurrentHashMap

import scala.util.control.NonFatal

import com.fasterxml.jackson.databind.{JsonNode, ObjectMapper}
import org.apache.spark.SparkContext
import org.apache.spark.scheduler.{SparkListener, SparkListenerEvent}

/** Remotes answers Spark Connect clients: what `DeepDistPlugin` is to a Python process beside the driver. A client's psserver ends when the
  * client says so, or with its Connect session: when it is released, or the server has not heard of it for an hour
  * (spark.connect.session.manager.defaultSessionTimeout).
  *
  * A question is JSON: `ask` and what belongs to it. So is the answer, with `error` if it failed, since an exception would come to the client
  * inside of several others.
  */
private[deepdist] final class Remotes(sc: SparkContext, servers: Servers) {
  import Remotes.Json

  private val opened = new ConcurrentHashMap[String, String] // psserver's session by the client's request: Spark may run a task twice
  private val clients = new ConcurrentHashMap[String, String] // client's Connect session by psserver's

  sc.addSparkListener(new SparkListener {
    override def onOtherEvent(event: SparkListenerEvent): Unit =
      if (event.getClass.getName == Remotes.SessionClosed) ended(event.getClass.getMethod("sessionId").invoke(event).toString)
  })

  def answer(question: String): String = {
    val answer = Json.createObjectNode()
    try {
      val asked = Json.readTree(question)
      val id = asked.path("id").asText
      asked.path("ask").asText match {
        case "open" =>
          val server = open(asked)
          answer.put("line", server.line).put("host", Wanted.advertised(sc.getConf)).put("slots", sc.defaultParallelism)
        case "watch" => answer.set[JsonNode]("figures", used(id).watch())
        case "close" => close(id)
        case "kill" => servers.used(id).foreach(_.kill())
        case "lost" => answer.put("lost", servers.used(id).fold("it has ended with its session")(_.lost))
        case other => answer.put("error", s"the plugin knows no question '$other': is it of another release than the client's package?")
      }
    } catch {
      case e: ServerEnded => answer.put("error", e.getMessage).put("status", e.status)
      case NonFatal(e) => answer.put("error", Option(e.getMessage).getOrElse(e.toString))
    }
    Json.writeValueAsString(answer)
  }

  private def used(id: String): Server = servers.used(id).getOrElse(throw new IllegalStateException("this psserver has ended with its session"))

  private def open(asked: JsonNode): Server = synchronized {
    val request = asked.path("request").asText
    Option(opened.get(request)).flatMap(servers.used).getOrElse {
      val conf = sc.getConf // a copy
      if (asked.hasNonNull("page")) conf.set("spark.deepdist.page", asked.path("page").asText)
      val server = servers.open(Wanted.of(conf))
      opened.put(request, server.id)
      clients.put(server.id, asked.path("client").asText)
      server
    }
  }

  private def close(id: String): Unit = {
    clients.remove(id)
    opened.values.remove(id)
    servers.close(id)
  }

  private def ended(client: String): Unit = clients.forEach((id, of) => if (of == client) close(id))
}

private[deepdist] object Remotes {
  private val Json = new ObjectMapper
  private val SessionClosed = "org.apache.spark.sql.connect.service.SparkListenerConnectSessionClosed"
}
