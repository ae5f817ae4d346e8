/**
 * What the .node file exports: the contract between native/ and src/. Only binding.ts loads it.
 *
 * Every byte range is a Uint8Array, usually over a SharedArrayBuffer. Dtypes cross as codes
 * (see dtype.ts), dimensions as plain number arrays with -1 for "any".
 * Errors thrown by native code carry `code`, a row of the table in errors.ts.
 */

/** How a JSON request wraps its rows; the reply takes the matching form. */
export const requestForms = ['named', 'bare', 'instances', 'inputs'] as const;
export type RequestForm = (typeof requestForms)[number];

/** One field of a request as the reader is told to expect it. `dims` excludes the batch dimension; null = unknown rank. */
export interface NativeField {
  name: string;
  dtype: number;
  dims: number[] | null;
  /** Bounds of its elements, where they are integers: 53 bits. */
  minimum?: number;
  maximum?: number;
}

/** An element that is not within its bounds. */
export interface NativeOutlier {
  /** Position in what was searched. */
  index: number;
  /** Rounded beyond 53 bits. */
  value: number;
  /** `an integer from 0 to 9`. */
  expected: string;
}

/**
 * Reads a JSON body into native scratch memory, then copies it to where its rows belong.
 * `read` and `store` run in one turn of one thread; the next `read` overwrites the scratch.
 */
export interface NativeJsonReader {
  /**
   * Parses `body`. Fills `summary` with [form code, rows, then per field: rank, dims…] (batch
   * dimension excluded). Throws INVALID_REQUEST naming the field and position. Whether so many rows
   * fit a batch is for the caller to say.
   */
  read(body: Uint8Array, summary: Int32Array): void;
  /** Copies field i of the last read (all its rows, contiguous) to target at byte offsets[i]. */
  store(target: Uint8Array, offsets: Float64Array): void;
}

/** Shape of a model's result: an index into its flat list of tensors, a list, or named fields. */
export type OutputStructure =
  | number
  | { list: OutputStructure[] }
  | { fields: [string, OutputStructure][] };

/** One flat output tensor. `dims` excludes the batch dimension. */
export interface NativeOutput {
  dtype: number;
  dims: number[];
}

/** Writes output rows as JSON text, byte-compatible with Python's json.dumps(indent=2). */
export interface NativeJsonWriter {
  /**
   * Text for `rows` rows from `firstRow` of a batch of `batchRows` rows. `block` holds the flat
   * outputs one after the other, each [batchRows, ...dims] and 64-byte aligned.
   */
  write(block: Uint8Array, batchRows: number, firstRow: number, rows: number, form: number): string;
}

/** One argument of `forward`, as the file declares it. */
export interface NativeArgument {
  name: string;
  type: string;
  /** Text of the default value, absent when the argument is required. */
  default?: string;
  /** Dtype code: int64 for the index of an embedding, else that of the parameters; float32 if absent. */
  dtype?: number;
  /**
   * Rows of the smallest embedding that every element is an index of, as far as the graph shows it:
   * elements must be from 0 to below that.
   */
  indexLimit?: number;
}

/** What a loaded model file says of itself. */
export interface NativeModelDescription {
  arguments: NativeArgument[];
  returns: string;
  /** Bytes of parameters, buffers and constants, counted once. */
  parameterBytes: number;
  loadMilliseconds: number;
  /** True when the module was frozen (parameters folded into the graph as constants). */
  frozen: boolean;
  /** True when it went through optimize_for_inference. */
  optimized: boolean;
  /** True when its weights and inputs of 4 dimensions are in channels-last order. */
  channelsLast: boolean;
  /**
   * True when forward does the same operations for every input of the same shapes: no loops, no
   * branches, no calls of the interpreter, nothing printed, no sizes that are made of values.
   */
  straightLine: boolean;
  /** Why no CUDA graph can be captured of it, on any device; absent when nothing speaks against it. */
  graphsProblem?: string;
}

