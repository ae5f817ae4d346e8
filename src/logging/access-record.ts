import { escapeQuoted } from './escape.js';

/** A request that was answered. */
export interface AccessRecord {
  requestId: string;
  /** Address and port of the client, `127.0.0.1:64003`; empty on a Unix socket. */
  remote: string;
  method: string;
  /** Path and query as they came. */
  url: string;
  /** `1.1` */
  httpVersion: string;
  status: number;
  /** From the arrival of the request to its reply. */
  milliseconds: number;
}

/** `/127.0.0.1:64003 "POST /predictions/resnet-18 HTTP/1.1" 200 118` */
export function accessLine(record: AccessRecord): string {
  const { remote, method, url, httpVersion, status, milliseconds } = record;
  const client = remote === '' ? '127.0.0.1' : `/${remote}`;
  const request = escapeQuoted(`${method} ${url} HTTP/${httpVersion}`);
  return `${client} "${request}" ${status} ${Math.round(milliseconds)}`;
}
