import { button, el, painted, put, say, slowly, statusBadge } from './dom.js';
import { adviceOf } from './advice.js';
import { Detail, opening, stackOf, textBlock } from './detail.js';
import {
  callbackDialog,
  confirmDialog,
  forkDialog,
  pauseDialog,
  resumeDialog,
  skipDialog,
  startDialog,
  stopDialog,
} from './dialogs.js';
import { LogLines } from './logs.js';
import { Operations } from './operations.js';
import { Rows } from './rows.js';
import * as source from './source.js';
import { errorText, exact, plural, sentence, span, stamp, when } from './words.js';

const nameOf = (arn) => arn.split('/durable-execution/')[1]?.split('/')[0] ?? arn;
const ended = new Set(['SUCCEEDED', 'FAILED', 'TIMED_OUT', 'STOPPED']);
const tabs = [
  ['tree', 'Tree'],
  ['timeline', 'Timeline'],
  ['invocations', 'Invocations'],
  ['history', 'History'],
  ['logs', 'Logs'],
];

/** One execution: what is known of the whole, its operations, and what else there is to see. */
export class ExecutionView {
  constructor(app, arn, parameters) {
    this.app = app;
    this.arn = arn;
    this.tab = parameters.view ?? 'tree';
    this.chosen = parameters.op ?? '';
    this.model = null;
    this.opened = null;
    this.operations = new Operations(app, this);
    this.detail = new Detail(app, this);
    this.head = el(
      'div',
      { class: 'head' },
      el('h1', {}, 'Execution'),
      el('p', { class: 'note' }, 'Reading…'),
    );
    this.tablist = el('div', {
      class: 'tabs',
      role: 'tablist',
      'aria-label': 'Views',
      onkeydown: (event) => this.tabKey(event),
    });
    this.panel = el('div', {
      class: 'panel',
      role: 'tabpanel',
      id: 'panel',
      'aria-labelledby': `tab-${this.tab}`,
    });
    this.element = el(
      'section',
      { class: 'execution', 'aria-label': 'Execution' },
      this.head,
      this.tablist,
      el('div', { class: 'split' }, this.panel, this.detail.element),
    );
    this.read = slowly(200, () => this.load());
    this.drawTabs();
    this.first = this.load();
    this.unfollow = source.follow(
      arn,
      (rows) => {
        if (rows.some((row) => row.arn === arn)) this.read();
      },
      (state, why) => {
        this.state = state;
        app.state(state, why);
        if (state === 'live') this.first.then(() => this.read()); // what has changed before
      },
    );
    // Ages, and what is left of waits, change without an event.
    this.ticking = setInterval(() => {
      if (this.model && !ended.has(this.model.execution.status) && !document.hidden) this.read();
    }, 5000);
  }

  shown() {
    this.app.state(this.state ?? 'interrupted');
    this.show();
  }

  close() {
    clearInterval(this.ticking);
    this.unfollow();
    this.operations.close();
  }

  placed() {
    if (this.model) this.drawHead();
  }

  /** Shows another part of the same execution, which the address names. */
  turn(parameters) {
    this.tab = parameters.view ?? 'tree';
    this.chosen = parameters.op ?? '';
    this.drawTabs();
    this.show();
    if (this.chosen && !this.detail.element.hidden) this.operations.choose(this.chosen);
  }

  async load() {
    if (source.kept && this.model) return;
    let news;
    try {
      news = await source.execution(this.arn, this.model?.event);
    } catch (trouble) {
      if (this.model) say(trouble.message, true);
      else this.missing(trouble);
      return;
    }
    this.app.sync(news.now);
    const first = !this.model;
    this.take(news);
    this.drawHead();
    this.drawTabs();
    if (first) {
      this.show();
      if (this.chosen && !this.detail.element.hidden) this.operations.choose(this.chosen);
      await painted('execution');
      this.findForks();
      if (news.partial) {
        this.model.event = 0;
        await this.load();
      }
    } else {
      this.operations.changed(news.operations);
      this.detail.changed(news.operations);
      if (this.tab === 'history') this.showHistory();
      if (this.tab === 'invocations' && news.invocations.length) this.show();
    }
  }

