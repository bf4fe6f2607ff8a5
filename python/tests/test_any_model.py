"""Any model on local[2]: gradients in tasks, descent on the driver or inside psserver."""

import os
import threading

import numpy as np
import pytest
from helpers import count, jvm_pid, sidecars

from deepdist import SGD, AdaGrad, Adam, BadInput, DeepDist, DeepDistError, Momentum, RowAdaGrad, Rows, ServerLost, UserCodeError
from deepdist.wire import Connection


def add(model, update):
    model["w"] += update["w"]


def fresh():
    return {"w": np.zeros(2)}


def run(model, *args, **kw):
    with DeepDist(model, progress=False) as dd:
        return dd.train(*args, **kw)


def test_every_record_is_counted_once(sc):
    model = fresh()
    w = model["w"]
    summary = run(model, sc.parallelize(range(1000), 5), count, add)
    assert model["w"].tolist() == [1000, 0] and model["w"] is w and w.flags.owndata
    assert list(summary) == ["OK"] * 5 and summary.updates == 5


def test_an_object_keeps_its_arrays_and_other_attributes_travel(sc):
    class Model:
        def __init__(self):
            self.w = np.zeros(3, np.float32)
            self.scale = 2
            self.word_count = 0
            self.names = {"a": 0, "b": 1}

    def gradient(model, rows):
        g = np.zeros_like(model.w)
        n = 0
        for r in rows:
            g[model.names[r]] += model.scale
            n += 1
        return {"w": g, "word_count": n}

    def descent(model, update):
        model.w += update["w"]
        model.word_count += update["word_count"]

    model = Model()
    run(model, sc.parallelize(["a", "b", "b"] * 10, 3), gradient, descent)
    assert model.w.tolist() == [20, 40, 0] and model.word_count == 30


def test_descent_may_replace_arrays_and_add_new_ones(sc):
    def gradient(model, rows):
        assert not hasattr(model, "get") or isinstance(model, dict)
        return {"w": np.full(2, float(sum(1 for _ in rows)))}

    def adagrad(model, update):
        if "s" not in model:
            model["s"] = np.zeros(2)
        model["s"] += update["w"] ** 2
        model["w"] = model["w"] - 0.5 * update["w"] / np.sqrt(model["s"])

    model = fresh()
    run(model, sc.parallelize(range(8), 2), gradient, adagrad)
    s, w = 0.0, 0.0
    for _ in range(2):
        s += 16.0
        w -= 0.5 * 4 / s**0.5
    assert model["s"].tolist() == [32, 32] and np.allclose(model["w"], w)
    assert model["s"].flags.owndata


def test_tasks_see_what_descent_added_and_changed(sc):
    def gradient(model, rows):
        for r in rows:
            yield {"w": np.ones(2), "seen": float(model["w"][0]) + ("s" in model)}

    def descent(model, update):
        model["w"] += 1
        model["s"] = np.ones(1)
        model.setdefault("log", []).append(update["seen"])

    model = fresh()
    run(model, sc.parallelize(range(4), 1), gradient, descent)
    assert model["log"] == [0, 2, 3, 4]


def test_a_view_in_a_task_is_private(sc):
    def gradient(model, rows):
        list(rows)
        model["w"] += 1e9
        return {"w": np.ones(2)}

    model = fresh()
    run(model, sc.parallelize(range(4), 4), gradient, add)
    assert model["w"].tolist() == [4, 4]


def test_a_generator_counts_every_record_once(sc):
    def gradient(model, rows):
        n = 0
        for _ in rows:
            n += 1
            if n == 7:
                yield {"w": np.array([n, 1.0])}
                n = 0
        if n:
            yield {"w": np.array([n, 1.0])}

    model = fresh()
    summary = run(model, sc.parallelize(range(100), 3), gradient, add)
    assert model["w"].tolist() == [100, 15] and summary.updates == 15


def test_falsy_results_are_skipped(sc):
    def gradient(model, rows):
        return {"w": np.ones(2)} if 3 in list(rows) else None

    model = fresh()
    with pytest.warns(UserWarning, match="no partition gave an update"):
        assert list(run(model, sc.parallelize(range(4), 4), lambda m, rows: {}, add)) == ["EMPTY"] * 4
    assert list(run(model, sc.parallelize(range(4), 4), gradient, add)) == ["EMPTY"] * 3 + ["OK"]
    assert model["w"].tolist() == [1, 1]


