package deepdist.ml

import scala.util.control.NonFatal

import com.fasterxml.jackson.core.JsonProcessingException
import com.fasterxml.jackson.databind.{JsonNode, ObjectMapper}
import com.fasterxml.jackson.databind.node.ObjectNode
import deepdist.{BadInput, Release}
import org.apache.spark.ml.param.{Param, ParamPair}
import org.apache.spark.ml.util.{MLReader, MLWriter}
import org.apache.spark.sql.Row
import org.apache.spark.sql.types.StructType

/** A Word2VecModel on a file system of Hadoop's, as python/deepdist/ml/saved.py has it: either language loads what the other has saved.
  *
  * {{{
  * path/data       Parquet: index int, word string, count long, vector array<float>; written and read by the executors
  * path/metadata   a line of JSON as Spark ML writes it, and in it "deepdist": {"format", "version", "words", "vectorSize"}
  * }}}
  *
  * The metadata is written last: a model that has it is whole.
  */
private[ml] object Saved {

  /** The format that is written; a reader takes those up to its own. */
  private val Format = 1
  private val Class = "deepdist.ml.Word2VecModel" // in both languages
  private val Schema = StructType.fromDDL("index int, word string, count long, vector array<float>")
  private val PartBytes = 32L << 20
  private val Block = 4096 // rows that are read at a time
  private val Json = new ObjectMapper

  final class Writer(model: Word2VecModel) extends MLWriter {
    override protected def saveImpl(path: String): Unit = {
      val Vectors(words, counts, flat, size) = model.vectors
      val step = math.max(1, PartBytes / (4L * size)).toInt
      val parts = words.indices.by(step).map { begin =>
        val end = math.min(begin.toLong + step, words.length.toLong).toInt
        Part(begin, words.slice(begin, end), counts.slice(begin, end), flat.slice(begin * size, end * size), size)
      }
      val rows = sparkSession.sparkContext.parallelize(parts, math.max(1, parts.size)).flatMap(_.rows)
      sparkSession.createDataFrame(rows, Schema).write.parquet(s"$path/data")
      sparkSession.sparkContext.parallelize(Seq(Json.writeValueAsString(metadata)), 1).saveAsTextFile(s"$path/metadata")
    }

    private def metadata: ObjectNode = {
      val all = Json.createObjectNode()
      all.put("class", Class).put("timestamp", System.currentTimeMillis).put("sparkVersion", sparkSession.version).put("uid", model.uid)
      val (values, defaults) = (all.putObject("paramMap"), all.putObject("defaultParamMap"))
      model.extractParamMap().toSeq.foreach { pair: ParamPair[_] =>
        val param = pair.param.asInstanceOf[Param[Any]]
        if (model.isSet(param)) values.set[JsonNode](param.name, Json.readTree(param.jsonEncode(model.getOrDefault(param))))
        model.getDefault(param).foreach(value => defaults.set[JsonNode](param.name, Json.readTree(param.jsonEncode(value))))
      }
      all.putObject("deepdist").put("format", Format).put("version", Release.Build).put("words", model.vectors.words.length)
        .put("vectorSize", model.vectors.size)
      all
    }
  }

  final class Reader extends MLReader[Word2VecModel] {
    override def load(path: String): Word2VecModel = {
      val metadata = read(path)
      val (words, size) = (metadata.path("deepdist").path("words").asInt, metadata.path("deepdist").path("vectorSize").asInt)
      val vectors = rows(path)
      if (vectors.words.length != words || vectors.size != size) throw new BadInput(
        s"$path is damaged: it has ${vectors.words.length} words of ${vectors.size} dimensions, its metadata says $words of $size")
      val model = new Word2VecModel(metadata.path("uid").asText, vectors, None)
      model.take(params(metadata, "paramMap"), params(metadata, "defaultParamMap"))
      model
    }

    private def read(path: String): JsonNode = {
      def damaged(why: String): BadInput = new BadInput(s"$path/metadata is damaged: $why")
      val line = try sparkSession.sparkContext.textFile(s"$path/metadata", 1).first() catch {
        case NonFatal(e) => throw new BadInput(s"$path holds no model: ${String.valueOf(e.getMessage).linesIterator.next()}")
      }
      val metadata = try Json.readTree(line) catch { case e: JsonProcessingException => throw damaged(e.getOriginalMessage) }
      val (kind, ours) = (metadata.path("class").asText, metadata.path("deepdist"))
      if (kind != Class) throw new BadInput(s"$path holds a $kind, not a $Class: load it by that class")
      if (!Seq("format", "words", "vectorSize").forall(ours.has) || !Seq("uid", "paramMap", "defaultParamMap").forall(metadata.hasNonNull))
        throw damaged("it does not say of what format the model is")
      val format = ours.path("format").asInt
      if (format < 1 || format > Format) throw new BadInput(s"$path has format $format, written by DeepDist ${ours.path("version").asText}; this is " +
        s"${Release.Build}, which reads formats up to $Format: use a newer release")
      metadata
    }

    private def params(metadata: JsonNode, name: String): Iterator[(String, String)] = {
      val all = Seq.newBuilder[(String, String)]
      metadata.path(name).properties.forEach(field => all += field.getKey -> field.getValue.toString)
      all.result().iterator
    }

    private def rows(path: String): Vectors =
      try {
        val frame = sparkSession.read.parquet(s"$path/data").select("index", "word", "count", "vector")
        val blocks = frame.rdd.mapPartitions(_.grouped(Block).map(Rows.pack)).collect()
        val (total, size) = (blocks.map(_.words.length).sum, blocks.head.size)
        val vectors = Vectors(new Array(total), new Array(total), new Array(Math.multiplyExact(total, size)), size)
        blocks.foreach { block =>
          if (block.size != size) throw new IllegalArgumentException("its vectors are not all of one size")
          block.indices.indices.foreach { i =>
            val at = block.indices(i)
            if (vectors.words(at) != null) throw new IllegalArgumentException("a word is there twice")
            vectors.words(at) = block.words(i)
            vectors.counts(at) = block.counts(i)
            System.arraycopy(block.flat, i * size, vectors.flat, at * size, size)
          }
        }
        vectors
      } catch { case NonFatal(e) => throw new BadInput(s"$path/data is damaged or missing: ${String.valueOf(e.getMessage).linesIterator.next()}") }
  }

  /** Some rows on their way to where they are written. */
  private final case class Part(begin: Int, words: Array[String], counts: Array[Long], flat: Array[Float], size: Int) {
    def rows: Iterator[Row] = words.indices.iterator.map(i => Row(begin + i, words(i), counts(i), flat.slice(i * size, (i + 1) * size).toSeq))
  }

  /** Some rows on their way back. */
  private final case class Rows(indices: Array[Int], words: Array[String], counts: Array[Long], flat: Array[Float], size: Int)

  private object Rows {
    def pack(rows: Seq[Row]): Rows = {
      val vectors = rows.map(_.getAs[collection.Seq[Float]](3))
      val size = vectors.head.size
      if (vectors.exists(_.size != size)) throw new IllegalArgumentException("its vectors are not all of one size")
      Rows(rows.map(_.getInt(0)).toArray, rows.map(_.getString(1)).toArray, rows.map(_.getLong(2)).toArray, vectors.flatten.toArray, size)
    }
  }
}
