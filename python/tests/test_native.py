"""Native word2vec on local[2]: from rows of every kind to word vectors."""

import collections
import logging
import os
import signal
import threading
import time

import numpy as np
import pytest
from helpers import all_sidecars, count, once_in_training, topic_lines, topic_score

from deepdist import BadInput, DeepDist, DeepDistError, ServerLost, Summary, Word2Vec, WordVectors
from deepdist.source import text_column


def small(**settings):
    return Word2Vec(**{"vector_size": 24, "min_count": 1, "sample": 0.0, "epochs": 3, "seed": 7, "sg": 1, **settings})


@pytest.fixture(scope="module")
def lines():
    return topic_lines(6000)


LONG = 400  # epochs of a training that still runs when its figures are looked at, on a fast machine too


def train(model, data, **kw):
    with DeepDist(model, progress=False) as dd:
        return dd.train(data, **kw), dd.model


def test_words_of_a_topic_become_neighbours(sc, lines):
    summary, model = train(small(), sc.parallelize(lines, 4))
    assert topic_score(model) > 0.9
    assert list(summary) == ["OK"] * 4 and isinstance(summary, Summary)
    assert model.wv.vectors.dtype == np.float32 and np.isfinite(model.wv.vectors).all()


def test_counts_and_order_of_the_vocabulary_are_exact(sc, lines):
    counted = collections.Counter(w for line in lines for w in line.split())
    summary, model = train(small(min_count=60, epochs=1), sc.parallelize(lines, 3))
    kept = {w: n for w, n in counted.items() if n >= 60}
    assert dict(zip(model.wv.index_to_key, model.wv.counts.tolist())) == kept
    assert (np.diff(model.wv.counts.astype(np.int64)) <= 0).all()
    assert summary.vocabulary == len(kept) and summary.words == sum(kept.values())
    assert summary.dropped.words == sum(counted.values()) - sum(kept.values())
    assert summary.dropped.distinct == len(counted) - len(kept)
    assert summary.rows == summary.records == len(lines) and summary.split_sentences == 0


def test_a_text_of_which_nothing_is_trained_is_told(sc, caplog):
    for rows, settings, why in (
        (["a b c"], {"sample": 1e-30}, "sample=1e-30 drops nearly every word of so small a text; set sample=0"),
        (["a", "b"], {}, "no sentence has two words"),
    ):
        summary, _ = train(small(**settings), sc.parallelize(rows, 1))
        assert why in summary.warning and why in str(summary) and why in caplog.text
    summary, _ = train(small(), sc.parallelize(["a b c"], 1))
    assert summary.updates > 0 and summary.warning == "" and "warning" not in str(summary)


def test_every_word_of_every_epoch_is_trained_once(sc, lines):
    summary, _ = train(small(epochs=2), sc.parallelize(lines, 3))
    words = sum(len(line.split()) for line in lines)
    assert [e.words for e in summary.epochs] == [words, words]
    assert [e.epoch for e in summary.epochs] == [0, 1]
    assert all(e.words_per_second > 0 and e.pushes > 0 and 0 < e.loss < 10 for e in summary.epochs)
    assert summary.epochs[0].loss > summary.epochs[1].loss
    assert summary.epochs[1].alpha == pytest.approx(1e-4, rel=0.5)
    assert {"ingest", "vocabulary", "train", "model", "total"} <= summary.seconds.keys()
    assert "psserver" in summary.peak_bytes and any(k.startswith("sidecar") for k in summary.peak_bytes)
    assert "3 partitions" in repr(summary) and "words/s" in repr(summary)


