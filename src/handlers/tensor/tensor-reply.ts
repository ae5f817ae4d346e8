import { SconceError } from '../../errors.js';
import type { NativeJsonWriter } from '../../native/addon.js';
import type { BatchOutputs, OutputSignature } from '../../tensors/batch-outputs.js';
import type { HandlerReply } from '../handler.js';
import { binaryType, jsonType, preferredType } from './media-type.js';
import { largeReply, type OffLoop } from './off-loop.js';
import { createJsonWriter } from './tensor-codec.js';
import { outputNamesProblem, type TensorPlan } from './tensor-plan.js';

/** What is worked out once for each signature of outputs. */
interface Format {
  writer: NativeJsonWriter;
  elementsPerRow: number;
}

const formatsKept = 64;

/** Turns rows of outputs into replies: JSON as TorchServe writes it, or raw bytes. */
export class TensorReplies {
  readonly #formats = new Map<number, Format>();

  constructor(
    private readonly plan: TensorPlan,
    private readonly offLoop: OffLoop,
  ) {}

  /**
   * @param form index in requestForms: the reply takes the form of the request
   * @param accept the request's accept header
   */
  write(
    outputs: BatchOutputs,
    firstRow: number,
    rows: number,
    form: number,
    accept: string | undefined,
  ): HandlerReply | Promise<HandlerReply> {
    const { signature, block } = outputs;
    const { writer, elementsPerRow } = this.#formats.get(signature.id) ?? this.#format(signature);
    const wanted = preferredType(accept);
    if (wanted === binaryType) return binaryReply(outputs, firstRow, rows);
    // TorchServe names no type unless the handler does; a client that asks for one gets it.
    const contentType = wanted === jsonType ? jsonType : undefined;
    if (elementsPerRow * rows < largeReply) {
      return {
        body: writer.write(block, outputs.rows, firstRow, rows, form),
        contentType,
        headers: undefined,
      };
    }
    return this.offLoop
      .writeJson(signature, this.plan.outputNames, block, outputs.rows, firstRow, rows, form)
      .then((body) => ({ body, contentType, headers: undefined }));
  }

  #format(signature: OutputSignature): Format {
    const problem = outputNamesProblem(this.plan, signature.structure);
    if (problem !== undefined) throw new SconceError('INVALID_OUTPUT', problem);
    let elementsPerRow = 0;
    for (const { dims } of signature.outputs) elementsPerRow += dims.reduce((a, b) => a * b, 1);
    const format = { writer: createJsonWriter(signature, this.plan.outputNames), elementsPerRow };
    if (this.#formats.size >= formatsKept) this.#formats.clear();
    this.#formats.set(signature.id, format);
    return format;
  }
}

/** The outputs' bytes one after the other; a header gives their dtypes and shapes. */
function binaryReply(outputs: BatchOutputs, firstRow: number, rows: number): HandlerReply {
  const shapes = outputs.signature.outputs.map(
    ({ dtype, dims }) => `${dtype}[${[rows, ...dims].join(',')}]`,
  );
  return {
    body: outputs.slices(firstRow, rows),
    contentType: binaryType,
    headers: { 'x-sconce-outputs': shapes.join(';') },
  };
}
