import { SconceError } from '../../errors.js';
import { blockOffsets } from '../../tensors/batch-outputs.js';
import { rowBytes, type TensorSpec } from '../../tensors/tensor-spec.js';
import { explainedTarget } from '../explained-target.js';
import type { Attributions, Explainer, HandlerReply, HandlerRequest } from '../handler.js';
import { jsonType, preferredType } from './media-type.js';
import { largeReply, type OffLoop } from './off-loop.js';
import { createJsonWriter } from './tensor-codec.js';
import type { TensorField } from './tensor-plan.js';
import type { TensorRows } from './tensor-rows.js';

/** Points between the baseline and the input: as many as TorchServe's handlers of images take. */
const steps = 15;

interface ExplainedRow {
  request: HandlerRequest;
  fields: readonly TensorField[];
  explainer: Explainer;
  offLoop: OffLoop;
}

/**
 * The attributions of a request's only row as JSON. Call it in the turn in which the rows were read.
 *
 * @throws {SconceError} INVALID_REQUEST for more rows than one, or fields that name nothing; and
 *   what the explainer rejects with.
 */
export async function explainRow(
  rows: TensorRows,
  { request, fields, explainer, offLoop }: ExplainedRow,
): Promise<HandlerReply> {
  if (rows.rows !== 1) {
    throw new SconceError(
      'INVALID_REQUEST',
      `an explanation is of one row; the request has ${rows.rows}`,
    );
  }
  const inputs = storedRow(rows);
  const target = explainedTarget(fieldOf(request, 'target'));
  const input = explainedInput(fieldOf(request, 'input'), fields);
  const attributions = await explainer.attribute({ inputs, input, output: 0, target, steps });
  const summed = ofElements(attributions, rows.inputs[input]);
  return writeAttributions(summed, request, offLoop);
}

/** The row's bytes, input by input. */
function storedRow(rows: TensorRows): { spec: TensorSpec; bytes: Uint8Array }[] {
  const offsets = blockOffsets(rows.inputs, 1);
  const memory = new Uint8Array(offsets.at(-1) ?? 0);
  rows.store(memory, Float64Array.from(offsets.slice(0, -1)));
  return rows.inputs.map((spec, i) => {
    const start = offsets[i] ?? 0;
    return { spec, bytes: memory.subarray(start, start + rowBytes(spec)) };
  });
}

function fieldOf({ parameters }: HandlerRequest, name: string): Uint8Array | undefined {
  return parameters?.findLast((parameter) => parameter.name === name)?.value;
}

function explainedInput(field: Uint8Array | undefined, fields: readonly TensorField[]): number {
  if (field === undefined) return 0;
  const name = Buffer.from(field).toString();
  const index = fields.findIndex((input) => input.name === name);
  if (index >= 0) return index;
  throw new SconceError(
    'INVALID_REQUEST',
    `the field "input" is ${JSON.stringify(name.slice(0, 100))}; an input of the model is expected: ${fields.map((input) => input.name).join(', ')}`,
  );
}

/** One number for each element of the input: of an id the sum over the vector that it stands for. */
function ofElements({ dims, values }: Attributions, spec: TensorSpec | undefined): Attributions {
  if (spec === undefined || dims.length !== spec.dims.length + 1) return { dims, values };
  const width = dims.at(-1) ?? 1;
  const sums = new Float32Array(width === 0 ? 0 : values.length / width);
  for (const i of sums.keys()) {
    sums[i] = values.subarray(i * width, (i + 1) * width).reduce((sum, value) => sum + value, 0);
  }
  return { dims: spec.dims, values: sums };
}

async function writeAttributions(
  { dims, values }: Attributions,
  { accept }: HandlerRequest,
  offLoop: OffLoop,
): Promise<HandlerReply> {
  const signature = { outputs: [{ dtype: 'float32' as const, dims }], structure: 0 };
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const body =
    values.length < largeReply
      ? createJsonWriter(signature, null).write(bytes, 1, 0, 1, 0)
      : await offLoop.writeJson(signature, null, bytes, 1, 0, 1, 0);
  const contentType = preferredType(accept) === jsonType ? jsonType : undefined;
  return { body, contentType, headers: undefined };
}
