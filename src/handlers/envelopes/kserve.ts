import type { Envelope } from './envelope.js';
import { readInstances } from './instances.js';
import { listOf } from './json-text.js';

/** KServe's protocol V1: `{"instances": [...]}`, answered by predictions or explanations. */
export const kserveEnvelope: Envelope = {
  open: (request) => ({
    member: 'instances',
    requests: readInstances(request, false),
    format: (results) => {
      const name = request.explain === true ? 'explanations' : 'predictions';
      return `{\n  "${name}": ${listOf(results, 2)}\n}`;
    },
  }),
};
