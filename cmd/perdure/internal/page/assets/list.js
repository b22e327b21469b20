import { button, el, painted, put, say, statusBadge, slowly } from './dom.js';
import { Rows } from './rows.js';
import * as source from './source.js';
import { span, stamp, when } from './words.js';

const statuses = ['RUNNING', 'PAUSING', 'PAUSED', 'SUCCEEDED', 'FAILED', 'TIMED_OUT', 'STOPPED'];
const firstItems = 100; // what fills a screen
const nextItems = 5000;
const reasonsAtOnce = 50;
const nearTheEnd = 5; // failed invocations in a row, of the nine that end an execution
const mostReasons = 2000; // that are asked for without being seen
const mostItems = 20000; // what is read without being asked for
const ages = [
  ['', 'any time'],
  ['3600e3', 'last hour'],
  ['86400e3', 'last day'],
  ['604800e3', 'last 7 days'],
  ['2592000e3', 'last 30 days'],
];

/** The list of executions, with its filters. */
export class ListView {
  constructor(app) {
    this.app = app;
    this.all = []; // the last one first
    this.byARN = new Map();
    this.found = [];
    this.next = null; // the marker of the next page, null before the first
    this.filter = { text: '', function: '', age: '', statuses: new Set() };
    this.rows = new Rows({
      label: 'Executions',
      class: 'executions',
      columns: ['Status', 'Name', 'Function', 'Started', 'Took', 'Why'],
      seen: (first, last) => this.explain(first, last),
      draw: (index) => this.draw(index),
      open: (index, event) => {
        if (event.type !== 'click' || event.target.closest('.row'))
          this.app.go(this.app.executionHash(this.found[index].arn));
      },
    });
    this.build();
    this.refilter = slowly(60, () => this.apply());
    this.ticking = setInterval(() => this.element.isConnected && this.rows.redraw(), 20000);
    this.first = this.load();
    this.unfollow = source.follow(
      '',
      (rows) => this.changed(rows),
      (state, why) => {
        this.state = state;
        if (this.element.isConnected) this.app.state(state, why);
        if (state === 'live') this.reload(); // what has changed before
      },
    );
  }

  build() {
    this.count = el('span', { class: 'count', role: 'status' });
    this.functions = el('select', {
      'aria-label': 'Function',
      onchange: (event) => {
        this.filter.function = event.target.value;
        this.refilter();
      },
    });
    this.search = el('input', {
      type: 'search',
      placeholder: 'Name, ARN or reason',
      'aria-label': 'Search by name, ARN or reason',
      autocomplete: 'off',
      spellcheck: 'false',
      oninput: (event) => {
        this.filter.text = event.target.value.trim().toLowerCase();
        this.refilter();
      },
      onkeydown: (event) => {
        if (event.key === 'ArrowDown' || event.key === 'Enter') {
          event.preventDefault();
          this.rows.element.focus();
          this.rows.select(Math.max(0, this.rows.current));
        }
      },
    });
    this.chips = el('div', { class: 'chips', role: 'group', 'aria-label': 'Statuses' });
    this.further = button('Read more', () => this.load(), { hidden: true });
    this.empty = el('p', { class: 'empty', hidden: true });
    this.element = el(
      'section',
      { class: 'list', 'aria-label': 'Executions' },
      el('h1', { class: 'quiet' }, 'Executions'),
      el(
        'div',
        { class: 'tools' },
        this.search,
        this.functions,
        el(
          'select',
          {
            'aria-label': 'Started',
            onchange: (event) => {
              this.filter.age = event.target.value;
              this.refilter();
            },
          },
          ages.map(([value, text]) => el('option', { value }, text)),
        ),
        this.chips,
        el('span', { class: 'filler' }),
        this.count,
        this.further,
      ),
      this.empty,
      this.rows.element,
    );
    this.placed();
  }

  placed() {
    const names = new Set(this.app.place.functions.map((f) => f.name));
    for (const e of this.all) names.add(e.function);
    const chosen = this.filter.function;
    put(
      this.functions,
      el('option', { value: '' }, 'all functions'),
      [...names].sort().map((n) => el('option', { value: n }, n)),
    );
    this.functions.value = names.has(chosen) ? chosen : '';
    this.known = names.size;
  }

  shown() {
    this.app.state(this.state ?? 'interrupted');
    document.title = 'perdure';
    this.apply();
    if (this.scrolled) this.rows.element.scrollTop = this.scrolled;
  }

  close() {
    this.scrolled = this.rows.element.scrollTop;
  }

  async load() {
    if (this.loading) return;
    this.loading = true;
    const most = this.all.length + mostItems;
    try {
      do {
        const first = this.next === null;
        const answer = await source.executions({
          marker: this.next ?? '',
          limit: first ? firstItems : Math.min(nextItems, most - this.all.length),
        });
        this.app.sync(answer.now);
        this.next = answer.next ?? '';
        this.merge(answer.executions);
        this.apply();
        if (first) await painted('list');
      } while (this.next && this.all.length < most);
    } catch (trouble) {
      this.app.down(trouble.message);
      this.empty.hidden = this.all.length > 0;
      this.empty.textContent = 'Nothing can be read.';
    }
    this.loading = false;
    this.further.hidden = !this.next;
    painted('list-whole');
  }

  /** Reads the last executions again: what has changed before the connection said so. */
  async reload() {
    await this.first;
    if (this.next === null) {
      await this.load(); // which could not be read at first
      return;
    }
    try {
      this.changed((await source.executions({ limit: firstItems })).executions);
    } catch (trouble) {
      this.app.down(trouble.message);
    }
  }

