import { button, el, put, say, statusBadge } from './dom.js';
import { skipWaitDialog } from './dialogs.js';
import * as source from './source.js';
import { errorText, exact, keepsNumbers, pretty, span, stamp, when } from './words.js';

/**
 * Shows a payload. One that is long is cut; whole() reads all of it. With closed its beginning is
 * shown in a line.
 */
export function textBlock(title, payload, whole, closed = false) {
  const text = el('pre', { class: 'payload', tabindex: '0', 'aria-label': title });
  const show = (t) => {
    text.textContent = keepsNumbers(t) ? pretty(t) : t;
  };
  show(payload.text);
  const copy = button(
    'Copy',
    async () => {
      try {
        await navigator.clipboard.writeText(
          payload.bytes && whole ? (await whole()).text : payload.text,
        );
        say(`${title} is copied.`);
      } catch (trouble) {
        say(trouble.message, true);
      }
    },
    { class: 'small', 'aria-label': `Copy ${title.toLowerCase()}` },
  );
  const all =
    payload.bytes && whole
      ? button(
          `Show all ${payload.bytes.toLocaleString('en')} bytes`,
          async () => {
            try {
              show((await whole()).text);
              all.remove();
            } catch (trouble) {
              say(trouble.message, true);
            }
          },
          { class: 'small' },
        )
      : null;
  const length = payload.bytes ?? payload.text.length;
  const beginning = payload.text.slice(0, 90) + (length > 90 ? '…' : '');
  return el(
    'details',
    { class: 'text', open: !closed && length < 2000 },
    el(
      'summary',
      {},
      title,
      closed ? el('code', { class: 'beginning' }, beginning) : null,
      length < 200 ? null : el('span', { class: 'dim' }, ` ${length.toLocaleString('en')} bytes`),
    ),
    el('div', { class: 'text-tools' }, copy, all),
    text,
  );
}

/** The stack of an error, or how to get one of a panic that has none. */
export function stackOf(error) {
  if (error.stack?.length)
    return el(
      'pre',
      { class: 'stack', tabindex: '0', 'aria-label': 'Stack' },
      error.stack.join('\n'),
    );
  if (error.type !== 'PanicError') return null;
  return el(
    'p',
    { class: 'no-stack' },
    'No stack is recorded. The handler records those of panics with ',
    el('code', {}, 'replay.WithStackTraces()'),
    ', which is off by default; the log line "an attempt failed" of this attempt has it in any case.',
  );
}

function errorBlock(title, error) {
  return el(
    'div',
    { class: 'error' },
    el('h3', {}, title),
    el('p', { class: 'error-line' }, errorText(error) || 'without a message'),
    stackOf(error),
    error.data ? textBlock('Data', { text: error.data }, null, true) : null,
  );
}

/**
 * The button that opens what is closed, or what closes it again, and why something stays closed.
 * show is called with what is to be shown: what was opened, or null.
 */
export function opening(app, closed, opened, read, show) {
  if (opened)
    return [
      button('Close payloads', () => show(null), { class: 'small' }),
      opened.why?.length
        ? el(
            'ul',
            { class: 'why' },
            opened.why.map((line) => el('li', {}, line)),
          )
        : null,
    ];
  if (!closed || !app.place?.opens) return null;
  return button(
    'Open payloads',
    async () => {
      try {
        show(await read());
      } catch (trouble) {
        say(trouble.message, true);
      }
    },
    { class: 'small', title: 'They are shown here, and kept nowhere.' },
  );
}

/** What is known of the operation that is chosen. */
export class Detail {
  constructor(app, view) {
    this.app = app;
    this.view = view;
    this.operation = null;
    this.element = el('aside', { class: 'detail', 'aria-label': 'Operation', hidden: true });
  }

  show(o) {
    this.operation = o;
    this.element.hidden = !o;
    if (!o) return;
    this.read = null;
    this.opened = null;
    this.draw();
    this.load();
  }

  /** Shows the operation again, if it has changed. */
  changed(operations) {
    const news = this.operation && operations.find((o) => o.i === this.operation.i);
    if (!news) return;
    this.operation = news;
    this.opened = null; // what was opened may be another payload now
    this.draw();
    this.load();
  }

  async load() {
    const o = this.operation;
    try {
      const read = await source.operation(this.view.arn, o.id);
      if (this.operation !== o) return;
      this.read = read;
      this.draw();
    } catch (trouble) {
      say(trouble.message, true);
    }
  }

