import { parentPort, workerData } from 'node:worker_threads';
import { inWords } from '../../../src/errors.js';
import { loadHandlerClass } from '../../../src/handlers/code/load-handler.js';

/** Loads a handler in a thread of its own, as a server does. */
const { folder, handler }: { folder: string; handler: string } = workerData;
try {
  const { HandlerClass, className, file, asyncSteps } = await loadHandlerClass(folder, handler);
  const describes = Object.hasOwn(HandlerClass.prototype, 'describe');
  const description = describes ? new HandlerClass().describe() : undefined;
  parentPort?.postMessage({ className, file, asyncSteps: [...asyncSteps], description });
} catch (error) {
  parentPort?.postMessage({ error: error instanceof Error ? inWords(error) : error });
}
