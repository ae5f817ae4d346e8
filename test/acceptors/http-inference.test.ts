import { suite } from 'node:test';

// Tests of the inference API, once more with its requests on threads. Those of streams are not among
// them: they look at the stream itself, which a thread reads a few pieces ahead.
process.env.SCONCE_TEST_HTTP_THREADS = '2';

suite('with httpThreads: models', async () => {
  await import('../http/inference.test.js');
  await import('../http/kserve-routes.test.js');
  await import('../http/legacy-routes.test.js');
  await import('../http/open-inference.test.js');
});
