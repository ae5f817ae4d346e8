import { once } from 'node:events';
import {
  type ClientRequest,
  type IncomingMessage,
  type RequestOptions,
  request as requestHttp,
} from 'node:http';
import { request as requestHttps } from 'node:https';
import { text } from 'node:stream/consumers';
import { SconceError } from '../errors.js';

/** Milliseconds that the server has to answer. */
const patience = 10_000;

/**
 * Asks a running server.
 *
 * @param address `http://…`, `https://…` or `unix:/path`
 * @param key of its key file; undefined where it asks for none
 * @throws {SconceError} INVALID_CONFIGURATION saying why it cannot be asked, as a rejection.
 */
export async function askManagement(
  address: string,
  path: string,
  key: string | undefined,
): Promise<{ status: number | undefined; body: string }> {
  const sent = requestTo(address, path, {
    headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
    agent: false,
    signal: AbortSignal.timeout(patience),
  });
  try {
    const [response]: IncomingMessage[] = await once(sent.end(), 'response');
    if (response === undefined) throw new Error('no response');
    return { status: response.statusCode, body: await text(response) };
  } catch (error) {
    const hint = address.startsWith('https:')
      ? 'NODE_EXTRA_CA_CERTS names a file of certificates to trust'
      : '--management-address says where it is';
    throw managementFailure(
      `the server at ${address} cannot be asked: ${reasonOf(error)} (${hint})`,
    );
  }
}

function requestTo(address: string, path: string, options: RequestOptions): ClientRequest {
  if (address.startsWith('unix:/')) {
    return requestHttp({ ...options, path, socketPath: address.slice('unix:'.length) });
  }
  if (!/^https?:/i.test(address) || !URL.canParse(address)) {
    throw managementFailure(`${address} is no address: it begins with http://, https:// or unix:/`);
  }
  const url = new URL(path, address);
  return url.protocol === 'https:' ? requestHttps(url, options) : requestHttp(url, options);
}

/** Node names a refused connection in its code only, where it has tried several addresses. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message === '' && 'code' in error ? String(error.code) : error.message;
}

/** What a command that asks a server ends with. */
export function managementFailure(message: string): SconceError {
  return new SconceError('INVALID_CONFIGURATION', message);
}
