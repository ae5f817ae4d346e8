import type { Server, Socket } from 'node:net';
import { createRequestId } from './request-id.js';
import { commonHeaderList, jsonText, rawResponse } from './response.js';
import { SocketsByEnds } from './socket-ends.js';

/** What OpenSSL calls a first record that is HTTP: the second for methods that it does not know. */
const plainText = new Set<unknown>(['ERR_SSL_HTTP_REQUEST', 'ERR_SSL_WRONG_VERSION_NUMBER']);

/**
 * Answers plain HTTP on the port of an HTTPS server with TorchServe's 403. The rest of such a request
 * is not read: a client that is still sending a long one may see the end of the connection first.
 */
export function answerPlainHttp(server: Server): void {
  // Node reports the failed handshake with the TLS socket, which is destroyed already; the socket
  // under it still takes an answer, and has the same two ends.
  const sockets = new SocketsByEnds();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  server.on('tlsClientError', (error: Error, secure: Socket) => {
    const socket = sockets.under(secure);
    const isPlain = 'code' in error && plainText.has(error.code);
    if (isPlain && socket?.writable) socket.end(refusal());
  });
}

function refusal(): string {
  const body = jsonText({ status: 'This TorchServe instance only accepts HTTPS requests' });
  const headers = ['content-type', 'application/json', ...commonHeaderList(createRequestId())];
  return rawResponse('403 Forbidden', headers, body);
}
