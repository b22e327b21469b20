import { button, el, put, say } from './dom.js';
import * as source from './source.js';

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
    text ? el('p', {}, text) : null,
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

function checkJSON(text) {
  try {
    JSON.parse(text);
  } catch (trouble) {
    throw new Error(`This is no JSON: ${trouble.message}`);
  }
}

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
  dialog(
    `Complete callback ${o.name}`,
    'The result is JSON, unless the callback is one of a string: only the function knows.',
    [
      field('Result', result),
      el('label', {}, asText, ' send it as it stands, for a callback of a string or of bytes'),
      el('label', {}, empty, ' without a result: the function gets the zero value, such as false'),
    ],
    'Complete it',
    () => {
      if (result.value && empty.checked) throw new Error('There is a result: remove it, or the tick.');
      if (!result.value && !empty.checked)
        throw new Error('There is no result: write one, or say that it has none.');
      if (result.value && !asText.checked) checkJSON(result.value);
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
    () => act(view, 'pause', { reason: reason.value }, 'It is paused, or will be soon.'),
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
  const by = line({ value: '24h', placeholder: '24h or 90m', required: true });
  dialog(
    'Skip time',
    'Waits, pauses before attempts and timeouts of this execution come that much sooner.',
    [field('How much', by)],
    'Skip it',
    () => act(view, 'skip', { by: by.value.trim() }, `${by.value} are skipped.`),
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
      ? el(
          'label',
          { class: 'repeats' },
          tick,
          ` run ${names} again, if it comes to that: it was interrupted, and what it calls says that the effect did not happen`,
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
    'A new execution goes on where this one has failed, with the code that is there now. This one stays as it is.',
    [field('Name of the new one (made up if it is empty)', name), again.label],
    'Redrive it',
    () => {
      again.check();
      return act(view, action, { name: name.value }, 'It goes on as a new one.');
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
      return act(view, 'fork', { operation: o.id, name: name.value }, 'The fork has begun.');
    },
  );
}

/** Starts an execution, with the input of an earlier one if there is one. */
export function startDialog(app, like) {
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
    'Start an execution',
    '',
    [field('Function', functions), field('Name', name), last, field('Input, JSON', input)],
    'Start it',
    async () => {
      if (!functions.value) throw new Error('There is no function to start.');
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
