"""Word vectors answer as gensim's KeyedVectors do, and their files are read by each other."""

import re
import tracemalloc

import numpy as np
import pytest

from deepdist import BadInput, Summary, Word2Vec, WordVectors
from deepdist.summary import Epoch

gensim_models = pytest.importorskip("gensim.models")


@pytest.fixture
def vectors():
    r = np.random.default_rng(3)
    words = [f"w{i}" for i in range(50)] + ["naïve", "東京"]
    return WordVectors(words, r.normal(size=(52, 8)).astype(np.float32), np.arange(52, 0, -1))


@pytest.fixture
def theirs(vectors):
    return vectors.to_gensim()


@pytest.mark.parametrize("topn", [0, -1, np.int64(-3), np.int64(2)])
def test_most_similar_of_none_is_none_as_in_gensim(vectors, theirs, topn):
    ours, expected = vectors.most_similar("w1", topn=topn), theirs.most_similar("w1", topn=topn)
    assert [w for w, _ in ours] == [w for w, _ in expected] and len(ours) == max(0, topn)


def test_most_similar_without_topn_is_every_cosine_as_in_gensim(vectors, theirs):
    for limit in (None, 10):
        ours, expected = (v.most_similar("w1", topn=None, restrict_vocab=limit) for v in (vectors, theirs))
        assert np.allclose(ours, expected, atol=1e-5) and len(ours) == (limit or 52)


def test_most_similar_agrees_with_gensim(vectors, theirs):
    for query in ({"positive": ["w1", "w2"], "negative": ["w3"]}, {"positive": "w5"}, {"positive": ["w9"], "topn": 51}):
        ours, expected = vectors.most_similar(**query), theirs.most_similar(**query)
        assert [w for w, _ in ours] == [w for w, _ in expected]
        assert np.allclose([c for _, c in ours], [c for _, c in expected], atol=1e-5)


def test_similarity_and_lookup_agree_with_gensim(vectors, theirs):
    assert vectors.similarity("w1", "東京") == pytest.approx(float(theirs.similarity("w1", "東京")), abs=1e-6)
    assert np.array_equal(vectors["naïve"], theirs["naïve"])
    assert np.array_equal(vectors[["w1", "w2"]], theirs[["w1", "w2"]])
    assert "w1" in vectors and "nope" not in vectors
    assert theirs.get_vecattr("w0", "count") == 52


def test_a_vector_may_be_asked_for_its_neighbours(vectors):
    assert vectors.most_similar(vectors["w7"])[0][0] == "w7"


def test_restrict_vocab_looks_at_frequent_words_only(vectors, theirs):
    ours = vectors.most_similar("w1", restrict_vocab=10)
    assert [w for w, _ in ours] == [w for w, _ in theirs.most_similar("w1", restrict_vocab=10)][: len(ours)]


def test_an_unknown_word_is_named(vectors):
    with pytest.raises(KeyError, match="nope"):
        vectors.most_similar("nope")
    with pytest.raises(ValueError, match="at least one"):
        vectors.most_similar()


@pytest.mark.parametrize("end", ["", ".gz", ".bz2"])
@pytest.mark.parametrize("binary", [False, True])
def test_gensim_reads_our_files_and_we_read_gensims(vectors, theirs, tmp_path, binary, end):
    mine, his = tmp_path / f"mine{end}", tmp_path / f"his{end}"
    vectors.save_word2vec_format(mine, binary=binary)
    read = gensim_models.KeyedVectors.load_word2vec_format(str(mine), binary=binary)
    assert read.index_to_key == vectors.index_to_key and np.array_equal(read.vectors, vectors.vectors)
    theirs.save_word2vec_format(str(his), binary=binary)
    back = WordVectors.load_word2vec_format(his, binary=binary)
    assert back.index_to_key == vectors.index_to_key and np.array_equal(back.vectors, vectors.vectors)


@pytest.mark.parametrize("end", ["", ".gz", ".bz2"])
@pytest.mark.parametrize("binary", [False, True])
def test_a_cut_file_is_an_error(vectors, tmp_path, binary, end):
    path = tmp_path / f"v{end}"
    vectors.save_word2vec_format(path, binary=binary)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match=re.escape(str(path))):
        WordVectors.load_word2vec_format(path, binary=binary)
    path.write_bytes(b"1 1\na 1\n")
    if end:
        with pytest.raises(ValueError, match=re.escape(str(path))):  # not packed
            WordVectors.load_word2vec_format(path, binary=binary)


@pytest.mark.parametrize(
    ("data", "binary", "said"),
    [
        (b"", False, "the file is empty, and must be two numbers"),
        (b"PK\x03\x04rest\n", True, r"its first line is b'PK\\x03\\x04rest\\n'"),
        (b"the quick brown fox\n", False, "its first line is b'the quick"),
        (b"3\n", False, "two numbers"),
        (b"-1 5\n", False, "two numbers"),
        (b"1000000000000 1000000\na 1\n", False, "says 1000000000000 words of 1000000 dimensions, which take .* bytes at least, but 4 follow: it is cut"),
        (b"100000 300\n" + bytes(99), True, "but 99 follow: .*binary format"),
        (b"2 1\na 1\nb x\n", False, "line 3: could not convert"),
        (b"2 1\na 1\na 2\n", False, "a word is there twice"),
        (b"1 1\n\xff 1\n", False, "word 0 of 1 is not valid UTF-8 .*binary=True"),
    ],
)
def test_a_file_that_is_empty_foreign_or_says_too_much_is_named_with_what_was_expected(tmp_path, data, binary, said):
    path = tmp_path / "v"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=f"^{path}.*{said}"):
        WordVectors.load_word2vec_format(path, binary=binary)


