import { suite } from 'node:test';

process.env.SCONCE_TEST_HTTP_THREADS = '2';

suite('with httpThreads: listeners', async () => {
  await import('../http/authorization.test.js');
  await import('../http/cors.test.js');
  await import('../http/server.test.js');
  await import('../http/tls-listeners.test.js');
});
