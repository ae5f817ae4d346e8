import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import { isErrorCode, SconceError } from '../errors.js';
import type { OffLoop, ParsedBody } from '../handlers/tensor/off-loop.js';
import { dtypeCode } from '../native/dtype.js';
import type { PoolFailure, PoolTask, ReadJsonResult } from './tasks.js';

const entry = fileURLToPath(new URL('./entry.js', import.meta.url));

/** Tasks that may wait for a thread; the admission queue of each model is the real bound. */
const longestQueue = 100_000;

/**
 * The pool: threads for work that would hold up the main loop. Started when the first task comes,
 * so that a server of small requests pays nothing for it.
 */
export class Pool implements OffLoop {
  #piscina: Piscina | undefined;

  constructor(private readonly threads: number) {}

  async readJson(...[fields, body]: Parameters<OffLoop['readJson']>): Promise<ParsedBody> {
    // A body that owns its memory is moved, not copied.
    const whole = body.byteOffset === 0 && body.byteLength === body.buffer.byteLength;
    const transferList = whole && body.buffer instanceof ArrayBuffer ? [body.buffer] : [];
    const task: PoolTask = { kind: 'readJson', fields, body };
    return this.#run<ReadJsonResult>(task, transferList);
  }

  async writeJson(
    ...[signature, names, block, batchRows, firstRow, rows, form]: Parameters<OffLoop['writeJson']>
  ): Promise<string> {
    return this.#run<string>({
      kind: 'writeJson',
      outputs: signature.outputs.map(({ dtype, dims }) => ({
        dtype: dtypeCode(dtype),
        dims: [...dims],
      })),
      structure: signature.structure,
      names: names === null ? null : [...names],
      block,
      batchRows,
      firstRow,
      rows,
      form,
    });
  }

  /** Ends the threads; waits for what they are doing. */
  async close(): Promise<void> {
    await this.#piscina?.close();
    this.#piscina = undefined;
  }

  async #run<Result extends object | string>(
    task: PoolTask,
    transferList: ArrayBuffer[] = [],
  ): Promise<Result> {
    this.#piscina ??= new Piscina({
      filename: entry,
      minThreads: this.threads,
      maxThreads: this.threads,
      idleTimeout: Number.POSITIVE_INFINITY,
      // Parking idle threads in Atomics.wait stops their timers and gains nothing measurable.
      atomics: 'disabled',
      recordTiming: false,
      maxQueue: longestQueue,
    });
    const result: Result | PoolFailure = await this.#piscina.run(task, { transferList });
    if (isFailure(result)) {
      throw new SconceError(isErrorCode(result.code) ? result.code : 'INTERNAL', result.message);
    }
    return result;
  }
}

function isFailure(result: object | string): result is PoolFailure {
  return typeof result === 'object' && 'code' in result && 'message' in result;
}
