package deepdist

/** Whitespace is what Python's str.split() splits lines at, and so the sidecar. */
private[deepdist] object Whitespace {

  /** As a pattern of Java's. */
  val Pattern = "[\\t-\\r\\x1c- \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]+"

  /** Whether such a character begins at this byte of UTF-8. No byte within a character is taken for the first of another. */
  def beginsAt(text: Array[Byte], at: Int): Boolean = {
    def byte(i: Int): Int = if (at + i < text.length) text(at + i) & 0xff else 0
    byte(0) match {
      case c if c < 0x80 => c == ' ' || (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x1f)
      case 0xc2 => byte(1) == 0x85 || byte(1) == 0xa0
      case 0xe1 => byte(1) == 0x9a && byte(2) == 0x80
      case 0xe2 if byte(1) == 0x80 => (byte(2) >= 0x80 && byte(2) <= 0x8a) || byte(2) == 0xa8 || byte(2) == 0xa9 || byte(2) == 0xaf
      case 0xe2 => byte(1) == 0x81 && byte(2) == 0x9f
      case 0xe3 => byte(1) == 0x80 && byte(2) == 0x80
      case _ => false
    }
  }
}
