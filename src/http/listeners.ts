import { lookup } from 'node:dns/promises';
import { rm, stat } from 'node:fs/promises';
import { type AddressInfo, connect } from 'node:net';
import { type ListenerAddress, type ListenerKind, parseAddress } from '../config/addresses.js';
import type { Settings } from '../config/settings.js';

/** One of the APIs that a listener can serve. */
export type Surface = ListenerKind;

/** An address and what is served there. */
export interface ListenerPlan {
  address: ListenerAddress;
  /** As it stands in the settings. */
  text: string;
  surfaces: Surface[];
}

/** Connections that may wait to be accepted; the operating system lowers it to its own limit. */
const longestBacklog = 65_535;

/** Bytes; a longer one would be cut short without a word. */
const longestSocketPath = process.platform === 'linux' ? 107 : 103;

/**
 * The listeners that the settings ask for: APIs with the same address share one.
 *
 * @throws {SconceError} INVALID_CONFIGURATION for an address that is none.
 */
export function groupSurfaces(settings: Settings): ListenerPlan[] {
  const addresses: [Surface, string][] = [
    ['inference', settings.inferenceAddress],
    ['management', settings.managementAddress],
  ];
  if (settings.enableMetricsApi) addresses.push(['metrics', settings.metricsAddress]);
  const plans = new Map<string, ListenerPlan>();
  for (const [surface, text] of addresses) {
    const address = parseAddress(text, surface);
    const key = isAnyPort(address) ? surface : JSON.stringify(address);
    const plan = plans.get(key);
    if (plan === undefined) plans.set(key, { address, text, surfaces: [surface] });
    else plan.surfaces.push(surface);
  }
  return [...plans.values()];
}

/** Port 0 is another one each time. */
function isAnyPort(address: ListenerAddress): boolean {
  return address.scheme !== 'unix' && address.port === 0;
}

/** Where a server listens. */
export type Place = ({ path: string } | { host: string; port: number }) & { backlog: number };

/** Begins to listen; returns what the server is bound to. */
export type Listen = (place: Place) => Promise<AddressInfo | string | null>;

/**
 * Opens a listener.
 *
 * @returns its URL without a path
 */
export async function bind(listen: Listen, address: ListenerAddress): Promise<string> {
  if (address.scheme === 'unix') {
    await removeStaleSocket(address.path);
    await listen({ path: address.path, backlog: longestBacklog });
    return `unix:${address.path}`;
  }
  const { host, port, scheme } = address;
  const bound = await listen({ host: await resolved(host), port, backlog: longestBacklog });
  const actual = typeof bound === 'object' && bound !== null ? bound.port : port;
  const shown = host === '0.0.0.0' || host === '::' ? 'localhost' : host;
  return `${scheme}://${shown.includes(':') ? `[${shown}]` : shown}:${actual}`;
}

/** Fastify would open a second server for `localhost`, with connections that nobody here closes. */
async function resolved(host: string): Promise<string> {
  if (host !== 'localhost') return host;
  // As in Java, IPv4 where there is both.
  const { address } = await lookup(host, { verbatim: false });
  return address;
}

/**
 * A server that was killed leaves its socket behind. One that still listens keeps it, and anything
 * else is not ours to remove.
 */
async function removeStaleSocket(path: string): Promise<void> {
  if (Buffer.byteLength(path) > longestSocketPath) {
    throw new Error(`the path of a socket may have ${longestSocketPath} bytes`);
  }
  const found = await stat(path).catch(() => undefined);
  if (!found?.isSocket()) return;
  if (await isListening(path)) throw new Error('EADDRINUSE: a server listens there');
  await rm(path);
}

function isListening(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => resolve(true));
    // Anything but a refusal may be a server: full, or of somebody else.
    socket.once('error', (error) => resolve(!('code' in error && error.code === 'ECONNREFUSED')));
    socket.once('connect', () => socket.destroy());
  });
}