def test_rows_may_be_lines_lists_or_a_data_frame(sc, spark, lines):
    text = lines[:500] + ["", "  ", "\tx\u00a0y\u2003z\x1cq "]  # str.split's whitespace, all of it
    split = [s.split() for s in text]
    rdd = sc.parallelize(text, 3)
    frame = spark.createDataFrame([(i, s) for i, s in enumerate(text)], "id long, text string").repartition(3)
    arrays = spark.createDataFrame([(s,) for s in split], "tokens array<string>")
    seen = []
    for data in (rdd, rdd.map(str.split), frame, frame.select("text"), arrays):
        summary, model = train(small(epochs=1), data)
        seen.append((dict(zip(model.wv.index_to_key, model.wv.counts.tolist())), summary.rows))
    counted = collections.Counter(w for s in split for w in s)
    assert all(s == (dict(counted), len(text)) for s in seen)


def test_a_data_frame_that_was_shuffled_keeps_its_partitions(spark, lines):
    from pyspark.sql import functions as f

    frame = spark.createDataFrame([(i % 7, s) for i, s in enumerate(lines[:400])], "k long, text string")
    grouped = frame.groupBy("k").agg(f.concat_ws(" ", f.collect_list("text")).alias("text"))
    summary, _ = train(small(epochs=1), grouped, column="text")
    assert summary.rows == 7


def test_the_column_must_be_clear(spark):
    frame = spark.createDataFrame([("a", "b", 1)], "x string, y string, n long")
    with DeepDist(small(), progress=False) as dd:
        for kw, said in (({}, "name one with column="), ({"column": "z"}, "has x, y, n"), ({"column": "n"}, "bigint")):
            with pytest.raises(BadInput, match=said):
                dd.train(frame, **kw)
        for data, kw, said in ((frame.y, {}, "not Column"), (frame, {"column": frame.y}, "a str, not Column")):
            with pytest.raises(BadInput, match=said):
                dd.train(data, **kw)
        assert list(dd.train(frame, column="y")).count("OK") == 1


def test_a_session_and_a_context_are_told_apart(spark):
    with pytest.raises(BadInput, match="sc= is a SparkContext, not SparkSession: a session is given as spark="):
        DeepDist(small(), sc=spark)
    with pytest.raises(BadInput, match="spark= is a SparkSession, not str"):
        DeepDist(small(), spark="sc://localhost")


@pytest.mark.parametrize("name", ["a.b", "a`b", "*", "a b", "`a`"])
def test_a_column_may_have_any_name(spark, name):
    frame = spark.createDataFrame([("a b", 1)], "x string, n long").withColumnRenamed("x", name)
    for column in (None, name, name.upper()):
        assert frame.select(text_column(frame, column)).columns == [name]


def test_a_column_of_any_name_is_trained(spark):
    with DeepDist(small(epochs=1), progress=False) as dd:
        for name in ("a.b", "a`b", "*"):
            frame = spark.createDataFrame([("a b c", 1)] * 4, "x string, n long").withColumnRenamed("x", name)
            assert dd.train(frame).words == dd.train(frame, column=name).words == 12


def test_a_columns_case_matters_where_it_does_in_spark(spark):
    frame = spark.createDataFrame([("a b", 1)], "text string, n long")
    assert text_column(frame, "TEXT") == "`text`"
    twice = frame.withColumnRenamed("n", "Text")
    with pytest.raises(BadInput, match="2 columns of the name 'text': .*toDF"):
        text_column(twice, None)
    spark.conf.set("spark.sql.caseSensitive", "true")
    try:
        assert text_column(twice, "text") == "`text`"
        with pytest.raises(BadInput, match="column='TEXT': the DataFrame has text, n"):
            text_column(frame, "TEXT")
    finally:
        spark.conf.unset("spark.sql.caseSensitive")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["a"] * 3 + [17] * 3, "17 is int, not str"),
        ([None] * 6, "None is NoneType"),
        (["a b", None] * 3, "None is NoneType"),
        ([["a"], ["b", None]] * 3, "not a list of str: None in it"),
        ([["a"], ["a"], "b"] * 2, "'b' is str, not list of str"),
        ([b"a"] * 6, "b'a' is bytes"),
        ([{"text": "a"}] * 6, "is dict, not str or list of str"),
    ],
)
def test_rows_of_another_type_are_named_with_their_partition(sc, rows, said):
    with DeepDist(small(), progress=False) as dd, pytest.raises(BadInput) as e:
        dd.train(sc.parallelize(rows, 2))
    assert said in str(e.value) and "partition " in str(e.value)


