import { NumberedEntries } from '../collections/numbered-entries.js';
import { toHandlerError } from '../errors.js';
import type { HandlerRequest, PreparedRows } from '../handlers/handler.js';
import { fromFailure } from '../handlers/host/failure.js';
import type { KnownMemories } from '../handlers/host/known-memories.js';
import type { Mail } from '../workers/mail.js';
import { Bundle } from './bundle.js';
import type { AcceptorOrders, AcceptorReport, AnswerMessage, PlanMessage } from './messages.js';
import { PlannedModel } from './planned-model.js';
import type { RemotePrediction } from './remote-prediction.js';

/** What bundles need of the service that has them. */
export interface BundleHost {
  mail: Mail<AcceptorReport>;
  memories: KnownMemories;
  /** Numbers of requests and bundles. */
  nextNumber(): number;
  /** Sends a request to the main loop as it is. */
  send(
    prediction: RemotePrediction,
    model: string,
    version: string | undefined,
    request: HandlerRequest,
  ): void;
}

/** Requests whose rows an acceptor thread prepares, gathered for each turn. */
export class RemoteBundles {
  readonly #bundles = new NumberedEntries<Bundle>();
  /** By the names and versions that clients use. */
  readonly #models = new Map<string, Map<string | undefined, PlannedModel>>();
  /** One for each model at most, to which requests can be added, and the message they go out with. */
  readonly #open: Bundle[] = [];
  #openFor: AcceptorReport | undefined;

  constructor(private readonly host: BundleHost) {}

  /** The rows of a model version can be prepared here. */
  learn(message: PlanMessage): void {
    const { model, version } = message;
    const versions = this.#models.get(model) ?? new Map<string | undefined, PlannedModel>();
    versions.set(version, new PlannedModel(message));
    this.#models.set(model, versions);
  }

  /** Adds a request to those of its turn; false for what is not to be prepared here. */
  take(
    prediction: RemotePrediction,
    model: string,
    version: string | undefined,
    request: HandlerRequest,
  ): boolean {
    const planned = this.#models.get(model)?.get(version);
    if (planned === undefined || !isPlain(request)) return false;
    const prepared = planned.prepare(request);
    if (prepared === undefined) return false;
    const bundle = this.#bundleFor(planned, prediction, prepared);
    prediction.number = bundle.message.number;
    bundle.add(prediction, request, prepared);
    return true;
  }

  /** False for an answer that is none of a bundle. */
  answer(answer: AnswerMessage, orders: AcceptorOrders): boolean {
    const { number } = answer;
    const bundle = this.#bundles.take(number);
    if (bundle === undefined) return false;
    bundle.model.giveMemory(bundle.memory);
    switch (answer.kind) {
      case 'outputs': {
        const { mail, memories } = this.host;
        const block = memories.bytes(answer.block, orders);
        const written = (): void => mail.push('written', number);
        bundle.answer(answer, block, written, (prediction, error) =>
          prediction.streamFailed(toHandlerError(error)),
        );
        break;
      }
      case 'failed': {
        const error = fromFailure(answer.failure);
        for (const { prediction } of bundle.requests) prediction.fail(error);
        break;
      }
      case 'declined':
        this.#sendAlone(bundle, answer.stale);
        break;
      default:
        // Nobody waits for it any more.
        break;
    }
    return true;
  }

  #sendAlone({ model: planned, requests }: Bundle, stale: boolean): void {
    const { model, version } = planned.message;
    const versions = this.#models.get(model);
    if (stale && versions?.get(version) === planned) versions.delete(version);
    for (const { prediction, request } of requests) {
      if (prediction.over) continue;
      prediction.number = this.host.nextNumber();
      this.host.send(prediction, model, version, request);
    }
  }

  #bundleFor(model: PlannedModel, { since }: RemotePrediction, prepared: PreparedRows): Bundle {
    const { mail } = this.host;
    if (this.#openFor !== mail.next) {
      this.#openFor = mail.next;
      this.#open.length = 0;
    }
    const open = this.#open.find((bundle) => bundle.model === model);
    if (open?.hasRoom(prepared) === true) return open;
    const { key, inputs } = prepared;
    const bundle = new Bundle(model, {
      number: this.host.nextNumber(),
      plan: model.message.plan,
      since: performance.timeOrigin + since,
      requests: 0,
      ids: '',
      rows: 0,
      key,
      inputs,
      memory: { memory: 0, offset: 0, length: 0 },
      offsets: [],
    });
    const { message } = bundle;
    message.memory = mail.bytes(new Uint8Array(bundle.memory));
    mail.push('bundles', message);
    if (open === undefined) this.#open.push(bundle);
    else this.#open[this.#open.indexOf(open)] = bundle;
    this.#bundles.set(message.number, bundle);
    return bundle;
  }
}

/** True for a request that says nothing but its rows. A body that is lent is large. */
function isPlain({ parameters, explain, timeout, releaseBody }: HandlerRequest): boolean {
  return (
    parameters === undefined &&
    explain !== true &&
    timeout === undefined &&
    releaseBody === undefined
  );
}
