import { SconceError } from '../../errors.js';
import type { BatchOutputs } from '../../tensors/batch-outputs.js';
import type { HandlerReply, HandlerRequest, PreparedRows, RowHandler } from '../handler.js';
import { jsonType, preferredType } from '../tensor/media-type.js';
import type { OffLoop } from '../tensor/off-loop.js';
import type { TensorPlan } from '../tensor/tensor-plan.js';
import type { Envelope, ModelIdentity } from './envelope.js';
import { wrongMember } from './envelope-text.js';
import { EnvelopedHandler } from './enveloped-handler.js';
import { GatheredRows } from './gathered-rows.js';
import { type KServeInference, type KServeInput, readInference } from './kserve-v2-inputs.js';
import { writeInference } from './kserve-v2-outputs.js';
import { TensorOutputs } from './kserve-v2-tensor-outputs.js';
import { isLarge, KServeTensorReader, type ReadTensor } from './kserve-v2-tensor-reader.js';

/** Inputs that make up rows of the model: one for each of its fields, in their order. */
type Group = readonly KServeInput[];

/**
 * The tensor handler behind `kservev2`. Inputs are tensors: those that the model names, or each of
 * them rows of the only input. Their numbers go from the body to the rows without becoming
 * JavaScript.
 */
export class KServeV2Tensors extends EnvelopedHandler {
  readonly #reader: KServeTensorReader;
  readonly #outputs: TensorOutputs;

  constructor(
    tensors: RowHandler,
    envelope: Envelope,
    private readonly identity: ModelIdentity,
    private readonly plan: TensorPlan,
    offLoop: OffLoop,
  ) {
    super(tensors, envelope, identity);
    this.#reader = new KServeTensorReader(plan, offLoop);
    this.#outputs = new TensorOutputs(plan.outputNames, offLoop);
  }

  override preprocess(request: HandlerRequest): PreparedRows | Promise<PreparedRows> {
    const inference = readInference(request);
    const groups = this.#groupsOf(inference.inputs);
    const contentType = preferredType(request.accept) === jsonType ? jsonType : undefined;
    if (!inference.inputs.some(isLarge)) {
      const read = groups.map((group) =>
        group.map((input, i) => this.#reader.read(inference.text, input, i)),
      );
      return this.#rows(inference, groups, read, contentType);
    }
    const later = groups.map((group) =>
      Promise.all(group.map((input, i) => this.#reader.readLater(inference.text, input, i))),
    );
    return Promise.all(later).then((read) => this.#rows(inference, groups, read, contentType));
  }

  #groupsOf(inputs: readonly KServeInput[]): Group[] {
    const { fields, text } = this.plan;
    if (fields.length === 1) return inputs.map((input) => [input]);
    const group = fields.map(({ name }) => {
      const input = inputs.find((given) => given.name === name);
      if (input !== undefined) return input;
      const names = inputs.slice(0, 5).map((given) => JSON.stringify(given.name.slice(0, 100)));
      throw new SconceError(
        'INVALID_REQUEST',
        `inputs: "${name}" is missing (${text}); the request has ${names.join(', ')}`,
      );
    });
    const unknown = inputs.find((input) => !group.includes(input));
    if (unknown === undefined) return [group];
    throw wrongMember(
      `${unknown.path}.name`,
      `an input of ${text}, once`,
      JSON.stringify(unknown.name.slice(0, 100)),
    );
  }

  #rows(
    inference: KServeInference,
    groups: readonly Group[],
    tensors: readonly (readonly ReadTensor[])[],
    contentType: string | undefined,
  ): PreparedRows {
    const gathered = new GatheredRows();
    const inputs = tensors[0]?.map(({ spec }) => spec) ?? [];
    const parts = groups.map((group, g) => {
      const read = tensors[g] ?? [];
      const rows = read[0]?.rows ?? 0;
      for (const [i, { rows: others, spec }] of read.entries()) {
        const path = `${group[i]?.path}.shape`;
        if (others !== rows) throw wrongMember(path, `${rows} rows`, `${others}`);
        const first = inputs[i]?.dims ?? [];
        if (first.join() !== spec.dims.join()) {
          throw wrongMember(path, `rows of [${first}]`, `rows of [${spec.dims}]`);
        }
      }
      const firstRow = gathered.rows;
      gathered.append(
        rows,
        read.map(({ memory }) => memory),
      );
      return { name: group[0]?.name ?? '', firstRow, rows };
    });
    const format = (outputs: BatchOutputs, firstRow: number) => {
      const written = this.#outputs.write(parts, outputs, firstRow);
      const reply = (all: Awaited<typeof written>): HandlerReply => ({
        body: writeInference(inference.id, this.identity, all),
        contentType,
        headers: undefined,
      });
      return written instanceof Promise ? written.then(reply) : reply(written);
    };
    return {
      rows: gathered.rows,
      key: inputs.map(({ dims }) => dims.join()).join(';'),
      inputs,
      timeout: inference.timeout,
      store: (target, offsets) => gathered.store(target, offsets),
      postprocess: format,
    };
  }
}
