import type { Socket } from 'node:net';
import type { Prediction } from '../models/prediction.js';

const pending = new WeakMap<Socket, Set<Prediction>>();

/**
 * Cancels a prediction when its client hangs up. One listener for each connection, however many
 * requests it carries: a listener for each request would cost more than the bookkeeping of a batch.
 */
export function cancelOnHangUp(socket: Socket, prediction: Prediction): void {
  if (prediction.over) return;
  let predictions = pending.get(socket);
  if (predictions === undefined) {
    const created = new Set<Prediction>();
    predictions = created;
    pending.set(socket, created);
    socket.once('close', () => {
      for (const unanswered of created) unanswered.cancel();
      created.clear();
    });
  }
  predictions.add(prediction);
}

/** The prediction was answered. */
export function forget(socket: Socket, prediction: Prediction): void {
  pending.get(socket)?.delete(prediction);
}
