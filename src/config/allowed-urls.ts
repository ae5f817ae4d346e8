import { SconceError } from '../errors.js';

/**
 * The setting `allowedUrls` as expressions that match a whole URL, in either case.
 *
 * @throws {SconceError} INVALID_CONFIGURATION naming the first that is no regular expression.
 */
export function compileAllowedUrls(allowedUrls: readonly string[]): RegExp[] {
  return allowedUrls.map((source) => {
    try {
      // Alone first: what closes a group that it did not open must not close ours.
      new RegExp(source);
      return new RegExp(`^(?:${source})$`, 'i');
    } catch {
      throw new SconceError(
        'INVALID_CONFIGURATION',
        `${JSON.stringify(source)} is not a regular expression of JavaScript`,
      );
    }
  });
}
