"""Adapters: what travels as tensors, what travels along, and that binding shares memory."""

import json
import pickle

import numpy as np
import pytest

from deepdist import SGD, AdaGrad, Adam, DeepDist, Momentum
from deepdist.errors import BadInput
from deepdist.models import adapt
from deepdist.rows import Rows
from deepdist.shared import check_apart
from deepdist.task.gradient import Rest, check_value


class Thing:
    def __init__(self):
        self.w = np.arange(6, dtype=np.float32).reshape(2, 3)
        self.b = np.float64([1.5])
        self.names = np.array(["x"], dtype=object)
        self.word_count = 7
        self.rate = 0.5
        self.flag = True
        self.tag = "travels along"


def test_an_objects_arrays_are_tensors_and_its_numbers_numbers():
    a = adapt(Thing())
    assert set(a.arrays()) == {"w", "b"} and a.numbers() == {"word_count": 7, "rate": 0.5}


def test_what_travels_in_the_closure_has_no_tensors():
    thing = Thing()
    a = pickle.loads(pickle.dumps(adapt(thing)))
    assert not hasattr(a.model, "w") and a.model.tag == "travels along" and a.model.names.tolist() == ["x"]
    assert thing.w.shape == (2, 3)
    w = np.zeros((2, 3))
    a.bind({"w": w})
    a.set_numbers({"word_count": 9.0, "rate": 1})
    assert a.model.w is w and a.model.word_count == 9 and isinstance(a.model.word_count, int)
    assert a.model.rate == 1.0 and isinstance(a.model.rate, float)


def test_a_dict_is_a_model():
    d = {"w": np.ones(3), "n": 3, "rest": [1, 2]}
    a = pickle.loads(pickle.dumps(adapt(d)))
    assert a.model == {"n": 3, "rest": [1, 2]} and "w" in d
    a.bind({"w": d["w"]})
    assert a.model["w"] is d["w"]


def test_arrays_of_another_byte_order_are_tensors_in_our_own():
    a = adapt({"w": np.arange(3, dtype=">f4"), "n": np.float32(2)})
    assert set(a.arrays()) == {"w"}
    a.set_numbers({"n": 3.0})
    assert type(a.model["n"]) is np.float32 and a.model["n"] == 3


def test_what_is_no_tensor_is_named_with_its_type():
    class Slots:
        __slots__ = ("w",)

    with pytest.raises(TypeError, match="'w' is complex128, 'layers' is list"):
        adapt({"w": np.zeros(2, complex), "layers": [np.zeros(2)]})
    with pytest.raises(TypeError, match="not in lists, the class or __slots__"):
        adapt(Slots())


def test_one_memory_under_two_names_is_refused():
    w = np.zeros((4, 4))
    for both in ({"a": w, "b": w}, {"w": w, "t": w.T}, {"w": w, "row": w[2]}, {"a": w[:, 1:], "b": w[::-1, :2]}):
        with pytest.raises(BadInput, match="share memory"):
            check_apart(both)
    check_apart({"left": w[:, :2], "right": w[:, 2:], "other": np.zeros(3), "none": w[:0]})
    with pytest.raises(BadInput, match="np.asarray"):
        check_apart({"m": np.ma.array([1.0])})


@pytest.mark.parametrize("model", [{}, {"a": 1}, {"a": np.array([1 + 1j])}, object(), 3, "x"])
def test_a_model_without_arrays_is_refused(model):
    with pytest.raises(TypeError, match="DeepDist"):
        adapt(model)


@pytest.fixture
def word2vec():
    models = pytest.importorskip("gensim.models")
    text = [["a", "b", "c", "d"], ["b", "c", "a"]] * 30
    return models.Word2Vec(text, vector_size=8, min_count=1, sg=1, negative=3, sample=0, seed=1, workers=1), text


def test_gensims_old_and_new_names_are_one_set_of_arrays(word2vec):
    model, text = word2vec
    m = adapt(model).view
    assert m.syn0 is model.wv.vectors and m.syn1 is model.syn1neg and m.syn1neg is model.syn1neg
    syn0 = m.syn0
    m.syn0 += 1
    m.syn1 = np.zeros_like(m.syn1)
    assert m.syn0 is syn0 and not model.syn1neg.any()
    m.train(iter(text))
    assert m.vocab == model.wv.key_to_index and m.index2word == model.wv.index_to_key
    assert m.most_similar("a") == model.wv.most_similar("a") and m.vector_size == 8


@pytest.mark.parametrize("with_words", [True, False])
def test_gensims_heirs_of_word2vec_are_refused_at_once(with_words):
    models = pytest.importorskip("gensim.models")
    doc2vec = pytest.importorskip("gensim.models.doc2vec")

    class Mine(models.FastText):
        pass

    texts = [["a", "b"]] * 9 if with_words else None
    tagged = [doc2vec.TaggedDocument(t, [i]) for i, t in enumerate(texts)] if texts else None
    refused = [
        models.FastText(texts, vector_size=4, min_count=1, bucket=10, sg=1),
        Mine(texts, vector_size=4, min_count=1, bucket=10),
        models.Doc2Vec(tagged, vector_size=4, min_count=1, dm=0),
    ]
    for model, name in zip(refused, ("FastText", "FastText", "Doc2Vec")):
        with pytest.raises(TypeError, match=f"gensim's {name} .*: use gensim's Word2Vec, or give the arrays as a dict"):
            DeepDist(model)


def test_a_class_that_inherits_from_gensims_word2vec_is_taken():
    models = pytest.importorskip("gensim.models")

    class Mine(models.Word2Vec):
        pass

    assert DeepDist(Mine([["a", "b"]] * 9, vector_size=4, min_count=1)).model.syn0.shape == (2, 4)
    DeepDist(Mine(vector_size=4))


