import { button, el, put } from './dom.js';
import { ExecutionView } from './execution.js';
import { ListView } from './list.js';
import { startDialog } from './dialogs.js';
import * as source from './source.js';
import { stamp } from './words.js';

const main = document.getElementById('main');
const bar = document.getElementById('bar');
document.getElementById('jump').addEventListener('click', () => main.focus());

/** What all parts of the page share. */
const app = {
  place: { place: '', functions: [], actions: [], logs: false },
  can: (action) => app.place.actions.includes(action),
  /** The time of the server, which may have another one than this machine. */
  ahead: 0,
  now: () => (source.kept ? source.kept.model.now : Date.now() + app.ahead),
  sync(now) {
    if (now) app.ahead = now - Date.now();
  },
  state(state, why) {
    const shown = document.getElementById('live');
    if (!shown || source.kept) return;
    shown.dataset.state = state;
    shown.textContent = state === 'live' ? 'live' : 'not connected';
    if (state === 'live') app.down('');
    else if (why) app.down(why);
  },
  /** Says that nothing can be read, and what to do; an empty text takes that back. */
  down(why) {
    const shown = document.getElementById('down');
    if (!shown || shown.dataset.why === why) return;
    shown.dataset.why = why;
    shown.hidden = !why;
    put(
      shown,
      el('strong', {}, 'Not connected. '),
      why,
      ` What is shown is from ${stamp(app.now())}.`,
    );
  },
  go(hash) {
    location.hash = hash;
  },
};

function executionHash(arn, parameters = {}) {
  const query = new URLSearchParams(parameters).toString();
  return `#/execution/${encodeURIComponent(arn)}${query ? `?${query}` : ''}`;
}
app.executionHash = executionHash;

// Colors follow the system unless the user has chosen.
const themes = ['auto', 'light', 'dark'];
function theme(chosen) {
  if (chosen === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
  document.dispatchEvent(new Event('themed'));
}
function remembered(name, fallback) {
  try {
    return localStorage.getItem(name) ?? fallback;
  } catch {
    return fallback;
  }
}
function remember(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // a page that may keep nothing works all the same
  }
}
app.remembered = remembered;
app.remember = remember;

function drawBar() {
  const chosen = el(
    'select',
    {
      'aria-label': 'Colors',
      onchange: (event) => {
        remember('perdure-theme', event.target.value);
        theme(event.target.value);
      },
    },
    themes.map((name) =>
      el('option', { value: name }, name === 'auto' ? 'colors: system' : `colors: ${name}`),
    ),
  );
  chosen.value = remembered('perdure-theme', 'auto');
  put(
    bar,
    el('a', { class: 'brand', href: '#/' }, 'perdure'),
    el('span', { class: 'place', title: app.place.place }, app.place.place),
    el('span', { class: 'filler' }),
    !source.kept && app.place.place && !app.place.actions.length
      ? el(
          'span',
          { class: 'read-only' },
          'read-only: to act, open the page of perdure dev, or use the command line',
        )
      : null,
    source.kept
      ? null
      : el('span', { id: 'live', class: 'live', data: { state: 'interrupted' } }, 'connecting'),
    app.can('start') ? button('Start…', () => startDialog(app), { class: 'strong' }) : null,
    chosen,
  );
}

let view = null;
let list = null; // kept while an execution is shown, with what it has read

function route() {
  const hash = location.hash || '#/';
  const [path, query = ''] = hash.slice(1).split('?');
  const [, kind, name] = path.split('/');
  const parameters = Object.fromEntries(new URLSearchParams(query));
  const arn = source.kept ? source.kept.model.execution.arn : decodeURIComponent(name ?? '');
  if (kind === 'execution' || source.kept) {
    if (view instanceof ExecutionView && view.arn === arn) {
      view.turn(parameters);
      return;
    }
    view?.close();
    view = new ExecutionView(app, arn, parameters);
  } else {
    if (view !== list) view?.close();
    list ??= new ListView(app);
    view = list;
  }
  put(main, view.element);
  view.shown();
}

async function begin() {
  theme(remembered('perdure-theme', 'auto'));
  drawBar();
  const first = source.place(); // beside what the view asks for
  window.addEventListener('hashchange', route);
  route();
  try {
    app.place = await first;
    app.sync(app.place.now);
    drawBar();
    app.state(view.state ?? 'live');
    view.placed?.();
  } catch (trouble) {
    app.down(trouble.message);
  }
}

begin();
