import { type Static, Type } from 'typebox';
import { labelsOption } from '../options.js';

/** How the vectors of tokens become one. */
export const poolings = ['mean', 'cls', 'max'] as const;

/** The `handler` section of a text model's configuration. */
export const textOptions = Type.Object(
  {
    maxLength: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1_048_576,
        description: 'Tokens of a text; a longer one is cut. By default what the tokenizer says.',
      }),
    ),
    padTo: Type.Integer({
      default: 16,
      minimum: 1,
      maximum: 65_536,
      description:
        'Rows are padded to a multiple of so many tokens: those of one length share a batch. Without effect on models that take no attention mask.',
    }),
    padId: Type.Optional(
      Type.Integer({ minimum: 0, description: 'Id of the padding, if the tokenizer names none.' }),
    ),
    maxTexts: Type.Integer({
      default: 1024,
      minimum: 1,
      maximum: 1_048_576,
      description: 'Texts in one request.',
    }),
    maxCharacters: Type.Integer({
      default: 50_000,
      minimum: 1,
      maximum: 1_073_741_824,
      description: 'Characters of one text, after NFKC; more is refused before it is tokenized.',
    }),
    ngrams: Type.Integer({
      default: 2,
      minimum: 1,
      maximum: 8,
      description: 'With vocab.json: words in the longest run that has an id.',
    }),
    unknownIndex: Type.Optional(
      Type.Integer({ minimum: 0, description: 'With vocab.json: id of unknown tokens.' }),
    ),
    labels: labelsOption,
    pooling: Type.Enum([...poolings], {
      default: 'mean',
      description: 'How text_embedding makes one vector of those of the tokens.',
    }),
    normalize: Type.Boolean({
      default: true,
      description: 'Whether the vectors of text_embedding have the length 1.',
    }),
  },
  { additionalProperties: false },
);

export type TextOptions = Static<typeof textOptions>;
export type Pooling = TextOptions['pooling'];
