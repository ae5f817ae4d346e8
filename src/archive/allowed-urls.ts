import { compileAllowedUrls } from '../config/allowed-urls.js';
import { SconceError } from '../errors.js';

/** `https://…`, of any scheme. Everything else names something in the model store. */
export function isUrlShaped(url: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(url);
}

/**
 * Refuses `..` in a URL or path, also where tabs and line breaks, which URL parsers drop, or
 * percent-encoding, once or twice, hide it.
 *
 * @throws {SconceError} RELATIVE_URL
 */
export function refuseRelative(url: string): void {
  const once = decoded(url);
  const forms = [url, once, decoded(once)];
  if (forms.some((form) => form.replace(/[\t\n\r]/g, '').includes('..'))) {
    throw new SconceError('RELATIVE_URL', url);
  }
}

function decoded(url: string): string {
  return url.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

/** The URLs that an operator allows models to be fetched from. */
export class AllowedUrls {
  readonly #patterns: RegExp[];

  /**
   * @param patterns regular expressions, each of which must match a whole URL; letter case does
   *   not count
   * @throws {SconceError} INVALID_CONFIGURATION for what is no regular expression.
   */
  constructor(patterns: readonly string[]) {
    this.#patterns = compileAllowedUrls(patterns);
  }

  /**
   * The URL as it is to be requested. It must be allowed both as it is written and as it is
   * understood, which is without user name and fragment: a pattern for `http://good.*` does not
   * let `http://good@evil/` in, nor one for `.*\.mar` a `#.mar`.
   *
   * @param base what a URL that is not whole continues; then only what comes out counts
   * @throws {SconceError} RELATIVE_URL for a URL with `..`; URL_NOT_ALLOWED
   */
  check(text: string, base?: URL): URL {
    refuseRelative(text);
    const url = parse(text, base);
    const understood = new URL(url);
    understood.username = '';
    understood.password = '';
    understood.hash = '';
    const written = isUrlShaped(text) ? text : understood.href;
    if (![written, understood.href].every((form) => this.#allow(form))) {
      throw new SconceError('URL_NOT_ALLOWED', written);
    }
    url.hash = '';
    return url;
  }

  #allow(form: string): boolean {
    return this.#patterns.some((pattern) => pattern.test(form));
  }
}

function parse(text: string, base: URL | undefined): URL {
  try {
    return new URL(text, base);
  } catch {
    throw new SconceError('URL_NOT_ALLOWED', text).because('it is not a valid URL');
  }
}
