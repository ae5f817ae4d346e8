import type { Logs } from '../logging/logs.js';
import type { Metrics } from '../metrics/metrics.js';
import type { ResponseObserver } from './http-context.js';
import type { HttpRequest } from './http-exchange.js';

/** Counts every response, and gives the access log a line for each where it wants them. */
export function createResponseObserver(
  metrics: Pick<Metrics, 'response'>,
  logs: Pick<Logs, 'accessWanted' | 'access'>,
): ResponseObserver {
  return {
    responded: (reply, status, since) => {
      metrics.response(status);
      if (!logs.accessWanted) return;
      const milliseconds = since === undefined ? reply.elapsedTime : performance.now() - since;
      logs.access({ ...describe(reply.request), status, milliseconds });
    },
  };
}

function describe(request: HttpRequest) {
  const { raw, id } = request;
  const { remoteAddress, remotePort } = raw.socket;
  return {
    requestId: id,
    remote: remoteAddress === undefined ? '' : `${remoteAddress}:${remotePort}`,
    method: raw.method ?? '',
    url: request.originalUrl,
    httpVersion: raw.httpVersion,
  };
}
