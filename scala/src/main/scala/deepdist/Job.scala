package deepdist

import java.util.concurrent.TimeoutException

import scala.concurrent.Await
import scala.concurrent.duration._
import scala.util.Failure

import org.apache.spark.rdd.RDD

/** Job is a Spark job beside the driver's thread, which shows progress meanwhile. It has the job group and the other properties of that
  * thread, so whoever cancels the group cancels it.
  */
private[deepdist] object Job {
  private val TickMillis = 100
  private val CancelSeconds = 20

  /** Run `work` on these partitions; `tick` is called all the time. What `tick` throws, and an interrupt, cancels the job first. A task's
    * error is thrown as `Errors.ofJob` has it.
    */
  def run[T](rdd: RDD[T], partitions: Seq[Int], description: String, work: Iterator[T] => Unit)(tick: () => Unit): Unit = {
    val sc = rdd.sparkContext
    val before = sc.getLocalProperty(Description)
    sc.setJobDescription(description)
    val job = try sc.submitJob(rdd, work, partitions, (_: Int, _: Unit) => (), ()) finally sc.setLocalProperty(Description, before)
    def ended(atMost: FiniteDuration): Boolean = try {
      Await.ready(job, atMost)
      true
    } catch { case _: TimeoutException => false }
    try while (!ended(TickMillis.millis)) tick()
    catch {
      case e: Throwable =>
        job.cancel()
        Thread.interrupted()
        ended(CancelSeconds.seconds)
        throw e
    }
    job.value match {
      case Some(Failure(e)) => throw Errors.ofJob(e)
      case _ =>
    }
  }

  private val Description = "spark.job.description"
}
