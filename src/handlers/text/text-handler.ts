import { setImmediate as nextTurn } from 'node:timers/promises';
import { SconceError } from '../../errors.js';
import { BaseHandler } from '../api/base-handler.js';
import type { Inputs, ModelContext, RequestContext } from '../api/context.js';
import type { HandlerInput } from '../api/handler-input.js';
import { Outputs } from '../api/outputs.js';
import { Tensor } from '../api/tensor.js';
import { handlerOptions } from '../options.js';
import { type TextOptions, textOptions } from './options.js';
import type { EncodedText, TextEncoder } from './text-encoder.js';
import { readTexts } from './texts.js';
import { fixedLength, tokenFields } from './token-fields.js';
import { type RowShape, type Run, runsOf, tokenRows } from './token-rows.js';

/** Milliseconds that one request may hold a thread while its texts are encoded, and one text more. */
const turn = 20;

/** Runs of one request at a time: one computes while the results of another are read. */
const runsInFlight = 2;

interface Setup {
  options: TextOptions;
  encoder: TextEncoder;
  shape: RowShape;
}

/**
 * What handlers of texts have in common: texts become rows of token ids, and each row's output one
 * vector.
 */
export abstract class TextHandler extends BaseHandler {
  #setup: Setup | undefined;

  override async initialize(context: ModelContext): Promise<void> {
    const options = handlerOptions(textOptions, context.modelConfig);
    const fields = tokenFields(context.inputs);
    const fixed = fixedLength(fields);
    const { maxLength: given } = options;
    const maxLength = fixed === undefined ? given : Math.min(fixed, given ?? fixed);
    const encoder = await this.loadEncoder(context, maxLength, options);
    const padTo = fields.mask === undefined ? 1 : options.padTo;
    const longest = encoder.maxLength ?? Number.POSITIVE_INFINITY;
    const paddedLength = (tokens: number): number =>
      fixed ?? Math.max(tokens, Math.min(Math.ceil(tokens / padTo) * padTo, longest));
    this.#setup = { options, encoder, shape: { fields, padId: encoder.padId, paddedLength } };
  }

  /** The `handler` section of the model's configuration. */
  protected get options(): TextOptions {
    return this.#ready.options;
  }

  /**
   * Reads what turns texts into token ids from the model's folder.
   *
   * @param maxLength ids of a text at most; undefined for what its files say
   */
  protected abstract loadEncoder(
    context: ModelContext,
    maxLength: number | undefined,
    options: TextOptions,
  ): Promise<TextEncoder>;

  /** One vector for each row of a run: [rows, n], from what the model has returned for it. */
  protected abstract reduce(outputs: Outputs, run: Pick<Run, 'lengths'>): Tensor;

  /** Token ids of a text. */
  protected encode(text: string): EncodedText {
    const encoded = this.#ready.encoder.encode(text);
    if (encoded.ids.length > 0) return encoded;
    throw new SconceError('INVALID_REQUEST', 'the text has no tokens');
  }

  /** Rows as the model takes them. */
  protected rowsOf(texts: readonly EncodedText[]): Record<string, Tensor> {
    return tokenRows(texts, this.#ready.shape);
  }

  /** Long lists are encoded in pieces, between which other requests have their turn. */
  override async preprocess(request: HandlerInput, context: RequestContext): Promise<Inputs> {
    const { texts } = readTexts(request, this.options);
    const encoded: EncodedText[] = [];
    let turnEnds = performance.now() + turn;
    for (const text of texts) {
      encoded.push(this.encode(text));
      if (encoded.length === texts.length || performance.now() < turnEnds) continue;
      await nextTurn();
      context.signal.throwIfAborted();
      turnEnds = performance.now() + turn;
    }
    return this.rowsOf(encoded);
  }

  /** The vectors of all rows, [rows, n], in as many runs as they take. */
  override async inference(inputs: Inputs | undefined, context: RequestContext): Promise<Outputs> {
    if (inputs === undefined) {
      const outputs = await context.model.run();
      const length = context.rowShape?.[0]?.dims[0] ?? 0;
      return Outputs.of(this.reduce(outputs, { lengths: [length] }));
    }
    const runs = runsOf(inputs, this.#ready.shape, context.systemProperties.batch_size);
    const vectors: Float32Array[] = [];
    // A lane that throws ends the generator, and with it the other lane.
    const lane = async (): Promise<void> => {
      for (const run of runs) {
        context.signal.throwIfAborted();
        const reduced = this.reduce(await context.model.run(run.inputs), run).to('float32');
        for (const [i, row] of run.rows.entries()) vectors[row] = reduced.at(i).data.slice();
      }
    };
    await Promise.all(Array.from({ length: runsInFlight }, lane));
    return Outputs.of(stacked(vectors));
  }

  get #ready(): Setup {
    if (this.#setup !== undefined) return this.#setup;
    throw new Error(`${this.constructor.name}: initialize() of the base class was not called`);
  }
}

/** The main tensor of what a model returns: the field of a name, else the first. */
export function mainOutput(outputs: Outputs, name: string): Tensor {
  const { structure, tensors } = outputs;
  const isNamed =
    typeof structure === 'object' &&
    'fields' in structure &&
    structure.fields.some(([field]) => field === name);
  const tensor = isNamed ? outputs.get(name) : tensors[0];
  if (tensor !== undefined) return tensor;
  throw new SconceError('INVALID_OUTPUT', 'the model returns no tensor');
}

function stacked(rows: readonly Float32Array[]): Tensor {
  const width = rows[0]?.length ?? 0;
  const tensor = Tensor.zeros('float32', [rows.length, width]);
  for (const [i, row] of rows.entries()) {
    if (row.length !== width) {
      throw new SconceError(
        'INVALID_OUTPUT',
        `the model returns ${row.length} values for text ${i} and ${width} for the first`,
      );
    }
    tensor.data.set(row, i * width);
  }
  return tensor;
}
