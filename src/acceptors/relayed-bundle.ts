import { type ErrorCode, inWords, type SconceError } from '../errors.js';
import type { HandlerReply, HandlerRequest, PreparedRows } from '../handlers/handler.js';
import { toFailure } from '../handlers/host/failure.js';
import type { Log } from '../logging/log.js';
import type { VersionMetrics } from '../metrics/metrics.js';
import { Prediction, type PredictionSink } from '../models/prediction.js';
import { addon } from '../native/binding.js';
import type { BatchOutputs, OutputSignature } from '../tensors/batch-outputs.js';
import { rowBytes, type TensorSpec } from '../tensors/tensor-spec.js';
import type { Mail } from '../workers/mail.js';
import type { AcceptorOrders, BundleMessage } from './messages.js';

/**
 * Errors of all requests of a bundle; with others each of them is tried alone. What has broken a GPU
 * would break the next one.
 */
const ofAll: ReadonlySet<ErrorCode> = new Set([
  'RESPONSE_TIMEOUT',
  'CLIENT_TIMEOUT',
  'DEVICE_FAILED',
]);

const nothing: HandlerReply = { body: [], contentType: undefined, headers: undefined };

/** A prediction for several requests: counted and logged for each, by the bundle. */
class BundlePrediction extends Prediction {
  metrics: VersionMetrics | undefined;
  log: Log | undefined;
  requests = 1;

  override admit(metrics: VersionMetrics, log: Log): void {
    this.metrics = metrics;
    this.log = log;
  }
}

/** Rows of several requests that an acceptor thread has prepared, on the main loop. */
export class RelayedBundle implements PredictionSink, PreparedRows {
  readonly prediction: BundlePrediction;
  #outputs: BatchOutputs | undefined;
  #firstRow = 0;
  #release: (() => void) | undefined;
  #cancelled = 0;

  /**
   * @param model as clients name it, with the version
   * @param bytes the memory of the rows
   * @param describe whether the thread must still be told of a signature
   * @param over called once, when the thread says nothing more of it
   */
  constructor(
    private readonly message: BundleMessage,
    [model, version]: readonly [string, string | undefined],
    private readonly bytes: Uint8Array,
    private readonly mail: Mail<AcceptorOrders>,
    private readonly describe: (signature: OutputSignature) => boolean,
    private readonly over: () => void,
  ) {
    const { since, requests, ids } = message;
    const request: HandlerRequest = {
      body: new Uint8Array(),
      contentType: undefined,
      accept: undefined,
      parameters: undefined,
      rawHeaders: [],
      urlPath: undefined,
      explain: undefined,
      id: ids,
      prepared: this,
    };
    const arrived = since - performance.timeOrigin;
    this.prediction = new BundlePrediction(model, version, request, this, arrived);
    this.prediction.requests = requests;
  }

  get rows(): number {
    return this.message.rows;
  }

  get key(): string {
    return this.message.key;
  }

  get inputs(): readonly TensorSpec[] {
    return this.message.inputs;
  }

  store(target: Uint8Array, offsets: Float64Array): void {
    const { inputs, rows, offsets: starts } = this.message;
    const { copyBytes } = addon();
    for (const [i, input] of inputs.entries()) {
      copyBytes(target, offsets[i] ?? 0, this.bytes, starts[i] ?? 0, rowBytes(input) * rows);
    }
  }

  postprocess(outputs: BatchOutputs, firstRow: number): HandlerReply {
    this.#outputs = outputs;
    this.#firstRow = firstRow;
    return nothing;
  }

  reply(_reply: HandlerReply, release: () => void): void {
    const outputs = this.#outputs;
    if (outputs === undefined) {
      release();
      return;
    }
    this.#outputs = undefined;
    this.#release = release;
    const { signature, block, rows, queueMicroseconds } = outputs;
    this.mail.push('answers', {
      kind: 'outputs',
      number: this.message.number,
      signature: signature.id,
      described: this.describe(signature) ? signature : undefined,
      block: this.mail.bytes(block),
      batchRows: rows,
      firstRow: this.#firstRow,
    });
    const latency = performance.now() - this.prediction.since;
    const explicitVersion = this.prediction.version !== undefined;
    this.#each((metrics) => metrics.answered(latency, queueMicroseconds, explicitVersion));
  }

  fail(error: SconceError): void {
    const { number, ids } = this.message;
    if (ofAll.has(error.code)) {
      this.mail.push('answers', { kind: 'failed', number, failure: toFailure(error) });
      this.#each((metrics) => metrics.failed(error.code));
      this.prediction.log?.warn({ requestId: ids, code: error.code }, inWords(error));
    } else {
      this.mail.push('answers', { kind: 'declined', number, stale: false });
    }
    this.over();
  }

  /** The client of one of the requests has gone. */
  cancel(): void {
    // Answered already, as far as anybody counts.
    if (this.prediction.over) return;
    this.#cancelled += 1;
    this.#count((metrics) => metrics.failed('REQUEST_CANCELLED'));
    if (this.#cancelled < this.message.requests) return;
    this.prediction.cancel();
    this.mail.push('answers', { kind: 'end', number: this.message.number, failure: undefined });
    this.over();
  }

  /** The thread has read the outputs. */
  written(): void {
    this.#release?.();
    this.#release = undefined;
    this.over();
  }

  /** An answer could not be made of its outputs. */
  broken(error: SconceError): void {
    this.prediction.metrics?.failed(error.code);
    this.prediction.log?.warn({ requestId: this.message.ids, code: error.code }, inWords(error));
  }

  /** The thread is gone, with all that it had. */
  lose(): void {
    if (!this.prediction.over) {
      this.prediction.cancel();
      this.#each((metrics) => metrics.failed('REQUEST_CANCELLED'));
    }
    this.#release?.();
    this.#release = undefined;
  }

  /** Streams have chunks; rows have none. */
  credit(): void {}

  abandon(): void {}

  /** For each request whose client is still there. */
  #each(observe: (metrics: VersionMetrics) => void): void {
    for (let i = this.#cancelled; i < this.message.requests; i += 1) this.#count(observe);
  }

  #count(observe: (metrics: VersionMetrics) => void): void {
    const { metrics, version } = this.prediction;
    if (metrics === undefined) return;
    metrics.request(version !== undefined);
    observe(metrics);
  }
}
