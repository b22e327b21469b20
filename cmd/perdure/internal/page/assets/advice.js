import { button, el, say } from './dom.js';
import { pauseDialog, skipWaitDialog } from './dialogs.js';
import { sentence } from './words.js';

const goesOn = (o) => ['STARTED', 'PENDING', 'READY'].includes(o?.status);

/** The button that does what a command does, or null if the page has none. */
function instead(view, command) {
  const { app, model } = view;
  const named = (flag) => {
    const path = command.split(` ${flag} `)[1]?.replace(/^'(.*)'$/, '$1');
    return path && model.operations.find((o) => o && o.name === path.split('/').at(-1));
  };
  if (command.startsWith('perdure pause ') && app.can('pause') && model.execution.status === 'RUNNING')
    return button('Pause…', () => pauseDialog(app, view));
  if (command.startsWith('perdure skip ') && app.can('skip')) {
    const o = named('--operation');
    if (goesOn(o)) return button(`Skip ${o.name}…`, () => skipWaitDialog(app, view, o));
  }
  if (command.startsWith('perdure fork ') && app.can('fork')) {
    const o = named('--before');
    if (o) return button(`Fork before ${o.name}…`, () => view.fork(o));
  }
  return null;
}

/** A command on a line of its own. */
function commandLine(command) {
  return el(
    'p',
    { class: 'command' },
    el('code', {}, command),
    button(
      'Copy',
      async () => {
        try {
          await navigator.clipboard.writeText(command);
          say('The command is copied.');
        } catch (trouble) {
          say(trouble.message, true);
        }
      },
      { class: 'small', 'aria-label': `Copy ${command}` },
    ),
  );
}

/** What can be done about an execution: texts, commands, and buttons for what the page can do. */
export function adviceOf(view, model) {
  const parts = model.advice.split('`'); // every second one is a command
  const shown = parts.map((part, i) => {
    if (i % 2) return instead(view, part) ?? commandLine(part);
    const text = i ? part.replace(/^[.;,\s]+/, '') : part;
    if (!text) return null;
    return el('p', {}, i ? null : el('strong', {}, 'What to do: '), i ? sentence(text) : text);
  });
  const callback = model.operations.find((o) => o?.callback && goesOn(o));
  if (callback && view.app.can('succeed') && /answer/.test(model.advice))
    shown.push(
      button(`Complete ${callback.name}…`, () => view.callback(callback, 'succeed')),
    );
  return shown;
}
