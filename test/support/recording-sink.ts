import type { SconceError } from '../../src/errors.js';
import { type HandlerReply, isStream } from '../../src/handlers/handler.js';
import { Deferred } from '../../src/models/deferred.js';
import type { PredictionSink } from '../../src/models/prediction.js';

/** Collects what a prediction is answered with, so that a second answer would show. */
export class RecordingSink implements PredictionSink {
  readonly answers: (string | SconceError)[] = [];
  readonly #answered = new Deferred<string | SconceError>();

  /** Text of the reply, or the error. */
  get answer(): Promise<string | SconceError> {
    return this.#answered.promise;
  }

  reply(reply: HandlerReply, release: () => void): void {
    if (isStream(reply.body)) throw new Error('the reply is a stream');
    const text =
      typeof reply.body === 'string' ? reply.body : Buffer.concat(reply.body).toString('latin1');
    release();
    this.#record(text);
  }

  fail(error: SconceError): void {
    this.#record(error);
  }

  #record(answer: string | SconceError): void {
    this.answers.push(answer);
    this.#answered.resolve(answer);
  }
}
