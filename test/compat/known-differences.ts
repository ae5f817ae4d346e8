import {
  answers,
  closes,
  type Difference,
  edits,
  refuses,
  repeats,
  says,
  sends,
} from './difference.js';
import { knownHandlerDifferences } from './known-handler-differences.js';

type Differences = Readonly<Record<string, Difference>>;

const descriptions: Differences = {
  'all of the server': repeats('Requests that break TorchServe', 'descriptions', 'inference'),
};

const pythonPredictions: Differences = {
  'multipart without a boundary': refuses(
    'Damaged forms',
    'INVALID_REQUEST',
    'the body is not multipart/form-data: its content-type must name a boundary of 1 to 70 characters: multipart/form-data',
  ),
  'multipart that is cut off': refuses(
    'Damaged forms',
    'INVALID_REQUEST',
    'the body is not multipart/form-data: it ends before its last boundary',
  ),
  'a form without a value': edits('Form fields without a value', (body) =>
    body
      .replace(`"k": "b''",`, `"k": "b''",\n  "l": "b''",`)
      .replace('"url_path"', '"l": {\n      "content-type": ""\n    },\n    "url_path"'),
  ),
  'headers of the client reach the handler': sends('Request ids', 'x-request-id', 'mine'),
  'a client that asks to close': closes('Clients that ask to close'),
  'HTTP/1.0': closes('Clients that ask to close'),
  'two slashes': repeats('Doubled slashes', 'predictions', 'a slash at the end'),
  'two slashes in front': repeats('Doubled slashes', 'predictions', 'a slash at the end'),
  'percent code that is none': refuses('Malformed percent code', 'INVALID_HTTP'),
  'invocations with an empty name': refuses('Empty model_name', 'PARAMETER_REQUIRED', 'model_name'),
  'KServe v1, no verb': answers('KServe readiness', { name: 'echo', ready: true }),
  'ping with more': refuses('Paths below /ping', 'RESOURCE_NOT_FOUND'),
  'an unknown method': refuses('Unknown methods', 'INVALID_HTTP'),
  'a method in small letters': refuses('Unknown methods', 'INVALID_HTTP'),
  'a long URL': answers('Long requests', { status: 'Healthy' }),
  'a long header': answers('Long requests', { status: 'Healthy' }),
};

/** Sconce's own handler says more than TorchServe's worker does. */
const predictions: Differences = {
  ...pythonPredictions,
  'the handler raises': says('Causes in messages', 'Prediction failed: as asked'),
  'the handler is out of memory': says('Causes in messages', 'Out of resources: as asked'),
};

const limits: Differences = {
  'a body larger than the limit': closes('Bodies that are too large'),
  'a large body that waits for 100 Continue': closes('Bodies that are too large'),
  'a large body on the management listener': closes('Bodies that are too large'),
  'a reply larger than the limit': says(
    'Replies that are too large',
    "Message size exceed limit: 2000\nConsider increasing the 'max_response_size' in 'config.properties' to fix.",
  ),
};

const wrongInput = (message: string): Difference =>
  refuses('Wrong input', 'INVALID_REQUEST', message);

const numbers: Differences = {
  'an empty row': wrongInput('field "x": an empty array has no shape'),
  'text for a number': wrongInput('field "x"[0]: expected a number, found a string'),
  'lists of different lengths': wrongInput('field "x"[1]: expected 1 value as before, found 2'),
  'no JSON': wrongInput(
    'the body is not valid JSON at byte 4: expected a value, found the end of the body',
  ),
  'no body': wrongInput('the body is empty; expected JSON'),
  'the model throws': says(
    'Causes in messages',
    'Prediction failed: builtins.ValueError: negative value; given float32[1, 1] to model "throws" version 1.0, which takes x: float32[n, …]',
  ),
  'a wrong shape': says(
    'Causes in messages',
    'Prediction failed: RuntimeError: mat1 and mat2 shapes cannot be multiplied (1x1 and 3x2); given float32[1, 1] to model "linear" version 1.0, which takes input: float32[n, …]',
  ),
};

