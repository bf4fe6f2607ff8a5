#!/usr/bin/env python3
"""Makes the sample text beside this file: whole Wikipedia articles in text8 style, with a list that names each of them.

    make_sample.py SHARD.txt SHARD.titles.tsv --packed 4000000

SHARD.txt holds articles one after another, one paragraph per line; SHARD.titles.tsv names them in the same order (id, title,
lines, words). Both may be zstd-packed (`.zst`, read by pyarrow). Articles are taken from the start until the parts together
would exceed `--packed` bytes; each goes to the part that is shortest so far, so that Spark reads even partitions. bzip2 is
read by Spark's `textFile` and by Python's standard library, and packs this text a fifth smaller than gzip.
"""
import argparse
import bz2
import pathlib
import re
import unicodedata

DIGITS = {str(i): f" {w} " for i, w in enumerate("zero one two three four five six seven eight nine".split())}
FOLDS = str.maketrans({"ß": "ss", "æ": "ae", "Æ": "ae", "ø": "o", "Ø": "o", "ł": "l", "Ł": "l", "đ": "d", "œ": "oe"})


def text8(line: str) -> str:
    """Accents folded, lower case, digits spelled out, every other character a space."""
    line = unicodedata.normalize("NFKD", line.translate(FOLDS))
    line = "".join(c for c in line if not unicodedata.combining(c))
    line = re.sub(r"\d", lambda m: DIGITS.get(m.group(), " "), line.lower())
    return re.sub(r"[^a-z]+", " ", line).strip()


def read(path: pathlib.Path) -> list[str]:
    if path.suffix == ".zst":
        import pyarrow
        with pyarrow.input_stream(str(path), compression="zstd") as stream:
            data = stream.read()
    else:
        data = path.read_bytes()
    return data.decode().split("\n")


def articles(text: list[str], titles: list[str]):
    """Yields (id, title, words, text) article by article."""
    at = 0
    for row in filter(None, titles):
        number, title, lines, _ = row.split("\t")
        body = [t for t in map(text8, text[at:at + int(lines)]) if t]
        at += int(lines)
        yield number, title, sum(t.count(" ") + 1 for t in body), "".join(t + "\n" for t in body)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", type=pathlib.Path)
    parser.add_argument("titles", type=pathlib.Path)
    parser.add_argument("--packed", type=int, default=4_000_000, help="bytes that all parts together may have")
    parser.add_argument("--parts", type=int, default=4)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(__file__).parent)
    args = parser.parse_args()

    parts = [[] for _ in range(args.parts)]
    named, packed = [], 0.0
    sizes = [0] * args.parts
    for number, title, words, text in articles(read(args.text), read(args.titles)):
        packed += len(bz2.compress(text.encode())) * 0.83  # packed alone an article takes more than packed with others
        if packed > args.packed:
            break
        index = sizes.index(min(sizes))
        sizes[index] += len(text)
        parts[index].append(text)
        named.append(f"{number}\t{title}\t{words}\tpart-{index:02}.txt.bz2\n")
    for index, part in enumerate(parts):
        (args.out / f"part-{index:02}.txt.bz2").write_bytes(bz2.compress("".join(part).encode()))
    (args.out / "ARTICLES.tsv").write_text("id\ttitle\twords\tpart\n" + "".join(named))
    print(f"{len(named)} articles, {sum(int(row.split(chr(9))[2]) for row in named):,} words,",
          f"{sum(p.stat().st_size for p in args.out.glob('part-*.txt.bz2')):,} bytes packed")


if __name__ == "__main__":
    main()
