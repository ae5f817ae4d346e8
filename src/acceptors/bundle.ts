import { toHandlerError } from '../errors.js';
import type { HandlerReply, HandlerRequest, PreparedRows } from '../handlers/handler.js';
import { BatchOutputs } from '../tensors/batch-outputs.js';
import { alignUp, rowBytes } from '../tensors/tensor-spec.js';
import type { AnswerMessage, BundleMessage } from './messages.js';
import type { PlannedModel } from './planned-model.js';
import type { RemotePrediction } from './remote-prediction.js';

/** One request of a bundle. */
export interface BundledRequest {
  readonly prediction: RemotePrediction;
  readonly request: HandlerRequest;
  readonly prepared: PreparedRows;
  /** Of the bundle's rows. */
  readonly firstRow: number;
}

type Outputs = Extract<AnswerMessage, { kind: 'outputs' }>;

/** Requests of one turn and one row shape, whose rows lie side by side for the main loop to copy. */
export class Bundle {
  readonly requests: BundledRequest[] = [];
  readonly memory: SharedArrayBuffer;
  readonly #bytes: Uint8Array;
  readonly #rowBytes: readonly number[];
  readonly #offsets: Float64Array;

  constructor(
    readonly model: PlannedModel,
    readonly message: BundleMessage,
  ) {
    const capacity = model.message.rows;
    this.#rowBytes = message.inputs.map(rowBytes);
    const starts: number[] = [];
    let end = 0;
    for (const bytes of this.#rowBytes) {
      starts.push(end);
      end += alignUp(bytes * capacity);
    }
    this.memory = model.takeMemory(end);
    this.#bytes = new Uint8Array(this.memory);
    this.#offsets = new Float64Array(starts.length);
    message.offsets = starts;
  }

  /** Whether rows fit into what is free. */
  hasRoom({ rows, key }: PreparedRows): boolean {
    const { message, model } = this;
    return key === message.key && message.rows + rows <= model.message.rows;
  }

  add(prediction: RemotePrediction, request: HandlerRequest, prepared: PreparedRows): void {
    const { message } = this;
    const firstRow = message.rows;
    for (let i = 0; i < this.#offsets.length; i += 1) {
      this.#offsets[i] = (message.offsets[i] ?? 0) + firstRow * (this.#rowBytes[i] ?? 0);
    }
    prepared.store(this.#bytes, this.#offsets);
    message.ids = message.requests === 0 ? request.id : `${message.ids},${request.id}`;
    message.rows += prepared.rows;
    message.requests += 1;
    this.requests.push({ prediction, request, prepared, firstRow });
  }

  /**
   * Answers the requests.
   *
   * @param released called once, when nothing of the outputs is read any more
   * @param failed called with the requests whose outputs cannot be answered, before they are
   */
  answer(
    { signature, described, batchRows, firstRow }: Outputs,
    block: Uint8Array,
    released: () => void,
    failed: (prediction: RemotePrediction, error: unknown) => void,
  ): void {
    let leases = 1;
    const release = (): void => {
      leases -= 1;
      if (leases === 0) released();
    };
    if (described !== undefined) this.model.learn(described);
    const known = this.model.signature(signature);
    const outputs = new BatchOutputs(known, block, batchRows, 0, release);
    for (const { prediction, prepared, firstRow: own } of this.requests) {
      if (prediction.over) continue;
      leases += 1;
      const fail = (error: unknown): void => {
        failed(prediction, error);
        prediction.fail(toHandlerError(error));
        release();
      };
      try {
        const reply = prepared.postprocess(outputs, firstRow + own);
        if (reply instanceof Promise) {
          reply.then((written) => deliver(prediction, written, release)).catch(fail);
        } else {
          deliver(prediction, reply, release);
        }
      } catch (error) {
        fail(error);
      }
    }
    release();
  }
}

function deliver(prediction: RemotePrediction, reply: HandlerReply, release: () => void): void {
  let released = false;
  prediction.deliver(reply, () => {
    if (!released) release();
    released = true;
  });
}
