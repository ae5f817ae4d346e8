import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import type { Identity } from './identity.js';

/** Addresses that stand for all of the machine. */
const wildcards = ['0.0.0.0', '::'];

/**
 * Makes a P-256 key and a certificate that nobody else has signed, valid for a year, for localhost
 * and the hosts that are given.
 */
export async function selfSigned(hosts: readonly string[]): Promise<Identity> {
  // Loaded here: few servers need it, and it takes longer to load than the rest of this room.
  const { generate } = await import('selfsigned');
  const names = namesFor(hosts);
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: names.map((name) =>
          isIP(name) === 0 ? { type: 2, value: name } : { type: 7, ip: name },
        ),
      },
    ],
  });
  const certificate = new X509Certificate(cert);
  return {
    options: { key, cert },
    certificate,
    source: 'the self-signed certificate',
    warnings: [
      `HTTPS has a self-signed certificate, made for this start: clients cannot know whom they talk to. Name a keystore, or private_key_file and certificate_file. Its SHA-256 fingerprint: ${certificate.fingerprint256}`,
    ],
  };
}

function namesFor(hosts: readonly string[]): string[] {
  const named = hosts.map((host) => (wildcards.includes(host) ? hostname() : host));
  return [...new Set(['localhost', '127.0.0.1', '::1', ...named])];
}
