import re

from run_example import figures, run_example


def test_word2vec_learns_with_adagrad_in_the_users_own_descent(tmp_path):
    printed = run_example("word2vec_adagrad.py", tmp_path)
    after, before = figures(r"([\d.]+)% of \d+ analogies \(([\d.]+)% before the training\)", printed)
    assert before < 1
    assert after > before + 5
    assert len(re.findall(r"after +\d+ updates: [\d.]+% of \d+ analogies", printed)) >= 3  # evaluated while it trained
