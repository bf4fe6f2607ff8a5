"""How to look at the page (JavaScript to evaluate in it), and a training to look at."""

import threading

PHASE = "document.getElementById('phase').dataset.phase"
LINK = "document.getElementById('link').dataset.state"
CURVES = "[...document.querySelectorAll('.curve .path')].map(p => (p.getAttribute('d') || '').split('L').length)"  # corners drawn
FIGURES = "fetch('/figures').then(a => a.json())"


def text(identity):
    """The text of one element."""
    return f"document.getElementById('{identity}').textContent"


class Training(threading.Thread):
    """A `dd.train` on a thread of its own. `error` is what it raised, if it did."""

    def __init__(self, dd, *arguments, **options):
        super().__init__(daemon=True)
        self.dd, self.arguments, self.options = dd, arguments, options
        self.error = self.summary = None
        self.start()

    def run(self):
        try:
            self.summary = self.dd.train(*self.arguments, **self.options)
        except Exception as error:
            self.error = error

    def stop(self):
        """End the session in the middle of the training, and see the training end with it."""
        self.dd.close()
        self.join(60)
        assert not self.is_alive(), "the training did not end with its session"
