import { button, el, put, say } from './dom.js';
import * as source from './source.js';
import { span } from './words.js';

/**
 * Asks for something. fields are elements, do returns a promise: the dialog closes when it is true.
 */
function dialog(title, text, fields, does, done) {
  const trouble = el('p', { class: 'error-line', role: 'alert' });
  const strong = el('button', { type: 'submit', class: 'strong' }, does);
  const form = el(
    'form',
    {
      onsubmit: async (event) => {
        event.preventDefault();
        strong.disabled = true;
        trouble.textContent = '';
        try {
          await done();
          shown.close();
        } catch (failure) {
          trouble.textContent = failure.message;
        }
        strong.disabled = false;
      },
    },
    el('h2', { id: 'dialog-title' }, title),
    text ? [text].flat().map((t) => el('p', {}, t)) : null,
    fields,
    trouble,
    el(
      'div',
      { class: 'dialog-buttons' },
      button('Cancel', () => shown.close()),
      strong,
    ),
  );
  const shown = el(
    'dialog',
    { 'aria-labelledby': 'dialog-title', onclose: () => shown.remove() },
    form,
  );
  document.body.append(shown);
  shown.showModal();
  return shown;
}

function field(label, input) {
  return el('label', { class: 'field' }, el('span', {}, label), input);
}

const line = (properties = {}) =>
  el('input', { type: 'text', autocomplete: 'off', spellcheck: 'false', ...properties });
const area = (properties = {}) =>
  el('textarea', { rows: '8', spellcheck: 'false', class: 'mono', ...properties });

/** Has something done to the execution that is shown. */
async function act(view, action, members, done) {
  const started = await source.act(action, { arn: view.arn, ...members });
  say(done);
  if (started) view.app.go(view.app.executionHash(started));
  else view.read();
}

function checkJSON(text, instead = '') {
  try {
    JSON.parse(text);
  } catch (trouble) {
    throw new Error(`This is no JSON: ${trouble.message}.${instead}`);
  }
}

const check = (box, text) => el('label', { class: 'check' }, box, el('span', {}, text));

export function callbackDialog(app, view, o, how) {
  if (how === 'fail') {
    const [type, message, data] = [line(), line(), area({ rows: '3' })];
    dialog(
      `Fail callback ${o.name}`,
      'The function gets an error of this type, with this message.',
      [field('Type', type), field('Message', message), field('Data, for programs', data)],
      'Fail it',
      () =>
        act(
          view,
          'fail',
          {
            callback: o.callback,
            error: { type: type.value, message: message.value, data: data.value },
          },
          'The callback has failed.',
        ),
    );
    return;
  }
  const result = area();
  const asText = el('input', { type: 'checkbox' });
  const empty = el('input', { type: 'checkbox' });
  const earlier = el('div', { class: 'earlier', hidden: true });
  source.answers(view.arn, o.id).then(
    ({ answers }) => {
      if (!answers.length) return;
      earlier.hidden = false;
      put(
        earlier,
        el(
          'p',
          {},
          answers[0].plain
            ? `Such a callback was answered in ${answers[0].name} with this text, which is not JSON: send yours as it stands, too.`
            : `Such a callback was answered in ${answers[0].name} with:`,
        ),
        el('pre', { tabindex: '0', 'aria-label': 'An earlier answer' }, answers[0].text),
        button(
          'Use this answer',
          () => {
            result.value = answers[0].text;
            asText.checked = answers[0].plain ?? false;
            empty.checked = false;
            result.focus();
          },
          { class: 'small' },
        ),
      );
    },
    () => {},
  );
  dialog(
    `Complete callback ${o.name}`,
    [
      'The result is JSON of the type that the code gives the callback, such as true, "Ann" or {"approved":true}. No record says which type that is: see the code, or an earlier answer. A result of another type is taken, and may fail the execution for good.',
    ],
    [
      earlier,
      field('Result, JSON', result),
      check(asText, 'Send it as it stands, unchecked: for a callback of a string or of bytes'),
      check(empty, 'Without a result: the function gets the zero value, such as false'),
    ],
    'Complete it',
    () => {
      if (result.value && empty.checked) throw new Error('There is a result: remove it, or untick the box.');
      if (!result.value && !empty.checked)
        throw new Error('There is no result: write one, or tick the box that says so.');
      if (result.value && !asText.checked)
        checkJSON(
          result.value,
          ' A text has quotes around it, or is sent as it stands. Nothing was sent.',
        );
      return act(
        view,
        'succeed',
        { callback: o.callback, text: empty.checked ? null : result.value },
        'The callback has its result.',
      );
    },
  );
}

export function pauseDialog(app, view) {
  const reason = line({ maxlength: '1024' });
  dialog(
    'Pause the execution',
    'Nothing of it is invoked until it is resumed. Timers run on, and callbacks can be answered.',
    [field('Reason', reason)],
    'Pause it',
    () => act(view, 'pause', { reason: reason.value }, 'It is paused, or is at the next checkpoint call of its invocation.'),
  );
}

export function resumeDialog(app, view) {
  const reason = line({ maxlength: '1024' });
  const why = view.model.execution.why ?? [];
  dialog(
    'Resume the execution',
    [
      why.length ? `It was paused: ${why[0]}` : 'It was paused without a reason.',
      'Its function is invoked, with the code that runs now. If that code does not fit the log, it is paused again.',
    ],
    [field('Reason', reason)],
    'Resume it',
    () => view.resume(reason.value),
  );
}

