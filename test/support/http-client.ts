import { Agent, type IncomingHttpHeaders, request } from 'node:http';

export interface HttpReply {
  status: number;
  statusText: string;
  headers: IncomingHttpHeaders;
  rawHeaders: string[];
  body: Buffer;
  text: string;
}

export interface HttpOptions {
  method?: string;
  headers?: Record<string, string>;
}

/** A client with keep-alive connections to one server. */
export class HttpClient {
  readonly #agent: Agent;

  constructor(
    private readonly base: string,
    connections = 50,
  ) {
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections });
  }

  /** One request; a body that is neither text nor bytes is sent as JSON. */
  send(path: string, body?: unknown, options: HttpOptions = {}): Promise<HttpReply> {
    const { method = 'POST', headers = {} } = options;
    const payload =
      body === undefined || typeof body === 'string' || body instanceof Uint8Array
        ? body
        : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const sent = request(
        `${this.base}${path}`,
        { method, agent: this.#agent, headers },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('error', reject);
          response.on('end', () => {
            const all = Buffer.concat(chunks);
            resolve({
              status: response.statusCode ?? 0,
              statusText: response.statusMessage ?? '',
              headers: response.headers,
              rawHeaders: response.rawHeaders,
              body: all,
              text: all.toString(),
            });
          });
        },
      );
      sent.on('error', reject);
      sent.end(payload);
    });
  }

  predict(model: string, body?: unknown, options?: HttpOptions): Promise<HttpReply> {
    return this.send(`/predictions/${model}`, body, options);
  }

  get(path: string): Promise<HttpReply> {
    return this.send(path, undefined, { method: 'GET' });
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** The body of a reply that must be JSON. */
export function json(reply: Pick<HttpReply, 'text'>): unknown {
  return JSON.parse(reply.text);
}
