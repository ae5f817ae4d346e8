import { closeSync } from 'node:fs';
import type { Socket } from 'node:net';
import type { Settings } from '../config/settings.js';
import { messageOf } from '../errors.js';
import type { InferenceThreads } from '../http/server.js';
import type { Log } from '../logging/log.js';
import type { Logs } from '../logging/logs.js';
import type { ModelService } from '../models/model-service.js';
import { addon } from '../native/binding.js';
import type { TlsOptions } from '../security/tls.js';
import type { TokenAuthority } from '../security/token-authority.js';
import { Restarts } from '../workers/restarts.js';
import { SharedMemories } from '../workers/shared-memories.js';
import { AcceptorThread } from './acceptor-thread.js';
import type { AcceptorReport } from './messages.js';

export interface AcceptorsOptions {
  settings: Settings;
  service: ModelService;
  log: Log;
  logs: Pick<Logs, 'accessWanted' | 'access'>;
  /** Counts a response. */
  metrics: { response(status: number): void };
  authority: TokenAuthority | undefined;
}

/**
 * Threads that read the requests of the inference API and write its replies: `httpThreads` of them.
 * The main loop listens, and gives each connection to the thread that has the fewest.
 */
export class Acceptors implements InferenceThreads {
  readonly #threads = new Set<AcceptorThread>();
  readonly #memories = new SharedMemories((number) => {
    for (const thread of this.#threads) thread.forget(number);
  });
  readonly #restarts = new Restarts(() => this.#startThread());
  /** Connections that wait for a thread: all have ended. */
  #waiting: number[] = [];
  #tls: TlsOptions | undefined;
  #closing = false;

  constructor(private readonly options: AcceptorsOptions) {
    options.service.onClosing(() => {
      for (const thread of this.#threads) thread.refuse();
    });
  }

  async start(tls: TlsOptions | undefined): Promise<void> {
    this.#tls = tls;
    const { httpThreads } = this.options.settings;
    await Promise.all(Array.from({ length: httpThreads }, () => this.#startThread().ready));
    this.#restarts.begin();
  }

  take(socket: Socket): void {
    try {
      this.#give(addon().duplicateDescriptor(descriptorOf(socket)));
    } catch (error) {
      this.options.log.error(`a connection cannot be served: ${messageOf(error)}`);
    }
    socket.destroy();
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#restarts.stop();
    for (const descriptor of this.#waiting.splice(0)) closeSync(descriptor);
    await Promise.all([...this.#threads].map((thread) => thread.close()));
  }

  #give(descriptor: number): void {
    if (this.#closing) {
      closeSync(descriptor);
      return;
    }
    const thread = this.#leastLoaded();
    if (thread === undefined) this.#waiting.push(descriptor);
    else thread.take(descriptor);
  }

  #leastLoaded(): AcceptorThread | undefined {
    let least: AcceptorThread | undefined;
    for (const thread of this.#threads) {
      if (!thread.serves) continue;
      if (least === undefined || thread.connections < least.connections) least = thread;
    }
    return least;
  }

  #startThread(): AcceptorThread {
    const { settings, service, authority, logs } = this.options;
    const thread: AcceptorThread = new AcceptorThread(
      {
        settings,
        tls: this.#tls,
        key: authority?.share('inference'),
        accessWanted: logs.accessWanted,
      },
      service,
      this.#memories,
      {
        report: (report) => this.#report(report),
        ended: (...end) => this.#ended(thread, ...end),
      },
    );
    this.#threads.add(thread);
    thread.ready.then(
      () => {
        for (const descriptor of this.#waiting.splice(0)) this.#give(descriptor);
      },
      // It ends then, and the next attempt is scheduled.
      () => {},
    );
    return thread;
  }

  #report({ statuses = [], access = [], log = [] }: AcceptorReport): void {
    const { metrics, logs } = this.options;
    for (const status of statuses) metrics.response(status);
    for (const record of access) logs.access(record);
    for (const line of log) this.#log(line);
    if (statuses.length > 0) this.#restarts.served();
  }

  /** A line that a thread has logged, as the server's own. */
  #log(line: string): void {
    const { msg, level, time: _time, ...fields }: Record<string, unknown> = JSON.parse(line);
    const { log } = this.options;
    const text = String(msg);
    if (Number(level) >= errorLevel) log.error(fields, text);
    else log.warn(fields, text);
  }

  #ended(
    thread: AcceptorThread,
    reason: string | undefined,
    descriptors: readonly number[],
    lost: number,
  ): void {
    this.#threads.delete(thread);
    for (const descriptor of descriptors) this.#give(descriptor);
    if (reason === undefined) return;
    this.options.log.error({ connections: lost }, `an HTTP thread has ended: ${reason}`);
    if (this.#restarts.begun) this.#restarts.schedule();
  }
}

/** pino's number of it. */
const errorLevel = 50;

/** @throws {Error} for a socket that is closed */
function descriptorOf(socket: Socket): number {
  const handle: unknown = Reflect.get(socket, '_handle');
  const isHandle = typeof handle === 'object' && handle !== null && 'fd' in handle;
  if (!isHandle || typeof handle.fd !== 'number') throw new Error('its socket has no descriptor');
  return handle.fd;
}
