/** What a value is, for messages to the author of a handler: `undefined`, `"abc"`, `a Promise`. */
export function describeValue(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(shortened(value));
  if (typeof value === 'function') return 'a function';
  if (typeof value !== 'object' || value === null) return shortened(String(value));
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Promise) return 'a Promise (is an await missing?)';
  const name = value.constructor?.name || Object.prototype.toString.call(value).slice(8, -1);
  return name === 'Object' ? 'an object' : `a ${name}`;
}

function shortened(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
