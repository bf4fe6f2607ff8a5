from run_example import figures, run_example


def test_a_linear_classifier_on_the_belief_network_beats_the_same_one_on_pixels(tmp_path):
    printed = run_example("deep_belief_network.py", tmp_path)
    (pixels,) = figures(r"raw pixels: ([\d.]+)", printed)
    (first,) = figures(r"layer 1, 256 units: ([\d.]+)", printed)
    (top,) = figures(r"layer 2, 256 units: ([\d.]+)", printed)
    assert first > pixels + 0.05
    assert top > pixels + 0.05