/** What a model can compute in. */
export const precisions = ['float32', 'tf32', 'bfloat16', 'float16'] as const;
export type Precision = (typeof precisions)[number];

/**
 * How the rows of a batch become an argument of forward: one tensor [rows, …]; the rows joined along
 * their first dimension, [rows * n, …]; or where each row of the joined input before it begins, int64
 * [rows], which no slab holds. A List[Tensor] takes a list with one tensor for each row by itself.
 */
export const inputForms = ['rows', 'joined', 'offsets'] as const;
export type InputForm = (typeof inputForms)[number];

export interface NativeModelOptions {
  path: string;
  /**
   * 'cpu' or 'cuda:N', one at least, the CPU or GPUs: each instance begins where the fewest are, so
   * that instance i runs on devices[i % n]. Each device has the weights once.
   */
  devices: readonly string[];
  /** 1 to 1024. */
  instances: number;
  /** Its share of the cores that several models want, beside theirs; 1 by default. */
  weight?: number;
  /** Milliseconds; a batch that takes longer lends its cores to others. 60,000 by default. */
  responseTimeout?: number;
  /** Intra-op threads of each instance, 1 to 1024, CPU only. */
  intraOpThreads: number;
  freeze: boolean;
  /**
   * 'float32', the default, leaves the module as the file has it. The others convert it when it is
   * loaded: float32 and float64 inputs are converted for each batch, and outputs of the precision
   * come back as float32, so that slabs and replies know nothing of it. With 'tf32' nothing is
   * converted but within products of matrices, and only GPUs have it.
   */
  precision?: Precision;
  /** Optimises for inference after freezing, false by default. Falls back to what is frozen. */
  optimize?: boolean;
  /** Keeps weights and inputs of 4 dimensions in channels-last order, false by default. */
  channelsLast?: boolean;
  /** Captures CUDA graphs at warm-up, false by default; without effect on the CPU. */
  graphs?: boolean;
  /** Bytes of each device that the graphs of all instances there may take, none by default. */
  graphMemory?: number;
  /** Of the arguments of forward, in order; `rows` where there are fewer. */
  inputForms?: readonly InputForm[];
  /** Milliseconds an instance waits for reserved rows that are not committed yet. */
  commitTimeout: number;
}

/** One row of one input, as explanations take it. */
export interface NativeExplanationInput {
  dtype: number;
  /** Without the batch dimension. */
  dims: readonly number[];
  /** As many as dtype and dims say. Copied by the call. */
  bytes: Uint8Array;
}

/** Asks how much each element of an input adds to an output: integrated gradients. */
export interface NativeExplanationRequest {
  /** Those of a slab, in order. */
  inputs: readonly NativeExplanationInput[];
  /** Which of them is explained; one of integers through the embedding that it is the index of. */
  input: number;
  /** Which of the flat outputs is followed. */
  output: number;
  /** Position in the output's row, flat. */
  target: number;
  /** The input that stands for nothing, as many bytes as the input's; zeros when it is absent. */
  baseline?: Uint8Array;
  /** Points between the baseline and the input, 1 to 1000: a Gauss-Legendre rule. */
  steps: number;
}

export interface NativeSlabInput {
  dtype: number;
  dims: number[];
  /** Byte offset of row 0 in the slab; row r follows at offset + r * row bytes. */
  offset: number;
}

export interface NativeSlabLayout {
  capacity: number;
  inputs: NativeSlabInput[];
  /** Byte offset and size of the area that outputs are written to; size 0 = none yet. */
  outputOffset: number;
  outputBytes: number;
}

