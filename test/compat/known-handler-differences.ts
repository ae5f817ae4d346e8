import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { textModels } from '../support/paths.js';
import { converted, modes } from './cases/image-handlers.js';
import { type Difference, heads, predicts, refuses, repeats, says } from './difference.js';

type Differences = Readonly<Record<string, Difference>>;

const wrongInput = (message: string): Difference =>
  refuses('Wrong input', 'INVALID_REQUEST', message);

const cause = (message: string): Difference => says('Causes in messages', message);

const noImage = (content: string, where = ''): Difference =>
  wrongInput(
    `${where}the image is in no format that is known here: JPEG, PNG, WebP, GIF, TIFF, AVIF (its ${content})`,
  );

const nonsense = '8 bytes begin with "nonsense"';

const emptyBody = wrongInput('the body is empty; expected JSON');

const cutOff = (byte: number): Difference =>
  wrongInput(
    `the body is not valid JSON at byte ${byte}: expected a value, found the end of the body`,
  );

const wrongShape = cause(
  'Prediction failed: RuntimeError: mat1 and mat2 shapes cannot be multiplied (1x1 and 3x2); given float32[1, 1] to model "base" version 1.0, which takes input: float32[n, …]',
);

const unfit = 'Types that do not fit';

const numbersOrBase64 =
  'a JSON request is base64 of an image in a string, or nested lists of numbers that the model takes as they are';

const imageHandlers: Differences = {
  'a file as curl -d sends it': repeats(unfit, 'image-handlers', 'a file'),
  'a data URL': repeats(unfit, 'image-handlers', 'a file'),
  'a form with another field': wrongInput(
    'a form carries the input in the field data or body; it has "file"',
  ),
  'base64 in a JSON object': wrongInput(numbersOrBase64),
  'base64 in a form': noImage('4956 bytes begin with "/9j/4AAQSkZJRgAB"'),
  'numbers of another size': refuses(
    'Numbers in place of an image',
    'INVALID_REQUEST',
    'the list has the shape [3, 48, 48]; the model takes [3, 32, 32]',
  ),
  ...Object.fromEntries(
    modes.map((name) => [name, repeats('Kinds of images', 'image-handlers', converted(name))]),
  ),
  'no body': wrongInput('the image is empty'),
  'no image': noImage(nonsense),
  'base64 of no image': noImage(nonsense),
  'text that is not base64': wrongInput('the image is empty'),
  'a file that is cut off': wrongInput(
    'the JPEG image cannot be read: VipsJpeg: premature end of JPEG image',
  ),
  'a bomb': wrongInput(
    'the image has 20000 × 20000 = 400000000 pixels; at most 178956970 are decoded',
  ),
  'a number': wrongInput(numbersOrBase64),
  'lists of different lengths': wrongInput(
    'element [1] has the length 2; 1 is expected, as at the start',
  ),
  'text for numbers': wrongInput('element [0][0] is a string; a number is expected'),
  'a missing label': cause(
    'Invalid model predict output: class 10 has no label in index_to_name.json, which names 1 classes',
  ),
  'fewer classes than are answered': predicts('Fewer classes than are answered', {
    0: 0.75298756,
    1: 0.18767779,
    2: 0.05933465,
  }),
  'an explanation of no image': noImage(nonsense),
  'a segmentation of no image': noImage(nonsense),
  'a detection of no image': noImage(nonsense),
};

/** Captum's explanations of the same model outside TorchScript. */
const explanations = Value.Parse(
  Type.Array(Type.Object({ explanations: Type.Array(Type.Unknown()) })),
  JSON.parse(readFileSync(join(textModels, 'bag/expected.json'), 'utf8')),
)[0]?.explanations;

const noWords = wrongInput(
  'the text has no words: nothing is left of it without markup, punctuation and letters beyond ASCII',
);

/** Two times the same element in a list. */
const twice = (body: string): string => {
  const element = body.replace(/^/gm, '  ');
  return `[\n${element},\n${element}\n]`;
};

const textHandlers: Differences = {
  'a text as curl -d sends it': repeats(unfit, 'text-handlers', 'a text'),
  'a text in a JSON object': repeats('More than one text', 'text-handlers', 'a text'),
  'texts in JSON': repeats('More than one text', 'text-handlers', 'a text', twice),
  'a form with another field': wrongInput(
    'a form carries the input in the field data or body; it has "text"',
  ),
  'nothing but marks': noWords,
  'no body': noWords,
  'text that is not UTF-8': wrongInput('the input is not text: its bytes are not UTF-8'),
  'an explanation': predicts('Explanations', explanations?.[0]),
  'an explanation of a class': predicts('Explanations', explanations?.[1]),
};

