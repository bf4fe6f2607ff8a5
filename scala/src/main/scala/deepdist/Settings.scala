package deepdist

import java.lang.Long.toUnsignedString
import java.math.BigInteger
import java.util.{Map => JMap, HashMap}

/** Settings are those of a word2vec training, as psserver takes them (`Word2Vec` in proto/deepdist/v1/ps.proto). */
private[deepdist] final case class Settings(
    vectorSize: Int, window: Int, minCount: Int, maxFinalVocab: Int, sg: Boolean, hs: Boolean, negative: Int, sample: Double, nsExponent: Double,
    cbowMean: Boolean, shrinkWindows: Boolean, alpha: Double, minAlpha: Double, epochs: Int, seed: Long, computeLoss: Boolean) {

  def native: JMap[String, Any] = {
    val all = new HashMap[String, Any]
    Seq("vector_size" -> vectorSize, "window" -> window, "sg" -> sg, "hs" -> hs, "negative" -> negative, "sample" -> sample, "ns_exponent" -> nsExponent,
      "cbow_mean" -> cbowMean, "shrink_windows" -> shrinkWindows, "alpha" -> alpha, "min_alpha" -> minAlpha, "epochs" -> epochs,
      "seed" -> new BigInteger(toUnsignedString(seed)), "compute_loss" -> computeLoss).foreach { case (name, value) => all.put(name, value) }
    all
  }

  /** Why a text with words had not one pair of them. */
  def nothingTrained: String =
    if (sample > 0) s"no pair was trained: sample=$sample drops nearly every word of so small a text; set sample to 0"
    else "no pair was trained: no sentence has two words of the vocabulary; lower minCount, or look at how the text is split"
}

private[deepdist] object Settings {
  private val Params = Map("vector_size" -> "vectorSize", "window" -> "windowSize", "min_count" -> "minCount", "max_final_vocab" -> "maxFinalVocab",
    "ns_exponent" -> "nsExponent", "cbow_mean" -> "cbowMean", "shrink_windows" -> "shrinkWindows", "alpha" -> "stepSize", "min_alpha" -> "minAlpha",
    "epochs" -> "maxIter", "compute_loss" -> "computeLoss")
  private val Name = "\\b(?:[a-z]+(?:_[a-z]+)+\\b|[a-z]+(?==))".r

  /** A message of psserver's that names settings, min_count or alpha=1, with the names of the params. */
  def asParams(message: String): String = Name.replaceAllIn(message, name => Params.getOrElse(name.matched, name.matched))
}
