// A curve: one measure over words (or time) as an SVG, drawn anew with every look. Its card says the newest value; pointing at the
// curve, or the arrow keys when it has the focus, say the value there instead.

import {ticks} from './format.js';

const SVG = 'http://www.w3.org/2000/svg';
const room = {left: 46, right: 18, top: 10, bottom: 24}; // px around the plot
const floorShare = 0.08; // of the range, left free below and above when the axis need not start at 0

export class Curve {
  // what: {title, unit, value(point), show(value), axis(value, digits), zero}; say(text) reaches screen readers.
  constructor(what, say) {
    this.what = what;
    this.say = say;
    this.shown = null; // index of the point that is pointed at
    this.data = {xs: [], ys: [], marks: []};
    this.build();
    new ResizeObserver(() => this.draw()).observe(this.plot);
  }

  build() {
    this.card = element('section', 'card curve');
    const line = element('div', 'line');
    const heading = element('h2');
    heading.append(this.what.title, ' ');
    heading.append(Object.assign(element('span', 'quiet'), {textContent: this.what.unit}));
    this.now = element('p', 'value');
    this.where = element('p', 'quiet where');
    line.append(heading, this.now);
    this.plot = element('div', 'plot');
    this.svg = shape('svg', {role: 'img', tabindex: 0});
    this.grid = shape('g', {class: 'grid'});
    this.area = shape('path', {class: 'area'});
    this.path = shape('path', {class: 'path'});
    this.cross = shape('g', {class: 'cross', visibility: 'hidden'});
    this.rule = shape('line', {});
    this.dot = shape('circle', {r: 4});
    this.cross.append(this.rule, this.dot);
    this.tip = shape('circle', {class: 'tip', r: 3.5, visibility: 'hidden'});
    this.svg.append(this.grid, this.area, this.path, this.tip, this.cross);
    this.plot.append(this.svg);
    this.empty = Object.assign(element('p', 'empty quiet'), {textContent: this.what.empty});
    this.plot.append(this.empty);
    this.card.append(line, this.where, this.plot);
    this.svg.addEventListener('pointermove', e => this.point(this.nearest(e.offsetX)));
    this.svg.addEventListener('pointerdown', e => this.point(this.nearest(e.offsetX)));
    this.svg.addEventListener('pointerleave', () => this.point(null));
    this.svg.addEventListener('blur', () => this.point(null));
    this.svg.addEventListener('keydown', e => this.key(e));
  }

  // show takes points of [x, y] in order of x, and the xs to mark (ends of epochs). xAxis: {show(x), axis(range), label, zero}.
  show(points, marks, xAxis) {
    const seen = points.filter(([, y]) => Number.isFinite(y));
    this.data = {xs: seen.map(p => p[0]), ys: seen.map(p => p[1]), marks};
    this.xAxis = xAxis;
    if (this.shown !== null) this.shown = Math.min(this.shown, seen.length - 1);
    if (!seen.length) this.shown = null;
    this.draw();
  }

  draw() {
    const {xs, ys, marks} = this.data;
    const width = this.plot.clientWidth, height = this.plot.clientHeight;
    if (!width) return;
    this.svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
    this.grid.replaceChildren();
    this.empty.hidden = xs.length > 0;
    this.svg.setAttribute('aria-label', this.summary());
    this.svg.setAttribute('tabindex', xs.length ? 0 : -1);
    this.tip.setAttribute('visibility', xs.length ? 'visible' : 'hidden');
    if (!xs.length) {
      this.path.removeAttribute('d');
      this.area.removeAttribute('d');
      this.label();
      return;
    }
    const [x0, x1] = spread(this.xAxis.zero ? 0 : xs[0], xs[xs.length - 1]);
    const [y0, y1] = this.range(ys);
    this.x = v => room.left + (v - x0) / (x1 - x0) * (width - room.left - room.right);
    this.y = v => height - room.bottom - (v - y0) / (y1 - y0) * (height - room.top - room.bottom);
    this.frame(x0, x1, y0, y1, marks, width, height);
    const corners = xs.map((v, i) => `${this.x(v).toFixed(1)} ${this.y(ys[i]).toFixed(1)}`);
    const base = (height - room.bottom).toFixed(1);
    this.path.setAttribute('d', 'M' + corners.join('L'));
    this.area.setAttribute('d', `M${this.x(xs[0]).toFixed(1)} ${base}L${corners.join('L')}L${this.x(xs[xs.length - 1]).toFixed(1)} ${base}Z`);
    place(this.tip, this.x(xs[xs.length - 1]), this.y(ys[ys.length - 1]));
    this.label();
  }