  draw() {
    const o = this.operation;
    const now = this.app.now();
    const fact = (name, value, title) =>
      value ? [el('dt', {}, name), el('dd', { title }, value)] : null;
    const path = [];
    for (let i = o.p; i >= 0; i = this.view.model.operations[i].p)
      path.unshift(this.view.model.operations[i].name);
    put(
      this.element,
      el(
        'div',
        { class: 'detail-head' },
        el('h2', {}, o.name),
        statusBadge(o.status),
        el('span', { class: 'filler' }),
        button('×', () => this.view.choose(null), {
          class: 'small',
          'aria-label': 'Close the operation',
        }),
      ),
      el('div', { class: 'actions' }, this.actions(o)),
      el(
        'dl',
        {},
        fact('Kind', o.what),
        fact('In', path.join(' / ')),
        fact('Began', exact(o.start)),
        o.end ? fact('Ended', `${exact(o.end)}, after ${span(o.end - o.start)}`) : null,
        fact('Attempts', o.attempts ? String(o.attempts) : ''),
        fact('Cut off', o.cut ? `${o.cut} times, with its invocation` : ''),
        o.until && !o.end
          ? fact(
              o.kind === 'wait' ? 'Ends' : o.kind === 'callback' ? 'Times out' : 'Next attempt',
              `${when(o.until, now)}, ${stamp(o.until)}`,
            )
          : null,
        o.beats ? fact('Heartbeat', `within ${span(o.beats)}`) : null,
        fact('Callback', o.callback),
        fact('Function', o.function),
        o.target
          ? [
              el('dt', {}, 'Execution'),
              el(
                'dd',
                {},
                source.kept
                  ? o.target
                  : el('a', { href: this.app.executionHash(o.target) }, o.target),
              ),
            ]
          : null,
        fact('ID', o.id),
      ),
      this.read
        ? opening(
            this.app,
            this.read.closed,
            this.opened,
            () => source.open(this.view.arn, o.id),
            (opened) => {
              if (this.operation?.id !== o.id) return;
              this.opened = opened;
              this.draw();
            },
          )
        : null,
      this.read ? this.contents(o, this.opened ?? this.read) : null,
    );
  }

  contents(o, read) {
    const whole = (of) => (source.kept ? null : () => source.payload(this.view.arn, of, o.id));
    const earlier = (read.attempts ?? []).filter((a) => a.cut || a.end !== o.end);
    return [
      read.error ? errorBlock(o.end ? 'Error' : 'The attempt before', read.error) : null,
      o.status === 'CUT OFF'
        ? el(
            'p',
            { class: 'cut-off' },
            o.kind === 'step'
              ? 'The execution ended while this step was under way: its effect may have happened.'
              : 'The execution ended before this did.',
          )
        : null,
      read.input ? textBlock('Input', read.input, whole('input')) : null,
      read.result ? textBlock('Result', read.result, whole('result')) : null,
      earlier.length
        ? el(
            'details',
            { class: 'text', open: earlier.length < 4 && !read.result },
            el('summary', {}, `Attempts that failed: ${earlier.length}`),
            earlier.map((a) =>
              errorBlock(
                `Attempt ${a.n}, ${stamp(a.start)}, ${span(a.end - a.start)}${a.cut ? ', cut off' : ''}`,
                a.error,
              ),
            ),
          )
        : null,
    ];
  }

  actions(o) {
    const { app, view } = this;
    const open = ['STARTED', 'PENDING', 'READY'].includes(o.status);
    return [
      open && o.callback && app.can('succeed')
        ? button('Complete…', () => view.callback(o, 'succeed'), { class: 'strong' })
        : null,
      open && o.callback && app.can('fail')
        ? button('Fail…', () => view.callback(o, 'fail'))
        : null,
      open && o.callback && o.beats && app.can('heartbeat')
        ? button('Heartbeat', () =>
            view.act('heartbeat', { callback: o.callback }, 'The heartbeat timeout begins again.'),
          )
        : null,
      open && o.until && o.kind !== 'callback' && app.can('skip')
        ? button(o.kind === 'wait' ? 'Skip the wait…' : 'Try again now…', () =>
            skipWaitDialog(app, view, o),
          )
        : null,
      app.can('fork') ? button('Fork before it…', () => view.fork(o)) : null,
    ];
  }
}