/** A model version: its instances on one device share one copy of the parameters. */
export interface NativeModel {
  readonly id: number;
  /** Registers a slab; on CUDA its memory is page-locked. Returns the slab's id. */
  addSlab(slab: Uint8Array, layout: NativeSlabLayout): number;
  /** Forgets a slab that is neither rung nor running. */
  removeSlab(slabId: number): void;
  /**
   * Tells the instances that a slab has committed rows. Call once for each time it is filled. Where
   * the batch was run at once, on the calling thread, the event that completes it is returned and
   * comes no other way.
   *
   * @param order slabs of a lower order are run first, those of the same as they are rung; 0 unless
   *   given
   * @param here false: not on the calling thread, whatever runOnLoop() says; true unless given
   */
  ring(slabId: number, order?: number, here?: boolean): BatchEvent | undefined;
  /**
   * Moves a slab that is rung forward to where a lower order belongs. Without effect when an instance
   * has taken it.
   */
  advance(slabId: number, order: number): void;
  /**
   * Lets batches of up to so many rows run within ring(), on the calling thread, when nothing else of
   * the model waits or runs; 0, as at first, for none. Only after warmUp(), on the CPU, and for a
   * model whose forward is straightLine. The batches of all models get half of the thread's time.
   *
   * Each call ends in one 'loop' event, unless the model closes or another call comes before. Ends by
   * itself, with another event, when batches take much longer than they did at warm-up. Throws
   * MODEL_CLOSED when the model closes already.
   */
  runOnLoop(rows: number): void;
  /** Flat outputs and their structure for a signature id seen in a BatchEvent. */
  signature(signatureId: number): { outputs: NativeOutput[]; structure: OutputStructure };
  /** Runs zeros of the given row shapes with the given number of rows on every instance; ends in a 'warmed' event. */
  warmUp(inputs: { dtype: number; dims: number[] }[], rows: number[]): void;
  /**
   * Adds instances, or stops the newest after the batch that each is running; what is rung stays
   * for the others. `intraOpThreads` holds for every instance from its next batch on (CPU). A new
   * instance runs the last warm-up that succeeded before it takes work. Both numbers are 1 to 1024.
   *
   * Each call ends in one 'scaled' event, in the order of the calls. A call before that event
   * replaces the wish before it: the events of both come when the last is met. Those of calls made
   * while the model loads come after 'loaded'. When the model closes meanwhile, 'closed' is the
   * answer to all. Throws MODEL_CLOSED when it already does.
   */
  scale(instances: number, intraOpThreads: number): void;
  /**
   * What the model has printed since the last call: lines, each with a line break at its end. Of
   * lines that were printed faster than they were taken only the number is known.
   */
  takePrinted(): { text: string; dropped: number };
  /**
   * Explains an output on a thread that exists while there is something to explain, with a module of
   * its own, in the precision of the file. Ends in one 'explained' event with this id, before
   * 'closed'. Throws MODEL_CLOSED when the model is not loaded or closes, and NO_CAPACITY when 64
   * explanations wait.
   */
  explain(id: number, request: NativeExplanationRequest): void;
  /** Addresses of the parameter storages that each running instance uses, oldest instance first. */
  parameterPointers(): bigint[][];
  /**
   * Stops the instances after their current batch; rung slabs come back failed with MODEL_CLOSED.
   * Ends in a 'closed' event, when the module is freed and its memory is back with the system.
   */
  close(): void;
}

export interface RowError {
  /** First slab row of the failing range, and its length. */
  row: number;
  rows: number;
  code: string;
  message: string;
}

export interface BatchEvent {
  kind: 'batch';
  model: number;
  slab: number;
  /** Rows that were run and have an output. */
  rows: number;
  /** Signature of the outputs, -1 when no row succeeded. */
  signature: number;
  /** Outputs that did not fit the slab's output area. */
  overflow?: Uint8Array;
  /** Rows that failed; a row that was cancelled has no error. */
  errors?: RowError[];
  /** Microseconds from ring to seal, and from seal to completion. */
  queueMicroseconds: number;
  computeMicroseconds: number;
}

/** Answers a call of `scale`: as many instances run as the last call asked for, or as could be made. */
export interface ScaledEvent {
  kind: 'scaled';
  model: number;
  /** Instances that run. */
  instances: number;
  /** Of each instance that is new: milliseconds from the call until it could take work. */
  loadMilliseconds: number[];
  /** Why there are fewer than asked for. */
  error?: { code: string; message: string };
}