  range(ys) {
    let low = Infinity, high = -Infinity;
    for (const y of ys) { low = Math.min(low, y); high = Math.max(high, y); }
    if (this.what.zero) return [0, high > 0 ? high * (1 + floorShare) : 1];
    [low, high] = spread(low, high);
    return [low - (high - low) * floorShare, high + (high - low) * floorShare];
  }

  // frame draws the axes: grid lines at round values, and a broken line where an epoch ended.
  frame(x0, x1, y0, y1, marks, width, height) {
    const bottom = height - room.bottom;
    const rows = ticks(y0, y1, 4);
    for (const v of rows.at) {
      const y = Math.round(this.y(v)) + 0.5;
      this.grid.append(shape('line', {x1: room.left, x2: width - room.right, y1: y, y2: y}));
      this.grid.append(text(this.what.axis(v, rows.digits), {x: room.left - 8, y: y + 3.5, 'text-anchor': 'end'}));
    }
    const {scale, write} = this.xAxis.axis(x1 - x0); // of seconds, minutes, hours: round ones of the unit that is written
    for (const v of ticks(x0 / scale, x1 / scale, width < 300 ? 4 : 5).at) {
      this.grid.append(text(write(v), {x: this.x(v * scale), y: height - 7, 'text-anchor': 'middle'}));
    }
    for (const v of marks) {
      if (v <= x0 || v >= x1) continue;
      const x = Math.round(this.x(v)) + 0.5;
      this.grid.append(shape('line', {class: 'mark', x1: x, x2: x, y1: room.top, y2: bottom}));
    }
  }

  // label writes the card's value: of the point pointed at, else the newest.
  label() {
    const {xs, ys} = this.data;
    const i = this.shown ?? xs.length - 1;
    this.now.textContent = i >= 0 ? this.what.show(ys[i]) : '–';
    this.where.textContent = this.shown === null ? '\u00a0' : `at ${this.xAxis.show(xs[i])}`;
    this.cross.setAttribute('visibility', this.shown === null ? 'hidden' : 'visible');
    if (this.shown === null || !this.x) return;
    const x = this.x(xs[i]);
    for (const [k, v] of Object.entries({x1: x, x2: x, y1: room.top, y2: this.plot.clientHeight - room.bottom})) this.rule.setAttribute(k, v);
    place(this.dot, x, this.y(ys[i]));
  }

  summary() {
    const {xs, ys} = this.data;
    const name = `${this.what.title} (${this.what.unit})`;
    if (!xs.length) return `${name}: no values yet`;
    const {show} = this.what;
    const low = ys.reduce((a, b) => Math.min(a, b)), high = ys.reduce((a, b) => Math.max(a, b));
    return `${name}, a curve ${this.xAxis.label}: now ${show(ys[ys.length - 1])}, lowest ${show(low)}, highest ${show(high)}. Arrow keys read values.`;
  }

  point(index) {
    this.shown = index;
    this.label();
  }

  nearest(px) {
    const {xs} = this.data;
    if (!xs.length) return null;
    let best = 0;
    for (let i = 1; i < xs.length; i++) if (Math.abs(this.x(xs[i]) - px) < Math.abs(this.x(xs[best]) - px)) best = i;
    return best;
  }

  key(event) {
    const last = this.data.xs.length - 1;
    if (last < 0) return;
    const from = this.shown ?? last;
    const stride = event.shiftKey ? 10 : 1;
    const to = {ArrowLeft: from - stride, ArrowRight: from + stride, Home: 0, End: last, Escape: null}[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.point(to === null ? null : Math.max(0, Math.min(last, to)));
    if (this.shown !== null) this.say(`${this.now.textContent} ${this.where.textContent}`);
  }
}

// spread widens an empty range, so that one value is drawn in the middle.
function spread(low, high) {
  if (high > low) return [low, high];
  const half = Math.abs(low) / 2 || 0.5;
  return [low - half, low + half];
}

function place(circle, x, y) {
  circle.setAttribute('cx', x);
  circle.setAttribute('cy', y);
}

function element(name, className = '') {
  return Object.assign(document.createElement(name), {className});
}

function shape(name, attributes) {
  const node = document.createElementNS(SVG, name);
  for (const [k, v] of Object.entries(attributes)) node.setAttribute(k, v);
  return node;
}

function text(content, attributes) {
  const node = shape('text', attributes);
  node.textContent = content;
  return node;
}