def test_an_empty_rdd_is_empty_with_a_warning(sc):
    with pytest.warns(UserWarning):
        assert list(run(fresh(), sc.parallelize([], 2), count, add)) == ["EMPTY", "EMPTY"]
    with pytest.warns(UserWarning):
        assert list(run(fresh(), sc.emptyRDD(), count, add)) == []


def test_sparse_rows_touch_their_rows(sc):
    def gradient(model, rows):
        keys = np.array(list(rows))
        return {"w": Rows(keys, np.ones((len(keys), 3)))}

    def descent(model, update):
        assert isinstance(update["w"], Rows) and update["w"].keys.dtype == np.uint32
        update["w"].add_to(model["w"])

    model = {"w": np.zeros((5, 3), np.float32)}
    data = sc.parallelize([0, 2, 2, 4, 0, 0], 2)
    run(model, data, gradient, descent)
    assert model["w"][:, 0].tolist() == [3, 0, 2, 0, 1]
    run(model, data, gradient, SGD(learning_rate=1.0))
    assert model["w"].tolist() == np.zeros((5, 3)).tolist()


RULES = {
    "sgd": (SGD(0.1), lambda w, g, s: w - 0.1 * g),
    "momentum": (Momentum(0.1, 0.5), lambda w, g, s: w - 0.1 * s.setdefault("v", Momentum_(0.5)).step(g)),
    "adagrad": (AdaGrad(0.1), lambda w, g, s: w - 0.1 * g / (np.sqrt(s.setdefault("a", Sum()).step(g * g)) + 1e-10)),
    "row": (
        RowAdaGrad(0.1),
        lambda w, g, s: w - 0.1 * g / (np.sqrt(s.setdefault("a", Sum()).step((g * g).mean(1, keepdims=True))) + 1e-10),
    ),
    "adam": (Adam(0.1), lambda w, g, s: w - 0.1 * s.setdefault("m", Adam_()).step(g)),
}


class Sum:
    x = 0.0

    def step(self, g):
        self.x = self.x + g
        return self.x


class Momentum_:
    v = 0.0

    def __init__(self, mu):
        self.mu = mu

    def step(self, g):
        self.v = self.mu * self.v + g
        return self.v


class Adam_:
    t, m, v = 0, 0.0, 0.0

    def step(self, g):
        self.t += 1
        self.m, self.v = 0.9 * self.m + 0.1 * g, 0.999 * self.v + 0.001 * g * g
        return self.m / (1 - 0.9**self.t) / (np.sqrt(self.v / (1 - 0.999**self.t)) + 1e-8)


@pytest.mark.parametrize("name", RULES)
def test_a_named_rule_does_what_its_formula_says(sc, name):
    rule, formula = RULES[name]

    def gradient(model, rows):
        for r in rows:
            yield {"w": np.array([[1.0, -2.0], [0.5, 3.0]]) * r}

    model = {"w": np.ones((2, 2))}
    run(model, sc.parallelize([1.0, 2.0, 3.0], 1), gradient, rule)
    expected, state = np.ones((2, 2)), {}
    for r in (1.0, 2.0, 3.0):
        expected = formula(expected, np.array([[1.0, -2.0], [0.5, 3.0]]) * r, state)
    assert np.allclose(model["w"], expected, atol=1e-9)


def test_epochs_pass_over_the_data_again(sc):
    model = fresh()
    summary = run(model, sc.parallelize(range(10), 2), count, add, epochs=3)
    assert model["w"].tolist() == [30, 0] and list(summary) == ["OK", "OK"] and summary.updates == 6 and summary.rows == 10


def test_an_exception_of_gradient_arrives_with_its_own_traceback(sc):
    def helper(row):
        try:
            raise IndexError("the first one")
        except IndexError:
            raise KeyError("my own mistake")  # noqa: B904

    def gradient(model, rows):
        for row in rows:
            helper(row)

    model = fresh()
    with DeepDist(model, progress=False) as dd:
        with pytest.raises(UserCodeError) as e:
            dd.train(sc.parallelize(range(4), 2), gradient, add)
        text = str(e.value)
        assert text.endswith("KeyError: 'my own mistake'") and "IndexError: the first one" in text and "in helper" in text
        assert "partition" in text
        assert "deepdist/task" not in text and "org.apache.spark" not in text
        dd.train(sc.parallelize(range(4), 2), count, add)  # the session goes on
    assert model["w"].tolist() == [4, 0]


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ({"nope": np.ones(2)}, "'nope'.*no tensor of this name"),
        ({"w": np.ones(3)}, r"shape \(3,\), the tensor \(2,\)"),
        ({"w": np.ones(2, complex)}, "complex128"),
        ({"w": np.array(["a", "b"])}, "cannot be cast"),
        ({"w": np.array([1.0, np.nan])}, "NaN"),
        ({"w": np.array([np.inf, 0.0])}, "infinity"),
        (np.ones(2), "must return a dict"),
        ({"w": np.ones(2), "v": np.array([np.nan])}, "NaN"),
    ],
)
@pytest.mark.parametrize("descent", [add, SGD()])
def test_a_result_that_does_not_fit_is_refused_as_a_whole(sc, result, said, descent):
    model = {"w": np.zeros(2), "v": np.zeros(1)}
    with DeepDist(model, progress=False) as dd, pytest.raises(BadInput, match=f"partition [01].*{said}"):
        dd.train(sc.parallelize(range(2), 2), lambda m, rows: result, descent)
    assert not model["w"].any() and not model["v"].any()


