package deepdist.ml

import deepdist.BadInput
import org.apache.spark.ml.feature
import org.apache.spark.mllib

/** Vectors are words, the most frequent first, how often each of them is there, and their vectors of `size` numbers, one after another. */
private[ml] final case class Vectors(words: Array[String], counts: Array[Long], flat: Array[Float], size: Int) {

  /** A Word2VecModel of Spark's over them. Its constructors are for Spark's own packages, so the compiler does not let us call them; they have
    * been the same since Spark 1.4, and Python calls them too.
    */
  def toSpark(uid: String): feature.Word2VecModel =
    classOf[feature.Word2VecModel].getConstructor(classOf[String], classOf[mllib.feature.Word2VecModel]).newInstance(uid, own)

  private lazy val own: mllib.feature.Word2VecModel = {
    val index = words.iterator.zipWithIndex.toMap
    if (index.size != words.length) throw new BadInput("a word is there twice")
    classOf[mllib.feature.Word2VecModel].getConstructor(classOf[scala.collection.immutable.Map[_, _]], classOf[Array[Float]]).newInstance(index, flat)
  }
}
