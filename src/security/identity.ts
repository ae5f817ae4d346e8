import type { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { messageOf } from '../errors.js';
import { invalid } from './failure.js';

/** What a server proves itself with, as node:tls takes it. */
export type IdentityOptions = { key: string; cert: string } | { pfx: Buffer; passphrase: string };

export interface Identity {
  options: IdentityOptions;
  certificate: X509Certificate;
  /** Where the certificate is from, for people: `certificate_file server.pem`. */
  source: string;
  /** For the log. */
  warnings: string[];
}

/**
 * The bytes of a file that a setting names.
 *
 * @throws {SconceError} INVALID_CONFIGURATION naming the setting and the file
 */
export async function readNamedFile(setting: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw invalid(`${setting} ${path} cannot be read: ${messageOf(error)}`);
  }
}
