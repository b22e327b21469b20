import { button, el, put, statusBadge } from './dom.js';
import { Rows } from './rows.js';
import { drawAxis, Scale } from './scale.js';
import { plural, span, stamp, when } from './words.js';

const kinds = {
  attempt: 'body',
  backoff: 'pause before an attempt',
  wait: 'wait',
  callback: 'callback',
  invoke: 'other function',
  group: 'group',
};
const quiet = new Set(['SUCCEEDED']);

/** The operations of an execution: as a tree, and the same rows with a time axis. */
export class Operations {
  constructor(app, view) {
    this.app = app;
    this.view = view;
    this.closed = new Set(); // indices of groups whose inside is not shown
    this.text = '';
    this.only = false; // those that have not succeeded
    this.scale = new Scale();
    this.visible = [];
    this.axis = el('canvas', { class: 'axis', role: 'img', 'aria-label': 'Time axis' });
    const options = {
      role: 'treegrid',
      draw: (i) => this.draw(i),
      moved: (i) => this.view.choose(this.visible[i]?.o),
      open: (i, event) => {
        if (event.type === 'keydown') this.toggle(i);
      },
      twice: (i) => this.zoomTo(this.visible[i].o),
      key: (event, i) => this.key(event, i),
    };
    this.tree = new Rows({
      ...options,
      label: 'Operations',
      class: 'tree',
      columns: ['Operation', 'Status', 'Took', 'Outcome'],
    });
    this.timeline = new Rows({
      ...options,
      label: 'Timeline of the operations',
      class: 'timeline',
      columns: ['Operation', 'When'],
      head: el(
        'div',
        { class: 'row head', role: 'row' },
        el('span', { role: 'columnheader' }, 'Operation'),
        el('span', { role: 'columnheader', class: 'axis-cell' }, this.axis),
      ),
    });
    this.rows = this.tree;
    this.build();
    this.watch = new ResizeObserver(() => this.timed && this.drawTime());
    this.watch.observe(this.axis);
    this.themed = () => this.timed && this.drawTime();
    document.addEventListener('themed', this.themed);
  }

  build() {
    const search = el('input', {
      type: 'search',
      placeholder: 'Operation',
      'aria-label': 'Search operations',
      autocomplete: 'off',
      spellcheck: 'false',
      oninput: (event) => {
        this.text = event.target.value.trim().toLowerCase();
        this.relist();
      },
    });
    const only = el(
      'label',
      {},
      el('input', {
        type: 'checkbox',
        onchange: (event) => {
          this.only = event.target.checked;
          this.relist();
        },
      }),
      ' not succeeded',
    );
    const zooming = (text, label, f) =>
      button(
        text,
        () => {
          f();
          this.drawTime();
        },
        { 'aria-label': label, title: label },
      );
    this.zooms = el(
      'span',
      { class: 'zooms', role: 'group', 'aria-label': 'Zoom' },
      zooming('−', 'Zoom out (−)', () => this.scale.zoom(2)),
      zooming('+', 'Zoom in (+)', () => this.scale.zoom(0.5)),
      zooming('◀', 'Earlier (Shift+←)', () => this.scale.pan(-0.25)),
      zooming('▶', 'Later (Shift+→)', () => this.scale.pan(0.25)),
      zooming('All', 'All of the time (0)', () => this.scale.all()),
    );
    this.short = el(
      'label',
      {},
      el('input', {
        type: 'checkbox',
        onchange: (event) => {
          this.scale.shorten(event.target.checked);
          this.drawTime();
        },
      }),
      ' short waits',
    );
    this.seen = el('span', { class: 'dim seen' });
    this.legend = el(
      'span',
      { class: 'legend' },
      [
        ...Object.entries(kinds),
        ['attempt broken', 'failed'],
        ['attempt broken cut', 'cut off'],
        ['attempt going', 'goes on'],
        ['axis-invocation', 'invocation'],
        ['axis-level', 'bodies at once'],
      ].map(([k, text]) =>
        el('span', {}, el('i', { class: `bar ${k}`, 'aria-hidden': 'true' }), text),
      ),
    );
    this.none = el('p', { class: 'empty' });
    this.counted = el('span', { class: 'count', role: 'status' });
    this.tools = el(
      'div',
      { class: 'tools' },
      search,
      only,
      button('Close all', () => {
        this.closed = new Set(
          this.model.operations.filter((o) => this.children[o.i]).map((o) => o.i),
        );
        this.relist();
      }),
      button('Open all', () => {
        this.closed.clear();
        this.relist();
      }),
      this.zooms,
      this.short,
      this.seen,
      el('span', { class: 'filler' }),
      this.counted,
    );
    this.axis.addEventListener('wheel', (event) => this.wheel(event), { passive: false });
    this.timeline.element.addEventListener(
      'wheel',
      (event) => {
        if (event.ctrlKey || event.metaKey) this.wheel(event);
      },
      { passive: false },
    );
    this.axis.addEventListener('pointerdown', (event) => this.drag(event));
  }

