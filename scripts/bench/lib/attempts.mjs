import { SetupError } from '../../lib/setup-error.mjs';

const longest = 500;

/** Contenders that may fail: one that does not start, or answers wrongly, costs the others nothing. */
export class Attempts {
  /** What has failed, and why. @type {string[]} */
  failed = [];

  /**
   * @template Result
   * @param {string} name
   * @param {() => Promise<Result>} start
   * @returns {Promise<Result | undefined>} undefined when it failed
   */
  async of(name, start) {
    try {
      return await start();
    } catch (error) {
      const reason = error instanceof SetupError ? error.message : error.stack;
      console.error(`  ${name} failed: ${reason}`);
      this.failed.push(`${name}: ${reason.trim().replace(/\s+/g, ' ').slice(0, longest)}`);
      return undefined;
    }
  }
}
