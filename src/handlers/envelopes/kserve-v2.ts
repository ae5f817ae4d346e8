import type { HandlerRequest } from '../handler.js';
import type { Envelope } from './envelope.js';
import { wrongMember } from './envelope-text.js';
import type { JsonSlices } from './json-slices.js';
import { type KServeInput, readInference, sizeOf, wrongSize } from './kserve-v2-inputs.js';
import { outputOf, writeInference } from './kserve-v2-outputs.js';

/**
 * KServe's protocol V2 as TorchServe speaks it: each input is a request of its own, like a form with
 * the fields name, shape, datatype and data. Data of numbers is nested as the shape says; of BYTES
 * the first text counts. Each result is an output under the name of its input, flattened.
 */
export const kserveV2Envelope: Envelope = {
  open: (request, model) => {
    const { text, id, inputs, timeout } = readInference(request);
    return {
      member: 'inputs',
      timeout,
      requests: inputs.map((input) => requestOf(request, text, input)),
      format: (results) =>
        writeInference(
          id,
          model,
          inputs.map(({ name }, i) => outputOf(name, results[i] ?? 'null')),
        ),
    };
  },
};

function requestOf(request: HandlerRequest, text: JsonSlices, input: KServeInput): HandlerRequest {
  const [json, plain] = ['application/json', 'text/plain'];
  const data =
    input.datatype === 'BYTES'
      ? { value: firstText(text, input), contentType: plain }
      : { value: nestedData(text, input), contentType: json };
  const body = Buffer.from(data.value);
  return {
    ...request,
    body,
    contentType: data.contentType,
    parameters: [
      { name: 'name', value: Buffer.from(input.name), contentType: plain },
      { name: 'shape', value: Buffer.from(JSON.stringify(input.shape)), contentType: json },
      { name: 'datatype', value: Buffer.from(input.datatype), contentType: plain },
      { name: 'data', value: body, contentType: data.contentType },
    ],
  };
}

function firstText(text: JsonSlices, { data, path }: KServeInput): string {
  const [first] = text.elementsOf(data);
  const value = first === undefined ? undefined : text.valueOf(first);
  if (typeof value === 'string') return value;
  const found = first === undefined ? 'an empty array' : text.kindOf(first);
  throw wrongMember(`${path}.data`, 'an array of text', found);
}

/** The data with the nesting of its shape: the numbers stay the text that they are. */
function nestedData(text: JsonSlices, input: KServeInput): string {
  const flat = text.textOf(input.data).replace(/[[\]\s]/g, '');
  if (flat.includes('"')) throw wrongMember(`${input.path}.data`, input.datatype, 'text');
  const elements = flat === '' ? [] : flat.split(',');
  if (elements.length !== sizeOf(input.shape)) throw wrongSize(input, elements.length);
  let rows = elements;
  for (const dim of input.shape.slice().reverse()) {
    const groups: string[] = [];
    for (let at = 0; at < rows.length; at += dim) {
      groups.push(`[${rows.slice(at, at + dim).join()}]`);
    }
    rows = groups;
  }
  return rows[0] ?? '[]';
}
