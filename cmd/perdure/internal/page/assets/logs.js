import { button, el, put } from './dom.js';
import { textBlock } from './detail.js';
import { Rows } from './rows.js';
import { exact } from './words.js';

// What is the same in all lines of an execution, or stands in a column of its own.
const apart = new Set(['timestamp', 'time', 'level', 'message', 'msg', 'executionArn', 'requestId', 'stack']);

/** Reads a line. One that is a record of JSON has a level, a message and fields. */
function parsed(line) {
  let record = null;
  if (line.text.startsWith('{')) {
    try {
      record = JSON.parse(line.text);
    } catch {
      // it is shown as it stands
    }
  }
  if (!record) return { ...line, level: '', message: line.text, fields: [], stack: '' };
  const text = (value) => (typeof value === 'string' ? value : JSON.stringify(value));
  const names = Object.keys(record).filter((name) => !apart.has(name));
  names.sort((a, b) => (b === 'waits') - (a === 'waits')); // it is what such a line is looked at for
  return {
    ...line,
    level: text(record.level ?? ''),
    message: text(record.message ?? record.msg ?? ''),
    fields: names.map((name) => [name, text(record[name])]),
    stack: typeof record.stack === 'string' ? record.stack.trim() : '',
  };
}

/** The lines that a function has written, and beside them all of the one that is chosen. */
export class LogLines {
  constructor(lines) {
    this.lines = lines.map(parsed);
    this.detail = el('section', { class: 'detail', 'aria-label': 'Log line', hidden: true });
    this.rows = new Rows({
      label: 'Lines that the function has written',
      class: 'logs',
      columns: ['Time', 'Level', 'Message', 'Fields'],
      draw: (i) => this.draw(this.lines[i]),
      open: (i) => this.open(this.lines[i]),
      moved: (i) => {
        if (!this.detail.hidden) this.open(this.lines[i]);
      },
      key: (event) => {
        if (event.key !== 'Escape' || this.detail.hidden) return false;
        this.close();
        return true;
      },
    });
    this.element = el('div', { class: 'log-lines' }, this.rows.element, this.detail);
  }

  show() {
    this.rows.show(this.lines.length);
  }

  draw(line) {
    const color = line.level === 'ERROR' ? 'failed' : line.level === 'WARN' || line.errors ? 'warn' : '';
    return {
      cells: [
        el('span', { class: 'mono dim' }, exact(line.time)),
        el('span', { class: color }, line.level),
        el('span', { class: line.level ? color : `mono ${color}` }, line.message),
        el('span', { class: 'mono' }, line.fields.map(([name, value]) => `${name}=${value}`).join('  ')),
      ],
    };
  }

  open(line) {
    this.detail.hidden = false;
    put(
      this.detail,
      el(
        'div',
        { class: 'detail-head' },
        el('h2', {}, line.level || 'Line'),
        el('span', { class: 'dim' }, exact(line.time)),
        el('span', { class: 'filler' }),
        button('×', () => this.close(), { class: 'small', 'aria-label': 'Close the line' }),
      ),
      el('p', { class: 'message' }, line.message),
      line.fields.length
        ? el(
            'dl',
            {},
            line.fields.map(([name, value]) => [el('dt', {}, name), el('dd', {}, value)]),
          )
        : null,
      line.stack
        ? [
            el('h3', {}, 'Stack'),
            el('pre', { class: 'stack', tabindex: '0', 'aria-label': 'Stack' }, line.stack),
          ]
        : null,
      textBlock('As it was written', { text: line.text }, null, true),
    );
    this.detail.scrollTop = 0;
  }

  close() {
    this.detail.hidden = true;
    this.rows.element.focus();
  }
}
