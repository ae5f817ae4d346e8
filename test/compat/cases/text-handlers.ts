import { type CompatCase, jsonBody, on, type Scenario, typed } from '../compat-case.js';

/** Relative. */
const tolerance = 1e-4;

type Rest = Parameters<typeof on>[4];

function asked(name: string, rest: Rest, route = 'predictions'): CompatCase {
  return { ...on('inference', name, 'POST', `/${route}/text`, rest), tolerance };
}

const sentence = 'The market fell sharply and the shares of the bank lost a tenth of their value.';

function form(fields: Readonly<Record<string, string>>): Rest {
  const parts = Object.entries(fields).map(
    ([name, value]) => `--X\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  return typed('multipart/form-data; boundary=X', `${parts.join('')}--X--\r\n`);
}

/** TorchServe's handler for texts, with a vocabulary in each server's form. */
export const textHandlers: Scenario = {
  name: 'text-handlers',
  packages: ['captum'],
  register: ['url=text.mar&initial_workers=1'],
  cases: [
    asked('a text', { body: sentence }),
    asked('a text with its type', typed('text/plain', sentence)),
    asked('a text as curl -d sends it', typed('application/x-www-form-urlencoded', sentence)),
    asked('a text in JSON', jsonBody(sentence)),
    asked('a text in a JSON object', jsonBody({ data: sentence })),
    asked('texts in JSON', jsonBody([sentence, sentence])),
    asked('a form with the field data', form({ data: sentence })),
    asked('a form with the field body', form({ body: sentence })),
    asked('a form with another field', form({ text: sentence })),
    asked('contractions, marks, entities and accents', {
      body: "They've measured <b>it</b> again &amp; AGAIN; didn't naïve scientists lose?",
    }),
    asked('unknown words', { body: 'nothing of this is known' }),
    asked('one word', { body: 'market' }),
    asked('nothing but marks', { body: '...' }),
    asked('no body', {}),
    asked('text that is not UTF-8', { body: Buffer.from([0xff, 0xfe, 0x41]) }),
    asked('an explanation', { body: sentence }, 'explanations'),
    asked('an explanation of a class', form({ data: sentence, target: '2' }), 'explanations'),
  ],
};
