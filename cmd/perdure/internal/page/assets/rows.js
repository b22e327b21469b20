import { el, put } from './dom.js';

const more = 8; // rows that are drawn above and below what is seen

/**
 * A list of any length, of which only the rows that are seen are in the document. All rows are as
 * high as --row says. It is a grid: one row is the current one, the arrow keys move it.
 *
 * Options: label; columns, the names of the cells; role, "grid" unless it is a "treegrid";
 * head, an element in place of the names of the columns;
 * draw(index), the properties and the cells of a row; open(index), for Enter and a click;
 * seen(first, last), for the rows that are in the document;
 * key(event, index), which returns true for a key that it has used; moved(index).
 */
export class Rows {
  constructor(options) {
    this.options = options;
    this.count = 0;
    this.current = -1;
    this.drawn = new Map(); // elements by index
    this.name = `rows-${(Rows.made = (Rows.made ?? 0) + 1)}`;
    this.body = el('div', { class: 'rows-body', role: 'rowgroup' });
    this.head =
      options.head ??
      el(
        'div',
        { class: 'row head', role: 'row' },
        options.columns.map((c) => el('span', { role: 'columnheader' }, c)),
      );
    this.element = el(
      'div',
      {
        class: `rows ${options.class ?? ''}`,
        role: options.role ?? 'grid',
        tabindex: '0',
        'aria-label': options.label,
        'aria-colcount': options.columns.length,
        onscroll: () => this.see(),
        onkeydown: (event) => this.key(event),
        onclick: (event) => this.click(event),
        ondblclick: (event) => this.click(event, true),
      },
      el('div', { class: 'rows-head', role: 'rowgroup' }, this.head),
      this.body,
    );
    this.watch = new ResizeObserver(() => this.see());
    this.watch.observe(this.element);
  }

  /** Shows that many rows, drawn again. */
  show(count) {
    this.count = count;
    this.height =
      parseFloat(getComputedStyle(this.element).getPropertyValue('--row-pixels')) || this.measure();
    this.body.style.height = `${count * this.height}px`;
    this.element.setAttribute('aria-rowcount', String(count + 1));
    if (this.current >= count) this.current = count - 1;
    this.redraw();
  }

  measure() {
    const probe = el('div', { class: 'row' }, ' ');
    this.body.append(probe);
    const height = probe.getBoundingClientRect().height || 28;
    probe.remove();
    return height;
  }

  redraw() {
    for (const row of this.drawn.values()) row.remove();
    this.drawn.clear();
    this.see();
  }

  /** Draws one row again, if it is seen. */
  update(index) {
    const before = this.drawn.get(index);
    if (!before) return;
    const row = this.make(index);
    before.replaceWith(row);
    this.drawn.set(index, row);
  }

  see() {
    if (!this.height || !this.element.isConnected) return;
    const top = this.element.scrollTop;
    const first = Math.max(0, Math.floor(top / this.height) - more);
    const last = Math.min(
      this.count,
      Math.ceil((top + this.element.clientHeight) / this.height) + more,
    );
    for (const [index, row] of this.drawn) {
      if (index < first || index >= last) {
        row.remove();
        this.drawn.delete(index);
      }
    }
    const fresh = document.createDocumentFragment();
    for (let index = first; index < last; index++) {
      if (this.drawn.has(index)) continue;
      const row = this.make(index);
      this.drawn.set(index, row);
      fresh.append(row);
    }
    this.body.append(fresh);
    this.mark();
    this.options.seen?.(first, last);
  }

  make(index) {
    const { properties = {}, cells } = this.options.draw(index);
    const row = el(
      'div',
      {
        ...properties,
        role: 'row',
        id: `${this.name}-${index}`,
        'aria-rowindex': index + 2,
        class: `row ${index % 2 ? 'odd' : ''} ${properties.class ?? ''}`,
        'aria-selected': index === this.current ? 'true' : 'false',
      },
      cells.map((cell) => {
        cell.setAttribute('role', 'gridcell');
        return cell;
      }),
    );
    row.style.transform = `translateY(${index * this.height}px)`;
    row.dataset.index = index;
    return row;
  }

  /** Makes a row the current one, and scrolls to it. */
  select(index, quietly = false) {
    if (this.count === 0) return;
    const now = Math.max(0, Math.min(this.count - 1, index));
    const moved = now !== this.current;
    this.current = now;
    const top = now * this.height;
    const room = this.element.clientHeight - this.head.parentElement.offsetHeight;
    if (top < this.element.scrollTop) this.element.scrollTop = top;
    else if (top + this.height > this.element.scrollTop + room)
      this.element.scrollTop = top + this.height - room;
    this.see();
    if (moved && !quietly) this.options.moved?.(now);
  }

  mark() {
    for (const [index, row] of this.drawn) {
      row.setAttribute('aria-selected', index === this.current ? 'true' : 'false');
    }
    if (this.drawn.has(this.current))
      this.element.setAttribute('aria-activedescendant', `${this.name}-${this.current}`);
    else this.element.removeAttribute('aria-activedescendant');
  }

  key(event) {
    if (event.target !== this.element) return;
    if (this.options.key?.(event, this.current)) {
      event.preventDefault();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(this.element.clientHeight / this.height) - 2);
    const steps = {
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: page,
      PageUp: -page,
      Home: -Infinity,
      End: Infinity,
    };
    if (event.key in steps) {
      event.preventDefault();
      this.select(this.current + steps[event.key]);
    } else if (event.key === 'Enter' && this.current >= 0) {
      event.preventDefault();
      this.options.open?.(this.current, event);
    }
  }

  click(event, twice = false) {
    const row = event.target.closest('.row[data-index]');
    if (!row || event.target.closest('a, button')) return;
    const index = Number(row.dataset.index);
    if (twice) {
      this.options.twice?.(index, event);
      return;
    }
    this.select(index);
    this.options.open?.(index, event);
  }

  close() {
    this.watch.disconnect();
    put(this.element);
  }
}
