import type { Socket } from 'node:net';

/** Something to undo when the client goes away before it is over. */
export interface Cancellable {
  cancel(): void;
}

const pending = new WeakMap<Socket, Set<Cancellable>>();

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
    const created = new Set<Cancellable>();
    cancellables = created;
    pending.set(socket, created);
    socket.once('close', () => {
      for (const cancelled of created) {
        created.delete(cancelled);
        cancelled.cancel();
      }
    });
  }
  cancellables.add(cancellable);
}

/** It is over; false when it was cancelled before. */
export function forget(socket: Socket, cancellable: Cancellable): boolean {
  return pending.get(socket)?.delete(cancellable) ?? false;
}
