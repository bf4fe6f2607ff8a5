package deepdist

import org.apache.spark.sql.api.java.UDF2

/** AskDriver is how a Spark Connect client, which reaches no JVM, asks the driver's part: as an SQL function of (a column, question) over one
  * local row, which Spark computes in the driver while it plans; so it needs no free slot. Where an optimizer that was told otherwise makes a task
  * of it, the executor's part passes the question on. The column is there so that the function is not a constant, which would be put
  * into the plan, where Spark shows it: answers have secrets.
  */
class AskDriver extends UDF2[java.lang.Long, String, String] {
  override def call(row: java.lang.Long, question: String): String = DeepDistPlugin.remotes.fold(ExecutorPart.ask(question))(_.answer(question))
}
