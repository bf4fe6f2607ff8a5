// The stream of looks from /events. It says how it stands: "connecting", "live", "lost" or "ended"; and comes back by itself.

const silence = 25000; // ms without a word, not even "alive": the connection is lost
const soonest = 1000, latest = 10000; // ms until the next try

export class Stream {
  // on: {hello(data), look(data), state(name)}
  constructor(on) {
    this.on = on;
    this.wait = soonest;
    this.open();
  }

  open() {
    const source = this.source = new EventSource('/events');
    const heard = take => event => {
      this.wait = soonest;
      clearTimeout(this.watch);
      this.watch = setTimeout(() => this.again('lost'), silence);
      take(JSON.parse(event.data));
    };
    source.addEventListener('hello', heard(this.on.hello));
    source.addEventListener('look', heard(data => {
      this.on.look(data);
      this.state = 'live';
      this.on.state('live');
    }));
    source.addEventListener('alive', heard(() => {}));
    source.addEventListener('end', () => this.again('ended'));
    source.onerror = () => this.again('lost');
  }

  // again drops this connection and tries the next after a while. EventSource's own way gives up for good on an HTTP error.
  again(state) {
    this.source.close();
    clearTimeout(this.watch);
    if (!(this.state === 'ended' && state === 'lost')) this.on.state(state); // an end explains why nobody answers
    this.state = state === 'ended' || this.state === 'ended' ? 'ended' : state;
    setTimeout(() => this.open(), this.wait);
    this.wait = Math.min(this.wait * 2, latest);
  }
}
