import re

from run_example import figures, run_example


def test_the_demo_trains_on_the_sample_and_answers(tmp_path):
    printed = run_example("demo.py", tmp_path)
    assert re.search(r"watch it at http://127\.0\.0\.1:\d+", printed)
    (vocabulary,) = figures(r"vocabulary: ([\d]+)", printed.replace(",", ""))
    assert vocabulary > 20_000
    near = {word: line for line in printed.splitlines() if (word := line.strip().partition(":")[0]) in ("france", "physics", "computer")}
    assert re.search(r"\b(spain|belgium|italy|portugal|germany|switzerland|netherlands|luxembourg)\b", near["france"])
    assert re.search(r"\b(mathematics|theoretical|quantum|mechanics|thermodynamics|chemistry)\b", near["physics"])
    assert re.search(r"\b(computers|computing|hardware|software|processor)\b", near["computer"])
    assert re.search(r"france is to paris as germany is to: .*\bberlin\b", printed)
