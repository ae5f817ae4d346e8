import type { FastifyInstance } from 'fastify';
import { createApp } from '../../src/http/app.js';
import { BodyBudget } from '../../src/http/body-budget.js';
import { BodyMemory } from '../../src/http/body-memory.js';
import type { HttpContext } from '../../src/http/http-context.js';
import { createLog } from '../support/log.js';
import { startService } from '../support/server.js';

/** A listener as a server makes it, before it gets hooks and routes. It serves no model. */
export function bareApp(
  cors: HttpContext['cors'] = [],
  maxRequestSize = 10,
  bodies = BodyBudget.forBodiesOf(maxRequestSize),
): FastifyInstance {
  const service = startService([]);
  const context = {
    service,
    observer: { responded: () => {} },
    maxRequestSize,
    bodies: new BodyMemory(bodies),
    maxResponseSize: 1000,
    cors,
    closeOnError: true,
  };
  const app = createApp(context, createLog('silent'), undefined);
  app.addHook('onClose', () => service.close());
  return app;
}
