/** DeepDist in Spark: the plugin, DeepDistPlugin, and word2vec for Spark ML, whose classes live in deepdist.ml. */
package object deepdist {
  type Word2Vec = ml.Word2Vec
  type Word2VecModel = ml.Word2VecModel
  val Word2Vec: ml.Word2Vec.type = ml.Word2Vec
  val Word2VecModel: ml.Word2VecModel.type = ml.Word2VecModel
}
