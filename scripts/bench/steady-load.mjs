/**
 * The closed loop of lib/load-steady.mjs, in a process of its own: reads one LoadSpec from stdin, its
 * bodies in base64, and prints LoadFigures. A rate is what was answered between two answers: the
 * first one after as many as there are connections, and the first one after the time is over. So
 * neither the start nor batches that were under way at the end count, which matters with a few answers
 * a second. Requests are written as they are to sockets: this process shares the cores with what it
 * measures.
 */
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { percentile } from './lib/statistics.mjs';

const { url, headers, connections, seconds, bodies } = JSON.parse(await text(process.stdin));
const { hostname, port, pathname, host } = new URL(url);
/** Milliseconds without an answer after which a connection counts as failed. */
const patience = 60_000;
/** Milliseconds after which measuring begins, however few have been answered. */
const longestStart = 10_000;

const requests = bodies.map((base64) => {
  const body = Buffer.from(base64, 'base64');
  const lines = Object.entries({ Host: host, ...headers, 'Content-Length': body.length });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return Buffer.concat([Buffer.from(`POST ${pathname} HTTP/1.1\r\n${head}\r\n`), body]);
});

const counts = { sent: 0, answers: 0, errors: 0, non2xx: 0 };
const latencies = [];
const start = performance.now();
/** Set by the first answer that counts, and by the first one after the time is over. */
let [begin, end] = [undefined, undefined];

/** One connection, from its first request to the answer of its last. */
function converse() {
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname).setNoDelay().setTimeout(patience);
    let [sentAt, received, expected] = [0, Buffer.alloc(0), undefined];
    const ask = () => {
      sentAt = performance.now();
      socket.write(requests[counts.sent % requests.length]);
      counts.sent += 1;
    };
    const fail = () => {
      counts.errors += 1;
      socket.destroy();
      resolve();
    };
    socket.once('connect', ask).once('timeout', fail).once('end', fail).once('error', fail);
    socket.on('data', (chunk) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      expected ??= answerBytes(received);
      if (expected === undefined || received.length < expected) return;
      answered(sentAt, received);
      [received, expected] = [Buffer.alloc(0), undefined];
      if (end === undefined) {
        ask();
      } else {
        socket.removeAllListeners().destroy();
        resolve();
      }
    });
  });
}

/** Bytes of an answer with its head; undefined before the head is whole. */
function answerBytes(received) {
  const headEnd = received.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const length = /\r\ncontent-length: *(\d+)/i.exec(received.toString('latin1', 0, headEnd))?.[1];
  if (length === undefined) throw new Error('an answer does not say how long it is');
  return headEnd + 4 + Number(length);
}

function answered(sentAt, answer) {
  const now = performance.now();
  counts.answers += 1;
  // "HTTP/1.1 200"
  if (answer.toString('latin1', 9, 10) !== '2') counts.non2xx += 1;
  if (end !== undefined) return;
  if (begin === undefined) {
    if (counts.answers > connections || now - start > longestStart) begin = now;
    return;
  }
  latencies.push(now - sentAt);
  if (now >= begin + seconds * 1000) end = now;
}

await Promise.all(Array.from({ length: connections }, converse));

latencies.sort((a, b) => a - b);
const elapsed = end === undefined ? Number.NaN : (end - begin) / 1000;
const { answers, errors, non2xx } = counts;
const figures = {
  requests: latencies.length,
  answers,
  seconds: elapsed,
  throughput: latencies.length / elapsed,
  mean: latencies.reduce((sum, value) => sum + value, 0) / latencies.length,
  p50: percentile(latencies, 0.5),
  p90: percentile(latencies, 0.9),
  p99: percentile(latencies, 0.99),
  p999: percentile(latencies, 0.999),
  errors,
  non2xx,
};
process.stdout.write(`${JSON.stringify(figures)}\n`);
