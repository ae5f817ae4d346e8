import { inWords, SconceError } from '../errors.js';

/** Runs a command; what went wrong is one message, not a stack, unless it is our own mistake. */
export async function attempt(run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    const known = error instanceof SconceError && error.code !== 'INTERNAL';
    console.error(known ? inWords(error) : error);
    process.exit(1);
  }
}
