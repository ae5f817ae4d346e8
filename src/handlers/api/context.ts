import type { CustomMetrics } from '../../metrics/custom-metrics.js';
import type { TensorSpec } from '../../tensors/tensor-spec.js';
import type { TensorField } from '../tensor/tensor-plan.js';
import type { Outputs } from './outputs.js';
import type { Tensor } from './tensor.js';

/** Tensors with the batch dimension first, as `forward` takes them: the only one, or by name. */
export type Inputs = Tensor | Readonly<Record<string, Tensor>>;

/** TorchServe's `system_properties`. */
export interface SystemProperties {
  /** Folder with the files of the model's archive. */
  readonly model_dir: string;
  /** Number of the device; null on the CPU. */
  readonly gpu_id: number | null;
  readonly batch_size: number;
  readonly server_name: 'MMS';
  readonly server_version: string;
  /** Whether images of more than about 179 million pixels are refused. */
  readonly limit_max_image_pixels: boolean;
}

/** What a handler knows of its model, for its whole life: TorchServe's context. */
export interface ModelContext {
  readonly modelName: string;
  readonly modelVersion: string;
  /** MAR-INF/MANIFEST.json; an empty object without one. */
  readonly manifest: Readonly<Record<string, unknown>>;
  readonly systemProperties: SystemProperties;
  /** The model's configuration file with every key, those that Sconce does not know too. */
  readonly modelConfig: Readonly<Record<string, unknown>>;
  /** The model's inputs: names, dtypes, and dimensions without the batch's. */
  readonly inputs: readonly TensorField[];
  /** Names from the configuration for the outputs. */
  readonly outputNames: readonly string[] | null;
  /** Dtype and shape of a row of each input, when all are known before the first request. */
  readonly rowShape: readonly TensorSpec[] | undefined;
  readonly metrics: CustomMetrics;
}

/** An explanation that is asked of the model. */
export interface ExplainInput {
  /** All inputs of `forward`, with a batch dimension of 1. */
  readonly inputs: Inputs;
  /** Name of the input that is explained; the first unless given. */
  readonly input?: string;
  /** Name or index of the output that is followed; the first unless given. */
  readonly output?: number | string;
  /** Flat position in the output's row; 0 unless given. */
  readonly target?: number;
  /** The input that stands for nothing, shaped as the input; zeros unless given. */
  readonly baseline?: Tensor;
  /** Points between the baseline and the input. */
  readonly steps?: number;
}

/** The model, as a handler runs it. */
export interface HandlerModel {
  /**
   * Runs tensors, in one batch with rows of other requests; without any the rows that
   * `context.row()` gave out, which must be filled by then.
   *
   * @throws {SconceError} INVALID_REQUEST for a dtype or shape the model does not take, and whatever
   *   the model fails with.
   */
  run(inputs?: Inputs): Promise<Outputs>;
  /**
   * How much each element of an input adds to an output, by integrated gradients: shaped as the
   * input's row; for an input of integers with the dimension of its embedding at the end.
   *
   * @throws {SconceError} EXPLANATION_UNSUPPORTED for a model that has no gradients.
   */
  explain(request: ExplainInput): Promise<Tensor<'float32'>>;
}

/** What a handler knows and can do for one request. */
export interface RequestContext extends ModelContext {
  readonly requestId: string;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  readonly model: HandlerModel;
  /**
   * This request's row of an input, without a batch dimension, in the memory of the batch: filling
   * it is all that is needed, nothing is copied. It holds zeros at first.
   *
   * @param name of the input; may be left out for a model with one
   * @throws {RangeError} when there is no such input, or its shape is not known beforehand.
   */
  row(name?: string): Tensor;
  /**
   * For an async preprocess: takes the row in the batch's memory, after the slow part and before
   * row(). Without it row() gives memory that is copied later.
   */
  reserve(): Promise<void>;
  /** Status and reason phrase of the answer; 200 unless set. */
  setResponseStatus(code: number, phrase?: string): void;
  setResponseHeader(name: string, value: string): void;
  /** The answer has no content type unless one is set. */
  setResponseContentType(type: string): void;
  /** A header of the request; letter case of the name does not matter. */
  getRequestHeader(name: string): string | undefined;
}
