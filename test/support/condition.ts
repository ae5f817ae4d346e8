import { setImmediate as nextTurn } from 'node:timers/promises';

/** Turns of the event loop until `isTrue`; the test runner's own timeout is the limit. */
export async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await nextTurn();
}