def test_a_null_in_a_data_frame_is_named_with_its_partition(spark):
    with DeepDist(small(), progress=False) as dd, pytest.raises(BadInput, match="partition [01], row 0: text is null: .*dropna"):
        dd.train(spark.createDataFrame([("a b",), (None,)], "text string"))


def test_invalid_utf8_is_named_with_its_partition(spark):
    frame = spark.createDataFrame([(bytearray(b"ok \xff\xfe"),)], "b binary").selectExpr("cast(b as string) text")
    with DeepDist(small(), progress=False) as dd, pytest.raises(BadInput, match="partition .*UTF-8"):
        dd.train(frame)


def test_an_error_of_the_datas_own_functions_arrives(sc):
    with DeepDist(small(), progress=False) as dd, pytest.raises(Exception, match="my own mistake"):
        dd.train(sc.parallelize(["a"] * 4, 2).map(lambda s: {}["my own mistake"]))


def test_nothing_to_train_on_is_said(sc):
    with DeepDist(small(), progress=False) as dd:
        with pytest.raises(BadInput, match="no partitions"):
            dd.train(sc.emptyRDD())
        with pytest.raises(BadInput, match="not a single word"):
            dd.train(sc.parallelize([], 2))
        with pytest.raises(BadInput, match="not a single word"):
            dd.train(sc.parallelize(["  ", ""], 2))
        dd.model.min_count = 5
        with pytest.raises(BadInput, match="min_count"):
            dd.train(sc.parallelize(["only once", "or twice"], 2))


def test_empty_partitions_are_told_from_full_ones(sc):
    summary, _ = train(small(epochs=1), sc.parallelize(["a b a b"] * 2, 4))
    assert sorted(summary) == ["EMPTY", "EMPTY", "OK", "OK"]


def test_a_model_too_large_for_memory_is_said_before_it_starts(sc):
    with DeepDist(small(vector_size=60000), progress=False) as dd, pytest.raises(BadInput, match="vector_size"):
        dd.train(sc.parallelize(range(8), 8).flatMap(lambda p: (f"w{p}x{i} w{p}y{i}" for i in range(30000))))


def test_a_line_of_ten_million_tokens_trains(sc):
    long = sc.parallelize([0], 1).map(lambda _: " ".join(["a b c d e f g h i j"] * 1_000_000))
    summary, model = train(small(epochs=1, vector_size=8, negative=1, window=1), long)
    assert summary.rows == 1 and summary.words == 10_000_000 and summary.records >= 1000 and summary.split_sentences == 1
    assert int(model.wv.counts.sum()) == 10_000_000


def test_a_second_training_goes_on_from_the_first(sc, lines):
    rdd = sc.parallelize(lines, 2)
    with DeepDist(small(epochs=1), progress=False) as dd:
        first = dd.train(rdd)
        words, vectors = list(dd.model.wv.index_to_key), dd.model.wv.vectors.copy()
        second = dd.train(rdd, epochs=2)
        assert dd.model.wv.index_to_key == words and not np.array_equal(dd.model.wv.vectors, vectors)
        fourth = dd.train(sc.parallelize([f"{words[0]} new newer new"] * 10, 2))
        assert (fourth.words, fourth.dropped.words, fourth.dropped.distinct) == (10, 30, 2)
        assert "(0 distinct, too rare)" in repr(first) and "30 words (2 distinct, not in the model's vocabulary)" in repr(fourth)
    assert len(second.epochs) == 2 and second.epochs[0].loss < first.epochs[0].loss
    with DeepDist(dd.model, progress=False) as again:  # in another session
        third = again.train(rdd, epochs=1)
    assert third.epochs[0].loss < first.epochs[0].loss


