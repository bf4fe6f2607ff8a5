package deepdist

import org.apache.spark.sql.api.java.UDF2

/** AskDriver is how a Spark Connect client, which reaches no JVM, asks the driver's part: as an SQL function of (a column, question), called
  * in a task. The executor's part passes the question on by the plugins' own messages. The column is there so that the function is not
  * a constant, which Spark would compute while it plans and show in the plan: answers have secrets.
  */
class AskDriver extends UDF2[java.lang.Long, String, String] {
  override def call(row: java.lang.Long, question: String): String = ExecutorPart.ask(question)
}
