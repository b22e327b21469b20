// Times and payloads as people read them. Times are in UTC, as those of the command line are.

const units = [
  [24 * 3600e3, 'd', 3600e3, 'h'],
  [3600e3, 'h', 60e3, 'm'],
  [60e3, 'm', 1e3, 's'],
];

/** Returns a duration as people want to know it, such as 3d4h. */
export function span(milliseconds) {
  if (milliseconds < 0) return '0s';
  if (milliseconds < 1000) return `${Math.round(milliseconds)}ms`;
  if (milliseconds < 60e3) return `${Math.round(milliseconds / 100) / 10}s`;
  for (const [large, largeName, small, smallName] of units) {
    if (milliseconds < (largeName === 'd' ? 48 * 3600e3 : large)) continue;
    const rounded = Math.round(milliseconds / small) * small;
    const rest = Math.round((rounded % large) / small);
    return Math.floor(rounded / large) + largeName + (rest ? rest + smallName : '');
  }
  return span(59.9e3);
}

/** Returns a time in whole seconds. */
export function stamp(at) {
  return at ? new Date(at).toISOString().replace('T', ' ').slice(0, 19) + 'Z' : '';
}

/** Returns a time with its milliseconds. */
export function exact(at) {
  return at ? new Date(at).toISOString().replace('T', ' ') : '';
}

/** Says when something is, seen from now. */
export function when(at, now) {
  if (!at) return '';
  return at > now ? `in ${span(at - now)}` : `${span(now - at)} ago`;
}

export function plural(n, one, many) {
  return n === 1 ? `1 ${one}` : `${n.toLocaleString('en')} ${many}`;
}

/** Returns an error in a line. */
export function errorText(error) {
  if (!error) return '';
  const message = (error.message ?? '').replace(/^RequestId: \S+ Error: /, '');
  const type = error.type === 'Error' && message ? '' : error.type; // it says nothing
  return [type, message].filter(Boolean).join(': ');
}

/** Returns a payload with line breaks, if it is JSON that is not too long for that. */
export function pretty(text) {
  if (text.length > 1 << 20) return text;
  try {
    return JSON.stringify(JSON.parse(text), (_, v) => v, 2);
  } catch {
    return text;
  }
}

/** Returns whether JSON keeps a text as it stands: numbers beyond 2⁵³ do not survive pretty. */
export function keepsNumbers(text) {
  return !/(^|[^\w".])-?\d{16,}/.test(text);
}

/** Returns a text that begins with a capital letter. */
export function sentence(text) {
  return text && text[0].toUpperCase() + text.slice(1);
}
