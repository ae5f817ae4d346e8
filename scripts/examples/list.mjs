import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { examplesFolder } from './paths.mjs';
import { alphaQuestions, fileQuestions, sentenceQuestions } from './questions.mjs';

/**
 * A model of an example. Without a handler it is served from its folder as it is; with one it is
 * archived first.
 *
 * @typedef {object} ExampleModel
 * @property {string} name as it is served
 * @property {string} [handler] file of the example's folder
 * @property {string} [serializedFile] path from the examples' folder; the example's model.pt
 * @property {string} [answersOf] another model of the example that answers the same
 */

/**
 * @typedef {object} Example
 * @property {string} name its folder
 * @property {ExampleModel[]} models
 * @property {(example: Example) => import('./questions.mjs').Question[]} questions
 * @property {boolean} [python] whether its handler is Python
 * @property {string} [made] what its make_model.py makes and the repository does not hold: a folder
 *   within it, which is served
 */

/** @type {readonly Example[]} */
export const examples = [
  {
    name: 'alpha_model',
    models: [
      { name: 'alpha_model' },
      { name: 'alpha_code', handler: 'alpha_handler.ts', answersOf: 'alpha_model' },
    ],
    questions: alphaQuestions,
  },
  {
    name: 'digits',
    models: [{ name: 'digits' }, { name: 'digit_images', handler: 'digit_images.ts' }],
    questions: fileQuestions,
  },
  { name: 'images', models: [{ name: 'animals' }], questions: fileQuestions },
  { name: 'two_inputs', models: [{ name: 'two_inputs' }], questions: fileQuestions },
  {
    name: 'typescript_handler',
    models: [
      { name: 'tickets' },
      { name: 'tickets_archived', handler: 'tickets_handler.ts', answersOf: 'tickets' },
    ],
    questions: fileQuestions,
  },
  {
    name: 'python_handler',
    models: [
      {
        name: 'alpha_python',
        handler: 'custom_handler.py',
        serializedFile: 'alpha_model/model.pt',
      },
    ],
    questions: fileQuestions,
    python: true,
  },
  {
    name: 'sentence_embeddings',
    models: [{ name: 'sentence_embeddings' }],
    questions: sentenceQuestions,
    made: 'model',
  },
];

/** @param {Example} example */
export const folderOf = ({ name }) => join(examplesFolder, name);

/** The folder that is served of an example. @param {Example} example */
export const servedFolder = (example) => join(folderOf(example), example.made ?? '');

/** Whether all files that it is served from are there. @param {Example} example */
export const isMade = (example) =>
  example.made === undefined || existsSync(join(servedFolder(example), 'model.pt'));
