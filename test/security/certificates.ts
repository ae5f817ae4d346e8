import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { generate } from 'selfsigned';
import type { TemporaryFolder } from './folder.js';

export interface Pem {
  key: string;
  cert: string;
}

interface Validity {
  from?: Date;
  to?: Date;
}

/** A key and a certificate for localhost that it has signed itself. */
export async function makePem(type: 'rsa' | 'ec', { from, to }: Validity = {}): Promise<Pem> {
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: type,
    algorithm: 'sha256',
    ...(from === undefined ? {} : { notBeforeDate: from }),
    ...(to === undefined ? {} : { notAfterDate: to }),
  });
  return { key, cert };
}

/** Writes a pair into a folder, as `<name>.key.pem` and `<name>.cert.pem`; gives their paths. */
export function writePem(
  folder: TemporaryFolder,
  name: string,
  { key, cert }: Pem,
): { privateKeyFile: string; certificateFile: string } {
  const privateKeyFile = folder.file(`${name}.key.pem`);
  const certificateFile = folder.file(`${name}.cert.pem`);
  writeFileSync(privateKeyFile, key);
  writeFileSync(certificateFile, cert);
  return { privateKeyFile, certificateFile };
}

/** Runs a command that makes a file of another format. */
export function run(command: string, args: readonly string[]): void {
  execFileSync(command, args, { stdio: 'pipe' });
}

/** Why a test that needs a command is skipped; false where the command is at hand. */
export function missing(command: string, args: readonly string[]): string | false {
  try {
    run(command, args);
    return false;
  } catch {
    return `${command} is not installed`;
  }
}
