import type { Tensor } from './tensor.js';

/**
 * What a handler answers with. Text goes out as UTF-8 and bytes as they are; all else as JSON, in
 * the form of Python's json.dumps(value, indent=2): objects and lists of such values, numbers,
 * booleans, null, tensors and typed arrays.
 */
export type Reply = string | number | boolean | null | Uint8Array | Tensor | object;

/** One piece of a reply that is streamed. */
export type Chunk = string | Uint8Array;