const envelopes = 'Envelopes of image and text handlers';

const bodyEnvelope: Differences = {
  'a row without a content type': repeats(unfit, 'envelope-body', 'a row'),
  'a row that is too short': wrongShape,
  'an object': wrongInput('field "input" is missing; the request has "data"'),
  'an image': repeats(envelopes, 'image-handlers', 'no labels'),
  'base64 of an image': repeats(envelopes, 'image-handlers', 'no labels'),
  'no body': emptyBody,
};

const noInstances = wrongInput('"instances" is missing; the body has "rows"');
const noRows = wrongInput('instances: expected at least one element, found none');

const jsonEnvelope: Differences = {
  'rows without a content type': repeats(unfit, 'envelope-json', 'a row'),
  'no rows': noRows,
  'no instances': noInstances,
  'instances that are no list': wrongInput('instances: expected an array, found a number'),
  'a row of text': wrongInput('instances[0] (field "input"): expected a number, found a string'),
  'an image that is not named': repeats(envelopes, 'envelope-json', 'an image'),
  'JSON that does not parse': cutOff(14),
  'no body': emptyBody,
};

const kserveEnvelope: Differences = {
  'no rows': noRows,
  'no instances': noInstances,
  'a row that is too short': wrongShape,
  'JSON that does not parse': cutOff(14),
  'bytes that do not parse': wrongInput('the body: expected an object, found null'),
  'no body': emptyBody,
  'an image that is none': noImage('3 bytes begin with 000000', 'instances[0]: '),
  'an explanation': predicts('Explanations', {
    explanations: [[0.02016254, 0.34779215, 0.41364411]],
  }),
};

const numbers = '`kservev2` of numbers';

const kserveV2Envelope: Differences = {
  'a row': cause(
    'Invalid model predict output: the first dimension of every output must be the batch: expected 3 rows, the model returned the shape [2]; given float32[3] to model "base" version 1.0, which takes input: float32[n, …]',
  ),
  'a row with a batch dimension': predicts(numbers, {
    id: 'mine',
    model_name: 'base',
    model_version: '1.0',
    outputs: [{ name: 'x', datatype: 'FP64', data: [0.44337088, 0.35427147], shape: [2] }],
  }),
  'two rows in one tensor': predicts(numbers, {
    id: 'mine',
    model_name: 'base',
    model_version: '1.0',
    outputs: [
      {
        name: 'x',
        datatype: 'FP64',
        data: [0.44337088, 0.35427147, -0.44196159, -0.54578769],
        shape: [4],
      },
    ],
  }),
  'an unknown datatype': wrongInput(
    'inputs[0].datatype: expected one of BOOL, UINT8, UINT16, UINT32, UINT64, INT8, INT16, INT32, INT64, FP16, FP32, FP64, BYTES, found "FP8"',
  ),
  text: wrongInput('inputs[0].datatype: expected numbers for "input" (float32), found BYTES'),
  'no inputs': wrongInput('"inputs" is missing; the body has "id"'),
  'a tensor without data': wrongInput(
    '"data" is missing; inputs[0] has "name", "shape", "datatype"',
  ),
  'a shape that does not fit': wrongInput(
    'inputs[0].data: expected 96 elements for the shape [3,32], found 3072',
  ),
  'JSON that does not parse': cutOff(11),
  'no body': emptyBody,
};

const pythonHandlers: Differences = {
  'a stream with status, header and type': heads(
    'Headers of a handler',
    (line) =>
      ({
        'ts_stream_next: true': 'foo: bar',
        'foo: bar': 'ts_stream_next: true',
      })[line] ?? line,
  ),
  'an exception with a status': heads('Reason phrases of rare statuses', (line) =>
    line.replace('Client Error (418)', "I'm a Teapot"),
  ),
};

/** Where Sconce's handlers answer otherwise on purpose: by scenario and case. */
export const knownHandlerDifferences: Readonly<Record<string, Differences>> = {
  'image-handlers': imageHandlers,
  'text-handlers': textHandlers,
  'envelope-body': bodyEnvelope,
  'envelope-json': jsonEnvelope,
  'envelope-kserve': kserveEnvelope,
  'envelope-kservev2': kserveV2Envelope,
  'python-handlers': pythonHandlers,
};
