/** A failure that the person at the terminal can mend: its message is shown, its stack is not. */
export class SetupError extends Error {
  name = 'SetupError';
}
