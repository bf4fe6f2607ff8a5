// The page: it takes looks from the stream and shows them. What a look holds is told in events.go and recorder.go.

import * as format from './format.js';
import {Curve} from './curve.js';
import {Neighbours} from './neighbours.js';
import {Stream} from './stream.js';
import {Table} from './table.js';

const at = id => document.getElementById(id);
const write = (id, text) => { if (at(id).textContent !== text) at(id).textContent = text || '\u00a0'; };
const say = text => { at('say').textContent = text; };
const sum = (items, of) => items.reduce((total, item) => total + of(item), 0);

// The order of a point's numbers is that of history.go.
const [SECONDS, WORDS, PUSHES, UPDATES, RATE, ALPHA, LOSS, STALENESS] = [0, 1, 2, 3, 4, 5, 6, 7];
const known = value => value || NaN;
const kinds = {word2vec: 'word2vec', model: 'Model', '': 'DeepDist'};
const phases = {
  idle: 'Waiting for a training', ingest: 'Reading the text', vocabulary: 'Settling the vocabulary',
  training: 'Training', done: 'Done', failed: 'Failed',
};
const links = {connecting: 'Connecting', live: 'Live', lost: 'Connection lost', ended: 'Session ended'};

const overWords = {zero: true, of: p => p[WORDS], label: 'over words', axis: () => ({scale: 1, write: format.tick}), show: v => `${format.compact(v)} words`};
const overTime = {zero: true, of: p => p[SECONDS], label: 'over time', axis: format.timeAxis, show: v => format.duration(v)};
const early = 'Drawn from the first push on';
const views = {
  word2vec: {
    x: overWords,
    curves: [
      {title: 'Mean loss', unit: 'per pair', empty: early, value: p => known(p[LOSS]), show: v => format.fixed(v), axis: (v, digits) => v.toFixed(digits)},
      {title: 'Speed', unit: 'words/s', empty: early, zero: true, value: p => known(p[RATE]), show: format.compact, axis: format.tick},
      {title: 'Learning rate', unit: 'alpha', empty: early, zero: true, value: p => known(p[ALPHA]), show: format.alpha, axis: (v, digits) => v.toFixed(digits)},
    ],
    tiles: ['Text', 'Vocabulary', 'Pushes', 'Workers', 'Memory', 'Time'],
  },
  model: {
    x: overTime,
    curves: [
      {title: 'Updates', unit: 'in the model', empty: early, zero: true, value: p => p[UPDATES] || p[PUSHES], show: format.count, axis: (v, digits) => digits ? '' : format.tick(v)},
      {title: 'Pace', unit: 'pushes/s', empty: early, zero: true, value: (p, i, points) => pace(points, i), show: format.rate, axis: (v, digits) => v.toFixed(digits)},
      {title: 'Staleness', unit: 'versions behind', empty: early, zero: true, value: p => p[STALENESS], show: v => v.toFixed(1), axis: (v, digits) => v.toFixed(digits)},
    ],
    tiles: ['Updates', 'Version', 'Pushes', 'Workers', 'Memory', 'Time'],
  },
};

const tiles = {
  Text: f => [f.ingested_words ? format.compact(f.ingested_words) : '–', f.records ? `words, ${format.compact(f.records)} sentences` : 'words'],
  Vocabulary: f => [f.vocabulary_size ? format.count(f.vocabulary_size) : '–', 'words'],
  Updates: f => [format.count(f.updates), f.update_waiting ? 'one waits' : ''],
  Version: f => [format.count(f.version), ''],
  Pushes: f => [format.count(f.pushes), `${format.count(f.moved)} moved, ${format.count(f.refused)} refused`],
  Workers: f => [format.count(here(f).length), format.plural(sum(here(f), w => w.threads), 'thread')],
  Memory: f => [format.bytes(f.rss_bytes), here(f).length ? `workers ${format.bytes(sum(here(f), w => w.rss_bytes))}` : 'server'],
  Time: (f, tip) => [tip ? format.duration(tip[SECONDS]) : '–', 'training'],
};

const workers = new Table(at('workers'), 'The workers of this session', [
  {title: 'Host', show: w => w.host},
  {title: 'PID', number: true, show: w => String(w.pid)},
  {title: 'Kernel', show: w => w.kernel},
  {title: 'Threads', number: true, show: w => format.count(w.threads)},
  {title: 'Words', number: true, only: 'word2vec', show: w => format.compact(w.words)},
  {title: 'Words/s', number: true, only: 'word2vec', show: w => format.rate(w.words_per_second)},
  {title: 'Pushes', number: true, show: w => format.count(w.pushes)},
  {title: 'Staleness', number: true, show: w => w.staleness.toFixed(1)},
  {title: 'Memory', number: true, show: w => format.bytes(w.rss_bytes), more: w => `replica ${format.bytes(w.replica_bytes)}, spool ${format.bytes(w.spool_bytes)}`},
  {title: 'State', state: true, show: w => w.state},
], w => w.worker_id, 'No worker has joined yet: the first task on each executor starts one.');

const epochs = new Table(at('epochs'), 'The epochs that are over', [
  {title: 'Epoch', number: true, show: e => String(e.epoch + 1)},
  {title: 'Words', number: true, show: e => format.compact(e.words)},
  {title: 'Time', number: true, show: e => format.duration(e.seconds)},
  {title: 'Words/s', number: true, show: e => format.rate(e.words_per_second)},
  {title: 'Alpha', number: true, show: e => format.alpha(e.alpha)},
  {title: 'Loss', number: true, show: e => format.fixed(e.loss)},
  {title: 'Pushes', number: true, show: e => format.count(e.pushes)},
], e => e.epoch, 'No epoch is over yet.');