def test_gensims_norms_are_fresh_after_a_step_in_place(word2vec):
    model, _ = word2vec
    m = adapt(model).view
    m.most_similar("a")
    m.syn0 *= 9
    assert all(-1.001 <= c <= 1.001 for _, c in m.most_similar("a"))


def test_hierarchical_softmax_keeps_its_own_syn1():
    models = pytest.importorskip("gensim.models")
    model = models.Word2Vec([["a", "b"]] * 9, vector_size=4, min_count=1, hs=1, negative=0)
    a = adapt(model)
    assert set(a.arrays()) == {"syn0", "syn1"} and a.view.syn1 is model.syn1


def test_a_gensim_model_trains_after_its_way_through_a_closure(word2vec):
    model, text = word2vec
    a = adapt(model)
    data = pickle.dumps(a)
    b = pickle.loads(data)
    b.bind({k: v.copy() for k, v in a.arrays().items()})
    before = b.view.syn0.copy()
    b.view.train(text)
    assert not np.array_equal(before, b.view.syn0) and np.array_equal(before, model.wv.vectors)


def test_an_array_set_on_the_gensim_view_becomes_a_tensor(word2vec):
    a = adapt(word2vec[0])
    a.view.ssyn0 = np.zeros_like(a.view.syn0)
    assert "ssyn0" in a.arrays() and a.view.ssyn0 is a.arrays()["ssyn0"]


def test_a_gensim_model_without_vocabulary_says_what_to_do():
    models = pytest.importorskip("gensim.models")
    with pytest.raises(TypeError, match="no vocabulary"):
        adapt(models.Word2Vec(sg=1))


tensors = {"w": np.zeros((4, 2), np.float32), "n": np.zeros(3, np.int64), "s": np.zeros(())}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("nope", np.zeros(3), "no tensor of this name"),
        ("w", np.zeros((2, 4)), "shape"),
        ("w", 3.0, "shape"),
        ("w", np.zeros((4, 2), complex), "complex128 cannot be cast"),
        ("w", np.zeros((4, 2), object), "object cannot be cast"),
        ("w", np.full((4, 2), np.nan), "NaN"),
        ("w", np.full((4, 2), np.inf), "infinity"),
        ("w", np.full((4, 2), 1e300), "infinity"),
        ("n", np.zeros(3), "float64 cannot be cast"),
        ("w", Rows([9], [[1.0, 2.0]]), "key 9 is beyond"),
        ("w", Rows([1], [[1.0]]), "rows have shape"),
        ("s", Rows([0], [1.0]), "a scalar, which has no rows: return a number"),
        ("w", Rows([1], [[1.0, np.nan]]), "NaN"),
        ("count", float("nan"), "nan"),
        (3, 1.0, "must be a str"),
    ],
)
def test_a_result_that_does_not_fit_is_refused(name, value, said):
    with pytest.raises(BadInput, match=said):
        check_value(name, value, tensors)


def test_whole_numbers_keep_their_value_or_are_refused():
    have = {"i": np.zeros(2, np.int32)}
    assert check_value("i", np.array([1, -2]), have).tolist() == [1, -2]
    assert check_value("n", np.array(3), have) == 3 and check_value("n", True, have) == 1
    for name, value, said in (("i", np.array([1, 2**40]), "1099511627776, beyond"), ("n", 2**60, "2\\*\\*53"), ("i", [[1], [1, 2]], "no array")):
        with pytest.raises(BadInput, match=said):
            check_value(name, value, have)


def test_a_result_is_cast_to_its_tensors_dtype():
    assert check_value("w", np.ones((4, 2)), tensors).dtype == np.float32
    assert check_value("w", np.ones((4, 2), int), tensors).dtype == np.float32
    assert check_value("w", [[1, 2]] * 4, tensors).dtype == np.float32
    assert check_value("w", Rows([1], [[1.0, 2.0]]), tensors).values.dtype == np.float32
    assert check_value("count", np.int32(3), tensors) == 3
    assert check_value("s", 1.5, tensors).shape == ()


def test_rest_counts_what_is_taken():
    rest = Rest("abcdef")
    assert not rest.is_empty() and rest.taken == 0
    rest.skip(2)
    assert next(rest) == "c" and rest.taken == 3 and list(rest) == ["d", "e", "f"] and rest.is_empty()


@pytest.mark.parametrize("make", [lambda: SGD(0), lambda: SGD(-1), lambda: Momentum(momentum=1), lambda: Adam(beta1=-1), lambda: AdaGrad(epsilon=float("nan")), lambda: Momentum(nesterov=1)])
def test_a_rules_parameter_out_of_range_is_refused(make):
    with pytest.raises(ValueError):
        make()


def test_a_rules_parameters_may_be_numpys():
    rule = Momentum(np.float32(0.5), np.int64(0), np.bool_(True))
    assert json.dumps(rule.as_json()) == '{"rule": "momentum", "learning_rate": 0.5, "momentum": 0, "nesterov": true}'


def test_a_torch_module_shares_its_memory():
    torch = pytest.importorskip("torch")
    from deepdist import gradients

    net = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    a = adapt(net)
    assert set(a.arrays()) == set(net.state_dict())
    b = pickle.loads(pickle.dumps(a))
    copies = {k: np.array(v) for k, v in a.arrays().items()}
    b.bind(copies)
    x = torch.randn(4, 3)
    assert torch.allclose(net.eval()(x), b.model.eval()(x))
    copies["0.weight"][...] = 0
    assert not b.model[0].weight.detach().any() and net[0].weight.detach().any()
    b.model.train()(x).sum().backward()
    g = gradients(b.model)
    assert g["0.weight"].shape == (2, 3) and b.model[0].weight.grad is None