def test_vectors_come_back_as_files_and_as_gensims(sc, lines, tmp_path):
    models = pytest.importorskip("gensim.models")
    _, model = train(small(epochs=1), sc.parallelize(lines[:1000], 2))
    model.save_word2vec_format(tmp_path / "v.bin", binary=True)
    read = models.KeyedVectors.load_word2vec_format(str(tmp_path / "v.bin"), binary=True)
    assert np.array_equal(read.vectors, model.wv.vectors) and read.index_to_key == model.wv.index_to_key
    assert isinstance(WordVectors.load_word2vec_format(tmp_path / "v.bin", binary=True), WordVectors)
    assert model.to_gensim().most_similar("t1w0")[0][0] == model.most_similar("t1w0")[0][0]
    assert model["t1w0"].shape == (24,) and "t1w0" in model and -1 <= model.similarity("t1w0", "t2w0") <= 1


def gensim_model(**settings):
    models = pytest.importorskip("gensim.models")
    return models.Word2Vec(**{"vector_size": 24, "min_count": 1, "sample": 0.0, "epochs": 3, "sg": 1, "negative": 5, **settings})


def test_a_gensim_model_with_its_vocabulary_is_trained_in_place(sc, lines, tmp_path):
    model = gensim_model()
    model.build_vocab([s.split() for s in lines])
    words = list(model.wv.index_to_key)
    summary, view = train(model, sc.parallelize(lines, 2))
    assert model.wv.index_to_key == words and topic_score(view) > 0.9 and len(summary.epochs) == 3
    model.save(str(tmp_path / "m"))
    again = type(model).load(str(tmp_path / "m"))
    assert topic_score(again.wv) > 0.9
    again.train([["t1w0", "t1w1"]], total_examples=1, epochs=1)


def test_a_gensim_model_without_vocabulary_gets_the_clusters(sc, lines):
    model = gensim_model(min_count=60)
    _, view = train(model, sc.parallelize(lines, 2))
    counted = collections.Counter(w for line in lines for w in line.split())
    got = {w: model.wv.get_vecattr(w, "count") for w in model.wv.index_to_key}
    assert got == {w: n for w, n in counted.items() if n >= 60} and list(got.values()) == sorted(got.values(), reverse=True)
    assert topic_score(view) > 0.9
    model.train([["t1w0", "t1w1"]], total_examples=1, epochs=1)


MODES = [
    {"sg": 1, "hs": 1, "negative": 0},
    {"sg": 1, "hs": 1, "negative": 3},
    {"sg": 0},
    {"sg": 0, "cbow_mean": 0},
    {"sg": 0, "hs": 1, "negative": 0},
    {"sg": 0, "cbow_mean": 0, "hs": 1, "negative": 3},
]


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_every_mode_learns_the_topics_and_goes_on_from_its_vectors(sc, lines, mode):
    rdd = sc.parallelize(lines, 2)
    with DeepDist(small(**mode, alpha=0.05), progress=False) as dd:
        first = dd.train(rdd)
        model = dd.model
        v = len(model.wv)
        shapes = {name: None if a is None else a.shape for name, a in (("syn1", model.syn1), ("syn1neg", model.syn1neg))}
        assert shapes == {"syn1": (v - 1, 24) if model.hs else None, "syn1neg": (v, 24) if model.negative else None}
        second = dd.train(rdd, epochs=1)
    assert topic_score(model.wv) > 0.9
    assert second.epochs[0].loss < first.epochs[0].loss


@pytest.mark.parametrize("mode", MODES, ids=str)
@pytest.mark.parametrize("built", [True, False])
def test_a_gensim_model_of_every_mode_comes_back_with_its_output_vectors(sc, lines, mode, built):
    model = gensim_model(**mode, alpha=0.05)
    if built:
        model.build_vocab([s.split() for s in lines])
    _, view = train(model, sc.parallelize(lines, 2))
    assert topic_score(view) > 0.9
    for name in ("syn1", "syn1neg"):
        expected = model.hs if name == "syn1" else model.negative
        assert hasattr(model, name) == bool(expected)
        if expected:
            rows = getattr(model, name)
            assert rows.shape == (len(model.wv), 24) and np.abs(rows[: len(rows) - 1]).max(axis=1).min() > 0
    model.train([s.split() for s in lines[:100]], total_examples=100, epochs=1)


