import { NumberedEntries } from '../collections/numbered-entries.js';
import { toSconceError } from '../errors.js';
import type { HandlerRequest } from '../handlers/handler.js';
import { fromFailure, toFailure } from '../handlers/host/failure.js';
import { KnownMemories } from '../handlers/host/known-memories.js';
import { rawHeadersOf } from '../handlers/host/request-message.js';
import type { ServedVersion } from '../http/http-context.js';
import type { ModelService } from '../models/model-service.js';
import type { Mail } from '../workers/mail.js';
import type {
  AcceptorOrders,
  AcceptorReport,
  BundleMessage,
  QuestionMessage,
  RequestMessage,
  ServedMessage,
  VersionAnswer,
  VersionQuestion,
} from './messages.js';
import { Plans, type ServedPlan } from './plans.js';
import { RelayedBundle } from './relayed-bundle.js';
import { RelayedPrediction } from './relayed-prediction.js';

/** The requests of one acceptor thread, on the main loop. */
export class Relay {
  readonly #requests = new NumberedEntries<RelayedPrediction | RelayedBundle>();
  readonly #plans = new Plans();
  readonly #memories = new KnownMemories();
  /** Requests whose bodies lie in memory of the thread, until nobody here has them any more. */
  readonly #bodies = new FinalizationRegistry<number>((number) =>
    this.mail.push('bodiesDropped', number),
  );

  constructor(
    private readonly service: ModelService,
    private readonly mail: Mail<AcceptorOrders>,
  ) {}

  /** What the thread says. */
  take(report: AcceptorReport): void {
    this.#memories.learn(report);
    for (const message of report.requests ?? []) this.#predict(message, report);
    for (const message of report.bundles ?? []) this.#run(message, report);
    for (const number of report.cancelled ?? []) this.#requests.get(number)?.cancel();
    for (const number of report.credits ?? []) this.#requests.get(number)?.credit();
    for (const number of report.abandoned ?? []) this.#requests.get(number)?.abandon();
    for (const { number, failure } of report.broken ?? []) {
      this.#requests.get(number)?.broken(fromFailure(failure));
    }
    for (const number of report.written ?? []) this.#requests.get(number)?.written();
    for (const question of report.questions ?? []) this.#tellState(question);
  }

  /** The thread is gone. */
  lose(): void {
    for (const request of this.#requests.takeAll()) request.lose();
  }

  #predict(message: RequestMessage, report: AcceptorReport): void {
    const { number, model, version, since } = message;
    const relayed = new RelayedPrediction(number, this.mail, () => this.#requests.take(number));
    this.#requests.set(number, relayed);
    const request = this.#request(message, report);
    const arrived = since - performance.timeOrigin;
    relayed.prediction = this.service.predict(model, version, request, relayed, arrived);
    if (request.parameters === undefined && request.releaseBody === undefined) {
      const plan = this.#plans.announce(this.#planOf(model, version), model, version);
      if (plan !== undefined) this.mail.push('plans', plan);
    }
  }

  /** Runs the rows of several requests, if they were prepared as the model now wants them. */
  #run(message: BundleMessage, report: AcceptorReport): void {
    const { number, plan: planNumber } = message;
    const plan = this.#plans.get(planNumber);
    if (plan === undefined || this.#planOf(plan.model, plan.version)?.tensors !== plan.tensors) {
      this.#plans.forget(planNumber);
      this.mail.push('answers', { kind: 'declined', number, stale: true });
      return;
    }
    const bundle = new RelayedBundle(
      message,
      [plan.model, plan.version],
      this.#memories.bytes(message.memory, report),
      this.mail,
      (signature) => plan.describes(signature),
      () => this.#requests.take(number),
    );
    this.#requests.set(number, bundle);
    this.service.submit(bundle.prediction);
  }

  #planOf(model: string, version: string | undefined): ServedPlan | undefined {
    try {
      const { tensorPlan, rowsPerBatch } = this.service.version(model, version);
      return tensorPlan === undefined ? undefined : { tensors: tensorPlan, rowsPerBatch };
    } catch {
      return undefined;
    }
  }

  #request(message: RequestMessage, report: AcceptorReport): HandlerRequest {
    const { number, id, contentType, accept, parameters, urlPath, explain } = message;
    const request: HandlerRequest = {
      body: this.#memories.bytes(message.body, report),
      contentType,
      accept,
      parameters: parameters === undefined ? undefined : this.#memories.parts(parameters, report),
      rawHeaders: rawHeadersOf(message),
      urlPath,
      explain,
      id,
      timeout: message.timeout,
    };
    if ('memory' in message.body) this.#lend(request, number);
    return request;
  }

  #lend(request: HandlerRequest, number: number): void {
    const { body } = request;
    this.#bodies.register(body, number, body);
    request.releaseBody = () => {
      if (this.#bodies.unregister(body)) this.mail.push('bodiesRead', number);
    };
  }

  #tellState({ call, versions }: QuestionMessage): void {
    this.mail.push('states', {
      call,
      health: this.service.health,
      all: this.service.all.map(messageOf),
      versions: versions.map((question) => this.#version(question)),
    });
  }

  #version({ name, version }: VersionQuestion): VersionAnswer {
    try {
      const served = messageOf(this.service.version(name, version));
      return { name, version, served, failure: undefined };
    } catch (error) {
      return { name, version, served: undefined, failure: toFailure(toSconceError(error)) };
    }
  }
}

function messageOf(served: ServedVersion): ServedMessage {
  const { name, version, state, failure, minWorkers, loadedAtStartup } = served;
  return {
    name,
    version,
    state,
    minWorkers,
    loadedAtStartup,
    failure: failure === undefined ? undefined : toFailure(failure),
  };
}
