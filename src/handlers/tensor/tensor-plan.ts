import { SconceError } from '../../errors.js';
import type { NativeField, NativeModelDescription, OutputStructure } from '../../native/addon.js';
import { type Dtype, dtypeCode, dtypeOf } from '../../native/dtype.js';
import { rowBytes, type TensorSpec } from '../../tensors/tensor-spec.js';
import { type FormedInput, formProblem, isSent } from './input-forms.js';
import { type IntegerRange, narrowRange, rangeProblem } from './integer-range.js';

/** The part of a model's configuration that names its tensors. */
export interface TensorNames {
  inputs?: readonly (FormedInput & IntegerRange & { dtype?: Dtype })[];
  outputs?: readonly { name: string }[];
}

/**
 * One input of the model as requests name it. `dims` excludes the batch; null = unknown rank. Bounds
 * are for integers.
 */
export interface TensorField extends IntegerRange {
  name: string;
  dtype: Dtype;
  dims: readonly number[] | null;
}

/** What the tensor handler expects and answers, for one model version. */
export interface TensorPlan {
  fields: readonly TensorField[];
  /** Names for the outputs from configuration; null keeps the model's own structure. */
  outputNames: readonly string[] | null;
  /** The row shape when every dimension is known, else undefined. */
  fixed: readonly TensorSpec[] | undefined;
  /** For messages: `features: float32[n, 64]`. */
  text: string;
}

/**
 * Plans the handler from the model's configuration and from what the file says of `forward`:
 * configuration gives names, dtypes and shapes; without any, names and dtypes come from the file
 * and shapes from each request.
 *
 * @throws {SconceError} INVALID_CONFIGURATION when the two contradict each other.
 */
export function planTensors(config: TensorNames, description: NativeModelDescription): TensorPlan {
  const fields = readFields(config, description);
  const names = new Set(fields.map((field) => field.name));
  if (names.size < fields.length) {
    throw new SconceError('INVALID_CONFIGURATION', 'inputs: two fields have the same name');
  }
  const fixed: TensorSpec[] = [];
  for (const { dtype, dims } of fields) {
    if (dims === null || dims.includes(-1)) break;
    if (!Number.isSafeInteger(rowBytes({ dtype, dims }))) {
      throw new SconceError('INVALID_CONFIGURATION', 'inputs: the shape is too large to address');
    }
    fixed.push({ dtype, dims });
  }
  return {
    fields,
    outputNames: config.outputs?.map((output) => output.name) ?? null,
    fixed: fixed.length === fields.length ? fixed : undefined,
    text: describeFields(fields),
  };
}

/** Fields as the native JSON reader takes them. */
export function nativeFields(plan: Pick<TensorPlan, 'fields'>): NativeField[] {
  return plan.fields.map(({ dtype, dims, ...field }) => ({
    ...field,
    dtype: dtypeCode(dtype),
    dims: dims === null ? null : [...dims],
  }));
}

/** Why the configured names do not fit what the model returns; undefined when they do. */
export function outputNamesProblem(
  { outputNames }: Pick<TensorPlan, 'outputNames'>,
  structure: OutputStructure,
): string | undefined {
  // A dictionary's fields keep their own names.
  if (outputNames === null || (typeof structure === 'object' && 'fields' in structure)) return;
  const count = typeof structure === 'number' ? 1 : structure.list.length;
  if (outputNames.length === count) return;
  return `the model returns ${count} output${count === 1 ? '' : 's'}, the configuration names ${outputNames.length} (${outputNames.join(', ')})`;
}

function readFields(config: TensorNames, description: NativeModelDescription): TensorField[] {
  const declared = description.arguments;
  const tensors = declared.filter((argument) => /Tensor/.test(argument.type));
  const required = declared.filter((argument) => argument.default === undefined);
  const foreign = required.find((argument) => !isTensor(argument.type));
  if (foreign !== undefined) {
    throw new SconceError(
      'INVALID_CONFIGURATION',
      `forward requires the argument "${foreign.name}" of type ${foreign.type}; the tensor handler passes tensors only`,
    );
  }
  if (config.inputs === undefined) {
    if (required.length === 0) {
      throw new SconceError(
        'INVALID_CONFIGURATION',
        'forward requires no tensor; name the inputs in the model configuration',
      );
    }
    return required.map(({ name, ...argument }) => {
      const dtype = dtypeFrom(argument.dtype);
      return { name, dtype, dims: null, ...narrowRange({}, dtype, argument.indexLimit) };
    });
  }
  if (config.inputs.length < required.length || config.inputs.length > declared.length) {
    throw new SconceError(
      'INVALID_CONFIGURATION',
      `inputs: forward takes ${required.length} tensors (${tensors.map(({ name }) => name).join(', ')}), the configuration names ${config.inputs.length}`,
    );
  }
  for (const [i, { name }] of config.inputs.entries()) {
    const argument = declared[i];
    if (argument === undefined || isTensor(argument.type)) continue;
    throw new SconceError(
      'INVALID_CONFIGURATION',
      `inputs: "${name}" stands for the argument "${argument.name}" of type ${argument.type}; the tensor handler passes tensors only`,
    );
  }
  const problem = formProblem(config.inputs, declared);
  if (problem !== undefined) throw new SconceError('INVALID_CONFIGURATION', problem);
  return config.inputs.flatMap((input, i) => {
    if (!isSent(input)) return [];
    const { name, shape: dims = null } = input;
    const dtype = input.dtype ?? dtypeFrom(declared[i]?.dtype);
    const range = narrowRange(input, dtype, declared[i]?.indexLimit);
    const wrong = rangeProblem(input, dtype) ?? rangeProblem(range, dtype);
    if (wrong !== undefined) {
      throw new SconceError('INVALID_CONFIGURATION', `inputs: "${name}" cannot be: ${wrong}`);
    }
    return [{ name, dtype, dims, ...range }];
  });
}

/** A list takes one tensor for each row. */
const tensorTypes = new Set([
  ...['Tensor', 'Optional[Tensor]'],
  ...['List[Tensor]', 'Optional[List[Tensor]]'],
]);

function isTensor(type: string): boolean {
  return tensorTypes.has(type);
}

function dtypeFrom(code: number | undefined): Dtype {
  return code === undefined ? 'float32' : dtypeOf(code);
}

/** Inputs for messages: `features: float32[n, 64]`. */
export function describeFields(fields: readonly TensorField[]): string {
  return fields.map(describeField).join(', ');
}

function describeField({ name, dtype, dims }: TensorField): string {
  const shape = dims === null ? ['n', '…'] : ['n', ...dims.map((dim) => (dim < 0 ? 'any' : dim))];
  return `${name}: ${dtype}[${shape.join(', ')}]`;
}