def test_an_exception_of_descent_restores_the_model(sc):
    def gradient(model, rows):
        for r in rows:
            yield {"w": np.full(2, float(r))}

    def descent(model, update):
        model["w"] += update["w"]
        if update["w"][0] == 3:
            model["w"][:] = 77
            model["extra"], model["more"] = np.ones(3), 7
            raise RuntimeError("my own mistake")

    model = fresh()
    with pytest.raises(UserCodeError, match="my own mistake") as e:
        run(model, sc.parallelize([1.0, 2.0, 3.0, 4.0], 1), gradient, descent)
    assert isinstance(e.value.__cause__, RuntimeError) and "in descent" in str(e.value)
    assert model["w"].tolist() == [3, 3] and model.keys() == {"w"}


def test_descent_must_not_make_nan_or_another_shape(sc):
    def nan(model, update):
        model["w"] *= np.nan

    def reshape(model, update):
        model["w"] = np.zeros(5)

    def remove(model, update):
        del model["w"]

    for bad, said in ((nan, "NaN"), (reshape, "changed 'w'"), (remove, "removed the tensor 'w'")):
        model = fresh()
        with pytest.raises(UserCodeError, match=said):
            run(model, sc.parallelize(range(2), 1), count, bad)
        assert model["w"].tolist() == [0, 0]


def test_a_rule_must_not_make_an_infinity(sc):
    model = {"w": np.full(2, -3e38, np.float32)}
    with pytest.raises(BadInput, match=r"partition 0: .*model unchanged: \"w\" would become -Inf.*lower the learning rate"):
        run(model, sc.parallelize(range(2), 1), lambda model, rows: {"w": np.full(2, 3e38, np.float32)}, SGD(1.0))
    assert model["w"].tolist() == [np.float32(-3e38)] * 2
    with pytest.raises(ValueError, match="epsilon=0 must be above 0"):
        Adam(epsilon=0)


def test_descent_may_swap_arrays_and_keep_old_ones(sc):
    def descent(model, update):
        model["old"] = model["w"]
        model["w"] = model["w"] + update["w"]
        model["a"], model["b"] = model["b"], model["a"]
        model["z"] = model["z"] + 1  # NumPy makes a number of it

    model = {"w": np.zeros(2), "a": np.zeros(1), "b": np.ones(1), "z": np.zeros(())}
    run(model, sc.parallelize(range(3), 3), count, descent)
    assert model["w"].tolist() == [3, 0] and model["old"].tolist() == [2, 0]
    assert model["a"].tolist() == [1] and model["b"].tolist() == [0] and model["z"].shape == () and model["z"] == 3


def test_a_model_may_have_infinities_of_its_own(sc):
    model = {**fresh(), "bounds": np.array([-np.inf, np.inf])}
    run(model, sc.parallelize(range(4), 2), count, add)
    assert model["w"][0] == 4 and model["bounds"].tolist() == [-np.inf, np.inf]


def test_a_flag_travels_as_a_number(sc):
    def descent(model, update):
        model["n"] += update["flag"]

    model = {**fresh(), "n": 0}
    run(model, sc.parallelize(range(2), 2), lambda m, rows: {"flag": bool(list(rows))}, descent)
    assert model["n"] == 2


