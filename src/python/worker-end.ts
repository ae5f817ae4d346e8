import type { ChildEnd } from './child.js';
import type { LastWords } from './last-words.js';

/** What a shell calls the end by SIGKILL, which a launcher around the process would answer. */
const killedCode = 137;

/** True when the system has killed it, as it does when memory runs out. */
export function isOutOfMemory({ code, signal, asked }: ChildEnd): boolean {
  return !asked && (code === killedCode || signal === 'SIGKILL');
}

/** How a worker has ended: `it ended with code 1: ModuleNotFoundError: No module named 'x'`. */
export function endInWords(end: ChildEnd, lastWords: LastWords): string {
  if (end.asked) return 'it was stopped';
  if (isOutOfMemory(end)) return 'it was killed (SIGKILL), as the system does when memory runs out';
  // One that a signal ends has no say; abort() is called by programs that have said why.
  const said = end.signal === null || end.signal === 'SIGABRT' ? lastWords.text : undefined;
  const ended = end.signal === null ? `it ended with code ${end.code}` : `it died of ${end.signal}`;
  return said === undefined ? ended : `${ended}: ${said}`;
}