def test_hierarchical_softmax_continues_gensims_own_tree(sc, lines):
    """The probability that gensim gives to a word must be the one that was trained here: same nodes, same codes."""
    model = gensim_model(sg=1, hs=1, negative=0, epochs=10, alpha=0.1, window=2)
    train(model, sc.parallelize(lines, 2))
    scores = model.score([["t1w0", "t1w1"], ["t1w0", "t2w1"]], total_sentences=2)
    assert scores[0] > scores[1] + 2


def test_the_computed_loss_is_that_of_every_prediction(sc):
    """With a learning rate that moves nothing, every score is 0 and every choice on a path costs log 2."""
    rows = ["a b c d", "a b", "a c a b d"] * 50
    still = {"min_count": 1, "window": 2, "shrink_windows": False, "alpha": 1e-9, "min_alpha": 0.0, "epochs": 2, "compute_loss": True}
    with DeepDist(small(**still, sg=0, hs=1, negative=0), progress=False) as dd:
        summary = dd.train(sc.parallelize(rows, 2))
        model = dd.model
    counts = collections.Counter(w for row in rows for w in row.split())
    assert sorted(counts.values()) == [100, 100, 150, 200]  # the best code has paths of 2 steps for each, or of 1, 2, 3 and 3
    steps = 2 * 550
    for epoch in summary.epochs:
        assert epoch.loss_pairs == 550
        assert epoch.loss == pytest.approx(steps / 550 * np.log(2), rel=1e-5)
    assert model.get_latest_training_loss() == pytest.approx(2 * steps * np.log(2), rel=1e-5)


def test_a_tree_of_a_single_word_has_no_inner_nodes(sc):
    summary, model = train(small(hs=1, negative=0, epochs=1), sc.parallelize(["a a a a"] * 5, 2))
    assert model.syn1.shape == (0, 24) and model.syn1neg is None and model.wv.index_to_key == ["a"]
    assert summary.epochs[0].loss == 0  # nothing was to be predicted


@pytest.mark.parametrize("exponent", [1.0, 0.0, -1.0])
def test_windows_and_negatives_are_drawn_as_the_settings_say(sc, exponent):
    """At a learning rate that moves nothing, a negative costs log 2, unless it is the center itself, which is left out."""
    rows = ["a a a a a a a a a b"] * 400
    still = {"window": 9, "alpha": 1e-9, "min_alpha": 0.0, "epochs": 1, "compute_loss": True, "ns_exponent": exponent}
    summary, _ = train(small(shrink_windows=False, **still), sc.parallelize(rows, 2))
    assert summary.epochs[0].loss_pairs == 400 * 10 * 9  # every word with every other one
    a = 9**exponent / (9**exponent + 1)
    drawn = 5 * (1 - (0.9 * a + 0.1 * (1 - a)))
    assert summary.epochs[0].loss == pytest.approx((1 + drawn) * np.log(2), rel=0.02)
    summary, _ = train(small(shrink_windows=True, **still), sc.parallelize(rows, 2))
    assert 400 * 10 * 9 * 0.5 < summary.epochs[0].loss_pairs < 400 * 10 * 9 * 0.9


def test_max_final_vocab_raises_min_count_until_it_fits(sc, lines):
    counted = collections.Counter(w for line in lines[:300] for w in line.split()).most_common()
    for limit in (5, 17, len(counted)):
        rarest = counted[limit][1] if limit < len(counted) else 0  # words as rare as the first one too many go as well, as in gensim
        _, model = train(small(epochs=1, max_final_vocab=limit), sc.parallelize(lines[:300], 2))
        assert set(model.wv.index_to_key) == {w for w, n in counted if n > rarest}