  close() {
    this.tree.close();
    this.timeline.close();
    this.watch.disconnect();
    document.removeEventListener('themed', this.themed);
  }

  /** Takes in the model, whose operations are in the order that they began. */
  take(model) {
    this.model = model;
    if (this.divided !== model.operations.length) {
      this.divided = model.operations.length;
      this.children = [];
      this.roots = [];
      for (const o of model.operations) {
        if (o.p < 0) this.roots.push(o.i);
        else (this.children[o.p] ??= []).push(o.i);
      }
    }
    const e = model.execution;
    const end = e.end || Math.max(model.now, e.start);
    const busy = model.operations.flatMap((o) =>
      o.bars.filter((b) => b.k === 'attempt' || b.k === 'invoke').map((b) => [b.s, b.e || end]),
    );
    for (const v of model.invocations) busy.push([v.start, v.end]);
    this.scale.reach(e.start, end, busy);
    this.list();
  }

  /** Lists the operations that are shown, with the branches before them. */
  list() {
    const { operations } = this.model;
    const wanted = this.text || this.only ? this.matching() : null;
    const chosen = this.visible[this.rows.current]?.o.i;
    this.none.hidden = operations.length > 0;
    this.none.textContent = this.model.execution.end
      ? 'It ended before its first operation.'
      : 'It has not begun any operation yet.';
    this.visible = [];
    const walk = (indices, depth) => {
      const shown = wanted ? indices.filter((i) => wanted.has(i)) : indices;
      shown.forEach((i, n) => {
        this.visible.push({ o: operations[i], depth, n: n + 1, of: shown.length });
        if (this.children[i] && (wanted || !this.closed.has(i))) walk(this.children[i], depth + 1);
      });
    };
    walk(this.roots, 0);
    if (chosen !== undefined) this.rows.current = this.visible.findIndex((v) => v.o.i === chosen);
    this.counted.textContent =
      this.visible.length === operations.length
        ? plural(operations.length, 'operation', 'operations')
        : `${this.visible.length.toLocaleString('en')} of ${operations.length.toLocaleString('en')}`;
  }

  /** Returns those that are looked for, and what is around them. */
  matching() {
    const found = new Set();
    for (const o of this.model.operations) {
      if (this.only && quiet.has(o.status) && !o.cut) continue;
      if (this.text && !`${o.name} ${o.what} ${o.status} ${o.id}`.toLowerCase().includes(this.text))
        continue;
      for (let i = o.i; i >= 0 && !found.has(i); i = this.model.operations[i].p) found.add(i);
    }
    return found;
  }

  relist() {
    this.list();
    this.rows.show(this.visible.length);
  }

  /** Draws again what has changed. */
  changed(operations) {
    if (!this.rows.element.isConnected) return;
    if (this.rows.count !== this.visible.length || this.timed) {
      this.rows.show(this.visible.length);
      if (this.timed) this.drawTime();
      return;
    }
    const changed = new Set(operations.map((o) => o.i));
    this.visible.forEach((v, i) => {
      if (changed.has(v.o.i) || v.o.status !== 'SUCCEEDED') this.rows.update(i);
    });
  }

  show(panel, timed) {
    const before = this.visible[this.rows.current]?.o;
    this.timed = timed;
    this.rows = timed ? this.timeline : this.tree;
    this.zooms.hidden = this.short.hidden = this.seen.hidden = !timed;
    if (!panel.contains(this.rows.element)) {
      put(panel, this.tools, timed ? this.legend : null, this.none, this.rows.element);
    }
    this.rows.show(this.visible.length);
    if (timed) this.drawAxis();
    if (before)
      this.rows.select(
        this.visible.findIndex((v) => v.o === before),
        true,
      );
  }

