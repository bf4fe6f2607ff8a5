from run_example import figures, run_example


def test_a_pipeline_with_word_vectors_tells_topics_apart_also_when_loaded_and_as_sparks_own(tmp_path):
    printed = run_example("ml_pipeline.py", tmp_path, tmp_path / "models")
    (fitted,), (loaded,), (spark,) = (figures(rf"{name}: ([\d.]+)", printed) for name in ("accuracy", "loaded again", "Spark's own"))
    assert fitted > 0.75
    assert fitted == loaded == spark
    assert "near music: " in printed