export interface LoadedEvent {
  kind: 'loaded';
  model: number;
  description: NativeModelDescription;
  /** Of each instance: milliseconds until it could take work, reading the file included. */
  loadMilliseconds: number[];
}

/**
 * Answers a call of `explain`. The codes of an error: INVALID_REQUEST, EXPLANATION_UNSUPPORTED,
 * MODEL_FAILED, INVALID_OUTPUT, MODEL_LOAD_FAILED, OUT_OF_MEMORY, MODEL_CLOSED.
 */
export interface ExplainedEvent {
  kind: 'explained';
  model: number;
  id: number;
  /** Of one row: the input's; for an input of integers those of its embedding. */
  dims: number[];
  /** Empty when there is an error. */
  attributions: Float32Array;
  error?: { code: string; message: string };
}

/** Answers a call of `warmUp`. */
export interface WarmedEvent {
  kind: 'warmed';
  model: number;
  signature: number;
  /**
   * Microseconds of a batch of each number of rows, in their order: the median of an instance's
   * repetitions, the largest of the instances, which ran at the same time.
   */
  microseconds: number[];
  /**
   * CUDA graphs for each number of rows, or why there is none; absent where none were asked for.
   * Problems are those of the first instance, bytes those of all.
   */
  graphs?: GraphCapture[];
  error?: { code: string; message: string };
}

/** What became of the CUDA graph for batches of one size. */
export interface GraphCapture {
  rows: number;
  /** Of the device; 0 when there is none. */
  bytes: number;
  /** Why there is none. */
  problem?: string;
}

/**
 * A device runs nothing more in this process. The rows that it was running fail with DEVICE_FAILED
 * in events that come after this one.
 */
export interface DeviceFailedEvent {
  kind: 'deviceFailed';
  model: number;
  /** 'cuda:N'; 'cpu' where the code of a model uses a GPU by itself. */
  device: string;
  message: string;
  /**
   * Instances of the model that there will be on its other devices: those that were lost are made
   * anew there. Without any a 'failed' event with DEVICE_FAILED follows, and 'closed'.
   */
  remaining: number;
}

/** Answers a call of `runOnLoop`, or tells that it holds no more. */
export interface LoopEvent {
  kind: 'loop';
  model: number;
  /**
   * Batches of up to so many rows run within ring(): fewer than were asked for when a batch takes too
   * long on one thread.
   */
  rows: number;
  /** Why there are none. */
  reason?: string;
}

/** How a module is prepared before it runs. */
export interface NativePlan {
  freeze: boolean;
  /** optimize_for_inference; without effect unless frozen. */
  optimize: boolean;
  channelsLast: boolean;
  precision: Precision;
  /** Batches run as CUDA graphs, captured at warm-up; without effect on the CPU. */
  graphs: boolean;
}

/** One way of running a model that is to be timed. */
export interface NativeTrial {
  plan: NativePlan;
  /** Numbers of rows; a batch of each is timed. */
  rows: readonly number[];
  /** So many instances run at the same time, with so many threads each (CPU). */
  instances: number;
  intraOpThreads: number;
  /** Milliseconds for its repetitions. Each number of rows gets two at least. */
  budget: number;
}

/** Answers a call of `PlanSearch.try`. */
export interface TrialEvent {
  kind: 'trial';
  /** The id of the search. */
  model: number;
  /** Microseconds of a batch of each number of rows: the median over instances and repetitions. */
  microseconds: number[];
  /**
   * Largest deviation of the outputs from those of the file as it is, in float32: the largest
   * |difference| of an output, divided by the largest |value| of it. NaN where only one of them is
   * not finite.
   */
  deviation: number;
  /** Milliseconds that preparing the module took. */
  prepareMilliseconds: number;
  /** It does not run, or its outputs have other shapes or dtypes. */
  error?: { code: string; message: string };
}

