import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { messageOf } from '../errors.js';
import { invalid } from './failure.js';
import { type Identity, readNamedFile } from './identity.js';

/** The marks of PKCS#8 and of PKCS#1. */
const encrypted = /^(?:-----BEGIN ENCRYPTED PRIVATE KEY-----|Proc-Type: 4,ENCRYPTED)/m;

/**
 * Reads a private key (PKCS#1, PKCS#8 or SEC1) and its certificate chain, both in PEM.
 *
 * @throws {SconceError} INVALID_CONFIGURATION when one cannot be used, or they do not belong together
 */
export async function loadPem(privateKeyFile: string, certificateFile: string): Promise<Identity> {
  const key = (await readNamedFile('private_key_file', privateKeyFile)).toString();
  const cert = (await readNamedFile('certificate_file', certificateFile)).toString();
  const privateKey = parseKey(key, privateKeyFile);
  const certificate = parseCertificate(cert, certificateFile);
  if (!certificate.checkPrivateKey(privateKey)) {
    throw invalid(
      `the first certificate of certificate_file ${certificateFile} does not belong to private_key_file ${privateKeyFile}`,
    );
  }
  try {
    createSecureContext({ key, cert });
  } catch (error) {
    throw invalid(
      `certificate_file ${certificateFile} and private_key_file ${privateKeyFile} cannot be used for TLS: ${messageOf(error)}`,
    );
  }
  return {
    options: { key, cert },
    certificate,
    source: `certificate_file ${certificateFile}`,
    warnings: [],
  };
}

function parseKey(pem: string, path: string): KeyObject {
  if (encrypted.test(pem)) {
    throw invalid(
      `private_key_file ${path} is encrypted, and there is no setting for its passphrase. Write it without: openssl pkey -in ${path} -out plain.pem`,
    );
  }
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw invalid(`private_key_file ${path} holds no private key in PEM: ${messageOf(error)}`);
  }
}

function parseCertificate(pem: string, path: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw invalid(`certificate_file ${path} holds no certificate in PEM: ${messageOf(error)}`);
  }
}