const neighbours = new Neighbours(at('near'));
const here = f => f.workers.filter(w => w.state !== 'left');
let build = null, points = [], curves = [], shownKind = null, told = '';

// pace is pushes per second before a point, over at least three seconds and four points: single slow pushes don't make it jump.
function pace(all, i) {
  const to = all[i];
  let from = null;
  for (let j = i - 1; j >= 0 && !(from && i - j > 4 && to[SECONDS] - from[SECONDS] >= 3); j--) from = all[j];
  return from && to[SECONDS] > from[SECONDS] ? (to[PUSHES] - from[PUSHES]) / (to[SECONDS] - from[SECONDS]) : NaN;
}

function progress(f) {
  if (f.phase === 'done') return 1;
  if (f.phase === 'training' || f.phase === 'failed') {
    if (f.total_words) return f.words / f.total_words;
  }
  if (f.phase === 'vocabulary') return 1;
  return f.partitions ? f.partitions_done / f.partitions : 0;
}

function doneLine(f) {
  const partitions = `${format.count(f.partitions_done)} of ${format.plural(f.partitions, 'partition')}`;
  switch (f.phase) {
    case 'idle': return '';
    case 'ingest': return `${partitions}, ${format.plural(f.ingested_words, 'word')} in ${format.plural(f.records, 'sentence')}`;
    case 'vocabulary': return `${format.plural(f.ingested_words, 'word')} counted`;
  }
  if (f.kind !== 'word2vec') return f.partitions ? partitions : '';
  const epoch = Math.min(f.epoch + 1, f.epochs);
  return `Epoch ${epoch} of ${f.epochs}, ${format.count(f.words)} of ${format.plural(f.total_words, 'word')}`;
}

function look({figures: f, tip, reset, points: fresh}) {
  points = reset ? fresh : points.concat(fresh);
  const kind = views[f.kind] ? f.kind : shownKind; // between trainings there is none
  if (kind !== shownKind) lay(kind);
  const share = progress(f), phase = phases[f.phase] ?? f.phase;
  write('kind', kinds[f.kind] ?? f.kind);
  write('phase', phase);
  at('phase').dataset.phase = f.phase;
  write('percent', f.phase === 'idle' ? '–' : format.percent(share));
  write('done', doneLine(f));
  write('eta', f.phase === 'training' && f.eta_seconds ? `about ${format.duration(f.eta_seconds)} left` : '');
  at('bar').value = share;
  document.title = f.phase === 'training' || f.phase === 'ingest' ? `${Math.floor(share * 100)} % ${phase} · DeepDist` : `${phase} · DeepDist`;
  for (const name of views[kind].tiles) {
    const [value, note] = tiles[name](f, tip);
    write(`tile-${name}`, value);
    write(`note-${name}`, note);
  }
  draw(kind, f, tip);
  workers.show(f.workers);
  epochs.show(f.epochs_done.toReversed()); // the newest first: the list may be long
  at('passes').hidden = kind === 'model' && !f.epochs_done.length;
  write('epochs-note', f.epochs ? `${f.epochs_done.length} of ${f.epochs} over` : '');
  write('workers-note', sum(here(f), w => w.spool_bytes) ? `spools ${format.bytes(sum(here(f), w => w.spool_bytes))}` : '');
  neighbours.show(f);
  at('failure').hidden = !f.error;
  write('failure-text', f.error);
  write('age', `Figures of ${new Date().toLocaleTimeString('en-GB')}`);
  const news = `${phase}${f.phase === 'training' && f.epochs ? `, epoch ${Math.min(f.epoch + 1, f.epochs)} of ${f.epochs}` : ''}`;
  if (news !== told) say(told = news);
}

// lay puts up the tiles and curves of a kind of training.
function lay(kind) {
  shownKind = kind;
  at('tiles').replaceChildren(...views[kind].tiles.map(name => {
    const tile = document.createElement('div');
    const title = Object.assign(document.createElement('dt'), {textContent: name});
    const value = Object.assign(document.createElement('dd'), {id: `tile-${name}`, className: 'value', textContent: '–'});
    const note = Object.assign(document.createElement('dd'), {id: `note-${name}`, className: 'quiet', textContent: '\u00a0'});
    tile.append(title, value, note);
    return tile;
  }));
  curves = views[kind].curves.map(what => new Curve(what, say));
  at('curves').replaceChildren(...curves.map(curve => curve.card));
  at('near').hidden = kind !== 'word2vec';
  document.body.dataset.kind = kind;
}

function draw(kind, f, tip) {
  const {x} = views[kind];
  const all = tip ? [...points, tip] : points;
  const marks = [];
  if (x === overWords) f.epochs_done.reduce((end, epoch) => (marks.push(end + epoch.words), end + epoch.words), 0);
  // Words stand still between two pushes while speeds go on: of points over the same words the newest is drawn.
  const drawn = i => i + 1 === all.length || x.of(all[i + 1]) > x.of(all[i]);
  for (const curve of curves) curve.show(all.map((p, i) => [x.of(p), curve.what.value(p, i, all)]).filter((_, i) => drawn(i)), marks, x);
}

lay('word2vec');
workers.show([]);
epochs.show([]);
new Stream({
  hello(data) {
    if (build && build !== data.build) location.reload();
    build = data.build;
    write('build', `DeepDist ${build}`);
  },
  look,
  state(name) {
    if (at('link').dataset.state === name) return;
    at('link').dataset.state = name;
    document.body.dataset.link = name;
    write('link-text', links[name]);
    if (name === 'lost' || name === 'ended') {
      write('eta', '');
      say(`${links[name]}: these are the last figures`);
    }
  },
});
