package deepdist

/** Layout is what a column of text holds: lines, or lists of words. */
private[deepdist] sealed abstract class Layout(val name: String) extends Serializable

private[deepdist] object Layout {
  case object Lines extends Layout("utf8")
  case object Lists extends Layout("list<utf8>")
}
