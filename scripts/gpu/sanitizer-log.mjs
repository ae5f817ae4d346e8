/**
 * What compute-sanitizer's memcheck has found. Calls of the CUDA API that were refused are counted
 * apart: libraries ask for what a driver may not have, and take the refusal for an answer.
 *
 * @param {string} text its log
 * @returns {{ problem: string | undefined, memoryErrors: number, firstError: string,
 *   apiErrors: { call: string, count: number }[] }} problem: why it did not check to the end
 */
export function readSanitizerLog(text) {
  const whole = /^========= ERROR SUMMARY: \d+ errors?/m.test(text);
  const toolError = /^========= Error: (.+)$/m.exec(text)?.[1];
  const blocks = text.split(/^========= *$/m);
  const errors = blocks.filter((block) => memoryError.test(block));
  const calls = new Map();
  for (const [, error, call] of text.matchAll(refusedCall)) {
    const key = `${call}: ${error}`;
    calls.set(key, (calls.get(key) ?? 0) + 1);
  }
  return {
    problem: toolError ?? (whole ? undefined : 'it has no summary'),
    memoryErrors: errors.length,
    firstError: errors[0]?.trim() ?? '',
    apiErrors: [...calls].map(([call, count]) => ({ call, count })),
  };
}

const memoryError =
  /^========= (?:Invalid|Misaligned|Out-of-range|Unaligned|Warp|Stack|Malloc\/Free error|Illegal|Leaked|Hardware|Internal)/m;

const refusedCall = /^========= Program hit (\S+) .*?on CUDA API call to (\w+)/gm;
