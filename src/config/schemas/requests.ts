import { Type } from 'typebox';
import { forgivingToggle, integer, optionalText, seconds } from './forms.js';

/** When a batch runs. */
export const batchPolicies = ['immediate', 'legacy'] as const;

const mostBytes = 2_147_483_647;

/** How requests are read, gathered and answered. */
export const requestSettings = {
  batchSize: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: 65_536,
      description:
        'Most rows in a batch, for models whose own configuration does not say; unset, 1 for archives and 32 for plain TorchScript files.',
    }),
  ),
  maxBatchDelay: integer(
    0,
    3_600_000,
    100,
    'Most milliseconds that a batch waits for more requests; only under `batch_policy=legacy`.',
  ),
  batchPolicy: Type.Enum([...batchPolicies], {
    default: 'immediate',
    description:
      'When a batch runs: `immediate`, as soon as an instance is idle; `legacy`, when it is full or `max_batch_delay` is over, as with TorchServe.',
  }),
  jobQueueSize: integer(
    1,
    1_000_000,
    100,
    'Most requests of a model version that wait for an instance; more get 503.',
  ),
  defaultResponseTimeout: seconds(
    120,
    'Seconds from the admission of a request to its answer; later it gets 504.',
  ),
  maxRequestSize: integer(
    1,
    mostBytes,
    6_553_500,
    'Largest request body in bytes; larger ones get 413.',
  ),
  maxResponseSize: integer(1, mostBytes, 6_553_500, 'Largest reply of a model in bytes.'),
  tsOpenInferenceProtocol: forgivingToggle(
    false,
    'Serve the Open Inference Protocol (KServe v2); `TS_OPEN_INFERENCE_PROTOCOL=oip` sets it always.',
    { override: 'TS_OPEN_INFERENCE_PROTOCOL' },
  ),
  serviceEnvelope: optionalText(
    "How bodies wrap the input of every model: `body`, `json`, `kserve`, `kservev2`; goes before the models' own.",
  ),
  limitMaxImagePixels: forgivingToggle(
    true,
    'Refuse images of more pixels than a handler can be meant to decode.',
  ),
  decodeInputRequest: forgivingToggle(
    true,
    'Let Python handlers get JSON parsed and text decoded, instead of bytes.',
  ),
  defaultServiceHandler: optionalText('Handler of archives whose manifest names none.'),
};
