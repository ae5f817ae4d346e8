/** Sends load for one measurement: a LoadSpec as JSON on stdin, LoadFigures as JSON on stdout. */
import { text } from 'node:stream/consumers';
import autocannon from 'autocannon';
import { percentile } from './lib/statistics.mjs';

const { url, bodies, headers, connections, seconds } = JSON.parse(await text(process.stdin));
const load = autocannon({
  ...{ url, method: 'POST', headers, connections, duration: seconds },
  requests: bodies.map((body) => ({ body: Buffer.from(body, 'base64') })),
});

// Its own histogram counts whole milliseconds.
const times = [];
load.on('response', (_client, _status, _bytes, milliseconds) => times.push(milliseconds));
const result = await load;

times.sort((a, b) => a - b);
const figures = {
  requests: times.length,
  seconds: result.duration,
  throughput: times.length / result.duration,
  errors: result.errors, // timeouts among them
  non2xx: result.non2xx,
  mean: times.reduce((sum, time) => sum + time, 0) / times.length,
  p50: percentile(times, 0.5),
  p90: percentile(times, 0.9),
  p99: percentile(times, 0.99),
  p999: percentile(times, 0.999),
};
process.stdout.write(JSON.stringify(figures));
