import { type OutputStructure, requestForms } from '../../native/addon.js';
import type { TensorSpec } from '../../tensors/tensor-spec.js';
import type { Explainer, HandlerReply, HandlerRequest, RowHandler } from '../handler.js';
import { payloadOf } from '../payload.js';
import { readBinaryBody } from './binary-body.js';
import { binaryType, mediaType } from './media-type.js';
import { largeBody, type OffLoop } from './off-loop.js';
import { JsonRequestReader, type RequestSummary, summaryDims } from './tensor-codec.js';
import { explainRow } from './tensor-explanation.js';
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

  get tensorPlan(): TensorPlan {
    return this.plan;
  }

  preprocess(request: HandlerRequest): TensorRows | Promise<TensorRows> {
    const { body, contentType } = payloadOf(request);
    if (mediaType(contentType) === binaryType) return this.#readBinary(request, body);
    if (body.byteLength >= largeBody) return this.#readLargeJson(request, body);
    return this.#rows(request, this.#reader.read(body), this.#reader);
  }

  /**
   * How much each element of an input adds to the element of the first output that the field
   * `target` names, or the first: nested lists, shaped as the input's row. The field `input` names
   * the input; without it the first is explained.
   */
  async explain(request: HandlerRequest, explainer: Explainer): Promise<HandlerReply> {
    const rows = this.preprocess(request);
    const { fields } = this.plan;
    return explainRow(rows instanceof Promise ? await rows : rows, {
      request,
      fields,
      explainer,
      offLoop: this.offLoop,
    });
  }

  outputProblem(structure: OutputStructure): string | undefined {
    return outputNamesProblem(this.plan, structure);
  }

  describe(): Record<string, unknown> {
    return {
      inputs: this.plan.fields.map(({ dims, ...field }) => ({
        ...field,
        ...(dims === null ? {} : { shape: dims }),
      })),
      ...(this.plan.outputNames === null ? {} : { outputs: this.plan.outputNames }),
    };
  }

  async #readLargeJson(request: HandlerRequest, body: Uint8Array): Promise<TensorRows> {
    const { summary, memory, offsets } = await this.offLoop.readJson(this.#reader.fields, body);
    return this.#rows(request, summary, new RowBytes(memory, offsets));
  }

  #readBinary({ accept }: HandlerRequest, body: Uint8Array): TensorRows {
    const { rows, inputs, starts } = readBinaryBody(this.plan, body);
    const source = new RowBytes(body, starts);
    const form = requestForms.indexOf('instances');
    return new TensorRows(rows, fixedKey, inputs, source, form, accept, this.#replies);
  }

  #rows(request: HandlerRequest, summary: RequestSummary, source: RowSource): TensorRows {
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
