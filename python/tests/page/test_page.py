"""The page of a word2vec training, in a real browser: headless Chromium looks on while local Spark, both binaries and DeepDist
train on the sample text.

With DEEPDIST_SCREENSHOT=docs/page.png the last test keeps its picture there, of a shorter training that is well on.
"""

import json
import os
import shutil
from pathlib import Path

import pytest
from looks import CURVES, FIGURES, PHASE, Training, text

from deepdist import DeepDist, Word2Vec

pytestmark = pytest.mark.page
SAMPLE = Path(__file__).resolve().parents[3] / "examples" / "sample" / "part-*.txt.bz2"
KEEP = os.environ.get("DEEPDIST_SCREENSHOT")
PASSES = 15 if KEEP else 400  # 400 are never done: the training lasts for as long as the tests look
COPIES = 1 if KEEP else 8  # of the text, so that no machine ends several epochs in a moment: each is a new row on top of the others


@pytest.fixture(scope="module")
def running(sc):
    """A word2vec training of the sample text that goes on for longer than the tests look."""
    lines = sc.textFile(",".join([f"file://{SAMPLE}"] * COPIES))
    with DeepDist(Word2Vec(vector_size=100, sg=1, min_count=5, sample=1e-4, epochs=PASSES), progress=False) as dd:
        training = Training(dd, lines)
        yield dd
        training.stop()


@pytest.fixture
def page(browser, running):
    """The page of that training, with the first curves drawn."""
    browser.console.clear()
    browser.view(1200, 1100)
    browser.open(running.page)
    browser.until(f"{PHASE} === 'training' && Math.min(...{CURVES}) >= 3", 120)
    yield browser
    assert not browser.console, "the browser complains (a policy, a missing file, an uncaught error)"


def test_the_curves_and_the_figures_move_with_the_training(page):
    before = page.run(FIGURES)
    drawn, percent = page.run(CURVES), page.run(text("percent"))
    page.until(f"Math.min(...{CURVES}) > {max(drawn)}", 60)
    page.until(f"{text('percent')} !== '{percent}'", 60)
    after = page.run(FIGURES)
    assert after["words"] > before["words"] and after["pushes"] > before["pushes"]
    assert 0 < after["alpha"] < 0.025 and after["words_per_second"] > 0 and after["loss"] > 0
    assert page.run("document.getElementById('bar').value") == pytest.approx(after["words"] / after["total_words"], abs=0.1)
    assert page.run("document.title").endswith("Training · DeepDist")
    assert "word2vec" in page.run(text("title"))


def test_workers_and_epochs_are_listed(page):
    page.until("document.querySelectorAll('#epochs tbody:first-of-type tr').length >= 1", 120)
    figures = page.run(FIGURES)
    rows = page.run("[...document.querySelectorAll('#workers tbody:first-of-type tr')].map(r => [...r.cells].map(c => c.innerText))")
    assert len(rows) == len(figures["workers"]) == 1
    row, worker = rows[0], figures["workers"][0]
    assert row[:3] == [worker["host"], str(worker["pid"]), worker["kernel"]]
    assert worker["kernel"] and worker["threads"] == 2 and worker["words"] > 0 and worker["rss_bytes"] > 1 << 20
    first = page.run("[...document.querySelector('#epochs tbody:first-of-type tr:last-child').cells].map(c => c.innerText)")
    assert first[0] == "1" and all(cell not in ("", "–", "0") for cell in first)


def test_curves_survive_a_reload(page):
    drawn = min(page.run(CURVES))
    page.open(page.run("location.href"))
    page.until(f"Math.min(...{CURVES}) >= {drawn}", 10)


def test_neighbours_of_a_typed_word_are_found_and_lead_on(page):
    page.run("document.getElementById('near-word').focus()")
    page.type("king")
    page.press("Enter")
    words = page.until("(l => l.length === 10 && l)([...document.querySelectorAll('#near-list button')].map(b => b.textContent))", 20)
    assert "king" not in words and len(set(words)) == 10
    cosines = page.run("[...document.querySelectorAll('.cosine')].map(c => Number(c.textContent))")
    assert cosines == sorted(cosines, reverse=True) and 0 < cosines[0] <= 1
    page.run("document.querySelector('#near-list button').click()")
    page.until(f"{text('near-note')}.includes('“' + {json.dumps(words[0])} + '”')", 20)
    page.run("document.getElementById('near-word').value = '<img src=x onerror=fail()>'; document.getElementById('near-form').requestSubmit()")
    page.until(f"{text('near-note')}.includes('<img src=x onerror=fail()>') && {text('near-note')}.includes('vocabulary')", 20)
    assert page.run("document.images.length") == 1  # the brand's: the word stayed text
    # The browser reports the refused search (404) as an error; it is the only one.
    assert all("neighbours" in entry for entry in page.console)
    page.console.clear()


