import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { findPython, type PythonEnvironment } from '../../src/python/environment.js';
import type {
  WorkerEnd,
  WorkerListener,
  WorkerMetric,
  WorkerOptions,
  WorkerReply,
  WorkerRequest,
  WorkerResponse,
} from '../../src/python/worker-process.js';
import { WorkerProcess } from '../../src/python/worker-process.js';
import { requirePython } from '../support/python.js';

/** A folder that is removed at the end of a test. */
export class Folder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'sconce-python-'));

  write(name: string, content: string | Uint8Array): string {
    const path = join(this.path, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    return path;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** Takes down what a worker says. */
export class Recorder implements WorkerListener {
  readonly lines: { level: 'info' | 'warn'; text: string }[] = [];
  readonly metrics: WorkerMetric[] = [];
  readonly ended: Promise<WorkerEnd>;
  #end: ((end: WorkerEnd) => void) | undefined;
  readonly #watchers: { text: string; found: () => void }[] = [];

  constructor() {
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  line(level: 'info' | 'warn', text: string): void {
    this.lines.push({ level, text });
    for (const watcher of this.#watchers) if (text.includes(watcher.text)) watcher.found();
  }

  metric(metric: WorkerMetric): void {
    this.metrics.push(metric);
  }

  exited(end: WorkerEnd): void {
    this.#end?.(end);
  }

  /** Resolves when a line holds the text. */
  printed(text: string): Promise<void> {
    if (this.lines.some((line) => line.text.includes(text))) return Promise.resolve();
    return new Promise((found) => this.#watchers.push({ text, found }));
  }
}

export interface Sandbox extends AsyncDisposable {
  worker: WorkerProcess;
  recorder: Recorder;
}

/** TorchServe's worker with the handler `handler.py`, which is stopped at the end of a test. */
export async function startHandler(
  source: string,
  changes: Partial<WorkerOptions> = {},
): Promise<Sandbox> {
  const folder = new Folder();
  folder.write('handler.py', source);
  const python = await findPython(requirePython());
  return startIn(folder, { python, ...changes });
}

/**
 * A process in TorchServe's place, which needs no packages. `source` has `connection`, which has
 * answered LOAD, `read_batch()`, which gives the identifiers of a batch, `reply(id, body, …)`,
 * `message(replies, …)` and `send(bytes)`.
 */
export async function startFake(
  source: string,
  changes: Partial<WorkerOptions> = {},
): Promise<Sandbox> {
  const folder = new Folder();
  folder.write('ts/model_service_worker.py', fakeSource(source));
  return startIn(folder, { python: fakePython(folder), ...changes });
}

export function fakeSource(source: string): string {
  return fakeWorker + source;
}

/** An interpreter without packages, whose `ts` lies in the folder. */
export function fakePython(folder: Folder): PythonEnvironment {
  return { executable: 'python3', tsFolder: join(folder.path, 'ts'), version: 'fake' };
}

export function workerOptions(
  folder: string,
  changes: Pick<WorkerOptions, 'python'> & Partial<WorkerOptions>,
): WorkerOptions {
  return {
    id: 9000,
    name: 'W-9000-tried_1.0',
    modelName: 'tried',
    folder,
    handler: 'handler.py',
    batchSize: 4,
    gpu: null,
    envelope: undefined,
    limitMaxImagePixels: true,
    startupTimeout: 120,
    maxResponseSize: 1_000_000,
    metricsConfig: undefined,
    environment: {},
    ...changes,
  };
}

/** A request whose body is the text. */
export function request(id: string, text: string, contentType?: string): WorkerRequest {
  const value = Buffer.from(text);
  return { id, headers: [], parameters: [{ name: 'body', contentType, value }] };
}

/** All that comes back for a batch. */
export async function answers(
  worker: WorkerProcess,
  ...batch: WorkerRequest[]
): Promise<WorkerResponse[]> {
  const responses: WorkerResponse[] = [];
  for await (const response of worker.predict(batch)) responses.push(response);
  return responses;
}

/** The only reply to the only request. */
export async function answer(worker: WorkerProcess, text: string): Promise<WorkerReply> {
  const [reply, ...more] = (await answers(worker, request('only', text))).flatMap(
    ({ replies }) => replies,
  );
  if (reply === undefined || more.length > 0) throw new Error('not one reply');
  return reply;
}

/** In place of one that did not come. */
export const noReply: WorkerReply = {
  requestId: '',
  contentType: undefined,
  status: 0,
  phrase: '',
  headers: [],
  body: new Uint8Array(),
  tooLarge: false,
};

export function textOf({ body }: WorkerReply): string {
  return Buffer.from(body).toString();
}

const fakeWorker = `
import os, socket, struct, sys, time
path = sys.argv[sys.argv.index("--sock-name") + 1]
def listen():
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(path)
    server.listen(1)
    print("[PID]%d" % os.getpid())
    print("Torch worker started.")
    return server.accept()[0]
connection = None
def receive(length):
    data = b""
    while len(data) < length:
        piece = connection.recv(length - len(data))
        if not piece: sys.exit(0)
        data += piece
    return data
def number(): return struct.unpack("!i", receive(4))[0]
def text(): return receive(number())
def read_load():
    assert receive(1) == b"L"
    text(), text(), number(), text(), number(), text(), receive(1)
def items(fields):
    found = []
    while (length := number()) != -1:
        found.append([receive(length)] + [text() for _ in range(fields - 1)])
    return found
def read_batch():
    assert receive(1) == b"I"
    identifiers = []
    while (length := number()) != -1:
        identifiers.append(receive(length).decode())
        items(2), items(3)
    return identifiers
def pack(value): return struct.pack("!i", len(value)) + value
def integer(value): return struct.pack("!i", value)
def reply(identifier, body=b"", status=200, headers={}, content_type="", phrase=""):
    lines = b"".join(pack(k.encode()) + pack(v.encode()) for k, v in headers.items())
    return (pack(identifier.encode()) + pack(content_type.encode()) + integer(status)
        + pack(phrase.encode()) + integer(len(headers)) + lines + pack(body))
def message(replies=(), code=200, text="ok"):
    return integer(code) + pack(text.encode()) + b"".join(replies) + integer(-1)
def send(data): connection.sendall(data)
def load():
    global connection
    connection = listen()
    read_load()
    send(message())
`;

async function startIn(
  folder: Folder,
  changes: Pick<WorkerOptions, 'python'> & Partial<WorkerOptions>,
): Promise<Sandbox> {
  const recorder = new Recorder();
  try {
    const worker = await WorkerProcess.start(workerOptions(folder.path, changes), recorder);
    return {
      worker,
      recorder,
      [Symbol.asyncDispose]: async () => {
        await worker.stop();
        folder[Symbol.dispose]();
      },
    };
  } catch (error) {
    folder[Symbol.dispose]();
    throw error;
  }
}
