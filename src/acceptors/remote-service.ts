import { NumberedEntries } from '../collections/numbered-entries.js';
import type { HandlerReply, HandlerRequest } from '../handlers/handler.js';
import { fromFailure } from '../handlers/host/failure.js';
import { KnownMemories } from '../handlers/host/known-memories.js';
import type { BytesMessage } from '../handlers/host/messages.js';
import { contentMessage } from '../handlers/host/request-message.js';
import type { InferenceService, OpenPrediction, ServedVersion } from '../http/http-context.js';
import type { Health } from '../models/health.js';
import type { PredictionSink } from '../models/prediction.js';
import type { Mail } from '../workers/mail.js';
import {
  type AcceptorOrders,
  type AcceptorReport,
  type AnswerMessage,
  stateWords,
  type VersionQuestion,
} from './messages.js';
import { RemoteBundles } from './remote-bundles.js';
import { RemotePrediction } from './remote-prediction.js';
import { RemoteState } from './remote-state.js';

/**
 * The models as an acceptor thread sees them: the main loop has them. What a route says of their
 * state must be asked for before, with `refresh`.
 */
export class RemoteService implements InferenceService {
  readonly #predictions = new NumberedEntries<RemotePrediction>();
  /** Bodies in memory of this thread that the main loop reads. */
  readonly #lent = new NumberedEntries<() => void>();
  readonly #memories = new KnownMemories();
  readonly #state: RemoteState;
  readonly #bundles: RemoteBundles;
  #next = 1;

  constructor(
    private readonly mail: Mail<AcceptorReport>,
    private readonly words: Int32Array,
  ) {
    this.#state = new RemoteState(mail);
    this.#bundles = new RemoteBundles({
      mail,
      memories: this.#memories,
      nextNumber: () => this.#number(),
      send: (...request) => this.#send(...request),
    });
  }

  get closing(): boolean {
    return Atomics.load(this.words, stateWords.closing) === 1;
  }

  get health(): Health {
    return this.#state.health;
  }

  get all(): readonly ServedVersion[] {
    return this.#state.all;
  }

  version(name: string, version?: string): ServedVersion {
    return this.#state.version(name, version);
  }

  /** Asks how the models are, and for versions that version() will be called with. */
  refresh(versions: VersionQuestion[]): Promise<void> {
    return this.#state.refresh(versions);
  }

  predict(
    model: string,
    version: string | undefined,
    request: HandlerRequest,
    sink: PredictionSink,
  ): OpenPrediction {
    const prediction = new RemotePrediction(this.#number(), sink, this.mail);
    if (!this.#bundles.take(prediction, model, version, request)) {
      this.#send(prediction, model, version, request);
    }
    return prediction;
  }

  /** What the main loop says. */
  take(orders: AcceptorOrders): void {
    this.#memories.learn(orders);
    for (const plan of orders.plans ?? []) this.#bundles.learn(plan);
    for (const answer of orders.answers ?? []) {
      if (!this.#bundles.answer(answer, orders)) this.#answer(answer, orders);
    }
    for (const number of orders.bodiesRead ?? []) this.#lent.take(number)?.();
    for (const number of orders.bodiesDropped ?? []) this.#lent.take(number);
    for (const state of orders.states ?? []) this.#state.learn(state);
  }

  #answer(answer: AnswerMessage, orders: AcceptorOrders): void {
    const { number } = answer;
    const prediction = this.#predictions.get(number);
    if (prediction === undefined) return;
    const goesOn = answer.kind === 'stream' || answer.kind === 'chunk';
    if (!goesOn) this.#predictions.take(number);
    switch (answer.kind) {
      case 'reply':
        prediction.reply(answer.head, this.#body(answer.body, orders), answer.lease);
        break;
      case 'stream':
        prediction.stream(answer.head);
        break;
      case 'chunk':
        prediction.chunk(this.#memories.bytes(answer.bytes, orders));
        break;
      case 'end':
        prediction.end(answer.failure === undefined ? undefined : fromFailure(answer.failure));
        break;
      case 'failed':
        prediction.fail(fromFailure(answer.failure));
        break;
      default:
        // The others are of bundles.
        break;
    }
  }

  #body(body: string | readonly BytesMessage[], orders: AcceptorOrders): HandlerReply['body'] {
    if (typeof body === 'string') return body;
    return body.map((range) => this.#memories.bytes(range, orders));
  }

  #send(
    prediction: RemotePrediction,
    model: string,
    version: string | undefined,
    request: HandlerRequest,
  ): void {
    const { number, since } = prediction;
    this.#predictions.set(number, prediction);
    if (request.releaseBody !== undefined) this.#lent.set(number, request.releaseBody);
    const { timeout } = request;
    const sent = { number, since: performance.timeOrigin + since, model, version, timeout };
    const content = contentMessage(request, (bytes) => this.mail.bytes(bytes));
    this.mail.push('requests', Object.assign(sent, content));
  }

  #number(): number {
    const number = this.#next;
    this.#next += 1;
    return number;
  }
}
