import { randomUUID } from 'node:crypto';
import { SconceError } from '../../errors.js';
import type { WorkerRequest, WorkerResponse } from '../../python/worker-messages.js';
import { Deferred } from '../deferred.js';
import type { Batch } from './worker-batch.js';
import { batchError } from './worker-reply.js';
import { describeRequest } from './worker-request.js';

/** The question what a handler says of its model, which runs alone. */
export class DescribeBatch implements Batch {
  readonly requests: readonly WorkerRequest[] = [describeRequest(randomUUID())];
  readonly #answer = new Deferred<Record<string, unknown> | undefined>();

  /** What it says; `{}` when that is no object, undefined when it is nothing. */
  get answer(): Promise<Record<string, unknown> | undefined> {
    return this.#answer.promise;
  }

  async take(response: WorkerResponse): Promise<void> {
    const error = batchError(response);
    if (error !== undefined) {
      this.#answer.reject(error);
      return;
    }
    const [reply] = response.replies;
    if (reply !== undefined) this.#answer.resolve(described(reply.body));
  }

  end(error = new SconceError('DESCRIBE_TIMEOUT').because('the worker has said nothing')): void {
    this.#answer.reject(error);
  }
}

function described(body: Uint8Array): Record<string, unknown> | undefined {
  if (body.byteLength === 0) return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.from(body).toString());
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? Object.fromEntries(Object.entries(value)) : {};
  } catch {
    return {};
  }
}
