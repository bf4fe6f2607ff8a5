"""Word vectors, after training. Driver side; needs NumPy only.

Names and results mirror gensim's KeyedVectors (https://radimrehurek.com/gensim/models/keyedvectors.html), so that code written
for it goes on working; `to_gensim` gives the real thing.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import re
import stat
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any, Union

import numpy as np

from . import files

if TYPE_CHECKING:
    from gensim.models import KeyedVectors

Word = Union[str, np.ndarray]


class WordVectors:
    """WordVectors maps words to vectors.

    vectors: float32 (V, D), row i belongs to index_to_key[i]; the most frequent word is row 0. counts: uint64 (V,).
    Unknown words raise KeyError.
    """

    def __init__(self, words: Sequence[str], vectors: np.ndarray, counts: np.ndarray | None = None):
        self.index_to_key: list[str] = list(words)
        self.key_to_index: dict[str, int] = {w: i for i, w in enumerate(self.index_to_key)}
        self.vectors: np.ndarray = np.asarray(vectors, np.float32)
        self.counts: np.ndarray = np.zeros(len(self), np.uint64) if counts is None else np.asarray(counts, np.uint64)
        if self.vectors.ndim != 2 or len(self.vectors) != len(self):
            raise ValueError(f"WordVectors: {len(self)} words, but vectors have shape {self.vectors.shape}")
        if len(self.key_to_index) != len(self):
            raise ValueError("WordVectors: a word is there twice")

    def __len__(self) -> int:
        return len(self.index_to_key)

    def __contains__(self, word: object) -> bool:
        return word in self.key_to_index

    def __getitem__(self, words: str | Sequence[str]) -> np.ndarray:
        """Driver: the vector (D,) of a word, or the vectors (n, D) of several."""
        if isinstance(words, str):
            return self.vectors[self._index(words)]
        return self.vectors[[self._index(w) for w in words]]

    def __repr__(self) -> str:
        return f"WordVectors({len(self)} words, {self.vector_size} dimensions)"

    @property
    def vector_size(self) -> int:
        """Driver: D."""
        return self.vectors.shape[1]

    def get_vector(self, word: str, norm: bool = False) -> np.ndarray:
        """Driver: a copy of a word's vector (D,), of length 1 if `norm`."""
        v = self[word].copy()
        return v / max(float(np.linalg.norm(v)), 1e-30) if norm else v

    def unit_vectors(self) -> np.ndarray:
        """Driver: all vectors scaled to length 1, float32 (V, D)."""
        return self.vectors / _lengths(self.vectors)[:, None]

    def similarity(self, a: str, b: str) -> float:
        """Driver: the cosine of two words."""
        return float(self.get_vector(a, norm=True) @ self.get_vector(b, norm=True))

    def most_similar(
        self,
        positive: Word | Iterable[Word] = (),
        negative: Word | Iterable[Word] = (),
        topn: int | None = 10,
        restrict_vocab: int | None = None,
    ) -> list[tuple[str, float]] | np.ndarray:
        """Driver: the `topn` words closest to mean(positive) − mean(negative) of unit vectors, with their cosines.

        The words asked for are left out. topn=None: the cosines of all words, in their order, instead (as in gensim). restrict_vocab: look
        among so many of the most frequent words only.
        Raises KeyError for an unknown word, ValueError if nothing is asked for.
        """
        if topn is not None and topn < 1:
            return []
        plus, minus = _as_list(positive), _as_list(negative)
        if not plus and not minus:
            raise ValueError("most_similar: name at least one word in positive or negative")
        target = np.zeros(self.vector_size, np.float32)
        for sign, words in ((1.0, plus), (-1.0, minus)):
            for w in words:
                v = self.get_vector(w, norm=True) if isinstance(w, str) else _unit(np.asarray(w, np.float32))
                target += np.float32(sign) * v
        target = _unit(target)
        candidates = self.vectors[:restrict_vocab]
        cosines = (candidates @ target) / _lengths(candidates)
        if topn is None:
            return cosines
        for w in (*plus, *minus):
            if isinstance(w, str) and self._index(w) < len(cosines):
                cosines[self._index(w)] = -np.inf
        n = min(topn, len(cosines))
        best = np.argpartition(-cosines, n - 1)[:n] if 0 < n < len(cosines) else np.arange(len(cosines))
        best = best[np.argsort(-cosines[best], kind="stable")][:n]
        return [(self.index_to_key[i], float(cosines[i])) for i in best if np.isfinite(cosines[i])]

    def evaluate_word_pairs(self, pairs: Iterable[tuple[str, str, float]]) -> tuple[float, int, int]:
        """Driver: Spearman's rank correlation of our cosines with human scores; (correlation, pairs used, pairs skipped)."""
        ours, theirs, skipped = [], [], 0
        for a, b, score in pairs:
            if a in self and b in self:
                ours.append(self.similarity(a, b))
                theirs.append(float(score))
            else:
                skipped += 1
        if len(ours) < 2:
            raise ValueError("evaluate_word_pairs: fewer than two pairs are in the vocabulary")
        return float(np.corrcoef(_ranks(ours), _ranks(theirs))[0, 1]), len(ours), skipped

    def evaluate_analogies(
        self, questions: Iterable[tuple[str, str, str, str]], restrict_vocab: int = 30000
    ) -> tuple[float, int, int]:
        """Driver: share of `a : b = c : ?` answered by `d` (3CosAdd, Mikolov 2013); (accuracy, questions used, skipped).

        Only words among the `restrict_vocab` most frequent ones are asked and answered, as in word2vec's compute-accuracy.
        """
        index = {w: i for w, i in self.key_to_index.items() if i < restrict_vocab}
        rows, skipped = [], 0
        for question in questions:
            ids = [index.get(w, -1) for w in question]
            if min(ids) < 0:
                skipped += 1
            else:
                rows.append(ids)
        if not rows:
            raise ValueError("evaluate_analogies: no question is in the vocabulary")
        unit, q = self.unit_vectors()[:restrict_vocab], np.array(rows)
        right = 0
        for start in range(0, len(q), 512):
            a, b, c, d = q[start : start + 512].T
            cosines = _unit(unit[b] - unit[a] + unit[c]) @ unit.T
            at = np.arange(len(a))
            for asked in (a, b, c):
                cosines[at, asked] = -np.inf
            right += int((cosines.argmax(axis=1) == d).sum())
        return right / len(q), len(q), skipped

    def save_word2vec_format(self, path: str | os.PathLike[str], binary: bool = False, overwrite: bool = True) -> None:
        """Driver: write the format of the original word2vec, text or binary; gensim's KeyedVectors reads both.

        path: on this machine, or in HDFS (`hdfs://…`), where the file is there whole or not at all; packed if it ends in `.gz` or `.bz2`. overwrite: replace a file that is there.
        Raises ValueError if a word holds whitespace, which this format cannot carry, FileExistsError, PermissionError; of HDFS also
        BadInput and Lost, whose messages say what to do.
        """
        for w in self.index_to_key:
            if not w or w.split() != [w]:
                raise ValueError(f"save_word2vec_format: the word {w!r} holds whitespace, which this format cannot carry")
        with files.writing(path, overwrite) as file, files.unpacked(file, path) as f:
            f.write(f"{len(self)} {self.vector_size}\n".encode())
            for w, v in zip(self.index_to_key, self.vectors):
                if binary:
                    f.write(w.encode() + b" " + v.astype("<f4").tobytes())
                else:
                    f.write(f"{w} {' '.join(map(str, v))}\n".encode())

    @classmethod
    def load_word2vec_format(cls, path: str | os.PathLike[str], binary: bool = False) -> WordVectors:
        """Driver: read what `save_word2vec_format`, gensim or the original word2vec wrote, from this machine or HDFS (`hdfs://…`).

        Raises ValueError if it is cut or of another format, FileNotFoundError, PermissionError; of HDFS also BadInput and Lost.
        """
        with files.reading(path) as file, _whole(path), files.unpacked(file, path) as f:
            size, dim = _header(f, path, binary)
            if f is file:
                _check_length(f, path, size, dim, binary)
            words, vectors = [], np.empty((size, dim), np.float32)
            for i in range(size):
                if binary:
                    word = bytearray()
                    while (c := f.read(1)) != b" ":
                        if not c:
                            raise ValueError(f"{os.fspath(path)}: ends after {i} of {size} words")
                        if c != b"\n":
                            word += c
                    data = f.read(4 * dim)
                    if len(data) != 4 * dim:
                        raise ValueError(f"{os.fspath(path)}: ends within word {i} of {size}")
                    vectors[i] = np.frombuffer(data, "<f4")
                else:
                    head, *values = f.readline().rstrip(b"\n").rstrip().split(b" ")
                    if len(values) != dim:
                        raise ValueError(f"{os.fspath(path)}: line {i + 2} has {len(values)} values, not {dim}")
                    try:
                        word, vectors[i] = bytearray(head), np.array(values, np.float32)
                    except ValueError as e:
                        raise ValueError(f"{os.fspath(path)}: line {i + 2}: {e}") from None
                try:
                    words.append(word.decode())
                except UnicodeDecodeError as e:
                    hint = "" if binary else "; if the file is of the binary kind, say binary=True"
                    raise ValueError(f"{os.fspath(path)}: word {i} of {size} is not valid UTF-8 ({e.reason}){hint}") from None
        try:
            return cls(words, vectors)
        except ValueError as e:
            raise ValueError(f"{os.fspath(path)}: {e}") from None

    def to_gensim(self) -> KeyedVectors:
        """Driver: gensim's KeyedVectors with the same words, counts and a copy of the vectors. Needs gensim."""
        from gensim.models import KeyedVectors

        out = KeyedVectors(self.vector_size, count=0)
        out.add_vectors(self.index_to_key, self.vectors)
        for w, n in zip(self.index_to_key, self.counts.tolist()):
            out.set_vecattr(w, "count", n)
        return out

    def _index(self, word: str) -> int:
        try:
            return self.key_to_index[word]
        except KeyError:
            raise KeyError(f"the word {word!r} is not in the vocabulary") from None


