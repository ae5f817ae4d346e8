import { readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { examplesFolder } from './paths.mjs';

/**
 * A request to a model of an example, and what PyTorch answers.
 *
 * @typedef {object} Question
 * @property {string} name for messages
 * @property {string} model
 * @property {string | Uint8Array | FormData} body
 * @property {Record<string, string>} headers
 * @property {number} status
 * @property {unknown} answer
 * @property {Tolerance} tolerance
 * @property {(reply: unknown) => unknown} [reading] what of the reply is compared; all unless given
 */

/**
 * How far a number may be from the expected one: absolute + relative × |expected|.
 *
 * @typedef {object} Tolerance
 * @property {number} relative
 * @property {number} absolute
 */

/** Far below the least probability that expected.json holds. */
const smallest = 1e-10;

const types = {
  '.json': 'application/json',
  '.jpg': 'image/jpeg',
  '.png': 'image/png',
  '.webp': 'image/webp',
};

/** Those that expected.json lists, with requests that are files beside it. */
export function fileQuestions(example) {
  const { tolerance, answers } = expectedOf(example);
  return answers.flatMap(({ model = example.models[0].name, request, as, status = 200, answer }) =>
    modelsThatAnswer(example, model).map((name) => ({
      name: as === undefined ? request : `${request} as ${as}`,
      model: name,
      ...sent(join(examplesFolder, example.name, request), as),
      status,
      answer,
      tolerance: { relative: tolerance, absolute: smallest },
    })),
  );
}

/** The rows of the alpha model, each in a request of its own. */
export function alphaQuestions(example) {
  const { requests, predictions } = expectedOf(example);
  return requests.flatMap((features, i) =>
    modelsThatAnswer(example, 'alpha_model').map((model) => ({
      name: `row ${i}`,
      model,
      ...json({ features }),
      status: 200,
      answer: { prediction: predictions[i] },
      tolerance: { relative: 1e-5, absolute: 1e-6 },
    })),
  );
}

/** All sentences in one request, answered with vectors of length 1: their cosines are compared. */
export function sentenceQuestions(example) {
  const { sentences, cosines } = expectedOf(example);
  const [{ name: model }] = example.models;
  return [
    {
      name: `${sentences.length} sentences`,
      model,
      ...json({ inputs: sentences }),
      status: 200,
      answer: cosines,
      tolerance: { relative: 0, absolute: 1e-4 },
      reading: (vectors) => vectors.map((one) => vectors.map((other) => product(one, other))),
    },
  ];
}

function expectedOf({ name }) {
  return JSON.parse(readFileSync(join(examplesFolder, name, 'expected.json'), 'utf8'));
}

function modelsThatAnswer({ models }, wanted) {
  return models
    .filter(({ name, answersOf = name }) => answersOf === wanted)
    .map(({ name }) => name);
}

function json(value) {
  return { body: JSON.stringify(value), headers: { 'content-type': types['.json'] } };
}

/** A file as a body of its own, as a field of a form, or as base64. */
function sent(path, as) {
  const bytes = readFileSync(path);
  const type = types[extname(path)];
  if (as === 'base64') {
    return { body: bytes.toString('base64'), headers: { 'content-type': 'text/plain' } };
  }
  if (as === 'form') {
    const body = new FormData();
    body.append('data', new Blob([bytes], { type }), 'file');
    return { body, headers: {} };
  }
  return { body: bytes, headers: { 'content-type': type } };
}

function product(one, other) {
  return one.reduce((sum, value, i) => sum + value * other[i], 0);
}
