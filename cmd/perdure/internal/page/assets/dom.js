// Elements are made here and nowhere else. What is shown of executions is text: a child that is a
// string becomes a text node, and nothing on the page is ever read as HTML.

/**
 * Makes an element. Properties whose names begin with "on" are listeners, "class" and "text" are
 * what they say, "data" is an object, and all others are attributes; false and null leave one out.
 */
export function el(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    set(made, name, value);
  }
  put(made, ...children);
  return made;
}

function set(made, name, value) {
  if (value === false || value === null || value === undefined) return;
  if (name.startsWith('on')) {
    made.addEventListener(name.slice(2), value);
  } else if (name === 'class') {
    made.className = value;
  } else if (name === 'text') {
    made.textContent = value;
  } else if (name === 'data') {
    Object.assign(made.dataset, value);
  } else if (name === 'value' || name === 'checked' || name === 'disabled') {
    made[name] = value;
  } else {
    made.setAttribute(name, value === true ? '' : String(value));
  }
}

/** Replaces what is in an element. */
export function put(into, ...children) {
  into.replaceChildren(
    ...children.flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false),
  );
  return into;
}

/** Makes a button. */
export function button(text, action, properties = {}) {
  return el('button', { type: 'button', onclick: action, ...properties }, text);
}

/** Shows a status with a sign beside its color. */
export function statusBadge(status) {
  return el(
    'span',
    { class: 'status', data: { status } },
    el('i', { 'aria-hidden': 'true' }),
    status,
  );
}

/** Says something to those who see the page and to those who hear it. */
export function say(text, trouble = false) {
  const said = document.getElementById('said');
  said.textContent = text;
  said.className = trouble ? 'shown trouble' : 'shown';
  clearTimeout(say.timer);
  say.timer = setTimeout(
    () => {
      said.className = '';
    },
    trouble ? 12000 : 4000,
  );
}

/** Calls f at most once in so many milliseconds, and once more after the last call. */
export function slowly(milliseconds, f) {
  let timer = 0;
  let again = false;
  const run = () => {
    timer = setTimeout(() => {
      timer = 0;
      if (again) {
        again = false;
        run();
      }
    }, milliseconds);
    f();
  };
  return () => {
    if (timer) again = true;
    else run();
  };
}

/** Waits until what was drawn is on the screen, and marks that for those who measure. */
export function painted(name) {
  return new Promise((done) => {
    requestAnimationFrame(() =>
      setTimeout(() => {
        performance.mark(name);
        done();
      }, 0),
    );
  });
}
