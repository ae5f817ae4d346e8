import { suite } from 'node:test';

// Without those of streams: see http-inference.test.ts.
process.env.SCONCE_TEST_HTTP_THREADS = '2';

suite('with httpThreads: connections', async () => {
  await import('../http/hang-up.test.js');
  await import('../http/response-limits.test.js');
});
