import { messageOf, SconceError } from '../../errors.js';
import type { HandlerRequest, RequestParameter } from '../handler.js';
import { payloadOf } from '../payload.js';
import { HeaderMap } from './header-map.js';

/** Bytes of a request with their media type. */
export interface Payload {
  readonly bytes: Uint8Array;
  readonly contentType: string | undefined;
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** One request, as a handler sees it. */
export class HandlerInput {
  /** Stands in every line that is logged for the request. */
  readonly id: string;
  readonly contentType: string | undefined;
  /** What follows the version in the path, or ''. */
  readonly urlPath: string;
  /** The client asks why and not what. */
  readonly explain: boolean;
  /** Media types that the client wants, as its header has them. */
  readonly accept: string | undefined;
  readonly #request: HandlerRequest;
  #headers: HeaderMap | undefined;
  #parameters: ReadonlyMap<string, Payload> | undefined;

  constructor(request: HandlerRequest) {
    this.#request = request;
    this.id = request.id;
    this.contentType = request.contentType;
    this.urlPath = request.urlPath ?? '';
    this.explain = request.explain ?? false;
    this.accept = request.accept;
  }

  /** To be read first while the request is not answered; it may be kept then. */
  get body(): Uint8Array {
    return this.#request.body;
  }

  /** The parts of a form by name, as `body`; undefined when the request is none. */
  get parameters(): ReadonlyMap<string, Payload> | undefined {
    this.#parameters ??=
      this.#request.parameters &&
      new Map(this.#request.parameters.map((parameter) => [parameter.name, payload(parameter)]));
    return this.#parameters;
  }

  get headers(): HeaderMap {
    this.#headers ??= new HeaderMap(this.#request.rawHeaders);
    return this.#headers;
  }

  /**
   * What holds the input: the field `data` or `body` of a form, else the body.
   *
   * @throws {SconceError} INVALID_REQUEST for a form without such a field.
   */
  get data(): Payload {
    const { body, contentType } = payloadOf(this.#request);
    return { bytes: body, contentType };
  }

  /** A part of a form. */
  parameter(name: string): Payload | undefined {
    return this.parameters?.get(name);
  }

  /** The input as text. @throws {SconceError} INVALID_REQUEST when it is not UTF-8. */
  text(): string {
    try {
      return utf8.decode(this.data.bytes);
    } catch {
      throw new SconceError('INVALID_REQUEST', 'the input is not text: its bytes are not UTF-8');
    }
  }

  /** The input as JSON. @throws {SconceError} INVALID_REQUEST saying where it is none. */
  json<T = unknown>(): T {
    const text = this.text();
    try {
      return JSON.parse(text);
    } catch (error) {
      throw new SconceError('INVALID_REQUEST', `the input is not JSON: ${messageOf(error)}`);
    }
  }
}

/** A part of a form; what is not asked for is not copied. */
function payload(parameter: RequestParameter): Payload {
  return {
    get bytes() {
      return parameter.value;
    },
    contentType: parameter.contentType,
  };
}
