import ast

from run_example import run_example


def test_the_old_quick_start_runs_as_it_was_written(tmp_path, sample):
    (tmp_path / "enwiki").write_text("".join(sample[:6000]))
    printed = run_example("quickstart.py", tmp_path)
    neighbours = ast.literal_eval(printed.strip().splitlines()[-1])
    assert len(neighbours) == 10
    assert all(isinstance(word, str) and -1.0 <= cosine <= 1.0 for word, cosine in neighbours)
    assert not {"woman", "king", "man"} & {word for word, _ in neighbours}
    cosines = [cosine for _, cosine in neighbours]
    assert cosines == sorted(cosines, reverse=True)
