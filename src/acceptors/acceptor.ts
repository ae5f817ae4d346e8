import { Socket } from 'node:net';
import type { MessagePort } from 'node:worker_threads';
import type { FastifyInstance, FastifyRequest, RouteOptions } from 'fastify';
import { type Placed, UnorderedSet } from '../collections/unordered-set.js';
import { createResponseObserver } from '../http/response-observer.js';
import { httpContext, inferenceApp } from '../http/surfaces.js';
import { jsonLog } from '../logging/log.js';
import { SharedKey } from '../security/shared-key.js';
import { Mail } from '../workers/mail.js';
import { SharedMemories } from '../workers/shared-memories.js';
import {
  type AcceptorOrders,
  type AcceptorReport,
  type AcceptorStart,
  stateWords,
  type VersionQuestion,
} from './messages.js';
import { RemoteService } from './remote-service.js';

/** Routes whose POST is a prediction for the model that the path names: nothing else is asked. */
const predictionPath = /^\/(predictions|explanations|v2\/models)\/|\/(invoke|predict)$/;

interface Connection extends Placed {
  readonly socket: Socket;
}

/** One event loop that serves the inference API; models are the main loop's. */
export class Acceptor {
  readonly #mail: Mail<AcceptorReport>;
  readonly #service: RemoteService;
  readonly #app: FastifyInstance;
  readonly #connections = new UnorderedSet<Connection>();

  constructor(
    private readonly port: MessagePort,
    private readonly start: AcceptorStart,
  ) {
    const { settings, tls, key, state, accessWanted } = start;
    const memories = new SharedMemories((number) => this.#mail.forget(number));
    this.#mail = new Mail<AcceptorReport>(port, memories, () => ({}));
    this.#service = new RemoteService(this.#mail, state);
    const observer = createResponseObserver(
      { response: (status) => this.#mail.push('statuses', status) },
      { accessWanted, access: (record) => this.#mail.push('access', record) },
    );
    const log = jsonLog(settings.logLevel, { write: (line) => this.#mail.push('log', line) });
    this.#app = inferenceApp({
      settings,
      context: httpContext(settings, this.#service, observer),
      log,
      tls,
      authority: key === undefined ? undefined : new SharedKey(key),
      prepare: (app) => app.addHook('onRoute', (route) => this.#askBefore(route)),
    });
  }

  async run(): Promise<void> {
    const { server } = this.#app;
    await this.#app.ready();
    // Node begins to watch how long requests take when a server begins to listen.
    server.emit('listening');
    this.port.on('message', (orders: AcceptorOrders) => this.#take(orders));
    this.#mail.next.ready = true;
    this.#mail.flush();
  }

  #take(orders: AcceptorOrders): void {
    this.#service.take(orders);
    for (const descriptor of orders.connections ?? []) this.#serve(descriptor);
    if (orders.close === true) void this.#close();
  }

  #serve(descriptor: number): void {
    Atomics.add(this.start.state, stateWords.opened, 1);
    // As node:http opens those that it accepts itself.
    const socket = new Socket({
      fd: descriptor,
      readable: true,
      writable: true,
      allowHalfOpen: true,
    });
    socket.setNoDelay(true);
    const connection: Connection = { socket, place: undefined };
    this.#connections.add(connection);
    socket.once('close', () => {
      this.#connections.delete(connection);
      const { next } = this.#mail;
      next.ended = (next.ended ?? 0) + 1;
    });
    this.#app.server.emit('connection', socket);
  }

  /** Answers what is in flight; then nothing is left to do. */
  async #close(): Promise<void> {
    await this.#app.close();
    await Promise.all(
      this.#connections.all.map(
        ({ socket }) => new Promise((resolve) => socket.once('close', resolve)),
      ),
    );
    this.#mail.next.closed = true;
    this.#mail.flush();
    this.port.close();
  }

  /** Has the state of the models asked for before a route that tells it. */
  #askBefore(route: RouteOptions): void {
    const isPrediction = route.method === 'POST' && predictionPath.test(route.url);
    if (isPrediction) return;
    route.onRequest = [
      route.onRequest ?? [],
      async (request: FastifyRequest) => this.#service.refresh(namedBy(request.params)),
    ].flat();
  }
}

/** The version that parameters of a path name. */
function namedBy(params: unknown): VersionQuestion[] {
  if (typeof params !== 'object' || params === null) return [];
  const { model, target, version }: { model?: unknown; target?: unknown; version?: unknown } =
    params;
  const name = typeof model === 'string' ? model : target;
  if (typeof name !== 'string') return [];
  return [{ name, version: typeof version === 'string' ? version : undefined }];
}
