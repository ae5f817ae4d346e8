import type { Settings } from '../../src/config/settings.js';
import { builtInHandlers } from '../../src/handlers/registry.js';
import { echoHandler } from '../compat/echo-handler.js';
import { fixture } from '../support/paths.js';
import { source, startServer, type TestParts, type TestServer } from '../support/server.js';

/** A server whose model `echo` answers with what its handler was given. */
export function startEchoServer(
  given: Partial<Settings> = {},
  parts: TestParts = {},
): Promise<TestServer> {
  const echo = source('echo', { path: fixture('double'), handler: 'echo' });
  return startServer([echo], given, {
    ...parts,
    handlers: new Map([...builtInHandlers, ['echo', echoHandler]]),
  });
}