  /** Says that there is no such execution, or that it cannot be read. */
  missing(trouble) {
    const gone = trouble.status === 404;
    this.tablist.hidden = this.panel.parentElement.hidden = true;
    if (!gone && trouble.status === 0) this.app.down(trouble.message);
    document.title = 'perdure';
    put(
      this.head,
      el(
        'div',
        { class: 'title' },
        source.kept ? null : el('a', { href: '#/', class: 'back' }, 'All executions'),
        el('h1', {}, gone ? 'There is no such execution' : 'The execution cannot be read'),
      ),
      el('p', { class: 'error-line' }, gone ? this.arn : trouble.message),
      gone
        ? el(
            'p',
            {},
            `${this.app.place.place || 'This service'} does not have it: it was deleted after its retention, or it belongs to another file, region or account.`,
          )
        : el('p', {}, button('Read it again', () => this.read())),
    );
  }

  /** Takes in what has changed. */
  take(news) {
    const before = this.model;
    this.tablist.hidden = this.panel.parentElement.hidden = false;
    this.pausedAgain(before, news);
    if (before && before.execution.status !== news.execution.status) this.opened = null;
    if (!before || !news.after) {
      this.model = news;
    } else {
      for (const o of news.operations) before.operations[o.i] = o;
      this.model = {
        ...news,
        operations: before.operations,
        invocations: [...before.invocations, ...news.invocations],
      };
    }
    this.operations.take(this.model);
  }

  drawHead() {
    const m = this.model;
    const e = { ...m.execution, ...(this.opened ?? {}) };
    const now = this.app.now();
    const held = e.status === 'PAUSED';
    document.title = `${e.name} · ${e.status} · perdure`;
    const facts = [
      [
        e.end ? `took ${span(e.end - e.start)}` : `started ${when(e.start, now)}`,
        `${stamp(e.start)} to ${e.end ? stamp(e.end) : 'now'}`,
      ],
      [plural(m.count, 'operation', 'operations')],
      [this.invocations()],
      m.most > 1 ? [`at most ${plural(m.most, 'body', 'bodies')} at once`] : null,
      e.deadline && !e.end ? [`times out ${when(e.deadline, now)}`, stamp(e.deadline)] : null,
    ].filter(Boolean);
    put(
      this.head,
      el(
        'div',
        { class: 'title' },
        source.kept ? null : el('a', { href: '#/', class: 'back' }, 'All executions'),
        el('h1', {}, e.name),
        statusBadge(e.status),
        el('span', { class: 'dim' }, e.function + (e.version ? `:${e.version}` : '')),
        el('span', { class: 'filler' }),
        this.actions(),
      ),
      el(
        'p',
        { class: 'facts' },
        facts.map(([text, title]) => el('span', { title }, text)),
      ),
      e.paused ? this.pause(e, now) : null,
      m.charged
        ? el(
            'p',
            { class: 'waiting failing' },
            el('strong', {}, `Failed invocation ${m.charged} of ${m.limit} in a row. `),
            m.failures > m.charged ? `${m.failures} have failed in all. ` : '',
            m.invoked
              ? `The next one has run for ${span(now - m.invoked)}. `
              : e.status === 'PAUSED'
                ? 'The next one comes when it is resumed. '
                : m.next && m.next > now
                  ? `The next one comes ${when(m.next, now)}. `
                  : '',
            m.charged >= m.limit - 2 ? `After ${m.limit} in a row the execution fails.` : '',
          )
        : null,
      m.waiting
        ? el('p', { class: 'waiting' }, sentence(held && m.waiting.startsWith('waiting') ? `meanwhile ${m.waiting}` : m.waiting))
        : null,
      e.error
        ? el(
            'details',
            { class: 'error', open: true },
            el('summary', {}, this.failedAt(e.error), errorText(e.error) || e.status),
            e.error.stack?.length || !m.operations.some((o) => o.failed)
              ? stackOf(e.error)
              : null,
            e.error.data ? textBlock('Data', { text: e.error.data }, null, true) : null,
          )
        : null,
      m.advice
        ? el(
            'div',
            { class: 'advice' },
            adviceOf(this, m),
            this.where(m),
          )
        : null,
      m.cutAt
        ? el('p', { class: 'advice cut-at' }, el('strong', {}, 'Where it was cut off: '), m.cutAt)
        : null,
      el(
        'div',
        { class: 'payloads' },
        opening(
          this.app,
          e.closed,
          this.opened,
          () => source.open(this.arn),
          (opened) => {
            this.opened = opened;
            this.drawHead();
          },
        ),
        e.input ? textBlock('Input', e.input, () => source.payload(this.arn, 'input'), true) : null,
        e.result
          ? textBlock('Result', e.result, () => source.payload(this.arn, 'result'), true)
          : null,
        this.chain(),
      ),
    );
  }

