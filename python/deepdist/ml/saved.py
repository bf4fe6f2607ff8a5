"""A Word2VecModel, and a Word2Vec, on a file system of Hadoop's. Driver side.

    path/data       Parquet: index int, word string, count long, vector array<float>; written and read by the executors
    path/metadata   a line of JSON as Spark ML writes it, and in it "deepdist": {"format", "version", "words", "vectorSize"}

The metadata is written last: a model that has it is whole. A Word2Vec has metadata only, those of any stage of Spark ML.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pyspark
from pyspark.ml.util import DefaultParamsReader, DefaultParamsWriter, MLReader, MLWriter

from ..deepdist import ship_package
from ..errors import BadInput, DeepDistError, from_spark
from ..task import model_rows
from ..vectors import WordVectors
from ..version import __version__

if TYPE_CHECKING:
    from .model import Word2VecModel
    from .word2vec import Word2Vec

FORMAT = 1
"""The format that is written; a reader takes those up to its own."""

SCHEMA = "index int, word string, count long, vector array<float>"
PART_BYTES = 32 << 20


class Writer(MLWriter):
    """Writer writes a Word2VecModel; `save` does it, after `overwrite` also over what is there."""

    def __init__(self, instance: Word2VecModel):
        super().__init__()
        self.instance = instance

    def save(self, path: str | os.PathLike[str]) -> None:
        """Driver: write the model to this path; raises BadInput if it is none, or taken."""
        super().save(_text(path))

    def saveImpl(self, path: str) -> None:
        """Driver: write data and metadata; raises BadInput if there is something already."""
        if self._is_there(path):
            raise BadInput(f"{path} is there already: model.write().overwrite().save(…) replaces it")
        ship_package(self.sc)
        wv = self.instance.wv
        size = max(1, PART_BYTES // (4 * wv.vector_size))
        parts = [model_rows.part(wv.index_to_key, wv.counts, wv.vectors, at, at + size) for at in range(0, len(wv), size)]
        rows = self.sc.parallelize(parts, len(parts)).flatMap(model_rows.unpack)
        try:
            self.sparkSession.createDataFrame(rows, SCHEMA, verifySchema=False).write.parquet(f"{path}/data")
        except Exception as e:
            if ours := from_spark(str(e)):
                raise ours from None
            raise
        about = {"format": FORMAT, "version": __version__, "words": len(wv), "vectorSize": wv.vector_size}
        DefaultParamsWriter.saveMetadata(self.instance, path, _context(self), extraMetadata={"deepdist": about})

    def _is_there(self, path: str) -> bool:
        java: Any = self.sc._jvm
        place = java.org.apache.hadoop.fs.Path(path)
        return place.getFileSystem(self.sc._jsc.hadoopConfiguration()).exists(place)  # type: ignore[attr-defined]


class Reader(MLReader["Word2VecModel"]):
    """Reader reads a Word2VecModel; `load` does it."""

    def __init__(self, cls: type[Word2VecModel]):
        super().__init__()
        self.cls = cls

    def load(self, path: str | os.PathLike[str]) -> Word2VecModel:
        """Driver: the model; raises BadInput if it is none, damaged, or of a format that this release does not know."""
        path = _text(path)
        metadata = self._metadata(path)
        ours = metadata["deepdist"]
        wv = self._vectors(path)
        if (len(wv), wv.vector_size) != (ours["words"], ours["vectorSize"]):
            raise BadInput(
                f"{path} is damaged: it has {len(wv)} words of {wv.vector_size} dimensions, its metadata says {ours['words']} of {ours['vectorSize']}"
            )
        model = self.cls(wv)
        model._resetUid(metadata["uid"])
        DefaultParamsReader.getAndSetParams(model, metadata)
        return model

    def _metadata(self, path: str) -> dict[str, Any]:
        metadata = _metadata(self, path, self.cls)
        ours = metadata.get("deepdist")
        if not isinstance(ours, dict) or not {"format", "words", "vectorSize"} <= ours.keys():
            raise BadInput(f"{path}/metadata is damaged: it does not say of what format the model is")
        if ours["format"] not in range(1, FORMAT + 1):
            raise BadInput(
                f"{path} has format {ours['format']}, written by DeepDist {ours.get('version')}; this is {__version__}, which reads formats up to "
                f"{FORMAT}: upgrade deepdist-spark"
            )
        return metadata

    def _vectors(self, path: str) -> WordVectors:
        ship_package(self.sc)
        try:
            frame = self.sparkSession.read.parquet(f"{path}/data").select("index", "word", "count", "vector")
            parts = frame.rdd.mapPartitions(model_rows.pack).collect()
            order = np.concatenate([np.frombuffer(part.indices, np.int64) for part in parts])
            if not np.array_equal(np.sort(order), np.arange(len(order))):
                raise ValueError("words are missing, or there twice")
            found = [word for part in parts for word in part.words]
            counts = np.concatenate([np.frombuffer(part.counts, np.int64) for part in parts])
            vectors = np.empty((len(order), parts[0].dimensions), np.float32)
            for part, rows in zip(parts, np.split(order, np.cumsum([len(part.words) for part in parts])[:-1])):
                vectors[rows] = np.frombuffer(part.vectors, np.float32).reshape(len(rows), -1)
            by_rank = np.argsort(order)
            return WordVectors([found[i] for i in by_rank], vectors, counts[by_rank].astype(np.uint64))
        except DeepDistError:
            raise
        except Exception as e:
            if ours := from_spark(str(e)):
                raise ours from None
            raise BadInput(f"{path}/data is damaged or missing: {_cause(e)}") from e


class EstimatorWriter(DefaultParamsWriter):
    """EstimatorWriter writes a Word2Vec as Spark writes any stage."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Driver: write the params to this path; raises BadInput if it is none."""
        super().save(_text(path))


