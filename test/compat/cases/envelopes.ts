import { imageFile } from '../../support/image-fixtures.js';
import { type CompatCase, jsonBody, on, type Scenario, typed } from '../compat-case.js';
import { planes } from './image-handlers.js';

/** Relative. */
const tolerance = 1e-5;

type Rest = Parameters<typeof on>[4];

const asked = (name: string, rest: Rest, path = '/predictions/base'): CompatCase => ({
  ...on('inference', name, 'POST', path, rest),
  tolerance,
});

/** Of an image_classifier whose rows are small, and of one that does what TorchServe's does. */
const small = '/predictions/small';
const images = '/predictions/numbered';

const base64 = Buffer.from(imageFile('420.jpg')).toString('base64');

const row = [0.5, -1, 2.25];
const other = [1, 2, 3];

function scenario(envelope: string, cases: readonly CompatCase[]): Scenario {
  return {
    name: `envelope-${envelope}`,
    settings: { service_envelope: envelope },
    packages: ['torchvision', 'captum'],
    register: ['base', 'small', 'numbered'].map((name) => `url=${name}.mar&initial_workers=1`),
    cases,
  };
}

/** A row is the body. */
export const bodyEnvelope = scenario('body', [
  asked('a row', jsonBody(row)),
  asked('a row in a form', {
    ...typed(
      'multipart/form-data; boundary=X',
      `--X\r\nContent-Disposition: form-data; name="data"; filename="a"\r\nContent-Type: application/json\r\n\r\n${JSON.stringify(row)}\r\n--X--\r\n`,
    ),
  }),
  asked('a row without a content type', { body: JSON.stringify(row) }),
  asked('a row that is too short', jsonBody([1])),
  asked('an object', jsonBody({ data: row })),
  asked('an image', { body: imageFile('420.jpg') }, images),
  asked('base64 of an image', jsonBody(base64), images),
  asked('no body', {}),
]);

/** Rows in `instances`, answered on one line. */
export const jsonEnvelope = scenario('json', [
  asked('a row', jsonBody({ instances: [row] })),
  asked('two rows', jsonBody({ instances: [row, other] })),
  asked('rows by KServe v1', jsonBody({ instances: [row] }), '/v1/models/base:predict'),
  asked('rows without a content type', { body: JSON.stringify({ instances: [row] }) }),
  asked('more members', jsonBody({ signature_name: 'x', instances: [row] })),
  asked('no rows', jsonBody({ instances: [] })),
  asked('no instances', jsonBody({ rows: [row] })),
  asked('instances that are no list', jsonBody({ instances: 5 })),
  asked('a row of text', jsonBody({ instances: ['a'] })),
  asked('an image', jsonBody({ instances: [{ data: { b64: base64 } }] }), images),
  asked('an image as text', jsonBody({ instances: [{ data: base64 }] }), images),
  asked('an image that is not named', jsonBody({ instances: [{ b64: base64 }] }), images),
  asked('JSON that does not parse', typed('application/json', '{"instances": ')),
  asked('no body', {}),
]);

/** Rows in `instances`, answered with an indent. */
export const kserveEnvelope = scenario('kserve', [
  asked('a row', jsonBody({ instances: [row] })),
  asked('two rows', jsonBody({ instances: [row, other] })),
  asked('two rows by KServe v1', jsonBody({ instances: [row, other] }), '/v1/models/base:predict'),
  asked('rows without a content type', { body: JSON.stringify({ instances: [row] }) }),
  asked('no rows', jsonBody({ instances: [] })),
  asked('no instances', jsonBody({ rows: [row] })),
  asked('a row that is too short', jsonBody({ instances: [[1]] })),
  asked('JSON that does not parse', typed('application/json', '{"instances": ')),
  asked('bytes that do not parse', { body: 'nonsense' }),
  asked('no body', {}),
  asked('an image', jsonBody({ instances: [{ data: base64 }] }), '/v1/models/numbered:predict'),
  asked('two images', jsonBody({ instances: [{ data: base64 }, { body: base64 }] }), images),
  asked('an image that is none', jsonBody({ instances: [{ data: 'AAAA' }] }), images),
  asked('an explanation', jsonBody({ instances: [row] }), '/v1/models/base:explain'),
  asked(
    'an explanation of an image',
    jsonBody({ instances: [{ data: planes(32), target: 1 }] }),
    '/v1/models/small:explain',
  ),
]);

const tensor = (name: string, shape: readonly number[], data: unknown, datatype = 'FP32') => ({
  name,
  shape,
  datatype,
  data,
});
const numbersOfImage = (name: string) => tensor(name, [3, 32, 32], planes(32).flat(2));
const v2 = (...inputs: readonly unknown[]) => jsonBody({ id: 'mine', inputs });

/** Tensors with name, shape and type. */
export const kserveV2Envelope = scenario('kservev2', [
  asked('a row', v2(tensor('x', [3], row))),
  asked('a row with a batch dimension', v2(tensor('x', [1, 3], row))),
  asked('two rows in one tensor', v2(tensor('x', [2, 3], [...row, ...other]))),
  asked('an unknown datatype', v2(tensor('x', [3], row, 'FP8'))),
  asked('text', v2(tensor('x', [1], ['a'], 'BYTES'))),
  asked('no inputs', jsonBody({ id: 'mine' })),
  asked('a tensor without data', v2({ name: 'x', shape: [3], datatype: 'FP32' })),
  asked('numbers of an image', v2(tensor('x', [3, 32, 32], planes(32).flat(2))), small),
  asked('numbers of two images', v2(...['x', 'y'].map(numbersOfImage)), small),
  asked('base64 of an image', v2(tensor('x', [1], [base64], 'BYTES')), images),
  asked('an image by KServe v2', v2(numbersOfImage('x')), '/v2/models/small/infer'),
  asked('an image without an id', jsonBody({ inputs: [numbersOfImage('x')] }), small),
  asked('an image with an empty id', jsonBody({ id: ' ', inputs: [numbersOfImage('x')] }), small),
  asked(
    'an image without a type',
    { body: JSON.stringify({ inputs: [numbersOfImage('x')] }) },
    small,
  ),
  asked('a shape that does not fit', v2(tensor('x', [3, 32], planes(32).flat(2))), small),
  asked('JSON that does not parse', typed('application/json', '{"inputs": ')),
  asked('no body', {}),
]);