  /** Names the operation that an execution has failed with, if one has the same error. */
  failedAt(error) {
    if (!error.message) return null;
    const beginning = error.message.slice(0, 120); // of outcomes the page has the beginning
    const o = this.model.operations.findLast((o) => o?.failed && o.outcome?.includes(beginning));
    return o ? `${sentence(o.kind)} ${o.name}: ` : null;
  }

  /** Says how many invocations have ended, and that one runs. */
  invocations() {
    const m = this.model;
    const e = m.execution;
    const failed = m.failures ? `, ${m.failures} failed` : '';
    const running = m.invoked || (!e.end && m.operations.some((o) => o.running && o.kind === 'step'));
    const since = m.invoked ? ` since ${span(this.app.now() - m.invoked)}` : '';
    const runs = running ? `, one runs${since}` : '';
    const before = e.origin ? `, after ${m.ended - m.own - 1} of ${nameOf(e.origin)}` : '';
    if (!m.own && running && !before) return 'the first invocation runs';
    return plural(m.own, 'invocation', 'invocations') + failed + runs + before;
  }

  /** Says since when it is paused, or is about to be, and why; more than two lines are folded. */
  pause(e, now) {
    const pausing = e.status === 'PAUSING';
    const [first, ...rest] = (e.why ?? []).map((line) => line.trim().replace(/ {2,}/g, ' '));
    const sides = rest.filter((line) => !line.startsWith('do this'));
    return el(
      'div',
      { class: 'waiting paused' },
      el(
        'p',
        {},
        el('strong', {}, pausing ? 'About to be paused' : 'Paused'),
        ` ${when(e.paused, now)} (${stamp(e.paused)})`,
        pausing ? ', when the invocation that runs has ended' : '',
        first ? `: ${first}` : '',
      ),
      sides.length ? el('p', { class: 'sides' }, sides.join('; ')) : null,
      e.diverged
        ? el(
            'details',
            {},
            el('summary', {}, 'The reason as it was given'),
            el('p', { class: 'dim' }, e.held),
          )
        : null,
    );
  }

  /** Says where the logs are, if they are of use. */
  where(m) {
    if (!/\blogs?\b/.test(m.advice)) return null;
    if (!m.where && this.app.place.logs)
      return el(
        'p',
        {},
        'The logs: ',
        el('a', { href: this.address({ view: 'logs' }) }, 'what it has written'),
      );
    if (!m.where) return null;
    return el('p', {}, 'Where the logs are: ', el('code', {}, m.where));
  }

  /** The executions that were made of this one. */
  async findForks() {
    try {
      this.forks = await source.forks(this.arn);
    } catch {
      return; // it is shown without them
    }
    if (this.forks.length && this.model) this.drawHead();
  }

  /** The executions that this one belongs together with. */
  chain() {
    const e = this.model.execution;
    const link = (arn, text) =>
      source.kept ? el('span', {}, text) : el('a', { href: this.app.executionHash(arn) }, text);
    const invoked = this.model.operations.filter((o) => o.target);
    const forks = this.forks ?? [];
    if (!e.parent && !e.continued && !e.origin && !forks.length && !invoked.length) return null;
    const short = nameOf;
    const verb = (o) => (o.what === 'StartExecution' ? 'started' : `invoked ${o.function}`);
    return el(
      'details',
      { class: 'chain', open: Boolean(e.origin || forks.length) },
      el('summary', {}, 'Chain'),
      el(
        'ul',
        {},
        e.origin ? el('li', {}, 'made of ', link(e.origin, short(e.origin))) : null,
        forks.map((f) =>
          el('li', {}, 'made of it: ', link(f.arn, f.name), ' ', statusBadge(f.status)),
        ),
        e.parent ? el('li', {}, 'invoked by ', link(e.parent, short(e.parent))) : null,
        e.continued ? el('li', {}, 'goes on as ', link(e.continued, short(e.continued))) : null,
        invoked
          .slice(0, 50)
          .map((o) =>
            el('li', {}, `${o.name} ${verb(o)}: `, link(o.target, short(o.target))),
          ),
        invoked.length > 50 ? el('li', {}, `and ${invoked.length - 50} more, in the tree`) : null,
      ),
    );
  }

