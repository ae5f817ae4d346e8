import type { Envelope } from './envelope.js';
import { readInstances } from './instances.js';
import { listOf, onOneLine } from './json-text.js';

/**
 * TorchServe's `json`, TensorFlow Serving's row format: `{"instances": [...]}` with bytes as
 * `{"b64": "..."}`, answered by `{"predictions": [...]}` on one line.
 */
export const jsonEnvelope: Envelope = {
  open: (request) => ({
    member: 'instances',
    requests: readInstances(request, true),
    format: (results) => onOneLine(`{"predictions": ${listOf(results, 0)}}`),
  }),
};