export interface NativePlanSearchOptions {
  path: string;
  device: string;
  inputForms?: readonly InputForm[];
  /** Bytes of the device that the CUDA graphs of a trial may take: those of all its instances. */
  graphMemory?: number;
  /** One row of each input, as warmUp has them. Floats are drawn from a normal distribution. */
  inputs: readonly { dtype: number; dims: readonly number[] }[];
}

/** Times ways of running a model, on threads of its own. Holds the file in memory until close(). */
export interface NativePlanSearch {
  readonly id: number;
  /** Ends in one 'trial' event; trials run one after the other, in the order of the calls. */
  try(trial: NativeTrial): void;
  /** Stops after the batch that is running; ends in a 'closed' event. Trials that wait get none. */
  close(): void;
}

export type NativeEvent =
  | BatchEvent
  | LoadedEvent
  | ScaledEvent
  | ExplainedEvent
  | { kind: 'failed'; model: number; code: string; message: string }
  | WarmedEvent
  | LoopEvent
  | TrialEvent
  | DeviceFailedEvent
  /** There is something to take with `takePrinted`. Comes once until that is called. */
  | { kind: 'printed'; model: number }
  /** Something that whoever runs the model should know, although it serves. */
  | { kind: 'notice'; model: number; message: string }
  | { kind: 'closed'; model: number };

/** Rows of pixels from the top: [height, width, channels] bytes. */
export interface NativeImage {
  pixels: Uint8Array;
  /** Sides are at most 2^24. */
  width: number;
  height: number;
  /** 1 to 4. */
  channels: number;
}

/**
 * Whose batch is the next to get cores when there are not enough for all models: start-time fair
 * queueing. Execution threads use one of their own; this is for simulation.
 */
export interface NativeCoreShare {
  /** @returns the number of a model with this weight */
  join(weight: number): number;
  /** Withdraws what waits. */
  leave(member: number): void;
  /** Asks for cores, at most all there are. @returns the number of a ticket */
  ask(member: number, cores: number): number;
  /** Tickets that hold cores from now on. */
  grant(): number[];
  /** A batch is over. */
  giveBack(ticket: number, microseconds: number): void;
  /** Takes a ticket back, as if it had never been asked for. */
  withdraw(ticket: number): void;
  /** Gives the cores of a batch that goes on to others. */
  lendOut(ticket: number): void;
}

/** A GPU of the machine, as NVIDIA's driver tells of it. */
interface NativeGpu {
  /** As nvidia-smi counts. */
  index: number;
  /** The N of cuda:N in this process; null when it does not see the GPU. */
  deviceId: number | null;
  name: string;
  /** In use by any process; what the driver keeps for itself only where it does not tell them apart. */
  memoryUsedBytes: number;
  memoryTotalBytes: number;
  /** Percent of the driver's last sampling period in which kernels ran; null where it is not told. */
  utilization: number | null;
  /** Percent of that period in which memory was read or written; null where it is not told. */
  memoryUtilization: number | null;
}

/** The GPUs that could be read, and why there are not more. */
export interface NativeGpuReading {
  gpus: NativeGpu[];
  problem?: string;
}

/** What the instances of this process have done on a GPU since the start. */
interface NativeDeviceStatistics {
  /** 'cuda:N' */
  device: string;
  batches: number;
  /** Of these, batches that a CUDA graph ran. */
  graphBatches: number;
  /** In which at least one batch was computed. */
  busySeconds: number;
  /** Sums over batches, which may be under way at the same time. */
  copyInSeconds: number;
  computeSeconds: number;
  copyOutSeconds: number;
  /** Memory of tensors, of the allocator with what it keeps, and of CUDA graphs. */
  allocatedBytes: number;
  reservedBytes: number;
  graphBytes: number;
}

