import { SconceError } from '../errors.js';
import type { HandlerRequest, PreparedRows } from '../handlers/handler.js';
import type { OffLoop } from '../handlers/tensor/off-loop.js';
import { createJsonWriter } from '../handlers/tensor/tensor-codec.js';
import { TensorHandler } from '../handlers/tensor/tensor-handler.js';
import type { OutputSignature } from '../tensors/batch-outputs.js';
import type { PlanMessage } from './messages.js';

/** Pieces of memory that are kept for rows. */
const mostKept = 16;

/** Long work is done where it is: there is nobody else's work on this thread that must not wait. */
const here: OffLoop = {
  readJson: () => Promise.reject(new SconceError('INTERNAL', 'a large body was not sent on')),
  writeJson: async (signature, names, block, batchRows, firstRow, rows, form) =>
    createJsonWriter(signature, names).write(block, batchRows, firstRow, rows, form),
};

/** A model version whose rows an acceptor thread prepares. */
export class PlannedModel {
  readonly #handler: TensorHandler;
  readonly #free: SharedArrayBuffer[] = [];
  readonly #signatures = new Map<number, OutputSignature>();

  constructor(readonly message: PlanMessage) {
    this.#handler = new TensorHandler(message.tensors, here);
  }

  /** The rows of a request; undefined for what the main loop must look at, as what is wrong. */
  prepare(request: HandlerRequest): PreparedRows | undefined {
    try {
      const prepared = this.#handler.preprocess(request);
      if (prepared instanceof Promise) return undefined;
      return prepared.rows >= 1 && prepared.rows <= this.message.rows ? prepared : undefined;
    } catch {
      return undefined;
    }
  }

  /** Memory of at least so many bytes. */
  takeMemory(bytes: number): SharedArrayBuffer {
    const last = this.#free.pop();
    return last !== undefined && last.byteLength >= bytes ? last : new SharedArrayBuffer(bytes);
  }

  /** Nobody reads the memory any more. */
  giveMemory(memory: SharedArrayBuffer): void {
    if (this.#free.length < mostKept) this.#free.push(memory);
  }

  learn(signature: OutputSignature): void {
    this.#signatures.set(signature.id, signature);
  }

  signature(id: number): OutputSignature {
    const signature = this.#signatures.get(id);
    if (signature === undefined) throw new SconceError('INTERNAL', `no signature ${id}`);
    return signature;
  }
}
