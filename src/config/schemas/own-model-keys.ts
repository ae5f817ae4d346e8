import { Type } from 'typebox';
import { dtypes } from '../../native/dtype.js';
import { devicePattern, precisions } from './execution.js';
import { batchPolicies } from './requests.js';

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
  device: Type.Optional(
    Type.String({
      ...devicePattern,
      description: 'Where it runs; goes before `deviceType` and `deviceIds`.',
    }),
  ),
  precision: Type.Optional(
    Type.Enum([...precisions], { description: 'Type of the numbers that it computes with.' }),
  ),
  freeze: Type.Optional(Type.Boolean({ description: 'Freeze the module at load.' })),
  warmUp: Type.Optional(
    Type.Boolean({
      description:
        'Run zeros of the declared shapes at load (true by default); a model that rejects them is not served.',
    }),
  ),
  batchPolicy: Type.Optional(
    Type.Enum([...batchPolicies], {
      description: 'When a batch runs: `immediate`, or `legacy` as with TorchServe.',
    }),
  ),
};
