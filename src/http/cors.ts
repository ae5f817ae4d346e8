import { validateHeaderValue } from 'node:http';
import { SconceError } from '../errors.js';

export interface CorsSettings {
  corsAllowedOrigin?: string | undefined;
  corsAllowedMethods?: string | undefined;
  corsAllowedHeaders?: string | undefined;
}

/**
 * The CORS headers of every response, names and values; only those that are set.
 *
 * @throws {SconceError} INVALID_CONFIGURATION when a value cannot stand in a header
 */
export function corsHeaders(settings: CorsSettings): readonly [string, string][] {
  const given: [setting: string, header: string, value: string | undefined][] = [
    ['cors_allowed_origin', 'access-control-allow-origin', settings.corsAllowedOrigin],
    ['cors_allowed_methods', 'access-control-allow-methods', settings.corsAllowedMethods],
    ['cors_allowed_headers', 'access-control-allow-headers', settings.corsAllowedHeaders],
  ];
  const headers: [string, string][] = [];
  for (const [setting, header, value] of given) {
    if (value === undefined || value === '') continue;
    try {
      validateHeaderValue(header, value);
    } catch {
      throw new SconceError(
        'INVALID_CONFIGURATION',
        `${setting} ${JSON.stringify(value)} holds a character that no HTTP header may hold`,
      );
    }
    headers.push([header, value]);
  }
  return headers;
}
