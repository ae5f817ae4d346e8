/**
 * Images prepared for a model without a server or a model: decoded, resized, cropped and normalised
 * as the image handlers do it, on as many threads. Speaks the protocol of lib/loop.mjs, a batch being
 * one image; `predictions` is every hundredth value of each image's row. Arguments: the number of
 * threads, then image files.
 */
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { packageVersion } from './lib/machine.mjs';

const [threads, ...files] = process.argv.slice(2);
const entry = fileURLToPath(new URL('decode-thread.mjs', import.meta.url));
const workers = Array.from(
  { length: Number(threads) },
  () => new Worker(entry, { workerData: files }),
);
const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);

/** What each thread answers to a message, or says first. */
function answers(message) {
  return Promise.all(
    workers.map(async (worker) => {
      const answered = once(worker, 'message');
      if (message !== undefined) worker.postMessage(message);
      const [answer] = await answered;
      return answer;
    }),
  );
}

const [predictions] = await answers();
say({ version: packageVersion('sharp'), predictions });
for await (const line of createInterface({ input: process.stdin })) {
  const { seconds } = JSON.parse(line);
  const cpuBefore = process.cpuUsage();
  const start = performance.now();
  const counts = await answers(seconds);
  const elapsed = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  const batches = counts.reduce((sum, count) => sum + count, 0);
  say({ batches, seconds: elapsed, cpuSeconds: (user + system) / 1e6 });
}
await Promise.all(workers.map((worker) => worker.terminate()));
