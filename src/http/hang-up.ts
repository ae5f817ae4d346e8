import type { Socket } from 'node:net';

/** Something to undo when the client goes away before it is over. */
export interface Cancellable {
  cancel(): void;
}

/** What is under way on a connection: one thing nearly always, so that a list is cheaper than a set. */
const pending = new WeakMap<Socket, Cancellable[]>();

/**
 * Cancels something when the client hangs up, at once when it already has. One listener for each
 * connection, however many requests it carries: a listener for each request would cost more than
 * the bookkeeping of a batch.
 */
export function cancelOnHangUp(socket: Socket, cancellable: Cancellable): void {
  if (socket.destroyed) {
    cancellable.cancel();
    return;
  }
  let cancellables = pending.get(socket);
  if (cancellables === undefined) {
    const created: Cancellable[] = [];
    cancellables = created;
    pending.set(socket, created);
    socket.once('close', () => {
      for (const cancelled of created.splice(0)) cancelled.cancel();
    });
  }
  cancellables.push(cancellable);
}

/** It is over; false when it was cancelled before. */
export function forget(socket: Socket, cancellable: Cancellable): boolean {
  const cancellables = pending.get(socket);
  const place = cancellables?.indexOf(cancellable) ?? -1;
  if (cancellables === undefined || place < 0) return false;
  const last = cancellables.pop();
  if (last !== undefined && last !== cancellable) cancellables[place] = last;
  return true;
}
