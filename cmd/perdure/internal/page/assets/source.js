// Where the page reads executions: from the server that has sent it, or from itself, if it was
// saved with one execution in it.

const saved = document.getElementById('perdure-execution');
let token = document.querySelector('meta[name=perdure-token]')?.content ?? '';

/** What was saved with the page, null for a page that a server has sent. */
export const kept = saved ? JSON.parse(saved.textContent) : null;

export class Refusal extends Error {
  constructor(text, status) {
    super(text);
    this.status = status;
  }
}

async function answerOf(request) {
  let answer;
  try {
    answer = await request;
  } catch {
    throw new Refusal(`nothing answers at ${location.origin}: start perdure again`, 0);
  }
  let body;
  try {
    body = await answer.json();
  } catch {
    throw new Refusal(`the answer cannot be read (HTTP status ${answer.status})`, answer.status);
  }
  if (!answer.ok) throw new Refusal(body.error ?? `HTTP status ${answer.status}`, answer.status);
  return body;
}

function get(path, parameters = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (Array.isArray(value)) value.forEach((v) => query.append(name, v));
    else if (value !== undefined && value !== '') query.set(name, value);
  }
  const text = query.toString();
  return answerOf(fetch(`/ui/${path}${text ? `?${text}` : ''}`, { credentials: 'same-origin' }));
}

export const place = () => (kept ? Promise.resolve(kept.place) : get('place'));
export const executions = (parameters) => get('executions', parameters);
export const inputs = (name) => get('inputs', { function: name });
export const answers = (arn, id) => get('answers', { arn, id });

/** Returns the executions that were made of one. */
export const forks = async (arn) => (kept ? [] : (await get('forks', { arn })).executions);

/** Returns by ARN why executions wait, or have failed. */
export const reasons = async (arns) => (await get('reasons', { arn: arns })).reasons;

export function execution(arn, after) {
  return kept
    ? Promise.resolve(kept.model)
    : get('execution', { arn, after, quick: after === undefined ? '1' : '' });
}

export function operation(arn, id) {
  return kept ? Promise.resolve(kept.details[id] ?? { id }) : get('operation', { arn, id });
}

export function history(arn, after) {
  return kept ? Promise.resolve({ events: kept.events }) : get('history', { arn, after });
}

export function logs(arn) {
  return kept ? Promise.resolve({ lines: kept.logs ?? [] }) : get('logs', { arn });
}

export const payload = (arn, of, id) => get('payload', { arn, of, id });

function post(path, body) {
  return answerOf(
    fetch(`/ui/${path}`, {
      method: 'POST',
      credentials: 'same-origin',
      headers: { 'Content-Type': 'application/json', 'X-Perdure-Token': token },
      body: JSON.stringify(body),
    }),
  );
}

/** Returns what an operation holds, or without an ID the execution, opened with the keys there are. */
export const open = (arn, id) => post('open', { arn, id: id ?? '' });

/** Has something done, and returns the ARN of an execution if that has started one. */
export async function act(action, members) {
  const body = await post('act', { action, ...members });
  return body.started;
}

/**
 * Joins the server again that was started again: it knows neither the cookie nor the token of the
 * one before. Returns why that is not possible, empty if it was.
 */
async function rejoin() {
  let answer;
  try {
    answer = await fetch('/', { credentials: 'same-origin' });
  } catch {
    return `Nothing answers at ${location.origin}. Start perdure again: the page goes on when it is there.`;
  }
  const found = answer.ok && /name="perdure-token" content="([^"]+)"/.exec(await answer.text());
  if (!found)
    return `perdure was started again at ${location.origin}, with another key: open the address that it has printed.`;
  token = found[1];
  return '';
}

/**
 * Calls changed with the rows of executions that have changed, and state with "live", or with
 * "interrupted" and why, until the function that it returns is called.
 */
export function follow(arn, changed, state) {
  if (kept) return () => {};
  let stream = null;
  let timer = 0;
  let live = false;
  const well = () => {
    if (!live) state('live');
    live = true;
  };
  const broken = (why) => {
    live = false;
    state('interrupted', why);
  };
  const again = async () => {
    const why = await rejoin();
    if (timer === null) return;
    if (why) {
      broken(why);
      timer = setTimeout(again, 2000);
    } else join();
  };
  const join = () => {
    stream = new EventSource(`/ui/live${arn ? `?arn=${encodeURIComponent(arn)}` : ''}`);
    stream.addEventListener('hello', well);
    stream.addEventListener('beat', well);
    stream.addEventListener('changed', (event) => {
      well();
      changed(JSON.parse(event.data));
    });
    stream.addEventListener('trouble', (event) => broken(JSON.parse(event.data)));
    stream.onerror = () => {
      stream.close();
      broken();
      timer = setTimeout(again, 300);
    };
  };
  join();
  return () => {
    clearTimeout(timer);
    timer = null;
    stream.close();
  };
}