/** Skips what is left of a wait, or of a pause before an attempt. */
export function skipWaitDialog(app, view, o) {
  const waits = o.kind === 'wait';
  const left = o.until > app.now() ? `in ${span(o.until - app.now())}` : 'now';
  dialog(
    waits ? `Skip the wait ${o.name}` : `Try ${o.name} again now`,
    waits
      ? `It ends now; otherwise it ends ${left}. What comes after it happens that much sooner, and that cannot be taken back.`
      : `The next attempt begins now; otherwise it begins ${left}. If what it calls is still broken, that attempt is used up.`,
    [],
    waits ? 'Skip it' : 'Try it now',
    () =>
      act(
        view,
        'skip',
        { operation: o.id },
        waits ? `The wait ${o.name} is over.` : `The next attempt of ${o.name} begins.`,
      ),
  );
}

export function stopDialog(app, view) {
  const [type, message] = [line(), line()];
  dialog(
    'Stop the execution',
    'It ends for good, as STOPPED. What it has done is not undone.',
    [field('Type of the error', type), field('Message', message)],
    'Stop it',
    () =>
      act(view, 'stop', { error: { type: type.value, message: message.value } }, 'It is stopped.'),
  );
}

export function skipDialog(app, view) {
  const by = line({ value: '24h', placeholder: '24h, 90m or 3d', required: true });
  dialog(
    'Skip time',
    'Waits, pauses before attempts and timeouts of this execution come that much sooner; other executions are as they are. That cannot be taken back.',
    [field('How much', by)],
    'Skip this time',
    () => act(view, 'skip', { by: by.value.trim() }, `What it waits for comes ${by.value.trim()} sooner.`),
  );
}

/**
 * The tick without which steps do not run again whose effect may have happened, and what checks it.
 */
function repeats(operations) {
  const steps = operations.filter((o) => o?.interrupted);
  const tick = el('input', { type: 'checkbox' });
  const names = steps.map((o) => o.name).join(', ');
  return {
    label: steps.length
      ? check(
          tick,
          `Run ${names} again if the execution gets there: it was interrupted, and what it calls says that its effect did not happen`,
        )
      : null,
    check() {
      if (steps.length && !tick.checked)
        throw new Error(
          `${names} may have had an effect, and would run under another idempotency key: ask what it calls first.`,
        );
    },
  };
}

export function confirmDialog(app, view, action) {
  const name = line();
  const again = repeats(view.model.operations);
  dialog(
    'Redrive the execution',
    [
      'A new execution goes on where this one has ended, with its input and its log, and with the code that runs now: operations that have succeeded keep their results, what failed last is tried again. This one stays as it is.',
      'The new one has nine attempts of its own. If neither code nor function was mended, it fails again.',
    ],
    [field('Name of the new one (made up if it is empty)', name), again.label],
    'Redrive it',
    () => {
      again.check();
      return act(view, action, { name: name.value }, 'The new execution is shown now. What had ended in the old one keeps its result.');
    },
  );
}

export function forkDialog(app, view, o) {
  const name = line();
  const again = repeats(view.model.operations.slice(o.i));
  dialog(
    `Fork before ${o.name}`,
    'A new execution begins with the log that this one had right before the operation began. This one stays as it is.',
    [field('Name of the new one (made up if it is empty)', name), again.label],
    'Fork it',
    () => {
      again.check();
      return act(view, 'fork', { operation: o.id, name: name.value }, 'The fork is shown now. What had ended before the operation keeps its result.');
    },
  );
}

/**
 * Starts an execution, with the input of an earlier one if there is one. With why that input is to
 * be changed first.
 */
export function startDialog(app, like, why) {
  const names = app.place.functions.flatMap((f) =>
    f.qualifiers?.length ? f.qualifiers.map((q) => `${f.name}:${q}`) : [f.name],
  );
  const own = like
    ? like.function +
      (like.version && app.place.functions.some((f) => f.qualifiers?.length)
        ? `:${like.version}`
        : '')
    : '';
  if (own && !names.includes(own)) names.unshift(own);
  const functions = el(
    'select',
    {},
    names.map((n) => el('option', { value: n }, n)),
  );
  if (own) functions.value = own;
  const name = line({ placeholder: 'made up if it is empty' });
  const input = area({ value: like?.input?.bytes ? '' : (like?.input?.text ?? '') });
  const last = el('select', { 'aria-label': 'Last inputs', hidden: true });
  const read = async () => {
    last.hidden = true;
    try {
      const { inputs } = await source.inputs(functions.value.split(':')[0]);
      if (!inputs.length) return;
      put(
        last,
        el('option', { value: '' }, 'Last inputs…'),
        inputs.map((i, n) =>
          el('option', { value: String(n) }, `${i.name}: ${i.text.slice(0, 60)}`),
        ),
      );
      last.onchange = () => {
        if (last.value) input.value = inputs[Number(last.value)].text;
        last.value = '';
      };
      last.hidden = false;
      if (!input.value) input.value = inputs[0].text;
    } catch {
      // an input can be written all the same
    }
  };
  functions.addEventListener('change', () => {
    input.value = '';
    read();
  });
  if (like?.input?.bytes)
    source.payload(like.arn, 'input').then(
      (p) => {
        input.value ||= p.text;
      },
      () => {},
    );
  dialog(
    why ? 'Start with another input' : 'Start an execution',
    why ? `${why} Change the input before it is started.` : '',
    [field('Function', functions), field('Name', name), last, field('Input, JSON', input)],
    'Start it',
    async () => {
      if (!functions.value) throw new Error('There is no function to start.');
      if (why && input.value === like.input?.text)
        throw new Error('This is the input that has failed: change it first.');
      if (input.value.trim()) checkJSON(input.value);
      const started = await source.act('start', {
        function: functions.value,
        name: name.value.trim(),
        text: input.value.trim() ? input.value : null,
      });
      say('It has begun.');
      app.go(app.executionHash(started));
    },
  );
  read();
}
