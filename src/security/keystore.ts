import type { X509Certificate } from 'node:crypto';
import { Socket } from 'node:net';
import { createSecureContext, type SecureContext, TLSSocket } from 'node:tls';
import { messageOf } from '../errors.js';
import { invalid } from './failure.js';
import { type Identity, readNamedFile } from './identity.js';

/** First bytes of Java's own keystores: JKS and JCEKS. */
const javaMagics = ['feedfeed', 'cececece'];

/** Java's type JKS opens PKCS#12 files as well, so configurations name it for them. */
const readableTypes = ['PKCS12', 'JKS'];

/**
 * Reads a PKCS#12 file with a private key and its certificate chain.
 *
 * @throws {SconceError} INVALID_CONFIGURATION when it cannot be used
 */
export async function loadKeystore(path: string, type: string, pass: string): Promise<Identity> {
  const pfx = await readNamedFile('keystore', path);
  if (javaMagics.includes(pfx.subarray(0, 4).toString('hex'))) {
    throw invalid(
      `keystore ${path} has Java's own format, which cannot be read here. Convert it: keytool -importkeystore -srckeystore ${path} -destkeystore keystore.p12 -deststoretype PKCS12`,
    );
  }
  if (!readableTypes.includes(type.toUpperCase())) {
    throw invalid(`keystore_type ${type} cannot be read; it must be PKCS12`);
  }
  let certificate: X509Certificate | undefined;
  try {
    certificate = certificateOf(createSecureContext({ pfx, passphrase: pass }));
  } catch (error) {
    throw invalid(explain(path, messageOf(error)));
  }
  if (certificate === undefined) throw invalid(`keystore ${path} holds no certificate for its key`);
  return {
    options: { pfx, passphrase: pass },
    certificate,
    source: `keystore ${path}`,
    warnings: [],
  };
}

/** What a server with this context shows. Node has no other way to look into a PKCS#12 file. */
function certificateOf(secureContext: SecureContext): X509Certificate | undefined {
  const socket = new TLSSocket(new Socket(), { isServer: true, secureContext });
  const certificate = socket.getX509Certificate();
  socket.destroy();
  return certificate;
}

function explain(path: string, reason: string): string {
  if (reason === 'mac verify failure') return `keystore_pass does not open keystore ${path}`;
  if (reason.startsWith('Unsupported')) {
    return `keystore ${path} is encrypted in a way that OpenSSL 3 has given up, as older Java did. Write it anew: openssl pkcs12 -legacy -in ${path} -nodes -out plain.pem && openssl pkcs12 -export -in plain.pem -out keystore.p12 && rm plain.pem`;
  }
  return `keystore ${path} cannot be read as PKCS12: ${reason}`;
}
