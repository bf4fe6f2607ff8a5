// How figures read: short where space is short, whole where it is not, always in English as the rest of the page.

const whole = new Intl.NumberFormat('en', {maximumFractionDigits: 0});
const short = new Intl.NumberFormat('en', {notation: 'compact', maximumSignificantDigits: 3});
const even = new Intl.NumberFormat('en', {notation: 'compact', minimumSignificantDigits: 3, maximumSignificantDigits: 3});

export const count = n => whole.format(n);
export const compact = n => n < 10000 ? whole.format(n) : even.format(n); // of one width, so that live values stand still
export const tick = n => n < 10000 ? whole.format(n) : short.format(n);
export const rate = n => n > 0 ? (n < 10 ? n.toPrecision(2) : compact(n)) : '–';
export const percent = share => `${(Math.floor(share * 1000) / 10).toFixed(1)} %`; // never 100 before the end
export const fixed = (n, digits = 4) => n ? n.toFixed(digits) : '–';
export const plural = (n, one, many = one + 's') => `${count(n)} ${n === 1 ? one : many}`;

// alpha keeps three digits however small it gets.
export const alpha = n => n ? (n >= 0.001 ? n.toPrecision(3) : n.toExponential(2)) : '–';

export function bytes(n) {
  if (!n) return '–';
  for (const unit of ['B', 'kB', 'MB', 'GB']) {
    if (n < 1000) return `${n < 10 && unit !== 'B' ? n.toFixed(1) : whole.format(n)} ${unit}`;
    n /= 1000;
  }
  return `${n.toFixed(1)} TB`;
}

export function duration(seconds) {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  const m = Math.round(s / 60);
  if (m < 1440) return `${Math.floor(m / 60)} h ${m % 60} min`;
  return `${Math.floor(m / 1440)} d ${Math.floor(m % 1440 / 60)} h`;
}

// timeAxis picks the unit for an axis over so many seconds.
export function timeAxis(range) {
  const [scale, unit] = range < 180 ? [1, 's'] : range < 3 * 3600 ? [60, 'min'] : range < 72 * 3600 ? [3600, 'h'] : [86400, 'd'];
  return {scale, write: v => `${Number(v.toPrecision(6))} ${unit}`};
}

// ticks are about `wanted` round numbers within [low, high], and how many digits tell them apart.
export function ticks(low, high, wanted) {
  const power = 10 ** Math.floor(Math.log10((high - low) / wanted));
  let best = null;
  for (const step of [0.5, 1, 2, 2.5, 5, 10].map(m => m * power)) {
    const first = Math.ceil(low / step - 1e-9), last = Math.floor(high / step + 1e-9);
    const miss = Math.abs(last - first + 1 - wanted);
    if (!best || miss < best.miss) best = {step, first, last, miss};
  }
  const at = [];
  for (let i = best.first; i <= best.last; i++) at.push(i * best.step || 0); // never -0
  const digits = [0, 1, 2, 3, 4, 5, 6, 7, 8].find(n => Math.abs(best.step - best.step.toFixed(n)) < best.step * 1e-6) ?? 9;
  return {at, digits};
}
