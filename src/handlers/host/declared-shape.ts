import { SconceError } from '../../errors.js';
import { dtypes } from '../../native/dtype.js';
import { rowBytes, type TensorSpec } from '../../tensors/tensor-spec.js';
import type { HandlerClass } from '../code/handler-class.js';

/**
 * The row shape that a handler's class declares with `static rowShape(modelConfig)`, for models
 * whose configuration names none.
 *
 * @param inputs that the model has
 * @throws {SconceError} INVALID_CONFIGURATION when what it returns is no row shape.
 */
export function declaredShape(
  handlerClass: HandlerClass,
  modelConfig: Readonly<Record<string, unknown>>,
  inputs: number,
): readonly TensorSpec[] | undefined {
  if (!('rowShape' in handlerClass) || typeof handlerClass.rowShape !== 'function')
    return undefined;
  const shape: unknown = handlerClass.rowShape(modelConfig);
  if (shape === undefined) return undefined;
  if (Array.isArray(shape) && shape.length === inputs && shape.every(isSpec)) return shape;
  throw new SconceError(
    'INVALID_CONFIGURATION',
    `${handlerClass.name}.rowShape() returned ${shown(shape)}; a list of {dtype, dims} is expected, one for each of the model's ${inputs} inputs`,
  );
}

function isSpec(value: unknown): value is TensorSpec {
  if (typeof value !== 'object' || value === null || !('dtype' in value && 'dims' in value)) {
    return false;
  }
  const dtype = dtypes.find((known) => known === value.dtype);
  if (dtype === undefined || !Array.isArray(value.dims)) return false;
  const dims: unknown[] = value.dims;
  const isDim = (dim: unknown): dim is number => Number.isInteger(dim) && Number(dim) >= 0;
  return dims.every(isDim) && Number.isSafeInteger(rowBytes({ dtype, dims }));
}

function shown(value: unknown): string {
  try {
    return (JSON.stringify(value) ?? String(value)).slice(0, 200);
  } catch {
    return 'what JSON cannot hold';
  }
}
