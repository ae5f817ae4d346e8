/** Parameters of a query, as Fastify reads them: of several with one name a list. */
export type Query = Record<string, string | string[] | undefined>;

const integerPattern = /^[+-]?\d{1,10}$/;
const largestInteger = 2_147_483_647;

/** A 32-bit integer; anything else counts as absent, as in TorchServe. */
export function toInteger(value: unknown): number | undefined {
  const [first] = [value].flat();
  const text = typeof first === 'number' ? String(first) : first;
  if (typeof text !== 'string' || !integerPattern.test(text)) return undefined;
  const number = Number(text);
  return Math.abs(number) <= largestInteger ? number : undefined;
}

/** As Java reads booleans: only `true`, in any letter case, is true. */
export function toBoolean(value: unknown, fallback: boolean): boolean {
  const [first] = [value].flat();
  if (first === undefined || first === null) return fallback;
  return String(first).toLowerCase() === 'true';
}
