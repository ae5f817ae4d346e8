import { Type } from 'typebox';
import { integer, optionalText, seconds, secondsOrNone, toggle } from './forms.js';

/** A device setting; `expected` is what a message says about the pattern. */
export const devicePattern = {
  pattern: '^(auto|cpu|cuda|cuda:[0-9]+)$',
  expected: 'auto, cpu, cuda or cuda:N',
};

/** What models compute in unless their own configuration says. */
export const precisions = ['float32', 'tf32', 'bfloat16', 'float16'] as const;

/** Whether batches on a GPU run as CUDA graphs. */
export const graphPolicies = ['auto', 'always', 'never'] as const;

/** What the server does when a GPU fails for good. */
const devicePolicies = ['exit', 'continue'] as const;

/** Whether batches may run on the main loop. */
export const loopPolicies = ['auto', 'never'] as const;

/** Whether the fastest way to run a model is searched for. */
export const planPolicies = ['auto', 'off'] as const;

/** Where models run, and on what. */
export const executionSettings = {
  device: Type.String({
    ...devicePattern,
    default: 'auto',
    description:
      'Where models run: `auto` (every GPU, in turn, or the CPU where there is none), `cpu`, `cuda` (the first GPU), `cuda:N`.',
  }),
  numberOfGpu: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 1024,
      description:
        'Most GPUs that are used, the first ones of the machine; 0 keeps `device=auto` on the CPU.',
    }),
  ),
  onDeviceFailure: Type.Enum([...devicePolicies], {
    default: 'exit',
    description:
      'What the server does when a GPU fails for good, as after an illegal access: `exit` answers what it can within 5 seconds and exits with 75, for its supervisor to start it again; `continue` goes on with other devices and is not ready while a model has none.',
  }),
  instances: integer(
    1,
    256,
    1,
    'Execution threads of a model version that is loaded at start; they share one copy of the weights.',
  ),
  defaultWorkersPerModel: integer(
    0,
    256,
    0,
    'Execution threads of a model version at start, and of one that the management API registers without a number; 0 leaves that to `instances`, and to none.',
  ),
  autoscale: toggle(false, 'Scale each model between its fewest and most workers with the load.'),
  intraOpThreads: integer(
    0,
    1024,
    0,
    'Threads that one instance uses inside an operation on the CPU; 0 divides the cores, less one for the main loop, among the instances.',
  ),
  precision: Type.Enum([...precisions], {
    default: 'float32',
    description:
      'Type of the numbers that models compute with. `tf32`, on GPUs only, is float32 with the operands of products rounded to 11 bits.',
  }),
  runOnLoop: Type.Enum([...loopPolicies], {
    default: 'auto',
    description:
      'Where cheap batches run: `auto` runs those on the main loop that cost less there than the way to an execution thread and back, as measured at load: at most 0.2 ms; the thread that reads requests computes meanwhile. `never` leaves all of them to execution threads.',
  }),
  cudaGraphs: Type.Enum([...graphPolicies], {
    default: 'auto',
    description:
      'Whether batches on a GPU run as CUDA graphs, captured at warm-up for the powers of two up to the largest batch: `auto` where the plan of a model finds them to be faster, `always` where they can be captured, `never`. Without effect on the CPU.',
  }),
  cudaGraphMemory: integer(
    1,
    1_048_576,
    1024,
    'MiB of memory that the CUDA graphs of a model version may take on each GPU.',
  ),
  freeze: toggle(
    true,
    'Freeze modules at load: parameters become constants and the graph is folded.',
  ),
  plan: Type.Enum([...planPolicies], {
    default: 'auto',
    environment: 'SCONCE_PLAN',
    description:
      'How the way to run a model is chosen: `auto` tries several at load, where its row shape is known, and takes the fastest; `off` takes what `freeze`, `precision`, `cuda_graphs`, `instances` and `intra_op_threads` say. What one of them says is never tried otherwise.',
  }),
  planTime: seconds(20, 'Seconds that the search for the plan of one model may take.', {
    maximum: 3600,
  }),
  tolerance: Type.Number({
    minimum: 0,
    maximum: 1,
    default: 1e-4,
    description:
      'Largest deviation from the float32 outputs of a model that a plan may bring, relative to the largest value of an output; bfloat16 is tried from 0.004 on, and needs about 0.02; tf32 and float16, on GPUs, from 0.0005 on.',
  }),
  planCache: optionalText(
    "Folder where plans are kept for the next start; `plans` in Sconce's cache folder of the user by default.",
  ),
  operatorLibraries: Type.Array(Type.String({ minLength: 1 }), {
    default: [],
    description:
      'Shared libraries that register operators which model files use, beside those of LibTorch and `torchvision::nms` and `roi_align`; loaded at start. They run as part of the server, so that only the operator names them, and no model archive.',
  }),
  defaultStartupTimeout: secondsOrNone(120, 'Seconds that a model may take to load.'),
  slabMemory: integer(1, 1_048_576, 1024, 'MiB of shared memory for the batches of all models.'),
  poolThreads: integer(
    0,
    64,
    0,
    'Threads that parse and write large bodies; 0 takes the cores less one, at most 4.',
  ),
  handlerThreads: integer(
    0,
    64,
    0,
    'Threads that run the code of a model version whose handler is a class; 0 takes the cores less one, at most 4.',
  ),
  handlerMemory: integer(
    16,
    1_048_576,
    512,
    'MiB of memory that the code of a handler may use on each of its threads.',
  ),
  handlerErrors: toggle(
    true,
    'Tell clients what the code of a handler has thrown; it is always logged.',
  ),
};
