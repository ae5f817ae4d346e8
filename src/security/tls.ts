import { invalid } from './failure.js';
import type { Identity, IdentityOptions } from './identity.js';
import { loadKeystore } from './keystore.js';
import { loadPem } from './pem.js';
import { selfSigned } from './self-signed.js';

export interface TlsSettings {
  /** Path of a PKCS#12 file. It counts before the other two, as in TorchServe. */
  keystore?: string | undefined;
  keystorePass: string;
  keystoreType: string;
  /** Path of a private key in PEM. */
  privateKeyFile?: string | undefined;
  /** Path of its certificate in PEM, with the rest of the chain behind it. */
  certificateFile?: string | undefined;
  /** Host names and addresses that the listeners are bound to, for a self-signed certificate. */
  hosts?: readonly string[] | undefined;
}

/** For node:https. */
export type TlsOptions = IdentityOptions & { minVersion: 'TLSv1.2' };

export interface LoadedTls {
  options: TlsOptions;
  /** For the log. */
  warnings: string[];
}

/**
 * Reads and checks what HTTPS listeners need: a keystore, or a key and its certificate. Where
 * neither is named, a self-signed certificate is made.
 *
 * @throws {SconceError} INVALID_CONFIGURATION naming the setting and the file that are at fault
 */
export async function loadTls(settings: TlsSettings): Promise<LoadedTls> {
  const identity = await loadIdentity(settings);
  return {
    options: { ...identity.options, minVersion: 'TLSv1.2' },
    warnings: [...identity.warnings, ...validityWarnings(identity)],
  };
}

async function loadIdentity(settings: TlsSettings): Promise<Identity> {
  const { keystore, keystorePass, keystoreType, privateKeyFile, certificateFile } = settings;
  if (keystore !== undefined) {
    const identity = await loadKeystore(keystore, keystoreType, keystorePass);
    if (privateKeyFile !== undefined || certificateFile !== undefined) {
      identity.warnings.push('keystore is used; private_key_file and certificate_file are not');
    }
    return identity;
  }
  if (privateKeyFile !== undefined && certificateFile !== undefined) {
    return loadPem(privateKeyFile, certificateFile);
  }
  if (privateKeyFile !== undefined) {
    throw invalid(`private_key_file ${privateKeyFile} needs its certificate: set certificate_file`);
  }
  if (certificateFile !== undefined) {
    throw invalid(`certificate_file ${certificateFile} needs its key: set private_key_file`);
  }
  return selfSigned(settings.hosts ?? []);
}

/** A certificate out of its time is served all the same: TorchServe does, and clients will say so. */
function validityWarnings({ certificate, source }: Identity): string[] {
  const now = new Date();
  const { validFrom, validTo } = certificate;
  if (now > new Date(validTo)) return [`${source} expired on ${validTo}: clients refuse it`];
  if (now < new Date(validFrom)) return [`${source} is not valid before ${validFrom}`];
  return [];
}