  /**
   * Asks why executions wait, or have failed, where their rows do not say so: of those that are
   * seen, and then, where that is cheap, of others.
   */
  explain(first, last) {
    const unknown = (e) => e.reason === undefined && e.status !== 'SUCCEEDED' && !e.asked;
    this.wanted = this.found.slice(first, last).filter(unknown);
    if (!this.asking) this.ask();
  }

  async ask() {
    this.asking = true;
    try {
      for (;;) {
        await new Promise((done) => setTimeout(done, 50)); // what is seen is drawn first
        const rows = this.wanted.splice(0, reasonsAtOnce);
        if (!rows.length) rows.push(...this.others());
        if (!rows.length) break;
        for (const e of rows) e.asked = true;
        const found = await source.reasons(rows.map((e) => e.arn));
        for (const e of rows) this.setReason(e, found[e.arn] ?? '');
        if (this.filter.text) this.refilter();
        else if (this.element.isConnected) this.rows.redraw();
      }
    } catch {
      // rows say it the next time they are seen
    }
    this.asking = false;
  }

  /** Returns executions that are not seen, and whose reasons can be searched when they are known. */
  others() {
    if (!this.app.place.cheap || this.explained >= mostReasons) return [];
    const unknown = (e) => e.reason === undefined && e.status !== 'SUCCEEDED' && !e.asked;
    const rows = [];
    for (const e of this.all) {
      if (rows.length === reasonsAtOnce) break;
      if (unknown(e)) rows.push(e);
    }
    this.explained = (this.explained ?? 0) + rows.length;
    return rows;
  }

  setReason(row, reason) {
    row.reason = reason;
    row.asked = false;
    row.found = `${row.name} ${row.arn.split('/').at(-1)} ${reason ?? ''}`.toLowerCase();
  }

  merge(rows) {
    let sorted = true;
    for (const row of rows) {
      const before = this.byARN.get(row.arn);
      if (before) {
        Object.assign(before, row, { end: row.end, failing: row.failing });
        this.setReason(before, row.reason);
        continue;
      }
      this.setReason(row, row.reason);
      this.byARN.set(row.arn, row);
      if (this.all.length > 0 && this.all[this.all.length - 1].start < row.start) sorted = false;
      this.all.push(row);
    }
    if (!sorted) this.all.sort((a, b) => b.start - a.start);
  }

  changed(rows) {
    const before = this.found[this.rows.current];
    this.merge(rows);
    this.apply();
    if (before) this.rows.select(this.found.indexOf(before), true);
  }

  apply() {
    const { text, age } = this.filter;
    const found = text.startsWith('arn:')
      ? (e) => e.arn.toLowerCase().startsWith(text)
      : (e) => e.found.includes(text);
    const since = age ? this.app.now() - Number(age) : 0;
    const counts = Object.fromEntries(statuses.map((s) => [s, 0]));
    this.found = this.all.filter((e) => {
      if (this.filter.function && e.function !== this.filter.function) return false;
      if (e.start < since || (text && !found(e))) return false;
      counts[e.status] = (counts[e.status] ?? 0) + 1;
      return this.filter.statuses.size === 0 || this.filter.statuses.has(e.status);
    });
    this.drawChips(counts);
    if (new Set(this.all.map((e) => e.function)).size > this.known) this.placed();
    const all = this.next
      ? `${this.all.length.toLocaleString('en')}+`
      : this.all.length.toLocaleString('en');
    this.count.textContent = `${this.found.length.toLocaleString('en')} of ${all}`;
    this.empty.hidden = this.found.length > 0 || this.next === null;
    this.empty.textContent = this.all.length
      ? 'No execution matches. Change the filters.'
      : 'There are no executions yet. Start one with the button, or with: perdure start FUNCTION INPUT';
    if (this.element.isConnected) this.rows.show(this.found.length);
  }

  drawChips(counts) {
    const shown = Object.keys(counts).filter((s) => counts[s] > 0 || this.filter.statuses.has(s));
    const key = shown.map((s) => s + counts[s] + this.filter.statuses.has(s)).join();
    if (key === this.chipKey) return;
    this.chipKey = key;
    const focused = this.chips.contains(document.activeElement)
      ? document.activeElement.dataset.status
      : '';
    put(
      this.chips,
      shown.map((status) =>
        button(
          `${status} ${counts[status].toLocaleString('en')}`,
          () => {
            const chosen = this.filter.statuses;
            if (!chosen.delete(status)) chosen.add(status);
            this.apply();
          },
          {
            class: 'chip',
            data: { status },
            'aria-pressed': String(this.filter.statuses.has(status)),
          },
        ),
      ),
    );
    if (focused) this.chips.querySelector(`[data-status="${focused}"]`)?.focus();
  }

  draw(index) {
    const e = this.found[index];
    const now = this.app.now();
    return {
      cells: [
        el('span', {}, statusBadge(e.status)),
        el(
          'span',
          { class: 'name', title: e.arn },
          el('a', { href: this.app.executionHash(e.arn), tabindex: '-1' }, e.name),
          e.by ? el('span', { class: 'dim by' }, `of ${e.by}`) : null,
        ),
        el(
          'span',
          { class: 'dim' },
          e.function + (e.version && e.version !== '$LATEST' ? `:${e.version}` : ''),
        ),
        el('span', { class: 'dim', title: stamp(e.start) }, when(e.start, now)),
        el(
          'span',
          { class: 'dim number', title: e.end ? stamp(e.end) : '' },
          e.end ? span(e.end - e.start) : `${span(now - e.start)} so far`,
        ),
        el(
          'span',
          {
            class: `${e.end ? 'failed' : e.failing >= nearTheEnd ? 'warn' : 'dim'} why`,
            title: e.reason || null,
          },
          e.reason ?? '',
        ),
      ],
    };
  }
}
