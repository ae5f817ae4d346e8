import type { CustomMetric, CustomMetrics } from '../../metrics/custom-metrics.js';
import type { TensorSpec } from '../../tensors/tensor-spec.js';
import type { HandlerRequest } from '../handler.js';
import type { TensorField } from '../tensor/tensor-plan.js';
import { BaseHandler } from './base-handler.js';
import type { ExplainInput, Inputs, ModelContext, RequestContext } from './context.js';
import { HandlerInput } from './handler-input.js';
import type { Outputs } from './outputs.js';
import { Tensor } from './tensor.js';

/** What may differ from a model `alpha_model` with one input `features: float32[n, 4]`. */
export interface LocalModel extends Partial<Omit<ModelContext, 'systemProperties' | 'rowShape'>> {
  /** Undefined when shapes are not known before the first request. */
  rowShape?: readonly TensorSpec[] | undefined;
  /** Folder with the model's files. */
  folder?: string;
  batchSize?: number;
  limitMaxImagePixels?: boolean;
  /** Stands for the model: takes what it is given, or the filled rows, with the batch dimension. */
  run?: (inputs: Inputs) => Outputs | Promise<Outputs>;
  explain?: (request: ExplainInput) => Tensor<'float32'> | Promise<Tensor<'float32'>>;
}

/** A request for a handler, without any server. */
export function localRequest(
  body: string | Uint8Array,
  more: Partial<HandlerRequest> = {},
): HandlerInput {
  return new HandlerInput({
    body: typeof body === 'string' ? Buffer.from(body) : body,
    contentType: undefined,
    accept: undefined,
    parameters: undefined,
    rawHeaders: [],
    urlPath: undefined,
    explain: undefined,
    id: 'request-1',
    ...more,
  });
}

/**
 * A request's context over memory of its own, without a server: a handler's steps can be tested with
 * it.
 */
export class LocalContext implements RequestContext {
  readonly requestId = 'request-1';
  readonly modelName: string;
  readonly modelVersion: string;
  readonly manifest: Readonly<Record<string, unknown>>;
  readonly systemProperties: ModelContext['systemProperties'];
  readonly modelConfig: Readonly<Record<string, unknown>>;
  readonly inputs: readonly TensorField[];
  readonly outputNames: readonly string[] | null;
  readonly rowShape: readonly TensorSpec[] | undefined;
  readonly metrics: CustomMetrics;
  readonly abort = new AbortController();
  readonly signal: AbortSignal = this.abort.signal;
  readonly model: RequestContext['model'];
  /** What the handler has set. */
  status: { code: number; phrase: string | undefined } | undefined;
  readonly headers = new Map<string, string>();
  /** How often reserve() was called. */
  reserved = 0;
  readonly #rows = new Map<string, Tensor>();
  readonly #request: HandlerInput;

  constructor(model: LocalModel = {}, request: HandlerInput = localRequest('')) {
    this.#request = request;
    this.modelName = model.modelName ?? 'alpha_model';
    this.modelVersion = model.modelVersion ?? '1.0';
    this.manifest = model.manifest ?? {};
    this.systemProperties = {
      model_dir: model.folder ?? '',
      gpu_id: null,
      batch_size: model.batchSize ?? 1,
      server_name: 'MMS',
      server_version: '0',
      limit_max_image_pixels: model.limitMaxImagePixels ?? true,
    };
    this.modelConfig = model.modelConfig ?? {};
    this.inputs = model.inputs ?? [{ name: 'features', dtype: 'float32', dims: [4] }];
    this.outputNames = model.outputNames ?? null;
    this.rowShape =
      'rowShape' in model
        ? model.rowShape
        : this.inputs.map(({ dtype, dims }) => ({ dtype, dims: dims ?? [] }));
    this.metrics = model.metrics ?? new NoMetrics();
    this.model = {
      run: async (inputs) => {
        if (model.run === undefined)
          throw new Error('LocalContext: there is no model; give it { run }');
        return model.run(inputs ?? this.filled());
      },
      explain: async (request) => {
        if (model.explain === undefined)
          throw new Error('LocalContext: nothing is explained; give it { explain }');
        return model.explain(request);
      },
    };
  }

  row(given?: string): Tensor {
    const only = this.inputs.length === 1 ? this.inputs[0]?.name : undefined;
    const name = given ?? only;
    if (name === undefined) throw new RangeError('row() needs the name of an input');
    const index = this.inputs.findIndex((input) => input.name === name);
    const spec = this.rowShape?.[index];
    if (spec === undefined) throw new RangeError(`no input "${name}" of a shape that is known`);
    const row = this.#rows.get(name) ?? Tensor.zeros(spec.dtype, spec.dims);
    this.#rows.set(name, row);
    return row;
  }

  /** The rows that were asked for, with a batch dimension. */
  filled(): Record<string, Tensor> {
    return Object.fromEntries(
      [...this.#rows].map(([name, row]) => [name, row.reshape([1, ...row.shape])]),
    );
  }

  async reserve(): Promise<void> {
    this.reserved += 1;
  }

  setResponseStatus(code: number, phrase?: string): void {
    this.status = { code, phrase };
  }

  setResponseHeader(name: string, value: string): void {
    this.headers.set(name, value);
  }

  setResponseContentType(type: string): void {
    this.headers.set('content-type', type);
  }

  getRequestHeader(name: string): string | undefined {
    return this.#request.headers.get(name);
  }
}

/** Attaches a context to a handler and initializes it. */
export async function initialized<H extends BaseHandler>(
  handler: H,
  context: ModelContext = new LocalContext(),
): Promise<H> {
  BaseHandler.attach(handler, context);
  await handler.initialize(context);
  return handler;
}

class NoMetrics implements CustomMetrics {
  addMetric(): void {}
  addCounter(): void {}
  addTime(): void {}
  addSize(): void {}
  addPercent(): void {}
  addError(): void {}
  addMetricToCache(): CustomMetric {
    return { addOrUpdate: () => {} };
  }
  getMetric(): CustomMetric {
    return { addOrUpdate: () => {} };
  }
}
