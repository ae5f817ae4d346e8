import { once } from 'node:events';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { readGpus } from '../../src/native/gpus.js';

// Without an argument prints what the driver says of GPUs. With `leave` it ends without waiting for
// that; with `terminate` it ends threads that wait for it.
const [, , mode] = process.argv;
if (!isMainThread) {
  for (let readings = 0; readings < 4; readings++) void readGpus();
  parentPort?.on('message', () => {});
  parentPort?.postMessage('asked');
} else if (mode === 'leave') {
  void readGpus();
  console.log('asked');
} else if (mode === 'terminate') {
  for (let workers = 0; workers < 10; workers++) {
    const worker = new Worker(new URL(import.meta.url));
    await once(worker, 'message');
    await worker.terminate();
  }
  console.log('terminated');
} else {
  const alive = setInterval(() => {}, 1000);
  console.log(JSON.stringify(await readGpus()));
  clearInterval(alive);
}
