from run_example import figures, run_example


def test_logistic_regression_reaches_the_accuracy_of_scikit_learns_sgd(tmp_path):
    ours, theirs = figures(r"DeepDist ([\d.]+), scikit-learn's SGDClassifier ([\d.]+)", run_example("logistic_regression.py", tmp_path))
    assert ours >= theirs > 0.9
