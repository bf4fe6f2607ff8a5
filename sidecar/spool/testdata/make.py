"""Writes what Python splits at: every code point for which str.isspace is true and str.split() cuts, one hexadecimal number a line."""
import pathlib
import sys

spaces = [c for c in range(sys.maxunicode + 1) if f"a{chr(c)}b".split() == ["a", "b"]]
assert spaces == [c for c in range(sys.maxunicode + 1) if chr(c).isspace()]
(pathlib.Path(__file__).parent / "spaces.txt").write_text("".join(f"{c:x}\n" for c in spaces))