def _header(f: IO[bytes], path: str | os.PathLike[str], binary: bool) -> tuple[int, int]:
    """Driver: the first line of a file of word2vec's format: how many words, of how many dimensions. Raises ValueError if it has none."""
    name, line = os.fspath(path), f.readline(200)
    found = re.fullmatch(rb"\s*(\d{1,18})\s+(\d{1,18})\s*", line)
    if found is None:
        said = "the file is empty" if not line else f"its first line is {line[:40]!r}"
        raise ValueError(
            f"{name} is not in word2vec's format: {said}, and must be two numbers, of words and of dimensions, as save_word2vec_format writes them"
        )
    return int(found.group(1)), int(found.group(2))


def _check_length(f: IO[bytes], path: str | os.PathLike[str], size: int, dim: int, binary: bool) -> None:
    """Driver: raises ValueError if the first line says more than the file can hold."""
    info = os.fstat(f.fileno())
    left = info.st_size - f.tell()
    least = size * (1 + 4 * dim if binary else 1 + 2 * dim)  # one letter and a space, or a space and one digit per number
    if stat.S_ISREG(info.st_mode) and least > left + 1:  # the last line may end without a newline
        raise ValueError(
            f"{os.fspath(path)}: its first line says {size} words of {dim} dimensions, which take {least} bytes at least, but {left} follow: it is cut, or not in "
            f"word2vec's {'binary' if binary else 'text'} format"
        )


@contextlib.contextmanager
def _whole(path: str | os.PathLike[str]) -> Iterator[None]:
    """Driver: what gzip and bzip2 raise of a file that is cut, or not packed as its name says, becomes a ValueError with its name."""
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error) as e:
        raise ValueError(f"{os.fspath(path)}: {e}") from None
    except OSError as e:
        if e.errno is not None:
            raise
        raise ValueError(f"{os.fspath(path)}: {e}") from None  # bzip2's


def _as_list(words: Any) -> list[Word]:
    if isinstance(words, str) or (isinstance(words, np.ndarray) and words.ndim == 1):
        return [words]
    return [w for w in words]


def _unit(v: np.ndarray) -> np.ndarray:
    return v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-30)


def _lengths(rows: np.ndarray) -> np.ndarray:
    """Driver: the length of each row, without a copy of them all, which np.linalg.norm makes to square it."""
    return np.maximum(np.sqrt(np.einsum("ij,ij->i", rows, rows)), 1e-30)


def _ranks(values: Sequence[float]) -> np.ndarray:
    """Driver: ranks, ties sharing their mean."""
    v = np.asarray(values)
    _, inverse, counts = np.unique(v, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return ((2 * ends - counts - 1) / 2)[inverse.reshape(-1)]
