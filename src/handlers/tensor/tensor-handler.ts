import { SconceError } from '../../errors.js';
import { type NativeJsonWriter, type RequestForm, requestForms } from '../../native/addon.js';
import { addon } from '../../native/binding.js';
import type { BatchOutputs, OutputSignature } from '../../tensors/batch-outputs.js';
import { rowBytes, type TensorSpec } from '../../tensors/tensor-spec.js';
import type { Handler, HandlerReply, HandlerRequest, PreparedRows } from '../handler.js';
import { largeBody, largeReply, type OffLoop } from './off-loop.js';
import { createJsonWriter, JsonRequestReader, summaryDims } from './tensor-codec.js';
import { nativeFields, outputNamesProblem, type TensorPlan } from './tensor-plan.js';

const binaryType = 'application/octet-stream';
const jsonType = 'application/json';
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
    const type = mediaType(request.contentType);
    if (type === binaryType) return this.#readBinary(request);
    if (type.startsWith('multipart/')) {
      throw new SconceError(
        'INVALID_REQUEST',
        `the tensor handler takes JSON or ${binaryType}, not ${type}`,
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
    checkBooleans(this.plan, body, rows);
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
    const problem = outputNamesProblem(this.plan, signature.structure);
    if (problem !== undefined) throw new SconceError('INVALID_OUTPUT', problem);
    const wanted = preferredType(accept);
    if (wanted === binaryType) return this.#binaryReply(outputs, firstRow, rows);
    // TorchServe names no type unless the handler does; a client that asks for one gets it.
    const type = wanted === jsonType ? { contentType: jsonType } : {};
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

/** The media type of a content-type header, without its parameters, in lower case. */
function mediaType(header: string | undefined): string {
  if (header === undefined || header === jsonType) return jsonType;
  return (header.split(';', 1)[0] ?? '').trim().toLowerCase();
}

/** The first type of an accept header that this handler can answer with. */
function preferredType(accept: string | undefined): string | undefined {
  if (accept === undefined || accept === '*/*') return undefined;
  return accept
    .split(',')
    .map(mediaType)
    .find((type) => type === jsonType || type === binaryType);
}

/** A bool that is neither 0 nor 1 is undefined behaviour in C++. */
function checkBooleans({ fields, fixed }: TensorPlan, body: Uint8Array, rows: number): void {
  let from = 0;
  for (const [i, spec] of (fixed ?? []).entries()) {
    const end = from + rowBytes(spec) * rows;
    const wrong =
      spec.dtype === 'bool' ? body.subarray(from, end).findIndex((byte) => byte > 1) : -1;
    if (wrong >= 0) {
      throw new SconceError(
        'INVALID_REQUEST',
        `field "${fields[i]?.name}": byte ${from + wrong} of the body is ${body[from + wrong]}; a bool is 0 or 1`,
      );
    }
    from = end;
  }
}