class EstimatorReader(MLReader["Word2Vec"]):
    """EstimatorReader reads a Word2Vec; `load` does it."""

    def __init__(self, cls: type[Word2Vec]):
        super().__init__()
        self.cls = cls

    def load(self, path: str | os.PathLike[str]) -> Word2Vec:
        """Driver: the estimator; raises BadInput if there is none, or something else."""
        metadata = _metadata(self, _text(path), self.cls)
        estimator = self.cls()
        estimator._resetUid(metadata["uid"])
        DefaultParamsReader.getAndSetParams(estimator, metadata)
        return estimator


def _text(path: Any) -> str:
    text = os.fspath(path) if isinstance(path, (str, os.PathLike)) else ""
    if not isinstance(text, str) or not text:
        raise BadInput(f"path={path!r} must be a path, of type str or pathlib.Path")
    return text


def _metadata(io: MLReader[Any], path: str, cls: type) -> dict[str, Any]:
    """Driver: what Spark ML has written of a stage; raises BadInput if it is not there, damaged, or of another class than `cls`."""
    name = f"{cls.__module__}.{cls.__name__}"
    try:
        metadata = DefaultParamsReader.loadMetadata(path, _context(io))
        kind, known = metadata["class"], [metadata[key] for key in ("uid", "paramMap", "defaultParamMap", "sparkVersion")]
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        raise BadInput(f"{path}/metadata is damaged: {type(e).__name__}: {e}") from e
    except Exception as e:
        raise BadInput(f"there is no {name} at {path}, or its metadata cannot be read: {_cause(e)}") from e
    if kind != name:
        raise BadInput(f"{path} holds a {kind}, not a {name}: load it by that class")
    if None in known:
        raise BadInput(f"{path}/metadata is damaged: it does not say of what format the model is")
    return metadata


def _cause(error: Exception) -> str:
    """Driver: what Spark says went wrong: its first line, and the cause that all others come from."""
    said = str(error).strip()
    lines = [re.sub(r"^(?:Caused by: )?[\w.$]+(?:Exception|Error): ", "", line).strip() for line in re.findall(r"^(?:Caused by: |: ).*", said, re.MULTILINE)[-1:]]
    first = said.split("\n", 1)[0]
    return "; ".join(dict.fromkeys(filter(None, (f"{type(error).__name__}: {first}", *lines))))


def _context(io: Writer | MLReader[Any]) -> Any:
    """Driver: what PySpark's own writer and reader of metadata take: a SparkContext, from 4 on a session."""
    return io.sc if pyspark.__version__.startswith("3.") else io.sparkSession
