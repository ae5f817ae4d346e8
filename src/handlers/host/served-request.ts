import { SconceError } from '../../errors.js';
import type {
  ExplainInput,
  HandlerModel,
  Inputs,
  ModelContext,
  RequestContext,
} from '../api/context.js';
import { describeValue } from '../api/describe-value.js';
import { HandlerInput } from '../api/handler-input.js';
import { Outputs } from '../api/outputs.js';
import { Tensor } from '../api/tensor.js';
import { decidedHeaders } from '../decided-headers.js';
import type { HandlerRequest } from '../handler.js';
import { checkInputs, shapeOf } from './checked-inputs.js';
import { explanationOf } from './explanation-message.js';
import type { AnswerMessage, HostEvent, Place, Range, ReplyHead } from './messages.js';
import { MetricsRelay } from './metrics-relay.js';
import type { SharedThings } from './shared-things.js';

/** What a request of a thread needs of the thread. */
export interface RequestHost {
  /** The request's number, which all has that an envelope holds. */
  readonly number: number;
  /** Aborted when nobody waits for the answer any more. */
  signal(): AbortSignal;
  readonly model: ModelContext;
  readonly shared: SharedThings;
  readonly metric: ConstructorParameters<typeof MetricsRelay>[0];
  /** Copies bytes for an event of the same turn. */
  bytes(bytes: Uint8Array): Range;
  /** Asks the main loop, and resolves with the answer; rejects with the SconceError that it gives. */
  ask(event: (call: number) => HostEvent): Promise<AnswerMessage>;
}

/** A request on its way through a handler: what the handler's methods get as their context. */
export class ServedRequest implements RequestContext {
  readonly input: HandlerInput;
  readonly model: HandlerModel;
  readonly metrics: MetricsRelay;
  readonly head: ReplyHead = { contentType: undefined, headers: undefined, status: undefined };
  readonly #rows = new Map<string, Tensor>();
  #place: Place | undefined;
  /** True when the rows that row() gave out are with the model. */
  #hasRun = false;

  constructor(
    request: HandlerRequest,
    place: Place | undefined,
    private readonly host: RequestHost,
  ) {
    this.input = new HandlerInput(request);
    this.#place = place;
    this.metrics = new MetricsRelay(host.metric, request.id);
    this.model = {
      run: (inputs) => this.#run(inputs),
      explain: (request) => this.#explain(request),
    };
  }

  get modelName(): string {
    return this.host.model.modelName;
  }

  get modelVersion(): string {
    return this.host.model.modelVersion;
  }

  get manifest(): ModelContext['manifest'] {
    return this.host.model.manifest;
  }

  get systemProperties(): ModelContext['systemProperties'] {
    return this.host.model.systemProperties;
  }

  get modelConfig(): ModelContext['modelConfig'] {
    return this.host.model.modelConfig;
  }

  get inputs(): ModelContext['inputs'] {
    return this.host.model.inputs;
  }

  get outputNames(): ModelContext['outputNames'] {
    return this.host.model.outputNames;
  }

  get rowShape(): ModelContext['rowShape'] {
    return this.host.model.rowShape;
  }

  get requestId(): string {
    return this.input.id;
  }

  get signal(): AbortSignal {
    return this.host.signal();
  }