def test_a_path_may_be_written_as_spark_takes_it(vectors, tmp_path):
    for url in (f"file://{tmp_path}/v", f"file:{tmp_path}/v", f"FILE:{tmp_path}/v"):
        vectors.save_word2vec_format(url)
        assert len(WordVectors.load_word2vec_format(url)) == len(vectors)
    with pytest.raises(BadInput, match="files can be on this machine"):
        vectors.save_word2vec_format("file://host/v")


def test_a_word_with_whitespace_does_not_spoil_a_file(tmp_path):
    with pytest.raises(ValueError, match="new york"):
        WordVectors(["new york"], np.ones((1, 2))).save_word2vec_format(tmp_path / "v")


def test_rank_correlation_agrees_with_gensim(vectors, theirs, tmp_path):
    r = np.random.default_rng(0)
    pairs = [(f"w{a}", f"w{b}", float(r.integers(0, 5))) for a, b in r.integers(0, 50, (40, 2)) if a != b] + [("w1", "nope", 1.0)]
    (tmp_path / "p").write_text("\n".join(f"{a}\t{b}\t{s}" for a, b, s in pairs))
    _, (spearman, _), _ = theirs.evaluate_word_pairs(str(tmp_path / "p"), case_insensitive=False)
    ours, used, skipped = vectors.evaluate_word_pairs(pairs)
    assert ours == pytest.approx(spearman, abs=1e-6) and (used, skipped) == (len(pairs) - 1, 1)


def test_analogies_agree_with_gensim(theirs, vectors, tmp_path):
    r = np.random.default_rng(0)
    questions = [tuple(f"w{i}" for i in r.choice(20, 4, replace=False)) for _ in range(60)]
    (tmp_path / "q").write_text(": all\n" + "\n".join(" ".join(q) for q in questions))
    score, _ = theirs.evaluate_word_analogies(str(tmp_path / "q"), restrict_vocab=30, case_insensitive=False)
    ours, used, skipped = vectors.evaluate_analogies([*questions, ("w1", "w2", "w3", "w45")], restrict_vocab=30)
    assert ours == pytest.approx(score, abs=1e-9) and (used, skipped) == (60, 1)


@pytest.mark.parametrize(
    "setting",
    [
        {"vector_size": 0},
        {"vector_size": -3},
        {"vector_size": 10.5},
        {"window": 0},
        {"negative": 0, "hs": 0},
        {"negative": -1},
        {"epochs": 0},
        {"alpha": -0.1},
        {"alpha": float("nan")},
        {"sample": 2.0},
        {"seed": -1},
        {"min_count": -1},
        {"max_final_vocab": 0},
        {"sg": 2},
        {"hs": "1"},
        {"cbow_mean": None},
        {"min_alpha": 0.5},
        {"vector_size": "100"},
        {"vector_size": True},
    ],
)
def test_a_setting_out_of_range_is_named(setting):
    with pytest.raises(ValueError, match=next(iter(setting))):
        Word2Vec(**setting)


def test_settings_have_gensims_names_and_defaults():
    ours, theirs = Word2Vec(), gensim_models.Word2Vec()
    for name in ours.native_settings() | {"min_count": 0, "max_final_vocab": 0}:
        assert getattr(ours, name) == getattr(theirs, name), name


def test_a_training_without_an_objective_names_the_fix():
    with pytest.raises(ValueError, match="set negative=5"):
        Word2Vec(negative=0)
    assert Word2Vec(negative=0, hs=1).native_settings()["negative"] == 0


def test_another_vector_size_than_that_of_the_vectors_is_refused():
    model, summary = Word2Vec(vector_size=4), Summary()
    rows = np.ones((1, 4), np.float32)
    model.native_finish(["a"], np.array([3], np.uint64), {"syn0": rows, "syn1neg": rows}, summary)
    assert model.native_start().keys() >= {"syn0", "syn1neg"}
    model.vector_size = 5
    with pytest.raises(BadInput, match="vector_size=5, but .* have 4 dimensions: set vector_size=4"):
        model.native_start()


def test_what_was_trained_is_taken_over_without_a_copy():
    model, rows = Word2Vec(vector_size=4), np.ones((1, 4), np.float32)
    model.native_finish(["a"], np.array([3], np.uint64), {"syn0": rows, "syn1neg": rows}, Summary())
    assert model.wv.vectors is rows and model.syn1neg is rows


def test_lengths_are_taken_without_a_copy_of_the_vectors():
    rows = np.random.default_rng(1).normal(size=(50_000, 100)).astype(np.float32)
    wv = WordVectors([str(i) for i in range(len(rows))], rows)
    tracemalloc.start()
    try:
        nearest = wv.most_similar("7", topn=3)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < rows.nbytes / 2
    cosines = rows @ rows[7] / (np.linalg.norm(rows, axis=1) * np.linalg.norm(rows[7]))
    assert [w for w, _ in nearest] == [str(i) for i in np.argsort(-cosines)[1:4]]


def test_an_untrained_model_says_so():
    with pytest.raises(RuntimeError, match="dd.train"):
        Word2Vec().wv
    assert "king" not in Word2Vec()


def test_a_loss_of_no_prediction_is_not_shown():
    summary = Summary(["OK"], kind="word2vec")
    summary.epochs = [Epoch(0, 80, 1.0, 80.0, 0.02, 3.5591, 7, 1), Epoch(1, 80, 1.0, 80.0, 0.01, 0.0, 0, 1)]
    assert [line.split()[-2] for line in str(summary).splitlines() if line.lstrip()[0] in "12" and "80" in line] == ["3.5591", "-"]
