import { isIPv6 } from 'node:net';
import { SconceError } from '../errors.js';

/** Where a listener is bound. */
export type ListenerAddress =
  | { scheme: 'http' | 'https'; host: string; port: number }
  | { scheme: 'unix'; path: string };

export type ListenerKind = 'inference' | 'management' | 'metrics';

/** Port of an address that names none. */
const defaultPorts = {
  inference: { http: 80, https: 443 },
  management: { http: 8081, https: 8444 },
  metrics: { http: 8082, https: 8445 },
} as const;

/** TorchServe's form, and an IPv6 address in brackets besides. */
const addressForm = /^(?:(https?):\/\/(?:\[([^\]]+)\]|([^:^/[\]\s]+))(?::([0-9]+))?|unix:(\/.*))$/i;

/** TorchServe refuses the last port too. */
const portLimit = 65_535;

/**
 * Reads `http://host:port`, `https://host:port` or `unix:/path`. An IPv6 host comes without its
 * brackets; port 0 stands for any free port.
 *
 * @throws {SconceError} INVALID_CONFIGURATION when it is none of these, or the port is too large.
 */
export function parseAddress(text: string, kind: ListenerKind): ListenerAddress {
  const match = addressForm.exec(text);
  const [, protocol, ipv6, name, portText, path] = match ?? [];
  if (match === null || (ipv6 !== undefined && !isIPv6(ipv6))) {
    throw invalid(`Invalid binding address: ${text}`);
  }
  if (path !== undefined) return { scheme: 'unix', path };
  const scheme = protocol?.toLowerCase() === 'https' ? 'https' : 'http';
  const port = portText === undefined ? defaultPorts[kind][scheme] : Number(portText);
  if (port >= portLimit) throw invalid(`Invalid port number: ${text}`);
  return { scheme, host: ipv6 ?? name ?? '', port };
}

function invalid(message: string): SconceError {
  return new SconceError('INVALID_CONFIGURATION', message);
}
