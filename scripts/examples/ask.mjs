/**
 * Asks a server, and says how the answer differs from the expected one.
 *
 * @param {string} url of the inference API
 * @param {import('./questions.mjs').Question} question
 * @returns {Promise<string | undefined>} undefined when it is as expected
 */
export async function ask(url, question) {
  const { model, body, headers, status, answer, tolerance, reading = (reply) => reply } = question;
  const reply = await fetch(`${url}/predictions/${model}`, { method: 'POST', headers, body });
  const text = await reply.text();
  if (reply.status !== status) return `status ${reply.status}, not ${status}: ${text.trim()}`;
  return differenceOf(reading(JSON.parse(text)), answer, tolerance);
}

/**
 * The first place where a JSON value differs; the order of keys counts, as that of classes does.
 *
 * @param {unknown} given
 * @param {unknown} wanted
 * @param {import('./questions.mjs').Tolerance} tolerance
 * @param {string} [at]
 * @returns {string | undefined}
 */
export function differenceOf(given, wanted, tolerance, at = 'answer') {
  if (typeof given === 'number' && typeof wanted === 'number') {
    const limit = tolerance.absolute + tolerance.relative * Math.abs(wanted);
    return Math.abs(given - wanted) <= limit ? undefined : `${at} is ${given}, not ${wanted}`;
  }
  if (isContainer(given) && isContainer(wanted) && Array.isArray(given) === Array.isArray(wanted)) {
    const keys = Object.keys(wanted);
    if (String(Object.keys(given)) !== String(keys)) {
      return `${at} has ${Object.keys(given).join(', ')}, not ${keys.join(', ')}`;
    }
    return keys
      .map((key) => differenceOf(given[key], wanted[key], tolerance, `${at}.${key}`))
      .find((difference) => difference !== undefined);
  }
  return given === wanted
    ? undefined
    : `${at} is ${JSON.stringify(given)}, not ${JSON.stringify(wanted)}`;
}

function isContainer(value) {
  return typeof value === 'object' && value !== null;
}
