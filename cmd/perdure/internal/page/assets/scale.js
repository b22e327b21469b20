import { span } from './words.js';

const steps = [
  1,
  2,
  5,
  10,
  20,
  50,
  100,
  200,
  500,
  1e3,
  2e3,
  5e3,
  10e3,
  15e3,
  30e3,
  60e3,
  120e3,
  300e3,
  600e3,
  900e3,
  1800e3,
  3600e3,
  2 * 3600e3,
  3 * 3600e3,
  6 * 3600e3,
  12 * 3600e3,
  864e5,
  2 * 864e5,
  7 * 864e5,
  14 * 864e5,
  28 * 864e5,
  91 * 864e5,
  182 * 864e5,
];
const least = 10; // milliseconds that are seen at least

/**
 * Which part of the time of an execution is seen. Places are numbers that grow with the time. They
 * are milliseconds since the beginning, unless times when nothing runs are made short: then each of
 * those takes as much place as a fraction of what is busy.
 */
export class Scale {
  constructor() {
    this.from = this.to = 0; // what is seen
    this.short = false;
    this.pieces = [{ t0: 0, t1: 1, p0: 0, p1: 1, gap: false }];
  }

  get length() {
    return this.pieces.at(-1).p1;
  }

  /**
   * Sets from when to when the execution reaches, and when something of it runs. All is seen,
   * unless the user has zoomed.
   */
  reach(begin, end, busy) {
    const whole = this.to <= this.from || (this.from === 0 && this.to === this.length);
    this.begin = begin;
    this.end = Math.max(end, begin + least);
    this.busy = busy;
    this.divide();
    if (whole) this.all();
  }

  /** Makes times short when nothing runs, or as long as they are. */
  shorten(short) {
    this.short = short;
    this.divide();
    this.all();
  }

  divide() {
    const { begin, end } = this;
    this.pieces = [{ t0: begin, t1: end, p0: 0, p1: end - begin, gap: false }];
    if (!this.short) return;
    const whole = end - begin;
    const sorted = this.busy
      .map(([from, to]) => {
        const room = Math.max((to - from) * 0.05, Math.min(1000, whole / 200));
        return [Math.max(begin, from - room), Math.min(end, to + room)];
      })
      .sort((a, b) => a[0] - b[0]);
    const spans = []; // busy ones, with what lies close together
    const close = Math.max(1000, whole / 50);
    for (const [from, to] of sorted) {
      const last = spans.at(-1);
      if (last && from - last[1] < close) last[1] = Math.max(last[1], to);
      else spans.push([from, to]);
    }
    if (!spans.length) return;
    const all = spans.reduce((sum, [from, to]) => sum + to - from, 0);
    this.pieces = [];
    let place = 0;
    const add = (t0, t1, gap) => {
      if (t1 <= t0) return;
      const p1 = place + (gap ? Math.min(t1 - t0, all / Math.max(6, spans.length)) : t1 - t0);
      this.pieces.push({ t0, t1, p0: place, p1, gap });
      place = p1;
    };
    let at = begin;
    for (const [from, to] of spans) {
      add(at, from, true);
      add(Math.max(at, from), to, false);
      at = Math.max(at, to);
    }
    add(at, end, true);
  }

  all() {
    this.from = 0;
    this.to = this.length;
  }

  see(from, to) {
    const length = Math.max(Math.min(least, this.length), Math.min(to - from, this.length));
    this.from = Math.max(0, Math.min(from, this.length - length));
    this.to = this.from + length;
  }

  /** Makes what is seen so many times as long, around a part of it from 0 to 1. */
  zoom(times, around = 0.5) {
    const length = (this.to - this.from) * times;
    const at = this.from + (this.to - this.from) * around;
    this.see(at - length * around, at + length * (1 - around));
  }

  pan(part) {
    const by = (this.to - this.from) * part;
    this.see(this.from + by, this.to + by);
  }

  /** Returns the place of a time. */
  place(time) {
    const { pieces } = this;
    const piece =
      pieces.length === 1 ? pieces[0] : (pieces.find((p) => time <= p.t1) ?? pieces.at(-1));
    return piece.p0 + ((time - piece.t0) / (piece.t1 - piece.t0)) * (piece.p1 - piece.p0);
  }

  /** Returns where a time is, from 0 to 1 for those that are seen. */
  at(time) {
    return (this.place(time) - this.from) / (this.to - this.from);
  }

  /** Returns the time of a place. */
  time(place) {
    const piece = this.pieces.find((p) => place <= p.p1) ?? this.pieces.at(-1);
    return piece.t0 + ((place - piece.p0) / (piece.p1 - piece.p0)) * (piece.t1 - piece.t0);
  }