  /** Chooses an operation by its ID, and opens what is around it. */
  choose(id) {
    const o = this.model?.operations.find((other) => other.id === id);
    if (!o) return;
    for (let i = o.p; i >= 0; i = this.model.operations[i].p) this.closed.delete(i);
    this.relist();
    this.rows.select(this.visible.findIndex((v) => v.o === o));
    this.view.detail.show(o);
  }

  toggle(index) {
    const i = this.visible[index]?.o.i;
    if (i === undefined || !this.children[i]) return;
    if (!this.closed.delete(i)) this.closed.add(i);
    this.relist();
  }

  key(event, index) {
    const now = this.visible[index];
    if (this.timed && event.shiftKey && (event.key === 'ArrowLeft' || event.key === 'ArrowRight')) {
      this.scale.pan(event.key === 'ArrowLeft' ? -0.25 : 0.25);
      this.drawTime();
      return true;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    const zooms = {
      '+': () => this.scale.zoom(0.5),
      '=': () => this.scale.zoom(0.5),
      '-': () => this.scale.zoom(2),
      0: () => this.scale.all(),
    };
    if (this.timed && zooms[event.key]) {
      zooms[event.key]();
      this.drawTime();
      return true;
    }
    if (event.key === 'z' && this.timed && now) {
      this.zoomTo(now.o);
      return true;
    }
    if (event.key === 'Escape') {
      this.view.choose(null);
      return true;
    }
    if (!now) return false;
    if (event.key === 'ArrowRight' && this.children[now.o.i]) {
      if (this.closed.has(now.o.i)) this.toggle(index);
      else this.rows.select(index + 1);
      return true;
    }
    if (event.key === 'ArrowLeft') {
      if (this.children[now.o.i] && !this.closed.has(now.o.i)) this.toggle(index);
      else if (now.o.p >= 0) this.rows.select(this.visible.findIndex((v) => v.o.i === now.o.p));
      return true;
    }
    return false;
  }

  /** Sees when an operation ran, with a little around it. */
  zoomTo(o) {
    if (!this.timed) return;
    const from = this.scale.place(o.start);
    const to = this.scale.place(o.end || this.scale.end);
    const room = Math.max((to - from) * 0.1, 5);
    this.scale.see(from - room, to + room);
    this.drawTime();
  }

  wheel(event) {
    event.preventDefault();
    const box = this.axis.getBoundingClientRect();
    const around = Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY))
      this.scale.pan((event.deltaX || event.deltaY) / box.width);
    else this.scale.zoom(event.deltaY > 0 ? 1.25 : 0.8, around);
    this.drawTime();
  }

  /** Moves what is seen, while the axis is dragged. */
  drag(event) {
    this.axis.setPointerCapture(event.pointerId);
    const { from, to } = this.scale;
    const move = (e) => {
      const by = ((event.clientX - e.clientX) / this.axis.clientWidth) * (to - from);
      this.scale.see(from + by, to + by);
      this.drawTime();
    };
    this.axis.addEventListener('pointermove', move);
    this.axis.addEventListener(
      'pointerup',
      () => this.axis.removeEventListener('pointermove', move),
      { once: true },
    );
  }

  drawTime() {
    if (!this.axis.isConnected || !this.model) return;
    this.drawAxis();
    this.timeline.redraw();
  }

  drawAxis() {
    drawAxis(this.axis, this.scale, this.model);
    const [from, to] = [this.scale.time(this.scale.from), this.scale.time(this.scale.to)];
    this.seen.textContent = `${stamp(from)} + ${span(to - from)}`;
  }

  draw(index) {
    const { o, depth, n, of } = this.visible[index];
    const inside = Boolean(this.children[o.i]);
    const open = inside && (this.text || this.only || !this.closed.has(o.i));
    const name = el(
      'span',
      { class: 'name' },
      el(
        'button',
        {
          type: 'button',
          class: 'fold',
          tabindex: '-1',
          disabled: !inside,
          'aria-hidden': 'true',
          onclick: () => this.toggle(index),
        },
        inside ? (open ? '▾' : '▸') : '',
      ),
      el('span', { class: 'label', title: `${o.name} (${o.what}), ${o.id}` }, o.name),
      this.timed ? null : el('span', { class: 'dim what' }, o.what),
    );
    name.style.setProperty('--depth', depth);
    const properties = {
      class: `op ${o.status.toLowerCase().replace(' ', '-')}`,
      'aria-level': depth + 1,
      'aria-posinset': n,
      'aria-setsize': of,
      'aria-expanded': inside ? String(Boolean(open)) : null,
    };
    if (this.timed) return { properties, cells: [name, this.bars(o)] };
    const attempts = o.status === 'STARTED' && o.attempts ? o.attempts + 1 : o.attempts;
    return {
      properties,
      cells: [
        name,
        el(
          'span',
          {},
          statusBadge(o.status),
          attempts > 1
            ? el('span', { class: 'dim', title: `${attempts} attempts` }, ` ×${attempts}`)
            : null,
        ),
        el('span', { class: 'dim number' }, o.end ? span(o.end - o.start) : ''),
        el(
          'span',
          { class: o.failed ? 'failed outcome' : 'outcome', title: this.outcome(o) },
          this.outcome(o),
        ),
      ],
    };
  }

  /** Says what came of an operation, or what it waits for. */
  outcome(o) {
    const now = this.app.now();
    if (o.end) return o.outcome ?? '';
    if (o.status === 'CUT OFF' && !o.cut)
      return `the execution ended before it did.${o.outcome ? ` The attempt before: ${o.outcome}` : ''}`;
    if (o.status === 'LEFT') return 'nothing waited for it';
    const before = o.outcome ? ` The attempt before: ${o.outcome}` : '';
    if (o.cut && (o.status === 'STARTED' || o.status === 'CUT OFF'))
      return `cut off ${plural(o.cut, 'time', 'times')}: ${o.bars.findLast((b) => b.c)?.f ?? ''}`;
    if (o.status === 'PENDING')
      return `attempt ${(o.attempts ?? 0) + 1} ${when(o.until, now)}.${before}`;
    if (o.kind === 'callback')
      return o.until
        ? `waits for an answer, times out ${when(o.until, now)}`
        : 'waits for an answer';
    if (o.kind === 'wait' && o.until) return `ends ${when(o.until, now)}, ${stamp(o.until)}`;
    if (o.kind === 'invoke') return `function ${o.function} runs`;
    if (o.kind === 'step' && o.running)
      return `its body has run for ${span(now - (o.bars.at(-1)?.s ?? o.start))}.${before}`;
    return o.outcome ?? '';
  }

  /** Draws what an operation did when. */
  bars(o) {
    const { scale } = this;
    const end = this.model.execution.end || this.model.now;
    const cell = el('span', { class: 'bars', 'aria-label': this.told(o) });
    let drawnTo = -1;
    for (const b of o.bars) {
      const from = scale.at(b.s);
      const to = scale.at(b.e || end);
      const hidden = to < drawnTo + 0.0005 && !b.f; // by the bar before
      if (to < 0 || from > 1 || hidden) continue;
      drawnTo = Math.max(drawnTo, to);
      const bar = el('i', {
        class: `bar ${b.k}${b.f || b.c ? ' broken' : ''}${b.c ? ' cut' : ''}${b.e ? '' : ' going'}`,
        title: this.toldOf(o, b),
      });
      const left = Math.max(0, from);
      bar.style.left = `min(${left * 100}%, 100% - 3px)`; // what is at the edge is seen, too
      bar.style.width = `${(Math.min(1, to) - left) * 100}%`;
      cell.append(bar);
    }
    return cell;
  }

  toldOf(o, b) {
    const end = b.e || this.model.now;
    const what = b.k === 'attempt' ? `attempt ${b.n}` : kinds[b.k];
    const how = b.c ? ', cut off' : b.f ? ', failed' : b.e ? '' : ', goes on';
    const until = b.u ? ` until ${stamp(b.u)}` : '';
    const why = b.f ? `: ${b.f}` : '';
    return `${o.name}: ${what}, ${span(end - b.s)} from ${stamp(b.s)}${how}${until}${why}`;
  }

  told(o) {
    return o.bars.length > 4
      ? `${o.bars.length} pieces, the last: ${this.toldOf(o, o.bars.at(-1))}`
      : o.bars.map((b) => this.toldOf(o, b)).join('; ') || o.status;
  }
}
