import { SconceError } from '../../errors.js';
import { requestForms } from '../../native/addon.js';
import { blockOffsets } from '../../tensors/batch-outputs.js';
import { rowBytes, type TensorSpec } from '../../tensors/tensor-spec.js';
import { readBinaryBody } from '../tensor/binary-body.js';
import { binaryType, jsonType, mediaType, preferredType } from '../tensor/media-type.js';
import { createJsonWriter, JsonRequestReader, summaryDims } from '../tensor/tensor-codec.js';
import {
  describeFields,
  nativeFields,
  outputNamesProblem,
  type TensorField,
} from '../tensor/tensor-plan.js';
import type { BaseHandler } from './base-handler.js';
import type { Inputs, ModelContext, RequestContext } from './context.js';
import { describeValue } from './describe-value.js';
import type { HandlerInput } from './handler-input.js';
import { Outputs } from './outputs.js';
import type { Reply } from './reply.js';
import { Tensor } from './tensor.js';

/** Readers by the fields that they read; a thread has one model's, or few. */
const readers = new WeakMap<readonly TensorField[], JsonRequestReader>();

/** The form of requests that readTensors() has read: index in requestForms. */
const forms = new WeakMap<HandlerInput, number>();

/** The rows of a request as the handler `tensor` reads them. */
export function readTensors(request: HandlerInput, context: RequestContext): Inputs | undefined {
  const { bytes, contentType } = request.data;
  if (mediaType(contentType) === binaryType) return readBinary(request, bytes, context);
  return readJson(request, bytes, context);
}

function readJson(
  request: HandlerInput,
  body: Uint8Array,
  context: RequestContext,
): Inputs | undefined {
  const { inputs } = context;
  const reader = readerOf(inputs);
  const summary = reader.read(body);
  const rows = summary[1] ?? 0;
  forms.set(request, summary[0] ?? 0);
  if (rows === 1 && inputs.length === 1 && context.rowShape !== undefined) {
    reader.store(context.row().bytes, new Float64Array(1));
    return undefined;
  }
  const dims = summaryDims(summary, inputs.length);
  const specs = inputs.map(({ dtype }, i) => ({ dtype, dims: dims[i] ?? [] }));
  const { memory, offsets } = memoryFor(specs, rows);
  reader.store(memory, Float64Array.from(offsets));
  return viewInputs(inputs, specs, rows, memory, offsets);
}

function readerOf(fields: readonly TensorField[]): JsonRequestReader {
  const known = readers.get(fields);
  if (known !== undefined) return known;
  const reader = new JsonRequestReader(nativeFields({ fields }));
  readers.set(fields, reader);
  return reader;
}

function readBinary(request: HandlerInput, body: Uint8Array, context: RequestContext): Inputs {
  const { inputs: fields, rowShape: fixed } = context;
  const text = describeFields(fields);
  const { rows, inputs, starts } = readBinaryBody({ fields, fixed, text }, body);
  forms.set(request, requestForms.indexOf('instances'));
  const { memory, offsets } = memoryFor(inputs, rows);
  for (const [i, offset] of offsets.entries()) {
    memory.set(body.subarray(starts[i], starts[i + 1]), offset);
  }
  return viewInputs(fields, inputs, rows, memory, offsets);
}

/** Memory for rows of several inputs, each aligned. */
function memoryFor(
  specs: readonly TensorSpec[],
  rows: number,
): { memory: Uint8Array; offsets: readonly number[] } {
  const offsets = blockOffsets(specs, rows);
  const bytes = offsets.pop() ?? 0;
  return { memory: new Uint8Array(bytes), offsets };
}

function viewInputs(
  fields: readonly TensorField[],
  specs: readonly TensorSpec[],
  rows: number,
  memory: Uint8Array,
  offsets: readonly number[],
): Record<string, Tensor> {
  return Object.fromEntries(
    specs.map((spec, i) => {
      const start = offsets[i] ?? 0;
      const bytes = memory.subarray(start, start + rowBytes(spec) * rows);
      return [fields[i]?.name ?? '', Tensor.view(spec.dtype, [rows, ...spec.dims], bytes)];
    }),
  );
}

/** The reply as the handler `tensor` writes it. */
export function writeTensors(
  outputs: Outputs,
  request: HandlerInput,
  context: RequestContext,
): string | Uint8Array {
  if (!(outputs instanceof Outputs)) {
    throw new TypeError(
      `inference has to return Outputs: what context.model.run() resolves to, or Outputs.of() tensors; it returned ${describeValue(outputs)}`,
    );
  }
  const wanted = preferredType(request.accept);
  if (wanted === binaryType) {
    const shapes = outputs.tensors.map(({ dtype, shape }) => `${dtype}[${shape.join(',')}]`);
    context.setResponseContentType(binaryType);
    context.setResponseHeader('x-sconce-outputs', shapes.join(';'));
    return joinBytes(outputs.tensors.map(({ bytes }) => bytes));
  }
  if (wanted === jsonType) context.setResponseContentType(jsonType);
  const { signature, names, block, batchRows, firstRow, rows } = outputs.location;
  const problem = outputNamesProblem({ outputNames: names }, signature.structure);
  if (problem !== undefined) throw new SconceError('INVALID_OUTPUT', problem);
  const form = forms.get(request) ?? 0;
  return createJsonWriter(signature, names).write(block, batchRows, firstRow, rows, form);
}

function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let end = 0;
  for (const part of parts) {
    joined.set(part, end);
    end += part.byteLength;
  }
  return joined;
}

/** The answer of BaseHandler.explain(). */
export async function explainRow(
  handler: Pick<BaseHandler, 'preprocess'>,
  request: HandlerInput,
  context: RequestContext,
): Promise<Reply> {
  const target = targetOf(request);
  const inputs = (await handler.preprocess(request, context)) ?? filledRows(context);
  for (const tensor of inputs instanceof Tensor ? [inputs] : Object.values(inputs)) {
    if (tensor.shape[0] === 1) continue;
    throw new SconceError(
      'INVALID_REQUEST',
      `an explanation is of one row; the request has ${tensor.shape[0] ?? 0} (${tensor.describe()})`,
    );
  }
  return context.model.explain({ inputs, target });
}

/** The form field `target`: a flat position in the output's row. */
function targetOf(request: HandlerInput): number {
  const bytes = request.parameter('target')?.bytes;
  const text = bytes === undefined ? '' : Buffer.from(bytes).toString().trim();
  if (text === '') return 0;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new SconceError(
    'INVALID_REQUEST',
    `field "target" is ${JSON.stringify(text.slice(0, 100))}; a position in the output is expected, an integer from 0 on`,
  );
}

function filledRows(context: RequestContext): Record<string, Tensor> {
  return Object.fromEntries(
    context.inputs.map(({ name }) => {
      const row = context.row(name);
      return [name, row.reshape([1, ...row.shape])];
    }),
  );
}

/** What a model says of its tensors. */
export function describeTensors({
  inputs,
  outputNames,
}: Pick<ModelContext, 'inputs' | 'outputNames'>): Record<string, unknown> {
  return {
    inputs: inputs.map(({ name, dtype, dims }) => ({
      name,
      dtype,
      ...(dims === null ? {} : { shape: dims }),
    })),
    ...(outputNames === null ? {} : { outputs: outputNames }),
  };
}
