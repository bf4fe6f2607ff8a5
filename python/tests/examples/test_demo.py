import re

from run_example import figures, run_example


def test_the_demo_trains_on_the_sample_and_answers(tmp_path):
    printed = run_example("demo.py", tmp_path)
    assert re.search(r"watch it at http://127\.0\.0\.1:\d+", printed)
    (vocabulary,) = figures(r"vocabulary: ([\d]+)", printed.replace(",", ""))
    assert vocabulary > 20_000
    near = {word: line for line in printed.splitlines() if (word := line.strip().partition(":")[0]) in ("king", "physics", "music")}
    assert re.search(r"\b(queen|prince|kings|throne|son|emperor|edward|henry|viii|vi)\b", near["king"])
    assert re.search(r"\b(mathematics|theoretical|quantum|mechanics|chemistry)\b", near["physics"])
    assert re.search(r"\b(folk|jazz|musical|musicians|songs|pop)\b", near["music"])
    assert re.search(r"france is to paris as germany is to: .*\bberlin\b", printed)
