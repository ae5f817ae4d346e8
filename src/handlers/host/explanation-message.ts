import { SconceError } from '../../errors.js';
import type { ExplainInput, ModelContext } from '../api/context.js';
import { checkInputs } from './checked-inputs.js';
import type { ExplainMessage, Range } from './messages.js';
import type { SharedThings } from './shared-things.js';

/** Points of an explanation between the baseline and the input, as TorchServe's handlers ask for. */
const stepsByDefault = 15;

/**
 * What a handler wants explained, for the main loop.
 *
 * @param pack copies bytes for the message
 * @throws {SconceError} INVALID_REQUEST for other than one row; HANDLER_FAILED as checkInputs()
 * @throws {RangeError} for an input or output that the model does not have, and for a baseline of
 *   another size
 */
export function explanationOf(
  { inputs, input, output = 0, target = 0, baseline, steps = stepsByDefault }: ExplainInput,
  model: Pick<ModelContext, 'inputs' | 'outputNames'>,
  shared: SharedThings,
  pack: (bytes: Uint8Array) => Range,
): ExplainMessage {
  const { rows, tensors } = checkInputs(model.inputs, inputs);
  if (rows !== 1) {
    throw new SconceError('INVALID_REQUEST', `an explanation is of one row; ${rows} were given`);
  }
  const index = input === undefined ? 0 : model.inputs.findIndex(({ name }) => name === input);
  const explained = tensors[index];
  if (explained === undefined) throw new RangeError(`the model has no input "${input}"`);
  if (baseline !== undefined && baseline.bytes.byteLength !== explained.bytes.byteLength) {
    throw new RangeError(
      `baseline: ${explained.describe()} is expected; ${baseline.describe()} was given`,
    );
  }
  return {
    inputs: tensors.map(({ dtype, shape, bytes }) => ({
      spec: { dtype, dims: shape.slice(1) },
      bytes: pack(bytes),
    })),
    input: index,
    output: typeof output === 'number' ? output : outputIndex(output, model, shared),
    target,
    baseline: baseline === undefined ? undefined : pack(baseline.bytes),
    steps,
  };
}

function outputIndex(
  name: string,
  { outputNames }: Pick<ModelContext, 'outputNames'>,
  shared: SharedThings,
): number {
  const index = outputNames?.indexOf(name) ?? -1;
  if (index >= 0) return index;
  const field = shared.outputField(name);
  if (field !== undefined) return field;
  throw new RangeError(`no output has the name "${name}"`);
}
