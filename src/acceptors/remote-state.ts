import { NumberedEntries } from '../collections/numbered-entries.js';
import { SconceError } from '../errors.js';
import { fromFailure } from '../handlers/host/failure.js';
import type { ServedVersion } from '../http/http-context.js';
import type { Health } from '../models/health.js';
import type { Mail } from '../workers/mail.js';
import type {
  AcceptorReport,
  ServedMessage,
  StateMessage,
  VersionAnswer,
  VersionQuestion,
} from './messages.js';

/** Answers about versions that are kept for the requests that have asked. */
const answersKept = 1024;

/** How the models are, as the main loop said when it was last asked. */
export class RemoteState {
  health: Health = { healthy: true, ready: false, waitingFor: {} };
  all: readonly ServedVersion[] = [];
  readonly #answers = new Map<string, VersionAnswer>();
  readonly #questions = new NumberedEntries<() => void>();
  #next = 1;

  constructor(private readonly mail: Mail<AcceptorReport>) {}

  /** A version that was asked for. */
  version(name: string, version?: string): ServedVersion {
    const answer = this.#answers.get(keyOf({ name, version }));
    if (answer?.failure !== undefined) throw fromFailure(answer.failure);
    if (answer?.served === undefined) throw new SconceError('MODEL_NOT_FOUND', name);
    return servedOf(answer.served);
  }

  /** Asks how the models are, and for versions that version() will be called with. */
  refresh(versions: VersionQuestion[]): Promise<void> {
    const call = this.#next;
    this.#next += 1;
    this.mail.push('questions', { call, versions });
    return new Promise((resolve) => {
      this.#questions.set(call, resolve);
    });
  }

  learn({ call, health, all, versions }: StateMessage): void {
    this.health = health;
    this.all = all.map(servedOf);
    for (const answer of versions) {
      const key = keyOf(answer);
      this.#answers.delete(key);
      this.#answers.set(key, answer);
    }
    for (const key of this.#answers.keys()) {
      if (this.#answers.size <= answersKept) break;
      this.#answers.delete(key);
    }
    this.#questions.take(call)?.();
  }
}

function keyOf({ name, version }: VersionQuestion): string {
  return JSON.stringify([name, version]);
}

function servedOf({ failure, ...served }: ServedMessage): ServedVersion {
  return { ...served, failure: failure === undefined ? undefined : fromFailure(failure) };
}
