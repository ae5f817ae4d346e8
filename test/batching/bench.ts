import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { Assembler, type AssemblerOptions } from '../../src/batching/assembler.js';
import type { Reservation, RowsOwner } from '../../src/batching/reservation.js';
import { SlabBudget } from '../../src/batching/slab-budget.js';
import type { SconceError } from '../../src/errors.js';
import type { BatchEvent } from '../../src/native/addon.js';
import type { BatchOutputs } from '../../src/tensors/batch-outputs.js';
import type { TensorSpec } from '../../src/tensors/tensor-spec.js';
import { FakeInstances, oneFloat } from './fake-instances.js';

const scalar: TensorSpec[] = [{ dtype: 'float32', dims: [] }];

/** Lets the event loop turn until the bell has been rung for everything that is there. */
export async function quiet(): Promise<void> {
  for (let i = 0; i < 6; i += 1) await turn();
}

/** Somebody who asked for rows, and everything that was said to them. */
export class Client implements RowsOwner {
  answers: number[][] = [];
  errors: SconceError[] = [];
  outputs: BatchOutputs | undefined;
  reservation: Reservation | undefined;
  cancelled = false;

  constructor(readonly values: readonly number[]) {}

  answered(outputs: BatchOutputs, firstRow: number): void {
    const [slice] = outputs.slices(firstRow, this.values.length);
    assert.ok(slice);
    const floats = new Float32Array(slice.buffer, slice.byteOffset, this.values.length);
    this.answers.push([...floats]);
    this.outputs = outputs;
  }

  failed(error: SconceError): void {
    this.errors.push(error);
  }

  /** Lets go of the outputs, as a reply that is written does. */
  release(): void {
    this.outputs?.release();
    this.outputs = undefined;
  }
}

/** What a request may have besides rows. */
interface Request {
  key: string;
  inputs: readonly TensorSpec[];
  /** When it arrived, in the clock's milliseconds. */
  since: number;
  /** When it wants its answer. */
  wantedBy: number;
}

/** An assembler with instances that a test moves by hand. */
export class Bench {
  readonly instances = new FakeInstances();
  readonly budget: SlabBudget;
  readonly assembler: Assembler;

  constructor(options: Partial<AssemblerOptions> = {}, budget: SlabBudget | number = 1 << 20) {
    this.budget = typeof budget === 'number' ? new SlabBudget(budget) : budget;
    this.assembler = new Assembler(
      this.instances,
      this.budget,
      {
        modelName: 'm',
        modelVersion: '1.0',
        declaredInputs: 'x: float32[n]',
        batchSize: 4,
        queueSize: 100,
        responseTimeout: 60_000,
        clientTimeout: 0,
        batchDelay: 0,
        maxShapes: 4,
        ...options,
      },
      () => oneFloat,
    );
  }

  /** Reserves and writes rows; commit is up to the caller. */
  reserve(
    values: readonly number[],
    { key = '', inputs = scalar, since, wantedBy }: Partial<Request> = {},
  ): Client {
    const client = new Client(values);
    const { length } = values;
    const reservation = this.assembler.reserve(key, inputs, length, client, since, wantedBy);
    client.reservation = reservation;
    const { memory } = reservation.slab;
    const floatsPerRow = Math.max(1, inputs[0]?.dims.reduce((a, b) => a * b, 1) ?? 1);
    const floats = new Float32Array(
      memory.buffer,
      memory.byteOffset + (reservation.offsets()[0] ?? 0),
      values.length * floatsPerRow,
    );
    for (const [i, value] of values.entries()) floats[i * floatsPerRow] = value;
    return client;
  }

  /** Reserves, writes and commits. */
  ask(...values: number[]): Client {
    const client = this.reserve(values);
    client.reservation?.commit();
    return client;
  }

  /** An instance takes the oldest slab that is rung. */
  seal(): number {
    const [id] = this.instances.in('rung');
    assert.ok(id, 'no slab is rung');
    this.instances.seal(id);
    return id;
  }

  /** An instance has run a slab. */
  complete(id: number): BatchEvent {
    const event = this.instances.complete(id);
    this.assembler.complete(event);
    return event;
  }

  /** Runs everything that is rung until nothing is. */
  async runAll(): Promise<void> {
    await quiet();
    while (this.instances.in('rung').length > 0) this.complete(this.seal());
  }
}
