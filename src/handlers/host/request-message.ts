import type { HandlerRequest, RequestParameter } from '../handler.js';
import type { BytesMessage, ContentMessage, RequestMessage } from './messages.js';
import { unpack } from './parcel.js';
import type { SharedThings } from './shared-things.js';

/**
 * What a client has sent, for another thread.
 *
 * @param pack puts bytes into the same message, or says where they lie in shared memory
 */
export function contentMessage(
  { id, body, contentType, accept, parameters, rawHeaders, urlPath, explain }: HandlerRequest,
  pack: (bytes: Uint8Array) => BytesMessage,
): ContentMessage {
  return {
    id,
    body: pack(body),
    contentType,
    accept,
    parameters: parameters?.map(({ name, contentType, value }) => ({
      name,
      contentType,
      bytes: pack(value),
    })),
    headers: rawHeaders.length === 0 ? '' : `${rawHeaders.join('\n')}\n`,
    urlPath,
    explain,
  };
}

/** Names and values in turn. */
export function rawHeadersOf({ headers }: ContentMessage): string[] {
  const lines = headers.split('\n');
  lines.pop();
  return lines;
}

/** A request in the hands of a handler's thread. */
export interface ReceivedRequest {
  request: HandlerRequest;
  /** The request is done: other requests get its memory, and its bytes cannot be had any more. */
  end(): void;
}

/**
 * The request that a message brings. Bytes that came with it are its own; those in shared memory are
 * other requests' as soon as it is done.
 *
 * @param inPlace whether shared memory is read where it is. Else a handler gets copies when it first
 *   asks: its code may keep what it was given for as long as it likes.
 */
export function receiveRequest(
  message: RequestMessage,
  buffers: readonly ArrayBuffer[] | undefined,
  shared: SharedThings,
  inPlace: boolean,
): ReceivedRequest {
  const { contentType, accept, urlPath, explain, id } = message;
  let isOver = false;
  const bytesOf = (range: BytesMessage): (() => Uint8Array) => {
    if (!('memory' in range)) return () => unpack(buffers, range);
    let known: Uint8Array | undefined;
    return () => {
      if (!inPlace && known !== undefined) return known;
      if (isOver) throw new Error(`the body of request ${id} is gone: it was not read in time`);
      const bytes = shared.bytes(range);
      known = inPlace ? bytes : new Uint8Array(bytes);
      return known;
    };
  };
  const body = bytesOf(message.body);
  // Whoever copies the request takes what the getters return.
  const request: HandlerRequest = {
    get body() {
      return body();
    },
    contentType,
    accept,
    parameters: message.parameters?.map(({ name, contentType, bytes }): RequestParameter => {
      const value = bytesOf(bytes);
      return {
        name,
        contentType,
        get value() {
          return value();
        },
      };
    }),
    rawHeaders: rawHeadersOf(message),
    urlPath,
    explain,
    id,
  };
  return {
    request,
    end: () => {
      isOver = true;
    },
  };
}