export interface NativeAddon {
  readonly libtorchVersion: string;
  /** True when the CUDA parts were compiled in. */
  readonly cudaBuild: boolean;
  /** Name and size of each dtype in code order, compared with dtype.ts by a test. */
  readonly dtypes: { name: string; size: number }[];
  /** The slab header as C++ sees it, compared with batching/slab-layout.ts by a test. */
  readonly slabHeader: Record<string, number>;
  /** Number of usable CUDA devices, 0 without a GPU or a CUDA build. */
  cudaDeviceCount(): number;
  /**
   * Asks NVIDIA's driver for the GPUs of the machine, on a thread of its own: that takes
   * milliseconds as a rule, and does not end when the driver hangs. Does not keep the process alive.
   * Never rejects; each call starts a thread.
   */
  readGpus(): Promise<NativeGpuReading>;
  /** Of the GPUs that were used. Asks no device. */
  deviceStatistics(): NativeDeviceStatistics[];
  /**
   * Loads a shared library that registers operators, for the life of the process. Throws
   * INVALID_CONFIGURATION saying why it cannot be loaded.
   */
  loadOperatorLibrary(path: string): void;
  /** Main thread only, once: where events are delivered. */
  start(onEvents: (events: NativeEvent[]) => void): void;
  /**
   * Main thread only: stops every model. False when a batch is still running after `timeout`
   * milliseconds.
   */
  stop(timeout: number): boolean;
  /** Ends the process without running anything more, not even destructors. */
  exitAtOnce(code: number): void;
  /**
   * Another descriptor of the same open file, which the caller closes. Processes that are started
   * do not inherit it. Throws INTERNAL when there is none such, or no room for another.
   */
  duplicateDescriptor(descriptor: number): number;
  /** Bytes that the range starts beyond a multiple of `alignment`. */
  misalignment(bytes: Uint8Array, alignment: number): number;
  /** memcpy between byte ranges, fast for shared memory too. */
  copyBytes(
    target: Uint8Array,
    targetOffset: number,
    source: Uint8Array,
    sourceOffset: number,
    length: number,
  ): void;
  /**
   * The first element that is below `minimum` or above `maximum`, where given; undefined when there
   * is none, and for dtypes that are no integers.
   */
  findOutlier(
    bytes: Uint8Array,
    dtype: number,
    minimum?: number,
    maximum?: number,
  ): NativeOutlier | undefined;
  /**
   * True when the device, 'cpu' or 'cuda:N', computes in bfloat16 by instructions of its own; what
   * has none imitates it and is slower than with float32. False when there is no such device.
   */
  bfloat16Supported(device: string): boolean;
  /**
   * What the device cuda:N is, and the versions of CUDA that drive it: another text where a model may
   * run at another speed. Empty when there is no such device.
   */
  gpuName(device: number): string;
  Model: new (options: NativeModelOptions) => NativeModel;
  CoreShare: new (cores: number) => NativeCoreShare;
  PlanSearch: new (options: NativePlanSearchOptions) => NativePlanSearch;
  JsonReader: new (fields: NativeField[]) => NativeJsonReader;
  JsonWriter: new (
    outputs: NativeOutput[],
    structure: OutputStructure,
    /** Names given by configuration to the top-level outputs, or null. */
    names: string[] | null,
  ) => NativeJsonWriter;
  /**
   * Writes the part of the resized image that `window` shows, zeros where it lies outside, to
   * `target`: [window.height, window.width, channels] bytes. Bit-equal to Pillow's BILINEAR.
   */
  resizeImage(
    source: NativeImage,
    scaled: { width: number; height: number },
    window: { left: number; top: number; width: number; height: number },
    target: Uint8Array,
  ): void;
  /** Writes (pixel / 255 - mean) / std as [channels, height, width], bit-equal to PyTorch. */
  normalizeImage(
    source: NativeImage,
    mean: Float32Array,
    std: Float32Array,
    target: Float32Array,
  ): void;
  /** Probabilities of scores. */
  softmax(scores: Float32Array, target: Float32Array): void;
  /** Positions of the largest values, the largest first; equal ones ordered as by torch.topk. */
  topK(values: Float32Array, indices: Int32Array): void;
  /** Strongest class and its probability, [pixels, 2], of scores [classes, pixels]. */
  strongestClasses(scores: Float32Array, classes: number, target: Float32Array): void;
}
