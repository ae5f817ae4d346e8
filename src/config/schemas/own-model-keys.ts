import { Type } from 'typebox';
import { dtypes } from '../../native/dtype.js';
import {
  devicePattern,
  graphPolicies,
  loopPolicies,
  planPolicies,
  precisions,
} from './execution.js';
import { batchPolicies } from './requests.js';

/** How the rows of a batch become an argument of `forward`. */
const inputForms = ['rows', 'joined', 'offsets'] as const;

/** Integers that JavaScript has every one of. */
const exactNumbers = { minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER };

const field = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 200, description: 'Name of the field in JSON.' }),
    dtype: Type.Optional(
      Type.Enum([...dtypes], { description: 'Element type; by default what the model says.' }),
    ),
    shape: Type.Optional(
      Type.Array(Type.Integer({ minimum: -1, maximum: 2_147_483_647 }), {
        maxItems: 16,
        description: 'Dimensions of one row, without the batch; -1 for any.',
      }),
    ),
    minimum: Type.Optional(
      Type.Integer({
        ...exactNumbers,
        description: 'Smallest value of an integer; a request with a smaller one is refused.',
      }),
    ),
    maximum: Type.Optional(
      Type.Integer({
        ...exactNumbers,
        description: 'Largest value of an integer; a request with a larger one is refused.',
      }),
    ),
    form: Type.Optional(
      Type.Enum([...inputForms], {
        description:
          'How rows become the argument: `rows` (by default) stacks them, `joined` puts them one after the other along their first dimension, `offsets` says where each row of the joined input before it begins, and is not part of a request.',
      }),
    ),
  },
  { additionalProperties: false },
);

/** Keys of a model's configuration that TorchServe does not have. A wrong value is refused. */
export const ownModelKeys = {
  version: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9][A-Za-z0-9_.\\-]*$',
      expected: 'letters, digits, "_", "-" and ".", beginning with a letter or digit',
      description: 'Version that the model is served under; 1.0 by default.',
    }),
  ),
  inputs: Type.Optional(
    Type.Array(field, {
      minItems: 1,
      maxItems: 64,
      description: 'Fields of a request, in the order of the arguments of `forward`.',
    }),
  ),
  outputs: Type.Optional(
    Type.Array(Type.Object({ name: Type.String({ minLength: 1, maxLength: 200 }) }), {
      minItems: 1,
      maxItems: 64,
      description: 'Names of the outputs, in the order in which `forward` returns them.',
    }),
  ),
  instances: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 256,
      description: 'Execution threads: as `minWorkers` and `maxWorkers` of the same number.',
    }),
  ),
  autoscale: Type.Optional(
    Type.Boolean({ description: 'Scale between `minWorkers` and `maxWorkers` with the load.' }),
  ),
  intraOpThreads: Type.Optional(
    Type.Integer({ minimum: 0, maximum: 1024, description: 'Threads inside an operation.' }),
  ),
  handlerThreads: Type.Optional(
    Type.Integer({ minimum: 0, maximum: 64, description: 'Threads that run its handler.' }),
  ),
  handlerMemory: Type.Optional(
    Type.Integer({
      minimum: 16,
      maximum: 1_048_576,
      description: 'MiB of memory that its handler may use on each thread.',
    }),
  ),
  handlerErrors: Type.Optional(
    Type.Boolean({ description: 'Tell clients what its handler has thrown.' }),
  ),
  maxMemory: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 1_048_576,
      description: 'MiB of shared memory for its batches, within `slabMemory`; unset, all of it.',
    }),
  ),
  weight: Type.Optional(
    Type.Number({
      exclusiveMinimum: 0,
      maximum: 1_000_000,
      description:
        'Its share of the time of a device that several models want, beside their weights; 1 by default.',
    }),
  ),
  device: Type.Optional(
    Type.String({
      ...devicePattern,
      description: 'Where it runs; goes before `deviceType` and `deviceIds`.',
    }),
  ),
  precision: Type.Optional(
    Type.Enum([...precisions], { description: 'Type of the numbers that it computes with.' }),
  ),
  runOnLoop: Type.Optional(
    Type.Enum([...loopPolicies], {
      description: 'Where its cheap batches run: `auto` on the main loop, `never` there.',
    }),
  ),
  cudaGraphs: Type.Optional(
    Type.Enum([...graphPolicies], {
      description:
        'Whether its batches on a GPU run as CUDA graphs: `auto` where its plan finds them to be faster, `always`, `never`.',
    }),
  ),
  cudaGraphMemory: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 1_048_576,
      description: 'MiB of memory that its CUDA graphs may take on each GPU.',
    }),
  ),
  freeze: Type.Optional(Type.Boolean({ description: 'Freeze the module at load.' })),
  plan: Type.Optional(
    Type.Enum([...planPolicies], {
      description: 'Whether the fastest way to run it is searched for: `auto` or `off`.',
    }),
  ),
  planTime: Type.Optional(
    Type.Number({
      exclusiveMinimum: 0,
      maximum: 3600,
      description: 'Seconds that this search may take.',
    }),
  ),
  tolerance: Type.Optional(
    Type.Number({
      minimum: 0,
      maximum: 1,
      description: 'Largest relative deviation from its float32 outputs that a plan may bring.',
    }),
  ),
  warmUp: Type.Optional(
    Type.Boolean({
      description:
        'Run zeros of the declared shapes at load (true by default); a model that rejects them is not served.',
    }),
  ),
  isolation: Type.Optional(
    Type.Enum(['thread', 'process'], {
      description:
        'Where it runs: on threads of this process, or (`process`) in Python processes of its own, as with TorchServe. Unset: what its handler needs.',
    }),
  ),
  envelope: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 200,
      description: 'How bodies wrap the input: `body`, `json`, `kserve`, `kservev2`.',
    }),
  ),
  batchPolicy: Type.Optional(
    Type.Enum([...batchPolicies], {
      description: 'When a batch runs: `immediate`, or `legacy` as with TorchServe.',
    }),
  ),
};