def test_what_is_missing_is_named(sc):
    rdd = sc.parallelize(range(2), 1)
    with DeepDist(fresh(), progress=False) as dd:
        with pytest.raises(BadInput, match="deepdist.SGD"):
            dd.train(rdd, count)
        with pytest.raises(BadInput, match="without a gradient"):
            dd.train(rdd, None, add)
        with pytest.raises(BadInput, match="trains word2vec models, not dict"):
            dd.train(rdd)
        with pytest.raises(BadInput, match="an RDD or a DataFrame, not list"):
            dd.train([1, 2], count, add)
        lock = threading.Lock()
        with pytest.raises(BadInput, match="sent to the tasks can't be.*cannot pickle '_thread.lock' object"):
            dd.train(rdd, lambda model, rows: lock and None, add)
        with pytest.raises(ValueError, match="epochs=0"):
            dd.train(rdd, count, add, epochs=0)
        with pytest.raises(BadInput, match="gradient is int"):
            dd.train(rdd, 3, add)
        with pytest.raises(BadInput, match="descent is str"):
            dd.train(rdd, count, "sgd")


def test_a_class_stands_for_a_rule_with_its_defaults(sc):
    model = fresh()
    run(model, sc.parallelize(range(2), 1), count, SGD)
    assert np.allclose(model["w"], [-0.02, 0])


def test_data_frames_come_as_rows(spark):
    def gradient(model, rows):
        return {"w": np.array([float(sum(r.x for r in rows)), 0.0])}

    model = fresh()
    run(model, spark.createDataFrame([(i,) for i in range(10)], "x long"), gradient, add)
    assert model["w"][0] == 45


def test_min_updates_makes_generations(sc):
    def gradient(model, rows):
        for _ in rows:
            yield {"w": np.array([1.0, 0.0]), "seen": float(model["w"][0])}

    def descent(model, update):
        model["w"] += update["w"]
        model.setdefault("log", []).append(int(update["seen"]))

    model = fresh()
    with DeepDist(model, min_updates=2, progress=False) as dd:
        dd.train(sc.parallelize(range(6), 2), gradient, descent)
    seen = sorted(set(model["log"]))  # the updates that were in each version that was served
    assert len(model["log"]) == model["w"][0] == 6 and len(seen) > 1 and all(b - a >= 2 for a, b in zip(seen, seen[1:])), model


def test_scalars_integers_and_halves_are_tensors_too(sc):
    def gradient(model, rows):
        n = sum(1 for _ in rows)
        return {"s": np.float64(n), "i": np.array([n, 1]), "h": np.ones(2, np.float16)}

    def descent(model, update):
        for k, v in update.items():
            model[k] += v

    model = {"s": np.zeros(()), "i": np.zeros(2, np.int64), "h": np.zeros(2, np.float16), "e": np.zeros((0, 3))}
    run(model, sc.parallelize(range(10), 2), gradient, descent)
    assert float(model["s"]) == 10 and model["i"].tolist() == [10, 2] and model["h"].tolist() == [2, 2]


def test_a_large_model_travels(sc):
    def gradient(model, rows):
        list(rows)
        return {"w": np.full(model["w"].shape, 1.0, np.float32)}

    model = {"w": np.zeros((400_000, 20), np.float32)}
    run(model, sc.parallelize(range(4), 2), gradient, add)
    assert (model["w"] == 2).all()


def test_two_sessions_at_once_do_not_mix(sc):
    models, errors = [fresh(), fresh()], []

    def work(model, n):
        try:
            run(model, sc.parallelize(range(n), 3), count, add)
        except BaseException as e:
            errors.append(e)

    threads = [threading.Thread(target=work, args=(m, n)) for m, n in zip(models, (100, 300))]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert not errors and [m["w"][0] for m in models] == [100, 300]


def test_several_trainings_of_one_session_add_up(sc):
    model = fresh()
    with DeepDist(model, progress=False) as dd:
        for _ in range(3):
            dd.train(sc.parallelize(range(10), 2), count, add)
        assert dd.model is model and model["w"][0] == 30


def test_a_killed_sidecar_is_replaced_and_every_record_counts_once(sc):
    pid = jvm_pid(sc)
    killed = []

    def gradient(model, rows):
        for _ in rows:
            yield {"w": np.array([1.0, 0.0])}

    def descent(model, update):
        model["w"] += update["w"]
        if model["w"][0] == 20 and not killed:
            for p in sidecars(pid):
                killed.append(p.pid)
                p.kill()

    model = fresh()
    run(model, sc.parallelize(range(60), 3), gradient, descent)
    assert killed and model["w"][0] == 60


def test_a_killed_python_worker_is_replaced_and_every_record_counts_once(sc, tmp_path):
    once = str(tmp_path / "once")

    def gradient(model, rows):
        for n, _ in enumerate(rows):
            if n == 7 and not os.path.exists(once):
                open(once, "w").close()
                os.kill(os.getpid(), 9)
            yield {"w": np.array([1.0, 0.0])}

    model = fresh()
    run(model, sc.parallelize(range(60), 3), gradient, add)
    assert model["w"][0] == 60 and os.path.exists(once)