  row(name?: string): Tensor {
    const { inputs, rowShape } = this;
    const wanted = name ?? this.#onlyInput();
    const index = inputs.findIndex((input) => input.name === wanted);
    const names = inputs.map((input) => `"${input.name}"`).join(', ');
    if (index < 0) throw new RangeError(`the model has no input "${wanted}"; it takes ${names}`);
    const known = this.#rows.get(wanted);
    if (known !== undefined) return known;
    const spec = rowShape?.[index];
    if (spec === undefined) {
      throw new RangeError(
        `row("${wanted}"): the shape of a row must be known beforehand; name the inputs with all their dimensions in the model configuration, or return tensors`,
      );
    }
    const { dtype, dims } = spec;
    const row =
      this.#place === undefined
        ? Tensor.zeros(dtype, dims)
        : this.host.shared.row(this.#place, index, spec);
    this.#rows.set(wanted, row);
    return row;
  }

  async reserve(): Promise<void> {
    if (this.#place !== undefined || this.rowShape === undefined) return;
    if (this.#rows.size > 0) throw new Error('reserve() comes before the first row()');
    const { number } = this.host;
    const answer = await this.host.ask((call) => ({ kind: 'reserve', number, call }));
    this.#place = answer.place;
  }

  setResponseStatus(code: number, phrase = ''): void {
    if (!Number.isInteger(code) || code < 200 || code > 999) {
      throw new RangeError(
        `setResponseStatus: ${JSON.stringify(code)} is no status of an answer, a number from 200 to 999`,
      );
    }
    this.head.status = { code, phrase: textOf(phrase, 'setResponseStatus: the phrase') };
  }

  setResponseHeader(name: string, value: string): void {
    if (decidedHeaders.has(String(name).toLowerCase())) {
      throw new RangeError(
        `setResponseHeader: "${name}" is not the handler's; a content type is set by setResponseContentType`,
      );
    }
    this.head.headers ??= {};
    this.head.headers[name] = textOf(value, `setResponseHeader: the value of "${name}"`);
  }

  setResponseContentType(type: string): void {
    this.head.contentType = textOf(type, 'setResponseContentType: the type');
  }

  getRequestHeader(name: string): string | undefined {
    return this.input.headers.get(name);
  }

  #onlyInput(): string {
    const [only, ...others] = this.inputs;
    if (only !== undefined && others.length === 0) return only.name;
    const names = this.inputs.map(({ name }) => `"${name}"`).join(', ');
    throw new RangeError(`row() needs the name of an input; the model takes ${names}`);
  }

  async #run(inputs: Inputs | undefined): Promise<Outputs> {
    const { rows, tensors } = inputs === undefined ? this.#filled() : this.#checked(inputs);
    const { number } = this.host;
    if (rows === 1 && this.#place !== undefined && !this.#hasRun) {
      this.#hasRun = true;
      this.#writePlace(tensors);
      return this.#outputs(await this.host.ask((call) => ({ kind: 'runPlaced', number, call })));
    }
    this.#hasRun ||= inputs === undefined;
    const message = tensors.map(({ dtype, shape, bytes }) => ({
      dtype,
      dims: shape.slice(1),
      bytes: this.host.bytes(bytes),
    }));
    const answer = await this.host.ask((call) => ({
      kind: 'run',
      number,
      call,
      tensors: { rows, inputs: message },
    }));
    return this.#outputs(answer);
  }

  #checked(inputs: Inputs): { rows: number; tensors: Tensor[] } {
    return checkInputs(this.inputs, inputs);
  }

  /** The rows that row() gave out, as tensors with one row. */
  #filled(): { rows: number; tensors: Tensor[] } {
    const mistake = (text: string): SconceError => new SconceError('HANDLER_FAILED').because(text);
    if (this.#hasRun) throw mistake('the rows of context.row() have run already');
    if (this.#rows.size === 0) {
      const expected = this.inputs.map((field) => `${field.name}: ${shapeOf(field)}`).join(', ');
      throw mistake(`preprocess returned nothing and did not fill context.row() (${expected})`);
    }
    const named = Object.fromEntries(
      this.inputs.map((field): [string, Tensor] => {
        const row = this.#rows.get(field.name);
        if (row !== undefined) return [field.name, row.reshape([1, ...row.shape])];
        throw mistake(
          `preprocess did not fill the input "${field.name}" (${shapeOf(field)}): context.row("${field.name}")`,
        );
      }),
    );
    return this.#checked(named);
  }

  /** Copies what does not lie in the row yet. */
  #writePlace(tensors: readonly Tensor[]): void {
    for (const [i, { name }] of this.inputs.entries()) {
      const row = this.row(name);
      const tensor = tensors[i];
      if (tensor === undefined) continue;
      const { data } = tensor;
      const lies = data.buffer === row.data.buffer && data.byteOffset === row.data.byteOffset;
      if (!lies) row.bytes.set(tensor.bytes);
    }
  }

  #outputs({ outputs }: AnswerMessage): Outputs {
    if (outputs === undefined) throw new SconceError('INTERNAL', 'an answer without outputs');
    const { batchRows, firstRow, rows } = outputs;
    return new Outputs({
      signature: this.host.shared.signature(outputs.signature),
      names: this.outputNames,
      block: this.host.shared.bytes(outputs.block),
      batchRows,
      firstRow,
      rows,
    });
  }

  async #explain(request: ExplainInput): Promise<Tensor<'float32'>> {
    const { number } = this.host;
    const { shared } = this.host;
    const message = explanationOf(request, this, shared, (bytes) => this.host.bytes(bytes));
    const { attributions } = await this.host.ask((call) => ({
      kind: 'explain',
      number,
      call,
      request: message,
    }));
    if (attributions === undefined) throw new SconceError('INTERNAL', 'an answer without values');
    return new Tensor('float32', attributions.dims, attributions.values);
  }
}

/** JavaScript gives anything, and only text and numbers cross between threads as what they are. */
function textOf(value: unknown, what: string): string {
  if (typeof value === 'string' || typeof value === 'number') return String(value);
  throw new TypeError(`${what} is ${describeValue(value)}; text is expected`);
}
