import { readFileSync } from 'node:fs';
import { crc32, deflateSync } from 'node:zlib';
import { imagePath } from '../../support/image-fixtures.js';
import { type CompatCase, jsonBody, on, type Scenario, typed } from '../compat-case.js';

/** Relative. Pillow's pixels and Sconce's are the same; torchvision's floats nearly. */
const tolerance = 1e-4;

type Rest = Parameters<typeof on>[4];

const image = (name: string) => readFileSync(imagePath(name));
const photo = image('420.jpg');
const base64 = photo.toString('base64');

function asked(name: string, model: string, rest: Rest, route = 'predictions'): CompatCase {
  return { ...on('inference', name, 'POST', `/${route}/${model}`, rest), tolerance };
}

const classified = (name: string, rest: Rest): CompatCase => asked(name, 'classifier', rest);

function form(parts: Readonly<Record<string, string | Uint8Array>>): Rest {
  const chunks = Object.entries(parts).flatMap(([name, value]) => {
    const file = typeof value === 'string' ? '' : '; filename="a.jpg"';
    const type = typeof value === 'string' ? '' : 'Content-Type: image/jpeg\r\n';
    const head = `--X\r\nContent-Disposition: form-data; name="${name}"${file}\r\n${type}\r\n`;
    return [Buffer.from(head), Buffer.from(value), Buffer.from('\r\n')];
  });
  return typed(
    'multipart/form-data; boundary=X',
    Buffer.concat([...chunks, Buffer.from('--X--\r\n')]),
  );
}

/** Numbers with the position of the class to explain. */
function smallForm(numbers: string, target: string): Rest {
  // TorchServe reads the position as a number only where the part says that it is JSON.
  const part = (name: string, value: string) =>
    `--X\r\nContent-Disposition: form-data; name="${name}"; filename="a.json"\r\nContent-Type: application/json\r\n\r\n${value}\r\n`;
  const parts = [part('data', numbers), part('target', target), '--X--\r\n'];
  return typed('multipart/form-data; boundary=X', parts.join(''));
}

/** A PNG of a few bytes that says it has so many pixels. */
function bomb(width: number, height: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.alloc(64))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const typed = Buffer.concat([Buffer.from(type), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(typed));
  return Buffer.concat([length, typed, sum]);
}

/** Numbers as an image that is transformed already. */
export function planes(side: number): number[][][] {
  return [0, 1, 2].map((colour) =>
    Array.from({ length: side }, (_, y) =>
      Array.from({ length: side }, (__, x) => ((x * 7 + y * 3 + colour * 5) % 11) / 8 - 0.5),
    ),
  );
}

const forms: readonly CompatCase[] = [
  classified('a file', { body: photo }),
  classified('a file with its type', typed('image/jpeg', photo)),
  classified('a file as bytes', typed('application/octet-stream', photo)),
  classified('a file as curl -d sends it', typed('application/x-www-form-urlencoded', photo)),
  classified('a file that says it is text', typed('text/plain', photo)),
  classified('a file that says it is JSON', typed('application/json', photo)),
  classified('a form with the field data', form({ data: photo })),
  classified('a form with the field body', form({ body: photo })),
  classified('a form with both fields', form({ body: image('rgb.png'), data: photo })),
  classified('a form with another field', form({ file: photo })),
  classified('base64 as text', typed('text/plain', base64)),
  classified('base64 in JSON', jsonBody(base64)),
  classified('base64 in a JSON object', jsonBody({ b64: base64 })),
  classified('base64 in a form', form({ data: base64 })),
  classified('a data URL', typed('text/plain', `data:image/jpeg;base64,${base64}`)),
  asked('numbers', 'small', jsonBody(planes(32))),
  asked('numbers of another size', 'small', jsonBody(planes(48))),
];

const formats: readonly CompatCase[] = [
  ...['422.jpg', '444.jpg', 'progressive.jpg', 'profile.jpg', 'turned.jpg', 'rgb.png'],
  ...['lossy.webp', 'lossless.webp', 'plain.tiff', 'lzw.tiff'],
].map((name) => classified(name, { body: image(name) }));

/** Images that are not of three colours. */
export const modes = [
  ...['grey.jpg', 'grey.png', 'grey-alpha.png', 'rgba.png', 'palette.png', 'cmyk.jpg'],
  ...['palette.gif', 'alpha.webp', 'rgba-16-bit.png'],
];

/** The name of the case that has TorchServe turn an image into red, green and blue. */
export const converted = (name: string) => `${name} in RGB`;

const modeCases = modes.flatMap((name) => [
  classified(name, { body: image(name) }),
  asked(converted(name), 'converting', { body: image(name) }),
]);

const bad: readonly CompatCase[] = [
  classified('no body', {}),
  classified('no image', { body: 'nonsense' }),
  classified('base64 of no image', typed('text/plain', 'bm9uc2Vuc2U=')),
  classified('text that is not base64', typed('text/plain', '!?')),
  classified('a file that is cut off', { body: photo.subarray(0, photo.length / 2) }),
  classified('a bomb', { body: bomb(20_000, 20_000) }),
  classified('a number', jsonBody(5)),
  classified('lists of different lengths', jsonBody([[1], [2, 3]])),
  classified('text for numbers', jsonBody([['a']])),
  classified('a file after failures', { body: photo }),
];

const labels: readonly CompatCase[] = [
  asked('labels that are lists', 'listed', { body: photo }),
  asked('labels by position', 'typed', { body: photo }),
  asked('no labels', 'numbered', { body: photo }),
  asked('a missing label', 'missing', { body: photo }),
  asked('fewer classes than are answered', 'few', { body: photo }),
];

const explained: readonly CompatCase[] = [
  asked('an explanation', 'small', jsonBody(planes(32)), 'explanations'),
  asked(
    'an explanation of a class',
    'small',
    smallForm(JSON.stringify(planes(32)), '3'),
    'explanations',
  ),
  asked('an explanation of no image', 'small', { body: 'nonsense' }, 'explanations'),
];

const others: readonly CompatCase[] = [
  asked('a segmentation', 'segmenter', { body: photo }),
  asked('a segmentation of no image', 'segmenter', { body: 'nonsense' }),
  asked('a detection', 'detector', { body: photo }),
  asked('a detection in numbers', 'detector', jsonBody(planes(4))),
  asked('a detection of no image', 'detector', { body: 'nonsense' }),
];

/** TorchServe's handlers for images. */
export const imageHandlers: Scenario = {
  name: 'image-handlers',
  packages: ['torchvision', 'captum'],
  register: [
    ...['classifier', 'small', 'listed', 'typed', 'numbered', 'missing', 'few', 'converting'],
    ...['segmenter', 'detector'],
  ].map((name) => `url=${name}.mar&initial_workers=1`),
  cases: [...forms, ...formats, ...modeCases, ...bad, ...labels, ...explained, ...others],
};