  actions() {
    const { app } = this;
    const e = this.model.execution;
    const over = ended.has(e.status);
    const held = e.status === 'PAUSED' || e.status === 'PAUSING';
    return el(
      'span',
      { class: 'actions' },
      app.can('pause') && e.status === 'RUNNING'
        ? button('Pause…', () => pauseDialog(app, this))
        : null,
      app.can('resume') && held
        ? button('Resume…', () => resumeDialog(app, this), { class: e.diverged ? '' : 'strong' })
        : null,
      app.can('skip') && !over ? button('Skip time…', () => skipDialog(app, this)) : null,
      app.can('redrive') && over && e.status !== 'SUCCEEDED' && !this.model.poison
        ? button('Redrive…', () => confirmDialog(app, this, 'redrive'), {
            title: e.status === 'STOPPED' ? null : 'It fails again until the code or the function is mended.',
          })
        : null,
      app.can('start')
        ? this.model.poison
          ? button(
              'Start with another input…',
              () => startDialog(app, e, `The input of ${e.name} does not fit the function.`),
              { class: 'strong' },
            )
          : button('Start again…', () => startDialog(app, e))
        : null,
      app.can('stop') && !over
        ? button('Stop…', () => stopDialog(app, this), { class: 'danger' })
        : null,
    );
  }

  callback(o, how) {
    callbackDialog(this.app, this, o, how);
  }

  fork(o) {
    forkDialog(this.app, this, o);
  }

  /** Resumes the execution, and says what is so after that. */
  async resume(reason) {
    const before = this.model.execution.paused;
    await source.act('resume', { arn: this.arn, reason });
    this.resumed = { since: before, at: Date.now() };
    say('It is resumed.');
    await new Promise((done) => setTimeout(done, 800));
    await this.load();
    if (!this.resumed) return; // that it was paused again has been said
    const { execution: e, waiting } = this.model;
    if (e.status === 'RUNNING') say(`It is resumed. ${waiting ? `Now: ${waiting}` : ''}`);
    else if (ended.has(e.status)) say(`It is resumed, and has ended: ${e.status}.`);
  }

  /** Says that an execution which was resumed was paused again. */
  pausedAgain(before, news) {
    const e = news.execution;
    if (!this.resumed || Date.now() - this.resumed.at > 60e3) return;
    if (!e.paused || e.paused === this.resumed.since) return;
    this.resumed = null;
    say(`It was paused again at once: ${e.why?.[0] ?? 'without a reason'}`, true);
  }

  /** Has something done to this execution, and says what came of it. */
  async act(action, members, done) {
    const started = await source.act(action, { arn: this.arn, ...members }).catch((trouble) => {
      say(trouble.message, true);
      return null;
    });
    if (started === null) return false;
    say(done);
    if (started) this.app.go(this.app.executionHash(started));
    else this.read();
    return true;
  }

  address(parameters) {
    const now = { view: this.tab, ...(this.chosen ? { op: this.chosen } : {}), ...parameters };
    for (const name of Object.keys(now)) {
      if (!now[name] || (name === 'view' && now[name] === 'tree')) delete now[name];
    }
    return source.kept ? '#/?' + new URLSearchParams(now) : this.app.executionHash(this.arn, now);
  }

  /** Chooses an operation, and has the address name it. */
  choose(o) {
    this.chosen = o?.id ?? '';
    history.replaceState(null, '', this.address({ op: this.chosen }));
    this.detail.show(o);
  }

  drawTabs() {
    const counts = this.model
      ? { tree: this.model.count, invocations: this.model.ended, history: this.model.event }
      : {};
    const focused = this.tablist.contains(document.activeElement);
    put(
      this.tablist,
      tabs
        .filter(([name]) => name !== 'logs' || !source.kept)
        .map(([name, text]) =>
          button(
            text + (counts[name] ? ` ${counts[name].toLocaleString('en')}` : ''),
            () => this.app.go(this.address({ view: name })),
            {
              role: 'tab',
              id: `tab-${name}`,
              'aria-selected': String(name === this.tab),
              'aria-controls': 'panel',
              tabindex: name === this.tab ? '0' : '-1',
            },
          ),
        ),
    );
    this.panel.setAttribute('aria-labelledby', `tab-${this.tab}`);
    if (focused) this.tablist.querySelector('[aria-selected=true]')?.focus();
  }

