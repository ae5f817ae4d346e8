const offsetBasis = 0x811c9dc5;
const prime = 0x01000193;
const utf8 = new TextEncoder();

/** Length of a row of features. */
export const featureCount = 512;

/** `field:word` for each word of the fields, each once, in their order. */
export function tokensOf(fields: Readonly<Record<string, string>>): string[] {
  const tokens = Object.entries(fields).flatMap(([field, text]) =>
    Array.from(text.toLowerCase().matchAll(/\p{L}+/gu), ([word]) => `${field}:${word}`),
  );
  return [...new Set(tokens)];
}

/**
 * Feature hashing (Weinberger et al., 2009): each token adds 1 or -1 at one place of the row. Both are
 * taken from its hash, so that no vocabulary is needed.
 */
export function featuresOf(tokens: readonly string[]): Float32Array {
  const features = new Float32Array(featureCount);
  for (const token of tokens) {
    const hash = fnv1a(token);
    const place = hash % featureCount;
    features[place] = (features[place] ?? 0) + (hash >>> 31 === 1 ? -1 : 1);
  }
  return features;
}

/** The 32-bit FNV-1a hash of the text in UTF-8. */
function fnv1a(text: string): number {
  return utf8.encode(text).reduce((hash, byte) => Math.imul(hash ^ byte, prime) >>> 0, offsetBasis);
}