def test_progress_comes_as_figures_or_as_plain_lines(sc, lines, capfd):
    seen = []
    with DeepDist(small(), progress=seen.append) as dd:
        dd.train(sc.parallelize(lines, 2))
    assert seen and {"phase", "words", "total_words", "alpha", "loss"} <= seen[-1].keys()
    with DeepDist(small(), progress=None) as dd:
        dd.train(sc.parallelize(lines, 2))
    assert "deepdist: " in capfd.readouterr().err


def test_two_sessions_at_once_do_not_mix(sc, lines):
    out, errors = {}, []

    def work(name, rows):
        try:
            out[name] = train(small(epochs=2), sc.parallelize(rows, 2))
        except BaseException as e:
            errors.append(e)

    other = [s.replace("t", "u") for s in lines[:3000]]
    threads = [threading.Thread(target=work, args=a) for a in (("t", lines), ("u", other))]
    for t in threads:
        t.start()
    for t in threads:
        t.join(120)
    assert not errors
    assert all(w.startswith(n) for n, (_, m) in out.items() for w in m.wv.index_to_key)
    assert {n: s.rows for n, (s, _) in out.items()} == {"t": 6000, "u": 3000}


def test_one_session_trains_one_thing_at_a_time(sc, lines):
    began = threading.Event()
    with DeepDist(small(epochs=LONG), progress=lambda figures: began.set()) as dd:
        got = []
        first = threading.Thread(target=lambda: got.append(dd.train(sc.parallelize(lines, 2))))
        first.start()
        assert began.wait(30)
        with pytest.raises(DeepDistError, match="one DeepDist per thread"):
            dd.train(sc.parallelize(lines, 2))
        first.join(120)
        assert got


def test_sessions_follow_one_another(sc, lines):
    for _ in range(2):
        assert list(train(small(epochs=1), sc.parallelize(lines[:500], 2))[0]) == ["OK", "OK"]


def test_a_killed_sidecar_is_replaced_and_the_training_ends_right(sc, lines):
    watch, killed = once_in_training(lambda: all_sidecars(sc, "kill"))

    with DeepDist(small(epochs=LONG), progress=watch) as dd:
        summary = dd.train(sc.parallelize(lines, 4))
    assert killed, "the training was over before its sidecar could be killed"
    words = sum(len(s.split()) for s in lines)
    assert [e.words for e in summary.epochs] == [words] * LONG and summary.rounds > 1


def test_a_python_worker_that_dies_while_it_reads_is_replaced(sc, lines, tmp_path):
    once = str(tmp_path / "once")

    def die_once(s):
        if not os.path.exists(once):
            open(once, "w").close()
            os.kill(os.getpid(), 9)
        return s

    summary, _ = train(small(epochs=1), sc.parallelize(lines, 3).map(die_once))
    assert os.path.exists(once) and summary.rows == len(lines) and list(summary) == ["OK"] * 3


def test_a_killed_psserver_is_an_error_within_seconds(sc, lines):
    died = []

    def watch(figures):
        if not died and figures.get("phase") == "training":
            died.append(time.monotonic())
            dd._server.process.kill()

    with pytest.raises(ServerLost, match="SIGKILL"), DeepDist(small(epochs=LONG), progress=watch) as dd:
        dd.train(sc.parallelize(lines, 4))
    assert time.monotonic() - died[0] < 30


@pytest.fixture
def impatient(monkeypatch):
    """A driver that gives a psserver up which has not answered for 3 seconds."""
    monkeypatch.setattr("deepdist.control.SILENCE_SECONDS", 1.0)
    monkeypatch.setattr("deepdist.control.GREETING_SECONDS", 2.0)


def test_a_psserver_that_hangs_is_an_error(sc, lines, impatient):

    def watch(figures):
        if figures.get("phase") == "training":
            dd._server.process.send_signal(signal.SIGSTOP)

    with pytest.raises(ServerLost, match="has not answered for 3 s"), DeepDist(small(epochs=LONG), progress=watch) as dd:
        dd.train(sc.parallelize(lines, 4))


