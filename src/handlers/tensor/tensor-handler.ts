import { SconceError } from '../../errors.js';
import { type OutputStructure, requestForms } from '../../native/addon.js';
import { rowBytes, type TensorSpec } from '../../tensors/tensor-spec.js';
import type { HandlerRequest, PreparedRows, RowHandler } from '../handler.js';
import { payloadOf } from '../payload.js';
import { binaryType, mediaType } from './media-type.js';
import { largeBody, type OffLoop } from './off-loop.js';
import { JsonRequestReader, type RequestSummary, summaryDims } from './tensor-codec.js';
import { nativeFields, outputNamesProblem, type TensorPlan } from './tensor-plan.js';
import { TensorReplies } from './tensor-reply.js';
import { RowBytes, type RowSource, TensorRows } from './tensor-rows.js';

const fixedKey = 'fixed';

/**
 * The built-in handler `tensor`: JSON numbers or raw little-endian bytes in, JSON or raw bytes
 * out, from names alone. Numbers go from the body into the slab without becoming JavaScript.
 */
export class TensorHandler implements RowHandler {
  readonly kind = 'rows';
  readonly #reader: JsonRequestReader;
  readonly #replies: TensorReplies;

  constructor(
    private readonly plan: TensorPlan,
    private readonly offLoop: OffLoop,
  ) {
    this.#reader = new JsonRequestReader(nativeFields(plan));
    this.#replies = new TensorReplies(plan, offLoop);
  }

  get inputs(): string {
    return this.plan.text;
  }

  get rowShape(): readonly TensorSpec[] | undefined {
    return this.plan.fixed;
  }

  preprocess(request: HandlerRequest): PreparedRows | Promise<PreparedRows> {
    if (request.explain) throw new SconceError('EXPLANATION_UNSUPPORTED');
    const { body, contentType } = payloadOf(request);
    if (mediaType(contentType) === binaryType) return this.#readBinary(request, body);
    if (body.byteLength >= largeBody) return this.#readLargeJson(request, body);
    return this.#rows(request, this.#reader.read(body), this.#reader);
  }

  outputProblem(structure: OutputStructure): string | undefined {
    return outputNamesProblem(this.plan, structure);
  }

  describe(): Record<string, unknown> {
    return {
      inputs: this.plan.fields.map(({ name, dtype, dims }) => ({
        name,
        dtype,
        ...(dims === null ? {} : { shape: dims }),
      })),
      ...(this.plan.outputNames === null ? {} : { outputs: this.plan.outputNames }),
    };
  }

  async #readLargeJson(request: HandlerRequest, body: Uint8Array): Promise<PreparedRows> {
    const { summary, memory, offsets } = await this.offLoop.readJson(this.#reader.fields, body);
    return this.#rows(request, summary, new RowBytes(memory, offsets));
  }

  /** Raw bytes: the tensors one after the other, each with all its rows. */
  #readBinary({ accept }: HandlerRequest, body: Uint8Array): PreparedRows {
    const { fixed, text } = this.plan;
    if (fixed === undefined) {
      throw new SconceError(
        'INVALID_REQUEST',
        `raw bytes need a shape for every input; the model configuration leaves some open (${text})`,
      );
    }
    const perRow = fixed.reduce((sum, spec) => sum + rowBytes(spec), 0);
    if (body.byteLength === 0 || perRow === 0 || body.byteLength % perRow !== 0) {
      throw new SconceError(
        'INVALID_REQUEST',
        `the body has ${body.byteLength} bytes; a row (${text}) takes ${perRow}, so a multiple of that is expected`,
      );
    }
    const rows = body.byteLength / perRow;
    const starts = [0];
    for (const spec of fixed) starts.push((starts.at(-1) ?? 0) + rowBytes(spec) * rows);
    checkBooleans(this.plan, body, starts);
    const source = new RowBytes(body, starts);
    const form = requestForms.indexOf('instances');
    return new TensorRows(rows, fixedKey, fixed, source, form, accept, this.#replies);
  }

  #rows(request: HandlerRequest, summary: RequestSummary, source: RowSource): PreparedRows {
    const form = summary[0] ?? 0;
    const rows = summary[1] ?? 0;
    const { fixed, fields } = this.plan;
    let key = fixedKey;
    let inputs: readonly TensorSpec[] | undefined = fixed;
    if (inputs === undefined) {
      const dims = summaryDims(summary, fields.length);
      inputs = fields.map(({ dtype }, i) => ({ dtype, dims: dims[i] ?? [] }));
      key = dims.join(';');
    }
    return new TensorRows(rows, key, inputs, source, form, request.accept, this.#replies);
  }
}

/** A bool that is neither 0 nor 1 is undefined behaviour in C++. */
function checkBooleans(
  { fields, fixed }: TensorPlan,
  body: Uint8Array,
  starts: readonly number[],
): void {
  for (const [i, spec] of (fixed ?? []).entries()) {
    if (spec.dtype !== 'bool') continue;
    const end = starts[i + 1] ?? 0;
    let wrong = starts[i] ?? 0;
    while (wrong < end && (body[wrong] ?? 0) <= 1) wrong += 1;
    if (wrong === end) continue;
    throw new SconceError(
      'INVALID_REQUEST',
      `field "${fields[i]?.name}": byte ${wrong} of the body is ${body[wrong]}; a bool is 0 or 1`,
    );
  }
}