def test_a_killed_psserver_is_an_error_within_seconds(sc):
    def gradient(model, rows):
        for _ in rows:
            yield {"w": np.array([1.0, 0.0])}

    def descent(model, update):
        model["w"] += update["w"]
        if model["w"][0] == 20:
            dd._server.process.kill()

    model = fresh()
    with pytest.raises(ServerLost, match="SIGKILL"), DeepDist(model, progress=False) as dd:
        dd.train(sc.parallelize(range(10_000), 3), gradient, descent)
    assert model["w"][0] >= 20 and model["w"].flags.owndata


@pytest.mark.parametrize("nth", [2, 5, 9])
def test_ctrl_c_in_the_middle_of_a_call_leaves_a_session_that_goes_on(sc, monkeypatch, nth):
    answer, answers = Connection.answer, []

    def interrupted(self):
        if self is control._connection:
            answers.append(self)
            if len(answers) == nth:
                raise KeyboardInterrupt
        return answer(self)

    def gradient(model, rows):
        for _ in rows:
            yield {"w": np.array([1.0, 0.0])}

    model = fresh()
    with DeepDist(model, progress=False) as dd:
        control = dd._control
        with monkeypatch.context() as m, pytest.raises(KeyboardInterrupt):
            m.setattr(Connection, "answer", interrupted)
            dd.train(sc.parallelize(range(100), 2), gradient, add)
        before = model["w"][0]
        assert before < 100 and model["w"].flags.owndata
        dd.train(sc.parallelize(range(10), 2), gradient, add)
    assert model["w"][0] == before + 10


def test_training_after_the_block_is_an_error(sc):
    with DeepDist(fresh(), progress=False) as dd:
        pass
    with pytest.raises(DeepDistError, match="inside the `with` block"):
        dd.train(sc.parallelize([1]), count, add)


QUICKSTART = 2000


def test_the_old_quick_start_works_verbatim(sc, capsys):
    word2vec = pytest.importorskip("gensim.models.word2vec")
    from helpers import topic_lines, topic_score

    corpus = sc.parallelize(topic_lines(QUICKSTART), 2).map(lambda s: s.split())

    def gradient(model, sentences):  # executes on workers
        syn0, syn1 = model.syn0.copy(), model.syn1.copy()
        model.train(sentences)
        return {"syn0": model.syn0 - syn0, "syn1": model.syn1 - syn1}

    def descent(model, update):  # executes on master
        model.syn0 += update["syn0"]
        model.syn1 += update["syn1"]

    with DeepDist(word2vec.Word2Vec(corpus.collect(), sample=0, epochs=1), progress=False) as dd:
        before = dd.model.syn0.copy()
        for _ in range(3):
            dd.train(corpus, gradient, descent)
        assert not np.array_equal(before, dd.model.syn0)
        assert len(dd.model.most_similar(positive=["t0w0", "t0w1"], negative=["t1w0"])) == 10
        assert topic_score(dd.model) > 0.5


def test_one_tensor_under_its_old_and_its_new_name_is_refused(sc):
    word2vec = pytest.importorskip("gensim.models.word2vec")
    model = word2vec.Word2Vec([["a", "b", "c"]] * 9, vector_size=4, min_count=1)

    def gradient(model, rows):
        return {"syn1neg": np.ones_like(model.syn1), "syn1": np.ones_like(model.syn1)}

    with pytest.raises(BadInput, match="'syn1neg' twice: 'syn1' is the same"):
        run(model, sc.parallelize(range(2), 1), gradient, lambda model, update: None)


def test_a_torch_module_trains(sc):
    torch = pytest.importorskip("torch")
    from deepdist import gradients

    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))

    def loss(model, rows):
        x = torch.tensor([r[:2] for r in rows])
        y = torch.tensor([[r[2]] for r in rows])
        return torch.nn.functional.mse_loss(model(x), y)

    def gradient(model, rows):
        rows = list(rows)
        for i in range(0, len(rows), 10):
            loss(model, rows[i : i + 10]).backward()
            yield gradients(model)

    r = np.random.default_rng(0)
    data = [(float(a), float(b), float(a * b > 0)) for a, b in r.normal(size=(200, 2))]
    before = float(loss(net, data))
    run(net, sc.parallelize(data, 2), gradient, Adam(0.02), epochs=8)
    assert float(loss(net, data)) < 0.6 * before