  tabKey(event) {
    const all = [...this.tablist.children];
    const now = all.findIndex((t) => t.getAttribute('aria-selected') === 'true');
    const to = { ArrowRight: now + 1, ArrowLeft: now - 1, Home: 0, End: all.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    all[(to + all.length) % all.length].click();
  }

  show() {
    if (!this.model || !this.element.isConnected) return;
    const operations = this.tab === 'tree' || this.tab === 'timeline';
    this.detail.element.hidden = !operations || !(this.detail.operation || this.chosen);
    if (operations) {
      this.operations.show(this.panel, this.tab === 'timeline');
    } else if (this.tab === 'invocations') {
      this.showInvocations();
    } else if (this.tab === 'history') {
      this.events = [];
      this.showHistory();
    } else {
      this.showLogs();
    }
  }

  showInvocations() {
    const all = this.model.invocations;
    const rows = new Rows({
      label: 'Invocations',
      class: 'invocations',
      columns: ['No.', 'Began', 'Took', 'Version', 'Build', 'Outcome'],
      draw: (i) => {
        const v = all[i];
        return {
          cells: [
            el('span', { class: 'number' }, String(v.n)),
            el('span', { title: v.requestId }, exact(v.start)),
            el('span', { class: 'number' }, span(v.end - v.start)),
            el('span', {}, v.version || '—'),
            el('span', { class: 'mono' }, v.build || '—'),
            el(
              'span',
              { class: v.error ? 'failed' : 'dim', title: errorText(v.error) },
              v.from
                ? `here it began, made of ${nameOf(v.from)}: what is above was there`
                : v.error
                ? `failed${v.inRow > 1 ? ` (${v.inRow} in a row)` : ''}: ${errorText(v.error)}`
                : 'ended',
            ),
          ],
        };
      },
    });
    put(
      this.panel,
      rows.element,
      all.length ? null : el('p', { class: 'empty' }, 'No invocation has ended yet.'),
    );
    rows.show(all.length);
  }

  async showHistory() {
    const events = (this.events ??= []);
    const rows = new Rows({
      label: 'History',
      class: 'history',
      columns: ['No.', 'Time', 'Event', 'Operation', 'About'],
      draw: (i) => {
        const e = events[i];
        return {
          cells: [
            el('span', { class: 'number' }, String(e.id)),
            el('span', { class: 'mono' }, exact(e.time)),
            el('span', {}, e.type),
            el('span', { title: e.operation }, e.name ?? ''),
            el('span', { class: e.failed ? 'failed' : 'dim', title: e.about }, e.about ?? ''),
          ],
        };
      },
    });
    const top = this.panel.querySelector('.rows')?.scrollTop ?? 0;
    put(this.panel, rows.element);
    rows.show(events.length);
    rows.element.scrollTop = top;
    try {
      for (let more = true; more && this.tab === 'history' && rows.element.isConnected;) {
        const answer = await source.history(this.arn, events.at(-1)?.id);
        const fresh = answer.events.filter((e) => e.id > (events.at(-1)?.id ?? 0));
        events.push(...fresh);
        more = Boolean(answer.more) && fresh.length > 0;
        if (rows.element.isConnected) rows.show(events.length);
      }
    } catch (trouble) {
      say(trouble.message, true);
    }
  }

  async showLogs() {
    put(this.panel, el('p', { class: 'note' }, 'Reading…'));
    try {
      const { lines, hint } = await source.logs(this.arn);
      if (this.tab !== 'logs') return;
      const shown = lines.length ? new LogLines(lines) : null;
      put(
        this.panel,
        shown
          ? shown.element
          : el(
              'div',
              { class: 'empty' },
              hint
                ? el('p', {}, 'The logs are not here: ')
                : 'No line of this execution is known: the function has written none, or an earlier run of perdure has printed them.',
              hint ? el('code', {}, hint) : null,
            ),
      );
      shown?.show();
    } catch (trouble) {
      put(this.panel, el('p', { class: 'error-line' }, trouble.message));
    }
  }
}