def test_a_psserver_that_hangs_while_an_update_is_applied_is_an_error(sc, impatient):
    def descent(model, update):
        dd._server.process.send_signal(signal.SIGSTOP)

    with pytest.raises(ServerLost, match="has not answered for 3 s"), DeepDist({"w": np.zeros(2)}, progress=False) as dd:
        dd.train(sc.parallelize(range(4), 2), count, descent)


def test_a_call_may_take_longer_than_the_silence_that_is_borne(sc, impatient):
    with DeepDist({"w": np.zeros(2)}, progress=False) as dd:
        started = time.monotonic()
        assert dd._control.call("watch", wait_ms=5000)["phase"] == "idle"
        assert time.monotonic() - started > 4


@pytest.mark.patient
def test_a_sidecar_that_hangs_is_replaced(sc, lines):
    watch, stopped = once_in_training(lambda: all_sidecars(sc, "suspend"))

    with DeepDist(small(epochs=LONG), progress=watch) as dd:
        summary = dd.train(sc.parallelize(lines, 4))
    assert stopped, "the training was over before its sidecar could be stopped"
    assert not any(p.is_running() and p.status() != "zombie" for p in stopped), "it still has the executor's place"
    words = sum(len(s.split()) for s in lines)
    assert [e.words for e in summary.epochs] == [words] * LONG and summary.rows == len(lines)


def test_a_sidecar_that_is_told_to_stop_is_replaced(sc, lines):
    watch, told = once_in_training(lambda: all_sidecars(sc, "terminate"))

    with DeepDist(small(epochs=LONG), progress=watch) as dd:
        summary = dd.train(sc.parallelize(lines, 4))
    assert told, "the training was over before its sidecar could be told"
    words = sum(len(s.split()) for s in lines)
    assert [e.words for e in summary.epochs] == [words] * LONG and summary.rows == len(lines)


def test_a_partition_whose_spool_is_damaged_is_ingested_again(sc, lines, tmp_path):
    def damage():
        spools = list(tmp_path.rglob("partition-1-*/records"))
        for records in spools:
            os.truncate(records, 1000)
        return spools

    watch, damaged = once_in_training(damage)
    text, words = "\n".join(lines), sum(len(s.split()) for s in lines)
    copies = 25_000_000 // words + 1  # a short text is read once only

    with DeepDist(small(epochs=6), progress=watch, spool_dir=str(tmp_path)) as dd:
        summary = dd.train(sc.parallelize(range(copies), 4).flatMap(lambda _: text.split("\n")))
    assert damaged and summary.rounds > 1, "the training was over before its spool could be damaged"
    assert [e.words for e in summary.epochs] == [copies * words] * 6 and summary.rows == copies * len(lines)


def test_a_file_that_is_missing_is_said_in_one_line(sc, tmp_path):
    with DeepDist(small(), progress=False) as dd, pytest.raises(BadInput, match="Input path does not exist") as e:
        dd.train(sc.textFile(str(tmp_path / "enwiki")))
    assert "\n" not in str(e.value)


def test_empty_tokens_are_no_words(sc):
    summary, model = train(small(epochs=1), sc.parallelize(["a  b ", " a"] * 100, 2).map(lambda s: s.split(" ")))
    assert summary.words == 300 and set(model.wv.index_to_key) == {"a", "b"}


def test_training_outside_of_its_block_is_an_error(sc):
    with pytest.raises(DeepDistError, match="inside the `with` block"):
        DeepDist(small()).train(sc.parallelize(["a"]))


def test_the_token_is_shown_nowhere(sc, caplog):
    with caplog.at_level(logging.DEBUG), DeepDist(small(), progress=False) as dd:
        token = dd._session.token
        assert len(token) >= 32
        shown = [repr(dd), repr(dd._session), repr(dd._server.ready), caplog.text]
        assert not any(token in s for s in shown)
        assert token not in str(sc.getConf().getAll())
