import type { HandlerRequest, RequestParameter } from '../handler.js';
import type { MemoryRange, Range, RequestMessage } from './messages.js';
import { unpack } from './parcel.js';
import type { SharedThings } from './shared-things.js';

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
  const { contentType, accept, headers, urlPath, explain, id } = message;
  const rawHeaders = headers.split('\n');
  rawHeaders.pop();
  let isOver = false;
  const bytesOf = (range: Range | MemoryRange): (() => Uint8Array) => {
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
    rawHeaders,
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
