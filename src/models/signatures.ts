import { SconceError } from '../errors.js';
import type { NativeModel } from '../native/addon.js';
import { dtypeOf } from '../native/dtype.js';
import type { OutputSignature } from '../tensors/batch-outputs.js';

const signaturesKept = 256;

/** The signatures of a model's outputs that were seen, each asked for once. */
export class Signatures {
  readonly #known = new Map<number, OutputSignature>();

  constructor(private readonly model: () => NativeModel | undefined) {}

  get all(): Iterable<OutputSignature> {
    return this.#known.values();
  }

  /** @throws {SconceError} INTERNAL when the model does not know it any more. */
  get(id: number): OutputSignature {
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    const model = this.model();
    if (model === undefined) throw new SconceError('INTERNAL', 'no model');
    const { outputs, structure } = model.signature(id);
    const signature: OutputSignature = {
      id,
      outputs: outputs.map(({ dtype, dims }) => ({ dtype: dtypeOf(dtype), dims })),
      structure,
    };
    if (this.#known.size >= signaturesKept) this.#known.clear();
    this.#known.set(id, signature);
    return signature;
  }
}
