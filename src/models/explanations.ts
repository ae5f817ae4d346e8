import { NumberedEntries } from '../collections/numbered-entries.js';
import { errorCodeOf, isErrorCode, messageOf, SconceError } from '../errors.js';
import type { Attributions, Explainer, ExplanationRequest } from '../handlers/handler.js';
import type { ExplainedEvent, NativeExplanationRequest, NativeModel } from '../native/addon.js';
import { dtypeCode } from '../native/dtype.js';
import { rowBytes } from '../tensors/tensor-spec.js';
import { Deferred } from './deferred.js';

/** Most points between a baseline and an input. */
const mostSteps = 1000;

/** The explanations of one loaded model. */
export class Explanations implements Explainer {
  readonly #open = new NumberedEntries<Deferred<Attributions>>();
  #nextId = 1;

  constructor(
    private readonly model: Pick<NativeModel, 'explain'>,
    private readonly name: string,
    private readonly version: string,
  ) {}

  /** Explanations that are asked for and not answered. */
  get pending(): number {
    return this.#open.size;
  }

  async attribute(request: ExplanationRequest): Promise<Attributions> {
    const native = nativeRequest(request);
    const id = this.#nextId++;
    try {
      this.model.explain(id, native);
    } catch (error) {
      throw this.#error(errorCodeOf(error) ?? 'INTERNAL', messageOf(error));
    }
    const answer = new Deferred<Attributions>();
    this.#open.set(id, answer);
    return answer.promise;
  }

  /** One of them is answered. */
  explained({ id, dims, attributions, error }: ExplainedEvent): void {
    const answer = this.#open.take(id);
    if (error === undefined) answer?.resolve({ dims, values: attributions });
    else answer?.reject(this.#error(error.code, error.message));
  }

  /** The model is gone: what is still open will not be answered by it. */
  ended(): void {
    for (const answer of this.#open.takeAll()) answer.reject(this.#error('MODEL_CLOSED', ''));
  }

  #error(code: string, message: string): SconceError {
    switch (code) {
      case 'MODEL_CLOSED':
        return new SconceError('MODEL_CLOSED', this.name, this.version);
      case 'NO_CAPACITY':
        return new SconceError('NO_CAPACITY', this.name).because(message);
      // It was loaded once: the file has gone or was changed.
      case 'MODEL_LOAD_FAILED':
        return new SconceError('MODEL_FAILED', `the file cannot be read again: ${message}`);
      default:
        return new SconceError(isErrorCode(code) ? code : 'INTERNAL', message);
    }
  }
}

function nativeRequest(request: ExplanationRequest): NativeExplanationRequest {
  const { inputs, input, output, target, baseline, steps } = request;
  check(
    inBounds(steps, 1, mostSteps),
    `steps must be a whole number from 1 to ${mostSteps}`,
    steps,
  );
  check(inBounds(target, 0), 'target must be a position in the output, from 0', target);
  check(inBounds(output, 0), 'output must be the index of an output, from 0', output);
  const explained = inputs[input];
  if (explained === undefined) {
    throw new SconceError('INVALID_REQUEST', `there is no input ${input} among ${inputs.length}`);
  }
  for (const { spec, bytes } of inputs) {
    const expected = rowBytes(spec);
    check(bytes.byteLength === expected, `an input needs ${expected} bytes`, bytes.byteLength);
  }
  if (baseline !== undefined) {
    const expected = explained.bytes.byteLength;
    check(
      baseline.byteLength === expected,
      `the baseline needs ${expected} bytes, as the input`,
      baseline.byteLength,
    );
  }
  return {
    inputs: inputs.map(({ spec, bytes }) => ({
      dtype: dtypeCode(spec.dtype),
      dims: spec.dims,
      bytes,
    })),
    input,
    output,
    target,
    steps,
    ...(baseline === undefined ? {} : { baseline }),
  };
}

function inBounds(value: number, minimum: number, maximum = Number.MAX_SAFE_INTEGER): boolean {
  return Number.isInteger(value) && value >= minimum && value <= maximum;
}

function check(fine: boolean, expected: string, given: number): void {
  if (!fine) throw new SconceError('INVALID_REQUEST', `${expected}; given ${given}`);
}
