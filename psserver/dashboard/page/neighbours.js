// The search for a word's nearest neighbours: the answer is renewed while the training moves the vectors under it.

const renewal = 5000; // ms

export class Neighbours {
  constructor(root) {
    const at = name => root.querySelector(`#near-${name}`);
    Object.assign(this, {form: at('form'), word: at('word'), topn: at('topn'), note: at('note'), list: at('list')});
    this.asked = null;  // the word whose neighbours are shown
    this.turn = 0;      // only the answer to the newest question counts
    this.moving = false;
    this.form.addEventListener('submit', event => {
      event.preventDefault();
      this.ask(this.word.value.trim());
    });
    this.topn.addEventListener('change', () => this.asked && this.ask(this.asked));
    setInterval(() => this.moving && this.asked && !document.hidden && this.ask(this.asked, true), renewal);
  }

  // show says whether the vectors move at present.
  show(figures) {
    this.moving = figures.phase === 'training';
  }

  async ask(word, again = false) {
    if (!word) return;
    const turn = ++this.turn;
    try {
      const answer = await fetch(`/neighbours?${new URLSearchParams({word, topn: this.topn.value})}`);
      const body = await answer.json();
      if (turn !== this.turn) return;
      if (!answer.ok) throw new Error(body.error);
      this.asked = word;
      this.fill(body.neighbours);
      if (!again) this.note.textContent = body.neighbours.length ? `Nearest to “${word}”, by cosine` : `“${word}” has no neighbours`;
    } catch (error) {
      if (turn !== this.turn || again) return;
      this.asked = null;
      this.list.replaceChildren();
      this.note.textContent = error instanceof TypeError ? 'The server does not answer' : error.message;
    }
  }

  fill(neighbours) {
    while (this.list.children.length > neighbours.length) this.list.lastChild.remove();
    while (this.list.children.length < neighbours.length) this.list.append(this.item());
    neighbours.forEach(([word, cosine], i) => {
      const item = this.list.children[i];
      const [button, bar, number] = item.children;
      button.textContent = word;
      button.setAttribute('aria-label', `${word}: find its neighbours`);
      bar.firstChild.style.width = `${Math.max(0, Math.min(1, cosine)) * 100}%`;
      number.textContent = cosine.toFixed(3);
    });
  }

  item() {
    const item = document.createElement('li');
    const button = Object.assign(document.createElement('button'), {type: 'button'});
    button.addEventListener('click', () => {
      this.word.value = button.textContent;
      this.ask(button.textContent);
    });
    const bar = Object.assign(document.createElement('span'), {className: 'bar'});
    bar.setAttribute('aria-hidden', 'true');
    bar.append(document.createElement('span'));
    item.append(button, bar, Object.assign(document.createElement('span'), {className: 'cosine'}));
    return item;
  }
}