  /** Returns the pieces that are seen, as wide as so many pixels, each with the times to mark. */
  seen(width, apart = 110) {
    return this.pieces
      .filter((p) => p.p1 >= this.from && p.p0 <= this.to)
      .map((p) => {
        const t0 = this.time(Math.max(p.p0, this.from));
        const t1 = this.time(Math.min(p.p1, this.to));
        const x0 = this.at(t0) * width;
        const x1 = this.at(t1) * width;
        if (p.gap) return { x0, x1, gap: p.t1 - p.t0, until: p.t1, times: [], step: 1 };
        const wanted = (t1 - t0) / Math.max(1, (x1 - x0) / apart);
        const step = steps.find((s) => s >= wanted) ?? steps.at(-1);
        const times = [];
        for (let t = Math.ceil(t0 / step) * step; t <= t1; t += step) times.push(t);
        if (!times.length || this.short) times.unshift(t0);
        return { x0, x1, times, step };
      });
  }
}

const day = (time) => new Date(time).toISOString().slice(5, 16).replace('T', ' ');

/** Returns a time as the axis has it: as short as the distance of the marks allows. */
export function mark(time, step) {
  if (time % step) step = Math.min(step, 1e3); // the beginning of a piece
  const iso = new Date(time).toISOString();
  if (step >= 864e5) return iso.slice(0, 10);
  if (step >= 60e3) return time % 864e5 === 0 ? iso.slice(0, 10) : iso.slice(11, 16);
  return step >= 1e3 ? iso.slice(11, 19) : iso.slice(17, 23);
}

/**
 * Draws the axis: the marks, when invocations ran and which failed, and how many bodies ran at
 * once.
 */
export function drawAxis(canvas, scale, model) {
  const width = canvas.clientWidth;
  const height = canvas.clientHeight;
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  // Without the graphics card, which takes longer to wake up than to draw this.
  const c = canvas.getContext('2d', { willReadFrequently: true });
  c.scale(ratio, ratio);
  const style = getComputedStyle(canvas);
  const color = (name) => {
    canvas.style.color = `var(${name})`;
    return style.color;
  };
  c.font = `${style.fontSize} ${style.fontFamily}`;
  c.textBaseline = 'top';
  const [line, dim, gap] = [color('--line'), color('--dim'), color('--gap')];
  let free = -1; // where the next text may begin
  for (const piece of scale.seen(width)) {
    if (piece.gap) {
      c.fillStyle = gap;
      c.fillRect(piece.x0, 0, piece.x1 - piece.x0, height);
      // What is short says how long it is, and when it ends, if there is room.
      const room = piece.x1 - piece.x0 - 4;
      const text = [`${span(piece.gap)}, until ${day(piece.until)}`, span(piece.gap)].find(
        (t) => c.measureText(t).width < room,
      );
      c.fillStyle = dim;
      if (text)
        c.fillText(text, (piece.x0 + piece.x1 - c.measureText(text).width) / 2, 3);
      free = piece.x1;
      continue;
    }
    for (const t of piece.times) {
      const x = Math.round(scale.at(t) * width) + 0.5;
      c.strokeStyle = line;
      c.beginPath();
      c.moveTo(x, 0);
      c.lineTo(x, height);
      c.stroke();
      // Where times are short, a piece begins with its day: the one before it may be weeks ago.
      const text = scale.short && t === piece.times[0] ? day(t) : mark(t, piece.step);
      const wide = c.measureText(text).width;
      if (x + 4 < free || x + 4 + wide > width) continue;
      c.fillStyle = dim;
      c.fillText(text, x + 4, 3);
      free = x + 10 + wide;
    }
  }
  const lane = 20;
  for (const v of model.invocations) {
    const from = scale.at(v.start) * width;
    const to = scale.at(v.end) * width;
    if (to < 0 || from > width) continue;
    c.fillStyle = color(v.error ? '--failed' : '--invocation');
    c.fillRect(from, lane, Math.max(2, to - from), 6);
  }
  const top = lane + 9;
  const room = height - top - 1;
  c.fillStyle = color('--level');
  model.levels.forEach(([at, bodies], i) => {
    if (!bodies) return;
    const from = scale.at(at) * width;
    const to = scale.at(model.levels[i + 1]?.[0] ?? model.now) * width;
    const high = Math.max(2, (bodies / model.most) * room);
    if (to >= 0 && from <= width) c.fillRect(from, height - high, Math.max(1, to - from), high);
  });
  canvas.setAttribute(
    'aria-label',
    `Time axis over ${span(scale.time(scale.to) - scale.time(scale.from))}, invocations, and bodies that run at once` +
      ` (at most ${model.most})`,
  );
}
