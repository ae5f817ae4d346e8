import { EventEmitter, once } from 'node:events';
import { fileURLToPath } from 'node:url';
import {
  headerWords,
  layOut,
  type SlabLayout,
  slabHeader,
} from '../../src/batching/slab-layout.js';
import { reserveRows, settleRows } from '../../src/batching/slab-protocol.js';
import { Deferred } from '../../src/models/deferred.js';
import type {
  BatchEvent,
  DeviceFailedEvent,
  ExplainedEvent,
  LoopEvent,
  NativeExplanationRequest,
  NativeModel,
  NativeModelDescription,
  NativeModelOptions,
  ScaledEvent,
  WarmedEvent,
} from '../../src/native/addon.js';
import { dtypeCode } from '../../src/native/dtype.js';
import { openModel } from '../../src/native/runtime.js';
import { allocateShared } from '../../src/native/shared-memory.js';
import type { TensorSpec } from '../../src/tensors/tensor-spec.js';
import { testDevice } from '../support/gpu.js';

const root = new URL('../../../', import.meta.url);

/** Path of the trained example: float32[n, 64] to float32[n, 1]. */
export const alphaModel = fileURLToPath(new URL('examples/alpha_model/model.pt', root));

/** Path of a fixture model, seen from the compiled tests. */
export function fixture(name: string): string {
  return fileURLToPath(new URL(`test/fixtures/models/${name}`, root));
}

interface ModelEvents {
  batch: [BatchEvent];
  deviceFailed: [DeviceFailedEvent];
  /** Of a model that was loaded. */
  failed: [code: string, message: string];
  notice: [message: string];
  warmed: [WarmedEvent];
  loop: [LoopEvent];
  printed: [];
  closed: [];
}

const open = new Set<OpenModel>();

/** Closes what a test left open, so that its threads do not keep the process alive. */
export async function closeOpenModels(): Promise<void> {
  await Promise.all([...open].map((model) => model.close()));
}

/** A native model whose events can be awaited. */
export class OpenModel extends EventEmitter<ModelEvents> {
  description: NativeModelDescription | undefined;
  /** Of each instance that was made while loading. */
  loadMilliseconds: number[] = [];

  /** Resolves when the model is loaded; rejects with {code, message} when it fails. */
  readonly loaded: Promise<OpenModel>;
  readonly model: NativeModel;
  /** Lines that its code has printed, and how many more there were. */
  readonly printed: string[] = [];
  droppedLines = 0;
  readonly #wishes: Deferred<ScaledEvent>[] = [];
  readonly #explanations = new Map<number, Deferred<ExplainedEvent>>();
  #nextExplanation = 1;

  constructor(path: string, options: Partial<NativeModelOptions> = {}) {
    super();
    // One for each batch that is awaited.
    this.setMaxListeners(0);
    const loaded = new Deferred<OpenModel>();
    this.loaded = loaded.promise;
    // Nobody has to be waiting for it.
    this.loaded.catch(() => {});
    this.model = openModel(
      {
        path,
        devices: [testDevice],
        instances: 1,
        intraOpThreads: 1,
        freeze: true,
        commitTimeout: 1000,
        ...options,
      },
      {
        batch: (event) => this.emit('batch', event),
        loaded: (description, loadMilliseconds) => {
          this.description = description;
          this.loadMilliseconds = loadMilliseconds;
          open.add(this);
          loaded.resolve(this);
        },
        failed: (code, message) => {
          loaded.reject(Object.assign(new Error(message), { code }));
          this.emit('failed', code, message);
        },
        deviceFailed: (event) => this.emit('deviceFailed', event),
        notice: (message) => this.emit('notice', message),
        warmed: (event) => this.emit('warmed', event),
        explained: (event) => this.#explanations.get(event.id)?.resolve(event),
        loop: (event) => this.emit('loop', event),
        scaled: (event) => this.#wishes.shift()?.resolve(event),
        printed: (lines, dropped) => {
          this.printed.push(...lines);
          this.droppedLines += dropped;
          this.emit('printed');
        },
        closed: () => {
          open.delete(this);
          this.emit('closed');
        },
      },
    );
  }

