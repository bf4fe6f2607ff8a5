"""gensim's Word2Vec on its way into native training and back: what is refused before anything is trained, and what comes back."""

import numpy as np
import pytest

from deepdist import BadInput, Summary
from deepdist.gensim_native import GensimNative
from deepdist.summary import Dropped

models = pytest.importorskip("gensim.models")

TEXT = [["a", "b", "c"], ["a", "b"]] * 5


def fresh(**settings):
    return models.Word2Vec(**{"vector_size": 4, "min_count": 1, "seed": 1, "workers": 1, **settings})


def built(**settings):
    model = fresh(**settings)
    model.build_vocab(TEXT)
    return model


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"max_vocab_size": 20}, "max_vocab_size=20: .* use max_final_vocab or min_count, or call model.build_vocab"),
        ({"null_word": 1}, "null_word=1.*set null_word=0"),
        ({"min_count": None}, "min_count=None: it must be a whole number"),
        ({"min_count": 2.5}, "min_count=2.5: it must be a whole number"),
        ({"epochs": None}, "epochs=None: it must be a whole number"),
    ],
)
def test_a_setting_that_would_not_be_kept_is_refused(settings, said):
    with pytest.raises(BadInput, match=said):
        GensimNative(fresh(**settings))


def test_how_words_are_counted_is_no_matter_once_they_are():
    GensimNative(built(max_vocab_size=20, null_word=1))


@pytest.mark.parametrize("model", [fresh, built])
def test_locked_words_are_refused(model):
    locked = model()
    locked.wv.vectors_lockf = np.zeros(1, np.float32)
    with pytest.raises(BadInput, match=r"set wv.vectors_lockf\[:\] = 1"):
        GensimNative(locked)


@pytest.mark.parametrize("name", ["wv.vectors", "syn1", "syn1neg"])
def test_arrays_that_cannot_be_written_are_refused(name):
    model = built(hs=1, negative=2)
    array = model.wv.vectors if name == "wv.vectors" else getattr(model, name)
    array.flags.writeable = False
    with pytest.raises(BadInput, match=f"{name} is read-only"):
        GensimNative(model)


def test_vectors_of_another_size_are_refused():
    model = built()
    model.vector_size = 5
    with pytest.raises(BadInput, match=r"shape \(3, 4\), not \(3, 5\)"):
        GensimNative(model)


def test_numpys_whole_numbers_are_taken():
    model = GensimNative(fresh(min_count=np.int64(2), epochs=np.int32(3), window=np.int8(4), max_final_vocab=np.uint64(9)))
    assert (model.min_count, model.epochs, model.max_final_vocab, model.native_settings()["window"]) == (2, 3, 9, 4)


def test_a_fresh_model_comes_back_with_the_figures_of_the_corpus():
    expected, model = fresh(min_count=10), fresh(min_count=10)
    expected.build_vocab(TEXT)
    summary = Summary(kind="word2vec")
    summary.rows, summary.words, summary.dropped = 10, 20, Dropped(words=5, distinct=1)
    arrays = {"syn0": np.ones((2, 4), np.float32), "syn1neg": np.ones((2, 4), np.float32)}
    GensimNative(model).native_finish(["a", "b"], np.array([10, 10], np.uint64), arrays, summary)
    assert (model.corpus_count, model.corpus_total_words) == (expected.corpus_count, expected.corpus_total_words) == (10, 25)
    model.train(TEXT, total_examples=model.corpus_count, epochs=1)
