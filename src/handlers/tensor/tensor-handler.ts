import { SconceError } from '../../errors.js';
import { type NativeJsonWriter, type RequestForm, requestForms } from '../../native/addon.js';
import { addon } from '../../native/binding.js';
import type { BatchOutputs, OutputSignature } from '../../tensors/batch-outputs.js';
import { rowBytes, type TensorSpec } from '../../tensors/tensor-spec.js';
import type { Handler, HandlerReply, HandlerRequest, PreparedRows } from '../handler.js';
import { largeBody, largeReply, type OffLoop } from './off-loop.js';
import { createJsonWriter, JsonRequestReader, summaryDims } from './tensor-codec.js';
import { nativeFields, type TensorPlan } from './tensor-plan.js';

const binaryType = 'application/octet-stream';
const fixedKey = 'fixed';
const writersKept = 64;

/**
 * The built-in handler `tensor`: JSON numbers or raw little-endian bytes in, JSON or raw bytes
 * out, from names alone. Numbers go from the body into the slab without becoming JavaScript.
 */
export class TensorHandler implements Handler {
  readonly #reader: JsonRequestReader;
  readonly #writers = new Map<number, NativeJsonWriter>();

  constructor(
    private readonly plan: TensorPlan,
    private readonly offLoop: OffLoop,
  ) {
    this.#reader = new JsonRequestReader(nativeFields(plan));
  }

  preprocess(request: HandlerRequest): PreparedRows | Promise<PreparedRows> {
    const type = request.contentType ?? '';
    if (type.startsWith(binaryType)) return this.#readBinary(request);
    if (type.startsWith('multipart/')) {
      throw new SconceError(
        'INVALID_REQUEST',
        `the tensor handler takes JSON or ${binaryType}, not ${type.split(';', 1).join()}`,
      );
    }
    if (request.body.byteLength >= largeBody) return this.#readLargeJson(request);
    const reader = this.#reader;
    const summary = reader.read(request.body);
    return this.#prepare(request, summary, (target, offsets) => reader.store(target, offsets));
  }

  async #readLargeJson(request: HandlerRequest): Promise<PreparedRows> {
    const { summary, memory, offsets } = await this.offLoop.readJson(
      this.#reader.fields,
      request.body,
    );
    return this.#prepare(request, summary, (target, targetOffsets) => {
      const { copyBytes } = addon();
      for (let i = 0; i < targetOffsets.length; i += 1) {
        const from = offsets[i] ?? 0;
        const length = (offsets[i + 1] ?? from) - from;
        copyBytes(target, targetOffsets[i] ?? 0, memory, from, length);
      }
    });
  }

  /** Raw bytes: the tensors one after the other, each with all its rows. */
  #readBinary(request: HandlerRequest): PreparedRows {
    const { fixed, text } = this.plan;
    if (fixed === undefined) {
      throw new SconceError(
        'INVALID_REQUEST',
        `raw bytes need a shape for every input; the model configuration leaves some open (${text})`,
      );
    }
    const { body } = request;
    const bytes = fixed.map(rowBytes);
    const perRow = bytes.reduce((sum, size) => sum + size, 0);
    if (body.byteLength === 0 || perRow === 0 || body.byteLength % perRow !== 0) {
      throw new SconceError(
        'INVALID_REQUEST',
        `the body has ${body.byteLength} bytes; a row (${text}) takes ${perRow}, so a multiple of that is expected`,
      );
    }
    const rows = body.byteLength / perRow;
    return this.#rowsOf(request, 'instances', rows, fixedKey, fixed, (target, offsets) => {
      const { copyBytes } = addon();
      let from = 0;
      for (const [i, size] of bytes.entries()) {
        copyBytes(target, offsets[i] ?? 0, body, from, size * rows);
        from += size * rows;
      }
    });
  }

  #prepare(
    request: HandlerRequest,
    summary: Int32Array,
    store: PreparedRows['store'],
  ): PreparedRows {
    const form = requestForms[summary[0] ?? 0] ?? 'named';
    const rows = summary[1] ?? 0;
    const { fixed, fields } = this.plan;
    if (fixed !== undefined) return this.#rowsOf(request, form, rows, fixedKey, fixed, store);
    const dims = summaryDims(summary, fields.length);
    const inputs = fields.map(({ dtype }, i) => ({ dtype, dims: dims[i] ?? [] }));
    return this.#rowsOf(request, form, rows, dims.join(';'), inputs, store);
  }

  #rowsOf(
    request: HandlerRequest,
    form: RequestForm,
    rows: number,
    key: string,
    inputs: readonly TensorSpec[],
    store: PreparedRows['store'],
  ): PreparedRows {
    const { accept } = request;
    return {
      rows,
      key,
      inputs,
      store,
      postprocess: (outputs, firstRow) => this.#reply(outputs, firstRow, rows, form, accept),
    };
  }

  #reply(
    outputs: BatchOutputs,
    firstRow: number,
    rows: number,
    form: RequestForm,
    accept: string | undefined,
  ): HandlerReply | Promise<HandlerReply> {
    const { signature, block } = outputs;
    if (accept === binaryType) return this.#binaryReply(outputs, firstRow, rows);
    // TorchServe names no type unless the handler does; a client that asks for one gets it.
    const type = accept === 'application/json' ? { contentType: accept } : {};
    const formCode = requestForms.indexOf(form);
    if (elementsPerRow(signature) * rows >= largeReply) {
      return this.offLoop
        .writeJson(signature, this.plan.outputNames, block, outputs.rows, firstRow, rows, formCode)
        .then((body) => ({ body, ...type }));
    }
    const body = this.#writerOf(signature).write(block, outputs.rows, firstRow, rows, formCode);
    return { body, ...type };
  }

  #binaryReply(outputs: BatchOutputs, firstRow: number, rows: number): HandlerReply {
    const shapes = outputs.signature.outputs.map(
      ({ dtype, dims }) => `${dtype}[${[rows, ...dims].join(',')}]`,
    );
    return {
      body: outputs.slices(firstRow, rows),
      contentType: binaryType,
      headers: { 'x-sconce-outputs': shapes.join(';') },
    };
  }

  #writerOf(signature: OutputSignature): NativeJsonWriter {
    let writer = this.#writers.get(signature.id);
    if (writer === undefined) {
      writer = createJsonWriter(signature, this.plan.outputNames);
      if (this.#writers.size >= writersKept) this.#writers.clear();
      this.#writers.set(signature.id, writer);
    }
    return writer;
  }
}

function elementsPerRow(signature: OutputSignature): number {
  let elements = 0;
  for (const { dims } of signature.outputs) elements += dims.reduce((a, b) => a * b, 1);
  return elements;
}
