import { type TSchema, Type } from 'typebox';

/**
 * What `/openapi.json` says of the routes. It describes and does not check: TorchServe's APIs take
 * what they do not understand for absent, and so do these. The parameters of a path are described
 * from the path itself.
 */

/** The member of a schema that says that its body may be left out. */
export const optionalBody = 'x-optional-body';

/** What a route is, apart from its answers. */
interface Parts {
  tags: string[];
  summary: string;
  description?: string;
  querystring?: TSchema;
  body?: object;
  /** Media types of the body, when it says none itself; JSON by default. */
  consumes?: string[];
  [optionalBody]?: true;
  /** Which of the document's security schemes is needed, when that is not those of the document. */
  security?: Record<string, string[]>[];
  deprecated?: boolean;
}

const failure = Type.Object(
  {
    code: Type.Integer({ description: 'The HTTP status.' }),
    type: Type.String({ description: 'The name of the exception in TorchServe.' }),
    message: Type.String(),
    reason: Type.Optional(Type.String({ description: 'What the message does not say.' })),
  },
  { description: 'What went wrong.' },
);

export function route(parts: Parts, replies: Record<number, object>): object {
  return { ...parts, response: { ...replies, '4xx': failure, '5xx': failure } };
}

/** What changes nothing but a state answers. */
export const status = Type.Object(
  { status: Type.String() },
  { description: 'What was done, in words.' },
);

/** Fields of queries and bodies, none of which must be there. */
export const text = (description: string) => Type.Optional(Type.String({ description }));
export const integer = (description: string) => Type.Optional(Type.Integer({ description }));
export const toggle = (description: string) => Type.Optional(Type.Boolean({ description }));
