/** Headers of an answer that a handler cannot set: HTTP, or the answer's content type, decides them. */
export const decidedHeaders: ReadonlySet<string> = new Set([
  'content-type',
  'content-length',
  'transfer-encoding',
  'connection',
  'keep-alive',
]);
