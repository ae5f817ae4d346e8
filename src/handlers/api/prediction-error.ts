/** A refusal with a status of its own, as TorchServe's PredictionException: the client reads it. */
export class PredictionError extends Error {
  override readonly name = 'PredictionError';

  /** @param status HTTP status of the answer, 400 to 599 */
  constructor(
    message: string,
    readonly status = 500,
  ) {
    super(message);
    if (!Number.isInteger(status) || status < 400 || status > 599) {
      throw new RangeError(
        `PredictionError: ${JSON.stringify(status)} is no HTTP status of an error (400 to 599)`,
      );
    }
  }
}
