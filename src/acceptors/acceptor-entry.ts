import { parentPort, workerData } from 'node:worker_threads';
import { Acceptor } from './acceptor.js';

if (parentPort === null) throw new Error('an acceptor is a thread of a server');
void new Acceptor(parentPort, workerData).run();
