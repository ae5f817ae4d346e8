import { addon } from '../../native/binding.js';
import type { BatchOutputs } from '../../tensors/batch-outputs.js';
import type { TensorSpec } from '../../tensors/tensor-spec.js';
import type { HandlerReply, PreparedRows } from '../handler.js';
import type { TensorReplies } from './tensor-reply.js';

/** Where parsed rows lie until they are copied into a slab. */
export interface RowSource {
  /** All rows of input i go to `target` from byte `offsets[i]`. */
  store(target: Uint8Array, offsets: Float64Array): void;
}

/** Rows that lie in memory one input after the other; input i ends where input i + 1 begins. */
export class RowBytes implements RowSource {
  constructor(
    private readonly memory: Uint8Array,
    private readonly starts: ArrayLike<number>,
  ) {}

  store(target: Uint8Array, offsets: Float64Array): void {
    const { copyBytes } = addon();
    for (let i = 0; i < offsets.length; i += 1) {
      const from = this.starts[i] ?? 0;
      const length = (this.starts[i + 1] ?? from) - from;
      copyBytes(target, offsets[i] ?? 0, this.memory, from, length);
    }
  }
}

/** A request of the tensor handler, parsed and not placed yet. */
export class TensorRows implements PreparedRows {
  constructor(
    readonly rows: number,
    readonly key: string,
    readonly inputs: readonly TensorSpec[],
    private readonly source: RowSource,
    /** Of the request and, with that, of the reply: index in requestForms. */
    readonly form: number,
    private readonly accept: string | undefined,
    private readonly replies: TensorReplies,
  ) {}

  /** The same rows with a reply in another form. */
  inForm(form: number): TensorRows {
    const { rows, key, inputs, source, accept, replies } = this;
    return new TensorRows(rows, key, inputs, source, form, accept, replies);
  }

  store(target: Uint8Array, offsets: Float64Array): void {
    this.source.store(target, offsets);
  }

  postprocess(outputs: BatchOutputs, firstRow: number): HandlerReply | Promise<HandlerReply> {
    return this.replies.write(outputs, firstRow, this.rows, this.form, this.accept);
  }
}
