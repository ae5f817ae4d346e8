/**
 * A reporter for node:test: one line of JSON for each test that ended. What is written stands when the
 * run is stopped.
 *
 * @param {AsyncIterable<{ type: string, data: any }>} events
 */
export default async function* reporter(events) {
  for await (const { type, data } of events) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    if (data.details?.type === 'suite') continue;
    yield `${JSON.stringify({ ...describe(data), passed: type === 'test:pass' })}\n`;
  }
}

function describe({ name, file, skip, todo, details }) {
  const reason = skip ?? todo;
  return {
    name,
    file,
    skipped: reason === undefined || reason === false ? undefined : String(reason || 'skipped'),
    milliseconds: Math.round(details?.duration_ms ?? 0),
    message: details?.error === undefined ? undefined : messageOf(details.error),
  };
}

/** The runner wraps what a test threw. */
function messageOf(error) {
  const cause = error.cause ?? error;
  return typeof cause === 'string' ? cause : (cause.stack ?? cause.message ?? String(cause));
}
