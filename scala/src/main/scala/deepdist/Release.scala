package deepdist

/** Release names this jar's build and the protocol that it speaks: those of both programs and of the Python package. */
private[deepdist] object Release {
  val Build = "0.1.0"
  val Protocol = 1
}