  static load(path: string, options: Partial<NativeModelOptions> = {}): Promise<OpenModel> {
    return new OpenModel(path, options).loaded;
  }

  addSlab(inputs: TensorSpec[], capacity: number, outputBytes = 0): TestSlab {
    const layout = layOut(inputs, capacity, outputBytes);
    const memory = allocateShared(layout.bytes, slabHeader.alignment);
    return new TestSlab(this.model.addSlab(memory, layout), memory, layout);
  }

  /** Rings a slab and resolves with its batch. */
  async run(slab: TestSlab): Promise<BatchEvent> {
    const batch = new Promise<BatchEvent>((resolve) => {
      const listen = (event: BatchEvent): void => {
        if (event.slab !== slab.id) return;
        this.off('batch', listen);
        resolve(event);
      };
      this.on('batch', listen);
    });
    const event = this.model.ring(slab.id);
    if (event !== undefined) this.emit('batch', event);
    return batch;
  }

  /** Lets batches of up to so many rows run within ring(). */
  async runOnLoop(rows: number): Promise<LoopEvent> {
    const answer = once(this, 'loop');
    this.model.runOnLoop(rows);
    const [event] = await answer;
    return event;
  }

  /** Runs zeros through every instance. Resolves with the microseconds of each number of rows. */
  async warmUp(dims: number[], rows: number[]): Promise<number[]> {
    const warmed = once(this, 'warmed');
    this.model.warmUp([{ dtype: dtypeCode('float32'), dims }], rows);
    const [{ microseconds, error }] = await warmed;
    if (error !== undefined) throw Object.assign(new Error(error.message), { code: error.code });
    return microseconds;
  }

  /** Resolves with the event that answers this call. */
  scale(instances: number, intraOpThreads = 1): Promise<ScaledEvent> {
    this.model.scale(instances, intraOpThreads);
    const wish = new Deferred<ScaledEvent>();
    this.#wishes.push(wish);
    return wish.promise;
  }

  /** Resolves with the event that answers this call. */
  explain(request: NativeExplanationRequest): Promise<ExplainedEvent> {
    const id = this.#nextExplanation++;
    const answer = new Deferred<ExplainedEvent>();
    this.#explanations.set(id, answer);
    this.model.explain(id, request);
    return answer.promise;
  }

  async close(): Promise<void> {
    open.delete(this);
    const closed = once(this, 'closed');
    this.model.close();
    await closed;
  }
}

/** A registered slab and its words. */
export class TestSlab {
  readonly words: Int32Array;

  constructor(
    readonly id: number,
    readonly memory: Uint8Array,
    readonly layout: SlabLayout,
  ) {
    this.words = headerWords(memory, layout.capacity);
  }

  reserve(rows: number): number {
    return reserveRows(this.words, this.layout.capacity, rows);
  }

  /** The elements of rows of an input. */
  floats(input: number, row: number, rows = 1): Float32Array {
    const bytes = this.layout.rowBytes[input] ?? 0;
    const start = this.memory.byteOffset + (this.layout.inputs[input]?.offset ?? 0) + row * bytes;
    return new Float32Array(this.memory.buffer, start, (bytes * rows) / 4);
  }

  commit(first: number, rows: number): boolean {
    return settleRows(this.words, first, rows, slabHeader.rowCommitted);
  }

  discard(first: number, rows: number): boolean {
    return settleRows(this.words, first, rows, slabHeader.rowCancelled);
  }

  /** One row of float32 values, reserved, written and committed. Returns the row. */
  put(values: readonly number[]): number {
    const row = this.reserve(1);
    this.floats(0, row).set(values);
    this.commit(row, 1);
    return row;
  }

  outputRow(row: number): number {
    return this.words[slabHeader.rowsWord + this.layout.capacity + row] ?? Number.NaN;
  }

  /** The first output's elements: `perRow` for each row of the batch. */
  output(event: BatchEvent, perRow: number): Float32Array {
    const block = event.overflow;
    if (block !== undefined) {
      return new Float32Array(block.buffer, block.byteOffset, event.rows * perRow);
    }
    const start = this.memory.byteOffset + this.layout.outputOffset;
    return new Float32Array(this.memory.buffer, start, event.rows * perRow);
  }
}
