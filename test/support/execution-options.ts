import { builtInHandlers } from '../../src/handlers/registry.js';
import type { NativeExecutionOptions } from '../../src/models/native-execution-options.js';

/** One instance on one thread, small batches, no plan: whatever a test does not say otherwise. */
export function executionOptions(
  given: Partial<NativeExecutionOptions> & Pick<NativeExecutionOptions, 'source'>,
): NativeExecutionOptions {
  return {
    handler: builtInHandlers.get('tensor'),
    problem: undefined,
    devices: ['cpu'],
    instances: 1,
    intraOpThreads: 1,
    freeze: true,
    precision: 'float32',
    cudaGraphs: 'auto',
    cudaGraphMemory: 1024,
    runOnLoop: 'auto',
    plan: 'off',
    planTime: 20,
    tolerance: 1e-4,
    planFixed: {
      freeze: false,
      precision: false,
      graphs: false,
      instances: false,
      intraOpThreads: false,
    },
    weight: 1,
    batchSize: 2,
    batchDelay: 0,
    jobQueueSize: 100,
    responseTimeout: 60,
    startupTimeout: 60,
    clientTimeout: 0,
    useJobTicket: false,
    warmUp: true,
    handlerThreads: 1,
    handlerMemory: 512,
    handlerErrors: true,
    limitMaxImagePixels: true,
    ...given,
  };
}