def test_the_keyboard_reads_values_off_a_curve(page):
    page.run("document.querySelector('.curve svg').focus()")
    page.press("Home")
    page.until("document.querySelector('.where').textContent.startsWith('at ')")
    first = page.run("document.querySelector('.curve .value').textContent")
    page.press("ArrowRight")
    page.press("End")
    assert float(page.run("document.querySelector('.curve .value').textContent")) < float(first), "the loss falls"
    assert page.run(text("say")).strip()
    page.press("Escape")
    page.until("document.querySelector('.where').textContent.trim() === ''")


def test_nothing_jumps_while_the_training_goes_on(page):
    page.run("""(() => { window.jumps = 0; new PerformanceObserver(list => { for (const e of list.getEntries()) if (!e.hadRecentInput) window.jumps += e.value; })
        .observe({type: 'layout-shift', buffered: true}); })()""")
    drawn = max(page.run(CURVES))
    page.until(f"Math.max(...{CURVES}) > {drawn + 3}", 60)
    assert page.run("window.jumps") < 0.02


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [360, 800, 1200])
def test_every_width_and_scheme_is_readable(page, width, dark):
    page.view(width, 900, dark=dark, phone=width < 500)
    page.until(f"innerWidth === {width}")
    assert page.run("document.documentElement.scrollWidth") <= width, "the page scrolls sideways"
    contrast = page.run("""(() => {
        const light = rgb => rgb.match(/[\\d.]+/g).slice(0, 3).map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
            .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
        const ground = node => { for (; node; node = node.parentElement) { const c = getComputedStyle(node).backgroundColor; if (!c.startsWith('rgba(0, 0, 0, 0')) return c; } };
        let worst = [21, ''];
        for (const node of document.querySelectorAll('h1, h2, p, dt, dd, td, th, label, a, button, span.state, .value')) {
            if (!node.offsetParent || !node.textContent.trim() || node.closest('.unseen, .skip')) continue;
            const [a, b] = [light(getComputedStyle(node).color), light(ground(node))].sort((x, y) => y - x);
            worst = [Math.min(worst[0], (a + .05) / (b + .05)), (a + .05) / (b + .05) < worst[0] ? node.outerHTML : worst[1]];
        }
        return worst;
    })()""")
    assert contrast[0] >= 4.5, f"text too faint (WCAG AA): {contrast}"


def test_assistive_technology_finds_names_and_tables(page):
    page.call("Accessibility.enable")
    nodes = page.call("Accessibility.getFullAXTree")["nodes"]
    named = {}
    for node in nodes:
        if not node.get("ignored"):
            named.setdefault(node["role"]["value"], []).append(node.get("name", {}).get("value", ""))
    for role in ("progressbar", "textbox", "combobox", "button", "table", "region", "image", "heading"):
        assert named.get(role), f"nothing has the role {role}"
        assert all(named[role]), f"a {role} has no name"
    assert any("Mean loss" in name and "now" in name for name in named["image"])
    assert {"Host", "State"} <= set(named["columnheader"])
    page.call("Accessibility.disable")


def test_prometheus_reads_the_same_figures(page):
    answer = page.run("fetch('/metrics').then(a => a.text())")
    samples = dict(line.rsplit(" ", 1) for line in answer.splitlines() if not line.startswith("#"))
    after = page.run(FIGURES)
    assert 0 < float(samples["deepdist_words_total"]) <= after["words"]
    assert float(samples["deepdist_goal_words"]) == after["total_words"]
    assert samples['deepdist_phase{phase="training"}'] == "1"


def test_a_picture_shows_the_training(page, tmp_path):
    page.run("document.getElementById('near-word').focus()")
    page.type("king")
    page.press("Enter")
    page.until("document.querySelectorAll('#near-list li').length === 10", 20)
    page.until(f"document.querySelectorAll('#epochs tbody:first-of-type tr').length >= {9 if KEEP else 1}", 120)
    page.run("document.activeElement.blur()")
    page.screenshot(tmp_path / "page.png")
    assert 20_000 < (tmp_path / "page.png").stat().st_size <= 300_000
    if KEEP:
        shutil.copy(tmp_path / "page.png", KEEP)
