import { Type } from 'typebox';
import type { ListenerKind } from '../addresses.js';
import { integer, optionalText, seconds, text, toggle } from './forms.js';

const address = (kind: ListenerKind, fallback: string, description: string) =>
  Type.String({ minLength: 1, default: fallback, address: kind, description });

/** Where the server listens, and how it speaks there. */
export const listenerSettings = {
  inferenceAddress: address(
    'inference',
    'http://127.0.0.1:8080',
    'Address of the inference API: `http://host:port`, `https://host:port` or `unix:/path`; port 0 takes any free port.',
  ),
  managementAddress: address(
    'management',
    'http://127.0.0.1:8081',
    'Address of the management API; the same address as for inference serves both on one port.',
  ),
  metricsAddress: address('metrics', 'http://127.0.0.1:8082', 'Address of the Prometheus metrics.'),
  httpThreads: integer(
    1,
    64,
    1,
    'Threads that read requests and write replies; with 1 the main loop does it. More take over the inference API where it has an address of its own; they pay when cores are left over.',
  ),
  keystore: optionalText('PKCS12 file with the key and the certificate for https.'),
  keystorePass: text('changeit', 'Password of `keystore`.', { minLength: 0, secret: true }),
  keystoreType: text('PKCS12', 'Format of `keystore`.'),
  privateKeyFile: optionalText('PEM file with the private key for https.'),
  certificateFile: optionalText('PEM file with the certificate for https.'),
  corsAllowedOrigin: optionalText('Value of `access-control-allow-origin` in every reply.'),
  corsAllowedMethods: optionalText('Value of `access-control-allow-methods` in every reply.'),
  corsAllowedHeaders: optionalText('Value of `access-control-allow-headers` in every reply.'),
  closeConnectionOnError: toggle(
    true,
    'End the connection after a reply of 400 or above, as TorchServe does.',
  ),
  drainTimeout: seconds(30, 'Seconds that a shutdown waits for requests in flight.', {
    maximum: 3600,
  }),
};