const syntaxError = 'Messages of wrong JSON';

const registration: Differences = {
  'a file that is no archive': says(
    'Messages of damaged archives',
    'garbage.mar: is neither a zip archive (.mar) nor a tar.gz archive',
  ),
  'a manifest without model': says(
    'Messages of damaged archives',
    'Missing Model entry in manifest file.',
  ),
  'a manifest with an empty version': refuses(
    'Empty versions',
    'INVALID_ARCHIVE',
    'Model version is not defined.',
  ),
  'JSON that does not parse': says(
    syntaxError,
    'The body is not JSON: Unexpected end of JSON input',
  ),
  'JSON of a wrong type': says(syntaxError, 'batch_size must be an integer of 32 bits.'),
  'JSON that is no object': says(syntaxError, 'The body must be a JSON object.'),
  'an empty JSON body': refuses(
    syntaxError,
    'MALFORMED_JSON',
    'The body is not JSON: Unexpected end of JSON input',
  ),
  'describe parameters below their range': edits('Values out of range', (body) =>
    body
      .replace('"batchSize": 0', '"batchSize": 1')
      .replace('"maxBatchDelay": -1', '"maxBatchDelay": 100'),
  ),
  'describe what JSON registered': edits('max_batch_delay in JSON', (body) =>
    body.replace('"maxBatchDelay": -10000', '"maxBatchDelay": 100'),
  ),
  'a name from the file': answers('Archives without a model name', {
    status:
      'Model "nameless" Version: 1.0 registered with 0 initial workers. Use scale workers API to add workers for the model.',
  }),
  'describe a name from the file': repeats(
    'Archives without a model name',
    'registration',
    'describe one without workers',
    (body) => body.replace('other', 'nameless').replace('echo.mar', 'nameless.mar'),
  ),
  'the model that could not be loaded is gone': refuses(
    'Failed registrations',
    'MODEL_NOT_FOUND',
    'bad',
  ),
};

const refusedUrl = (url: string): Difference =>
  refuses('Where models may come from', 'URL_NOT_ALLOWED', url);

const defaultUrls: Differences = {
  'a url that nobody serves': refusedUrl('http://127.0.0.1:1/x.mar'),
  'a url of a kind that is unknown': refusedUrl('ftp://127.0.0.1:1/x.mar'),
};

const byUrl: Differences = {
  'a folder outside the store': refuses(
    'Folders outside the model store',
    'ARCHIVE_NOT_FOUND',
    '<elsewhere>/folder',
  ),
};

const openInferenceUnready: Differences = {
  ready: answers('Readiness of the Open Inference Protocol', { ready: false }, 503),
};

const management: Differences = {
  'a negative min with a max': refuses('Negative numbers of workers', 'WORKER_INDEX', '-1'),
  'set-default by another method': refuses('Methods of set-default', 'METHOD_NOT_ALLOWED'),
  'register a workflow': refuses('Workflows', 'WORKFLOWS_DISABLED'),
  'a page of workflows': answers('Workflows', { workflows: [] }),
};

const apart = 'One address for both APIs';

const oneAddress: Differences = {
  'describe a version': repeats(apart, 'one-address', 'describe'),
  'scale a version': answers(apart, {
    status: 'Workers scaled to 1 for model: echo, version: 1.0',
  }),
};

const tokens: Differences = {
  'renew by another method': refuses('The path /token', 'METHOD_NOT_ALLOWED'),
  'a path that holds the word': refuses('The path /token', 'MODEL_NOT_FOUND', 'tokens'),
  'a path that holds the way': refuses('The path /token', 'MODEL_NOT_FOUND', 'token'),
};

/** Where Sconce answers otherwise on purpose: by scenario and case. */
export const knownDifferences: Readonly<Record<string, Differences>> = {
  descriptions,
  predictions,
  limits,
  numbers,
  registration,
  'open-inference-unready': openInferenceUnready,
  'by-url': byUrl,
  'default-urls': defaultUrls,
  management,
  'one-address': oneAddress,
  tokens,
  'python-predictions': pythonPredictions,
  ...knownHandlerDifferences,
};
