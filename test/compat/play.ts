import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { type Answer, toAnswer } from './answer.js';
import type { CompatCase, Listener, Scenario } from './compat-case.js';
import { type Endpoint, exchange, type WireReply, type WireRequest } from './exchange.js';

/** Milliseconds in which a model that is loaded at the start must be ready. */
const patience = 60_000;

/** A server that cases are sent to. */
export interface CompatServer {
  endpoints: Readonly<Record<Listener, Endpoint>>;
  /** Folder of the archives that cases name by file. */
  store: string;
  /** Folder of the archives that cases name by URL. */
  elsewhere: string;
  /** Where the server writes its tokens. */
  keyFile: string;
  close(): Promise<void>;
}

/**
 * Prepares the server as the scenario says, sends its cases in order, and gives TorchServe's or
 * Sconce's answers by the cases' names.
 */
export async function play(scenario: Scenario, server: CompatServer): Promise<Map<string, Answer>> {
  for (const archive of scenario.load ?? []) {
    await untilReady(server, archive.replace('.mar', ''));
  }
  for (const query of scenario.register ?? []) await register(server, query);
  const substitutes = new Substitutes(server);
  const folders = new Map([
    [server.store, '<store>'],
    [server.elsewhere, '<elsewhere>'],
  ]);
  const answers = new Map<string, Answer>();
  for (const cases of sentAtOnce(scenario.cases)) {
    const replies = await Promise.all(
      cases.map(({ on, request }) => exchange(server.endpoints[on], substitutes.fill(request))),
    );
    for (const [i, { name }] of cases.entries()) {
      const reply = replies[i];
      if (reply !== undefined) answers.set(name, toAnswer(reply, folders));
    }
  }
  return answers;
}

/** The cases in order, those that are sent at once in one list. */
function sentAtOnce(cases: readonly CompatCase[]): CompatCase[][] {
  const groups: CompatCase[][] = [];
  for (const compatCase of cases) {
    const last = groups.at(-1);
    const { together } = compatCase;
    if (together !== undefined && last?.[0]?.together === together) last.push(compatCase);
    else groups.push([compatCase]);
  }
  return groups;
}

/** What stands in braces in requests. */
class Substitutes {
  readonly #old: Record<string, string>;

  constructor(private readonly server: CompatServer) {
    this.#old = this.#keys();
  }

  fill(request: WireRequest): WireRequest {
    const { path, headers } = request;
    return {
      ...request,
      path: this.#text(path),
      ...(headers === undefined
        ? {}
        : { headers: headers.map(([name, value]) => [name, this.#text(value)] as const) }),
    };
  }

  #text(template: string): string {
    return template.replace(/\{(\w+)(?::(\w+))?\}/g, (whole, what: string, which = '') => {
      if (what === 'store') return this.server.store;
      if (what === 'elsewhere') return this.server.elsewhere;
      if (what === 'key') return this.#keys()[which] ?? whole;
      return what === 'old' ? (this.#old[which] ?? whole) : whole;
    });
  }

  #keys(): Record<string, string> {
    let text: string;
    try {
      text = readFileSync(this.server.keyFile, 'utf8');
    } catch {
      return {};
    }
    const file: Record<string, { key: string }> = JSON.parse(text);
    return Object.fromEntries(Object.entries(file).map(([name, { key }]) => [name, key]));
  }
}

async function register(server: CompatServer, query: string): Promise<void> {
  const path = `/models?${query}`;
  const { statusLine, body } = await manage(server, { method: 'POST', path });
  if (!statusLine.includes(' 200 ')) throw new Error(`POST ${path}: ${statusLine}: ${body}`);
}

async function untilReady(server: CompatServer, model: string): Promise<void> {
  const deadline = Date.now() + patience;
  for (;;) {
    const { body } = await manage(server, { method: 'GET', path: `/models/${model}` });
    if (body.includes('"READY"')) return;
    if (Date.now() > deadline) throw new Error(`${model} is not ready: ${body}`);
    await delay(50);
  }
}

function manage(server: CompatServer, request: WireRequest): Promise<WireReply> {
  return exchange(server.endpoints.management, request);
}
