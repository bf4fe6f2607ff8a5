package deepdist

import org.apache.spark.TaskContext

/** Slot lends one core to the native training: job 2, in a task. It moves no data; it holds a core of Spark's honestly while the sidecar
  * uses it, and carries errors back. It never waits for work: when the sidecar can claim nothing more, it ends.
  */
private[deepdist] final class Slot(session: Session, training: Long) extends (Iterator[Int] => Unit) with Serializable {
  def apply(slot: Iterator[Int]): Unit = {
    Beside.stream(session, "train", "training_id" -> training, "slot" -> TaskContext.get().partitionId())(wire => wire.answer())
    ()
  }
}
